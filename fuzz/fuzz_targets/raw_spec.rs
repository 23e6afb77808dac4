#![no_main]

use rowmill_hostile::{Counting, RAW_SPEC};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| RAW_SPEC.check(bytes));
