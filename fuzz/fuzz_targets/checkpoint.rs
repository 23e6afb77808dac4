#![no_main]

use rowmill_hostile::{CHECKPOINT, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHECKPOINT.check(bytes));
