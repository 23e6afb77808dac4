//! The parts of an accumulator: sum, spread and range, and which of them a kernel needs.

use super::{Lane, N};
use crate::arch::Simd;

/// Accumulators of one vector.
pub trait Part<L: Lane>: Copy + Send {
    /// An empty accumulator.
    const NEW: Self;
    /// Accumulates eight elements; squares are about `shift`.
    fn step(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N]);
    /// Accumulates those of eight elements whose byte is nonzero.
    fn step_kept(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N], keep: &[u8; N]);
    /// Merges another accumulator, lane by lane.
    fn join(&mut self, other: &Self);
}

/// A part that sums.
pub trait SumPart<L: Lane>: Part<L> {
    /// The sums, lane by lane.
    fn totals(&self) -> [L::Total; N];
}

/// A part that sums squares.
pub trait SpreadPart<L: Lane>: Part<L> {
    /// The squares, lane by lane.
    fn squares(&self) -> [L::Spread; N];
}

/// A part that finds the smallest and largest element, ignoring NaN.
pub trait RangePart<L: Lane>: Part<L> {
    /// The minima, lane by lane.
    fn mins(&self) -> [L; N];
    /// The maxima, lane by lane.
    fn maxs(&self) -> [L; N];
    /// Whether a NaN was seen, lane by lane.
    fn nans(&self) -> [bool; N];
}

/// An omitted part.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl<L: Lane> Part<L> for Nothing {
    const NEW: Self = Self;
    #[inline(always)]
    fn step(&mut self, _: impl Simd, _: &[f64; N], _: &[L; N]) {}
    #[inline(always)]
    fn step_kept(&mut self, _: impl Simd, _: &[f64; N], _: &[L; N], _: &[u8; N]) {}
    #[inline(always)]
    fn join(&mut self, _: &Self) {}
}

impl<L: Lane> SumPart<L> for Nothing {
    #[inline(always)]
    fn totals(&self) -> [L::Total; N] {
        [L::Total::default(); N]
    }
}

impl<L: Lane> SpreadPart<L> for Nothing {
    #[inline(always)]
    fn squares(&self) -> [L::Spread; N] {
        [L::Spread::default(); N]
    }
}

impl<L: Lane> RangePart<L> for Nothing {
    #[inline(always)]
    fn mins(&self) -> [L; N] {
        [L::HIGHEST; N]
    }
    #[inline(always)]
    fn maxs(&self) -> [L; N] {
        [L::LOWEST; N]
    }
    #[inline(always)]
    fn nans(&self) -> [bool; N] {
        [false; N]
    }
}

/// The parts that a kernel needs.
pub trait Parts<L: Lane>: Send + Sync + 'static {
    /// The sum, or nothing.
    type Sum: SumPart<L>;
    /// The spread, or nothing.
    type Spread: SpreadPart<L>;
    /// The range, or nothing.
    type Range: RangePart<L>;
    /// Whether there is a sum.
    const SUM: bool;
    /// Whether there is a spread (only together with the sum).
    const SPREAD: bool;
    /// Whether there is a range.
    const RANGE: bool;
}

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident { $sum:ty, $spread:ty, $range:ty } $s:expr, $q:expr, $r:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl<L: Lane> Parts<L> for $name {
            type Sum = $sum;
            type Spread = $spread;
            type Range = $range;
            const SUM: bool = $s;
            const SPREAD: bool = $q;
            const RANGE: bool = $r;
        }
    )*};
}

parts! {
    /// Sums only.
    SumOnly { L::SumLanes, Nothing, Nothing } true, false, false;
    /// Minima and maxima only.
    RangeOnly { Nothing, Nothing, L::RangeLanes } false, false, true;
    /// Sums and squares.
    SumAndSpread { L::SumLanes, L::SpreadLanes, Nothing } true, true, false;
    /// Everything.
    Everything { L::SumLanes, L::SpreadLanes, L::BoundLanes } true, true, true;
}
