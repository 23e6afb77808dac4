#![no_main]

use rowmill_hostile::{Counting, OUTPUTS};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| OUTPUTS.check(bytes));
