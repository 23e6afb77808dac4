#![no_main]

use rowmill_hostile::{CONDITION, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CONDITION.check(bytes));
