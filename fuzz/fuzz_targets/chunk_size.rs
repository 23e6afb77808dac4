#![no_main]

use rowmill_hostile::{Counting, CHUNK_SIZE};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHUNK_SIZE.check(bytes));
