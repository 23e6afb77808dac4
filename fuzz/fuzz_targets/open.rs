#![no_main]

use rowmill_hostile::{CountingAllocator, OPEN};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| OPEN.check(bytes));
