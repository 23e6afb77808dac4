#![no_main]

use rowmill_hostile::{Counting, NPY_HEADER};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| NPY_HEADER.check(bytes));
