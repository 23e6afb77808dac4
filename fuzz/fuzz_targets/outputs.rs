#![no_main]

use rowmill_hostile::{CountingAllocator, OUTPUTS};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| OUTPUTS.check(bytes));
