//! Hostile bytes: what every parser of rowmill has to bear.
//!
//! A [`Target`] is a function that takes any bytes, and a bound for the memory that it may hold.
//! The fuzz targets in `fuzz/` and the test that runs over their corpus (`tests/corpus.rs`) both
//! call [`Target::check`], so that what a fuzzer once found stays found on any toolchain.
//!
//! A target panics when a promise is broken: when a parser panics, when it holds more memory than
//! its bound, when an error says nothing or says too much, when two ways to read the same bytes
//! disagree, or when what was read does not read back after it was written.
//!
//! A new target is a file in `targets/`, a line in [`ALL`], a `fuzz/fuzz_targets/NAME.rs` of six
//! lines with its entry in `fuzz/Cargo.toml`, and seeds in `fuzz/corpus/NAME/`.

mod counting;
mod targets;

pub use counting::{Counting, held_at_most};
pub use targets::{
    CHECKPOINT, CHUNK_SIZE, CONDITION, JOURNAL, NPY_HEADER, OPEN, OUTPUTS, RAW_SPEC, SIDECAR,
};

/// Every target. The folder of the corpus is called as the target is.
pub const ALL: [Target; 9] =
    [NPY_HEADER, SIDECAR, CHECKPOINT, JOURNAL, RAW_SPEC, CONDITION, CHUNK_SIZE, OUTPUTS, OPEN];

/// A parser, or several that take the same input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, here and in `fuzz/`.
    pub name: &'static str,
    /// The bytes that it may hold for an input of no length.
    pub fixed: usize,
    /// The bytes that it may hold for each byte of the input, in addition.
    pub per_byte: usize,
    /// The work that is done with the input.
    pub run: fn(&[u8]),
}

impl Target {
    /// Runs the target on these bytes.
    ///
    /// # Panics
    /// When a promise is broken, and when the binary does not have [`Counting`] as its global
    /// allocator: without it the bound could not be checked.
    pub fn check(&self, bytes: &[u8]) {
        assert!(
            held_at_most(|| drop(std::hint::black_box(vec![0_u8; 64]))) >= 64,
            "the global allocator has to be rowmill_hostile::Counting"
        );
        let most = self.fixed + self.per_byte * bytes.len();
        let held = held_at_most(|| (self.run)(bytes));
        assert!(held <= most, "{}: {held} bytes held, at most {most} allowed", self.name);
    }
}

/// Checks what holds for every error: it says something, and it cannot be made to say too much.
pub(crate) fn check_error(error: &dyn std::error::Error) {
    // The longest on purpose: 64 dimensions of 20 digits.
    const LONGEST: usize = 2000;
    let text = error.to_string();
    assert!(!text.is_empty(), "{error:?} says nothing");
    assert!(text.len() <= LONGEST, "an error of {} bytes: {text}", text.len());
}
