#![no_main]

use rowmill_hostile::{CountingAllocator, RAW_SPEC};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| RAW_SPEC.check(bytes));
