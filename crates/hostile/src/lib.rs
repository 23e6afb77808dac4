//! Hostile bytes: inputs that every parser of rowmill must withstand.
//!
//! A [`Target`] is a function that takes any bytes, with a bound on the memory that it may hold.
//! The fuzz targets in `fuzz/` and the test of their corpus (`tests/corpus.rs`) both call
//! [`Target::check`]. A bug found by a fuzzer is thus covered on any toolchain.
//!
//! A target panics if a promise is broken: a parser panics or exceeds its memory bound, an error is
//! empty or too long, two ways to read the same bytes disagree, or a value does not survive a round
//! trip.
//!
//! A new target needs a file in `targets/`, a line in [`ALL`], a `fuzz/fuzz_targets/NAME.rs` of six
//! lines with its entry in `fuzz/Cargo.toml`, and seeds in `fuzz/corpus/NAME/`.

mod counting;
mod targets;

pub use counting::{CountingAllocator, peak_bytes};
pub use targets::{
    CHECKPOINT, CHUNK_SIZE, CONDITION, JOURNAL, NPY_HEADER, OPEN, OUTPUTS, RAW_SPEC, SIDECAR,
};

/// All targets. The corpus of each is in the folder with its name.
pub const ALL: [Target; 9] =
    [NPY_HEADER, SIDECAR, CHECKPOINT, JOURNAL, RAW_SPEC, CONDITION, CHUNK_SIZE, OUTPUTS, OPEN];

/// A parser, or several parsers of the same input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, here and in `fuzz/`.
    pub name: &'static str,
    /// The bytes that it may hold for an empty input.
    pub fixed: usize,
    /// The additional bytes that it may hold for each byte of input.
    pub per_byte: usize,
    /// The function that consumes the input.
    pub run: fn(&[u8]),
}

impl Target {
    /// Runs the target on these bytes and checks its bound.
    ///
    /// # Panics
    /// Panics if a promise is broken, or if [`CountingAllocator`] is not the global allocator of
    /// the binary, because the bound could not be checked.
    pub fn check(&self, bytes: &[u8]) {
        assert!(
            peak_bytes(|| drop(std::hint::black_box(vec![0_u8; 64]))) >= 64,
            "the global allocator has to be rowmill_hostile::CountingAllocator"
        );
        let bound = self.fixed + self.per_byte * bytes.len();
        let held = peak_bytes(|| (self.run)(bytes));
        assert!(held <= bound, "{}: {held} bytes held, at most {bound} allowed", self.name);
    }
}

/// Checks that an error is not empty, and that no input makes its message too long.
pub(crate) fn check_error(error: &dyn std::error::Error) {
    // Long enough for the longest legitimate message: 64 dimensions of 20 digits.
    const LONGEST: usize = 2000;
    let text = error.to_string();
    assert!(!text.is_empty(), "{error:?} has no message");
    assert!(text.len() <= LONGEST, "an error of {} bytes: {text}", text.len());
}
