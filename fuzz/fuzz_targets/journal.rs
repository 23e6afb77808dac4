#![no_main]

use rowmill_hostile::{Counting, JOURNAL};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| JOURNAL.check(bytes));
