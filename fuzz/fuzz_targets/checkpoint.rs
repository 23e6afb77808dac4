#![no_main]

use rowmill_hostile::{CHECKPOINT, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHECKPOINT.check(bytes));
