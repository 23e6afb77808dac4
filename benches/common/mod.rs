//! The data of the benches.

/// The elements of a row.
pub(crate) const COLUMNS: usize = 64;

/// The size of an array in bytes: larger than the caches, or tiny when criterion only tests that
/// the benches run.
pub(crate) fn array_bytes() -> usize {
    let args: Vec<String> = std::env::args().collect();
    let measuring = args.iter().any(|a| a == "--bench") && args.iter().all(|a| a != "--test");
    if measuring { 64 << 20 } else { 1 << 20 }
}

/// Numbers in [0, 1), identical in every run (splitmix64).
pub(crate) fn numbers(len: usize) -> impl Iterator<Item = f64> {
    let mut state = 0_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        (z >> 11) as f64 / (1_u64 << 53) as f64
    })
    .take(len)
}
