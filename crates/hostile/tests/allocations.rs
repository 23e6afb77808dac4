//! Memory bounds of the parsers: no header and no sidecar makes them allocate much.

use proptest::prelude::*;
use rowmill_core::{Sidecar, npy};
use rowmill_hostile::{CountingAllocator, peak_bytes};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The bytes allowed for an error and a shape, besides the header itself.
const SMALL: usize = 8 * 1024;

#[test]
fn a_header_that_claims_4_gib_costs_nothing() {
    let bytes = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': '<f4'";
    for file_len in [bytes.len() as u64, 1 << 33, u64::MAX] {
        let held = peak_bytes(|| assert!(npy::read(&mut &bytes[..], file_len).is_err()));
        assert!(held < SMALL, "{held} bytes");
    }
}

/// Twice so much is more than the counter can hold, and a panic there more than an allocator may.
#[test]
fn what_cannot_be_had_is_seen_but_not_held() {
    const MOST: usize = isize::MAX as usize;
    for _ in 0..3 {
        let held = peak_bytes(|| {
            let mut room = Vec::<u8>::new();
            assert!(std::hint::black_box(&mut room).try_reserve_exact(MOST).is_err());
        });
        assert!(held >= MOST / 2, "{held} bytes");
        assert!(peak_bytes(|| ()) == 0);
    }
}

#[test]
fn the_longest_headers_cost_their_length() {
    for text in ["{", "(", "'", "1,", " ", "\u{e9}", "{'shape': (", "{'descr': '"] {
        for filler in ["1, ", "9", "(", "'", "\u{e9}"] {
            let text = format!("{text}{}", filler.repeat(65_000 / filler.len()));
            let len = u32::try_from(text.len()).expect("short").to_le_bytes();
            for version in [2, 3] {
                let bytes = [b"\x93NUMPY", &[version, 0][..], &len, text.as_bytes()].concat();
                let held = peak_bytes(|| {
                    assert!(npy::read(&mut bytes.as_slice(), bytes.len() as u64).is_err());
                });
                assert!(held < 64 * 1024 + SMALL, "{held} bytes");
            }
        }
    }
}

#[test]
fn the_longest_sidecars_cost_a_few_times_their_length() {
    for (start, filler) in [
        ("{\"rowmill\": 1, \"shape\": [0", ",1"),
        ("{\"rowmill\": 1, \"shape\": [", "["),
        ("{\"rowmill\": 1, \"shape\": [[]", ",[]"),
        ("{\"rowmill\": 1, \"x\": [0", ",[]"),
        ("{\"rowmill\": 1, \"x\": ", "["),
        ("{\"rowmill\": 1, \"x", "x"),
        ("{\"rowmill\": 1, \"columns\": [\"\"", ",\"\""),
    ] {
        let room = 1024 * 1024 - start.len();
        let text = start.to_owned() + &filler.repeat(room / filler.len());
        let held = peak_bytes(|| {
            assert!(Sidecar::parse(text.as_bytes()).is_err());
            assert!(Sidecar::parse_handmade(text.as_bytes()).is_err());
        });
        assert!(held < 24 * 1024 * 1024, "{held} bytes for {start}{filler}");
    }
}

proptest! {
    #[test]
    fn any_header_costs_at_most_its_length(
        version in 0..5_u8,
        len in any::<u32>(),
        text in proptest::collection::vec(any::<u8>(), 0..2000),
        file_len in any::<u64>(),
    ) {
        let bytes = [b"\x93NUMPY", &[version, 0][..], &len.to_le_bytes(), &text].concat();
        let held = peak_bytes(|| { let _ = npy::read(&mut bytes.as_slice(), file_len); });
        prop_assert!(held < 64 * 1024 + SMALL, "{} bytes", held);
    }
}
