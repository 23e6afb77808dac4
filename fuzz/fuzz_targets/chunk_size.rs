#![no_main]

use rowmill_hostile::{CHUNK_SIZE, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHUNK_SIZE.check(bytes));
