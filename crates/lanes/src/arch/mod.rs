//! Instruction sets: which there are, and how a loop is compiled for each. Knows no kernel.
//!
//! A hot loop is written once, generic and plain, as a [`Job`] whose `run` is `#[inline(always)]`.
//! [`Isa::run`] calls it from a function that is compiled for the instruction set, into which the
//! loop is inlined and vectorised. All loops have fixed lanes and the compiler never contracts
//! `a * b + c`, so the instruction set changes speed and no bit.
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
    /// What the loop returns.
    type Output;

    /// Runs it. Implementations are `#[inline(always)]`, and so is all that they call. `simd` has
    /// vector operations for what the compiler does not vectorise by itself.
    fn run(self, simd: impl Simd) -> Self::Output;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// An instruction set that this machine has: a value of this type proves it.
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
    /// What every machine of this architecture has.
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
            // SAFETY: values of this kind are only made where the CPU was seen to have all
            // features that the wrapper is compiled for (`exists`).
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

/// An instruction set that does not exist or that this machine does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked:?} is not an instruction set of this machine; it has {}", available.join(", "))]
pub struct ParseIsaError {
    /// What was asked for.
    pub asked: String,
    /// The names that are accepted here.
    pub available: Vec<&'static str>,
}

impl FromStr for Isa {
    type Err = ParseIsaError;

    fn from_str(text: &str) -> Result<Self, ParseIsaError> {
        let available = Self::available();
        // AVX-512 had loops of its own once, which were no faster at the speed of memory.
        let name = if text == "avx512" { "avx2" } else { text };
        available.iter().find(|isa| isa.name() == name).copied().ok_or_else(|| ParseIsaError {
            asked: text.to_owned(),
            available: available.iter().map(|isa| isa.name()).collect(),
        })
    }
}

/// Copies bytes past the caches, for memory that will not be read again soon: the lines written to
/// are not read first, and what is in the caches stays there. Plain copying where the machine has no
/// such stores.
///
/// # Panics
/// When the lengths differ.
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

