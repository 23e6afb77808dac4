#![no_main]

use rowmill_hostile::{CountingAllocator, SIDECAR};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| SIDECAR.check(bytes));
