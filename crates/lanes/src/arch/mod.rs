//! Instruction sets: detection, and the compilation of loops for each. Knows no kernel.
//!
//! A hot loop is written once, generic and plain, as a [`Job`] whose `run` is `#[inline(always)]`.
//! [`Isa::run`] calls it from a function that is compiled for the instruction set, into which the
//! loop is inlined and vectorized. All loops have a fixed number of lanes and the compiler never
//! contracts `a * b + c`, so the instruction set changes speed and no bit.
//!
//! To add an instruction set: a variant of `Kind`, its wrapper beside the others in `x86_64.rs` (or
//! a sibling), a line in `ALL`. The determinism tests run over [`Isa::available`].

mod simd;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use simd::array_of;
pub use simd::{Interval, Plain, Simd, V};

use std::fmt;
use std::str::FromStr;

/// A loop to be compiled for every instruction set.
pub trait Job {
    /// The return value of the loop.
    type Output;

    /// Runs it. Implementations are `#[inline(always)]`, and so is everything that they call.
    /// `simd` has vector operations for loops that the compiler does not vectorize.
    fn run(self, simd: impl Simd) -> Self::Output;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// An instruction set that this machine supports, as the existence of the value proves.
///
/// ```
/// use rowmill_lanes::arch::Isa;
/// let best = Isa::detect();
/// assert!(Isa::available().contains(&best));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

/// Slowest first.
const ALL: &[(Kind, &str)] = &[
    (Kind::Baseline, "baseline"),
    #[cfg(target_arch = "x86_64")]
    (Kind::Avx2, "avx2"),
];

impl Isa {
    /// The instruction set of every machine of this architecture.
    pub const BASELINE: Self = Self(Kind::Baseline);

    /// The fastest instruction set of this machine.
    #[must_use]
    pub fn detect() -> Self {
        Self::available().last().copied().unwrap_or(Self::BASELINE)
    }

    /// All instruction sets of this machine, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        ALL.iter().filter(|(kind, _)| exists(*kind)).map(|(kind, _)| Self(*kind)).collect()
    }

    /// Its name: `baseline`, `avx2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(kind, _)| *kind == self.0).map_or("baseline", |(_, name)| name)
    }

    /// Runs a job compiled for this instruction set.
    #[inline]
    pub fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            Kind::Baseline => job.run(Plain(())),
            // SAFETY: an `Isa` of this kind is only made in `available`, where the CPU was seen to
            // have all features that the wrapper is compiled for (`exists`). Reason: loops are as
            // fast as the features that they are compiled for.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::avx2(job) },
        }
    }
}

fn exists(kind: Kind) -> bool {
    match kind {
        Kind::Baseline => true,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => x86_64::has_avx2(),
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An instruction set that is unknown or that this machine lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked:?} is not an instruction set of this machine; it has {}", available.join(", "))]
pub struct ParseIsaError {
    /// The requested name.
    pub asked: String,
    /// The accepted names on this machine.
    pub available: Vec<&'static str>,
}

impl FromStr for Isa {
    type Err = ParseIsaError;

    fn from_str(text: &str) -> Result<Self, ParseIsaError> {
        let available = Self::available();
        // AVX-512 once had loops of its own, which were no faster at the speed of memory.
        let name = if text == "avx512" { "avx2" } else { text };
        available.iter().find(|isa| isa.name() == name).copied().ok_or_else(|| ParseIsaError {
            asked: text.to_owned(),
            available: available.iter().map(|isa| isa.name()).collect(),
        })
    }
}

/// Copies bytes past the caches, for memory that will not be read again soon: the destination lines
/// are not read first, and the caches keep their contents. A plain copy on machines without such
/// stores.
///
/// # Panics
/// If the lengths differ.
///
/// ```
/// let (from, mut to) = ([7; 1000], [0; 1000]);
/// rowmill_lanes::arch::copy_past_cache(&from, &mut to);
/// assert_eq!(from, to);
/// ```
pub fn copy_past_cache(from: &[u8], to: &mut [u8]) {
    assert_eq!(from.len(), to.len(), "a copy has the length of what it is made of");
    #[cfg(target_arch = "x86_64")]
    x86_64::copy_past_cache(from, to);
    #[cfg(not(target_arch = "x86_64"))]
    to.copy_from_slice(from);
}

/// Prefetches the cache line at `pointer`, which may be any address.
#[inline(always)]
pub fn prefetch<T>(pointer: *const T) {
    #[cfg(target_arch = "x86_64")]
    x86_64::prefetch(pointer);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = pointer;
}