/// Asks for the cache line at `pointer`, which may point anywhere.
#[inline(always)]
pub fn prefetch<T>(pointer: *const T) {
    #[cfg(target_arch = "x86_64")]
    x86_64::prefetch(pointer);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = pointer;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_past_the_cache_of_every_alignment() {
        let from: Vec<u8> = (0..1000_u32).map(|i| (i * 7) as u8).collect();
        for (start, end) in [(0, 1000), (1, 1), (3, 5), (1, 64), (5, 700), (64, 128), (17, 145)] {
            for shift in [0, 1, 15, 16, 63] {
                let mut to = vec![0_u8; 2000];
                copy_past_cache(&from[start..end], &mut to[shift..shift + end - start]);
                assert_eq!(to[shift..shift + end - start], from[start..end]);
                let others = to[..shift].iter().chain(&to[shift + end - start..]);
                assert!(others.copied().all(|byte| byte == 0));
            }
        }
    }

    #[test]
    fn names_read_back_and_others_are_refused() {
        for isa in Isa::available() {
            assert_eq!(isa.to_string().parse(), Ok(isa));
        }
        let error = "sse9".parse::<Isa>().expect_err("no such thing");
        assert!(error.to_string().contains("baseline"), "{error}");
    }

    /// Every operation, on numbers of every kind.
    struct Operations;

    /// What comes out of an operation, as bits.
    fn bits(x: impl IntoIterator<Item = f64>) -> Vec<u64> {
        x.into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
    }

    impl Job for Operations {
        type Output = Vec<(&'static str, Vec<u64>)>;

        #[inline(always)]
        fn run(self, simd: impl Simd) -> Self::Output {
            let doubles = [0.0, -0.0, 1.5, -3.25, f64::NAN, f64::INFINITY, 1e-310, -1e300];
            let singles = [0.0, -0.0, 0.1, -7.5, f32::NAN, f32::NEG_INFINITY, 1e-40, 3e38];
            let (ints, longs) = (
                [0, -1, 5, i32::MIN, i32::MAX, 7, -7, 6],
                [0_i64, -1, 5, i64::MIN, i64::MAX, 7, -7, 6],
            );
            let mut out = Vec::new();
            for turn in 0..8 {
                let (mut a, mut b, mut x, mut y) = (doubles, doubles, singles, singles);
                a.rotate_left(turn);
                b.reverse();
                x.rotate_left(turn);
                y.reverse();
                out.push(("add", bits(simd.add(a, b))));
                out.push(("sub", bits(simd.sub(a, b))));
                out.push(("mul", bits(simd.mul(a, b))));
                out.push(("widen", bits(simd.widen(x))));
                out.push(("lower_f64", bits(simd.lower_f64(a, b))));
                out.push(("higher_f64", bits(simd.higher_f64(a, b))));
                out.push(("lower_f32", bits(simd.lower_f32(x, y).map(f64::from))));
                out.push(("higher_f32", bits(simd.higher_f32(x, y).map(f64::from))));
                let halves = x.map(half::f16::from_f32);
                out.push(("widen_f16", bits(simd.widen_f16(halves).map(f64::from))));
                let bytes = std::array::from_fn(|i| (i * 37 + turn) as u8);
                let sums = simd.sum_u8([turn as u64; 8], bytes);
                out.push(("sum_u8", vec![sums.iter().sum()]));
                let shorts = std::array::from_fn(|i| (i * 9973 + turn * 4099) as i16);
                let sums = simd.sum_i16([turn as i32; 16], shorts);
                out.push(("sum_i16", vec![sums.iter().sum::<i32>() as u64]));
                let mut keep = [0, 1, 255, 0, 128, 127, 0, 2];
                keep.rotate_left(turn);
                let words = ints.map(|x| x as u32);
                let kept = simd.keep_32(words, keep);
                out.push(("keep_32", kept.map(u64::from).to_vec()));
                out.push(("keep_64", simd.keep_64(longs.map(|x| x as u64), keep).to_vec()));
                let chosen = simd.choose_32(keep, words, [7; 8]);
                out.push(("choose_32", chosen.map(u64::from).to_vec()));
                out.push(("choose_64", simd.choose_64(keep, [5; 8], [u64::MAX; 8]).to_vec()));
                let count = simd.count_kept([turn as u32; 8], keep);
                out.push(("count_kept", count.map(u64::from).to_vec()));
                let seen = simd.note_nan_f32([0, 0, 0, 0, 0, 0, 0, 1], x);
                out.push(("note_nan", seen.map(|n| u64::from(n != 0)).to_vec()));
                for negate in [false, true] {
                    let mut count = [turn as u32; 8];
                    let kept =
                        simd.within_f32(x, &Interval { lo: -8.0, hi: 0.1, negate }, &mut count);
                    out.push(("within_f32", bits(kept.map(f64::from))));
                    let kept =
                        simd.within_f64(a, &Interval { lo: -4.0, hi: 0.0, negate }, &mut count);
                    out.push(("within_f64", bits(kept)));
                    let kept =
                        simd.within_i32(ints, &Interval { lo: -1, hi: 6, negate }, &mut count);
                    out.push(("within_i32", kept.map(|x| x as u64).to_vec()));
                    let kept =
                        simd.within_i64(longs, &Interval { lo: -1, hi: 6, negate }, &mut count);
                    out.push(("within_i64", kept.map(|x| x as u64).to_vec()));
                    out.push(("count", count.map(u64::from).to_vec()));
                }
            }
            out
        }
    }

    #[test]
    fn every_instruction_set_computes_the_same_bits() {
        let plain = Isa::BASELINE.run(Operations);
        for isa in Isa::available() {
            for (found, expected) in isa.run(Operations).iter().zip(&plain) {
                assert_eq!(found, expected, "{isa}");
            }
        }
    }

    #[test]
    fn every_wrapper_runs_the_job() {
        struct Twice(u64);
        impl Job for Twice {
            type Output = u64;
            #[inline(always)]
            fn run(self, _: impl Simd) -> u64 {
                self.0 * 2
            }
        }
        for isa in Isa::available() {
            assert_eq!(isa.run(Twice(21)), 42);
        }
    }
}
