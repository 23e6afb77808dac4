#![no_main]

use rowmill_hostile::{CountingAllocator, NPY_HEADER};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| NPY_HEADER.check(bytes));
