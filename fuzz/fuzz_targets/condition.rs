#![no_main]

use rowmill_hostile::{CONDITION, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CONDITION.check(bytes));
