#![no_main]

use rowmill_hostile::{CHUNK_SIZE, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHUNK_SIZE.check(bytes));
