//! Lane arithmetic: the types that loops compute in, and the accumulators of one vector.
//!
//! Eight elements are taken at a time, whatever the instruction set: that fixes which elements meet
//! in which accumulator, and so every bit. What is accumulated is put together from parts (sum,
//! spread, range), each of which may be left out; a part that is left out costs nothing.

#![allow(clippy::needless_range_loop, reason = "lane loops index several arrays alike")]

pub mod float;
mod integer;

use std::fmt::Debug;

use rowmill_core::Element;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arch::{Interval, Simd};
use crate::fold::{Cells, FoldOrder};

/// Elements in a vector.
pub const N: usize = 8;

/// A type that loops compute in: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`. Smaller elements are widened
/// first, to `i32` and `f32`.
pub trait Lane: Element + PartialOrd + Serialize + DeserializeOwned {
    /// The sum of one cell, ready to be merged.
    type Total: Copy + Send + Sync + Debug + Default + PartialEq + Serialize + DeserializeOwned;
    /// The spread of one cell: centred squares for floats, exact squares for integers.
    type Spread: Copy + Send + Sync + Debug + Default + PartialEq + Serialize + DeserializeOwned;
    /// Sums in lanes.
    type SumLanes: SumPart<Self>;
    /// Squares in lanes.
    type SpreadLanes: SpreadPart<Self>;
    /// Minima and maxima in lanes, and whether there was a NaN.
    type RangeLanes: RangePart<Self>;
    /// Minima and maxima in lanes, where the sum shows a NaN anyway.
    type BoundLanes: RangePart<Self>;
    /// Whether there are NaN and infinities, and rounding: a shift and a check of the squares.
    const FLOAT: bool;
    /// Where a minimum starts and ends up when there is nothing.
    const HIGHEST: Self;
    /// Where a maximum starts and ends up when there is nothing.
    const LOWEST: Self;
    /// A NaN; for integers, which have none, zero.
    const NAN: Self;

    /// The element as a float, rounded.
    fn to_f64(self) -> f64;
    /// Whether it is a NaN.
    fn is_nan(self) -> bool {
        false
    }
    /// Whether it is an infinity.
    fn is_infinite(self) -> bool {
        false
    }
    /// The elements that an interval means, each added to `count`; zero for the others.
    #[inline(always)]
    fn within(
        simd: impl Simd,
        x: &[Self; N],
        within: &Interval<Self>,
        count: &mut [u32; N],
    ) -> [Self; N] {
        let _ = simd;
        within.keep(*x, count)
    }
    /// The elements of `x` whose byte is not zero, and those of `other` for the others.
    fn choose(simd: impl Simd, keep: &[u8; N], x: &[Self; N], other: [Self; N]) -> [Self; N];
    /// Folds a tile of this type: where all loops over it are compiled, once.
    fn fold(order: &FoldOrder<'_, Self>) -> Cells<Self>;
    /// The sum of both.
    fn join_totals(a: Self::Total, b: Self::Total) -> Self::Total;
    /// Whether a sum shows that neither NaN nor infinity went into it.
    fn is_clean(total: Self::Total) -> bool;
    /// Whether `count` elements from `least` to `most`, or infinite, can have this sum. There are at most
    /// 2^63 of them.
    fn is_total(total: Self::Total, count: u64, least: Self, most: Self) -> bool;
    /// The same for a spread, beside a sum that they can have.
    fn is_spread(
        spread: Self::Spread,
        total: Self::Total,
        count: u64,
        least: Self,
        most: Self,
    ) -> bool;
    /// The mean of `count` elements with this sum.
    fn mean(total: Self::Total, count: u64) -> f64;
    /// Squares about the same shift, together.
    fn add_squares(a: Self::Spread, b: Self::Spread) -> Self::Spread;
    /// Squares about `shift` as a spread about the mean. The flag says that too many digits were
    /// cancelled, so that the squares should be taken again about the mean.
    fn settle(
        squares: Self::Spread,
        total: Self::Total,
        count: u64,
        shift: f64,
    ) -> (Self::Spread, bool);
    /// Spreads of two runs of elements, together.
    fn join_spreads(
        a: (u64, Self::Total, Self::Spread),
        b: (u64, Self::Total, Self::Spread),
    ) -> Self::Spread;
    /// The sum of squared distances from the mean.
    fn centred(spread: Self::Spread, total: Self::Total, count: u64, ddof: u64) -> f64;
}

/// Accumulators of one vector.
pub trait Part<L: Lane>: Copy + Send {
    /// Nothing accumulated.
    const NEW: Self;
    /// Takes in eight elements; squares are about `shift`.
    fn step(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N]);
    /// Takes in those of eight elements that are kept: whose byte is not zero.
    fn step_kept(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N], keep: &[u8; N]);
    /// Takes in another accumulator, lane by lane.
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

/// A part that finds the smallest and largest element, NaN left out.
pub trait RangePart<L: Lane>: Part<L> {
    /// The minima, lane by lane.
    fn mins(&self) -> [L; N];
    /// The maxima, lane by lane.
    fn maxs(&self) -> [L; N];
    /// Where a NaN was seen, lane by lane.
    fn nans(&self) -> [bool; N];
}

/// A part that is left out.
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

/// Which parts a kernel needs.
pub trait Parts<L: Lane>: Send + Sync + 'static {
    /// The sum, or nothing.
    type Sum: SumPart<L>;
    /// The spread, or nothing.
    type Spread: SpreadPart<L>;
    /// The range, or nothing.
    type Range: RangePart<L>;
    /// Whether the sum is there.
    const SUM: bool;
    /// Whether the spread is there (only together with the sum).
    const SPREAD: bool;
    /// Whether the range is there.
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

/// The accumulators of one vector, all parts together, with a count of what was kept.
#[derive(Debug)]
pub struct Lanes<L: Lane, P: Parts<L>> {
    /// How many elements were kept, lane by lane, where that is counted.
    pub count: [u32; N],
    /// The sums.
    pub sum: P::Sum,
    /// The squares.
    pub spread: P::Spread,
    /// The minima and maxima.
    pub range: P::Range,
}

// By hand: the derived impls would ask for `P: Copy`.
impl<L: Lane, P: Parts<L>> Clone for Lanes<L, P> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Lane, P: Parts<L>> Copy for Lanes<L, P> {}

impl<L: Lane, P: Parts<L>> Lanes<L, P> {
    /// Nothing accumulated.
    pub const NEW: Self = Self {
        count: [0; N],
        sum: <P::Sum as Part<L>>::NEW,
        spread: <P::Spread as Part<L>>::NEW,
        range: <P::Range as Part<L>>::NEW,
    };

    /// Takes in eight elements. The count is the caller's.
    #[inline(always)]
    pub fn step<V: Simd>(&mut self, simd: V, shift: &[f64; N], x: &[L; N]) {
        match V::CALLS {
            true => self.step_called(simd, shift, x),
            false => self.step_inlined(simd, shift, x),
        }
    }

    #[inline(never)]
    fn step_called(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N]) {
        self.step_inlined(simd, shift, x);
    }

    #[inline(always)]
    fn step_inlined(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N]) {
        self.sum.step(simd, shift, x);
        self.spread.step(simd, shift, x);
        self.range.step(simd, shift, x);
    }

    /// Takes in, and counts, those of eight elements that are kept: whose byte is not zero.
    #[inline(always)]
    pub fn step_kept<V: Simd>(&mut self, simd: V, shift: &[f64; N], x: &[L; N], keep: &[u8; N]) {
        self.count = simd.count_kept(self.count, *keep);
        match V::CALLS {
            true => self.step_kept_called(simd, shift, x, keep),
            false => self.step_kept_inlined(simd, shift, x, keep),
        }
    }

    #[inline(never)]
    fn step_kept_called(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N], keep: &[u8; N]) {
        self.step_kept_inlined(simd, shift, x, keep);
    }

    #[inline(always)]
    fn step_kept_inlined(&mut self, simd: impl Simd, shift: &[f64; N], x: &[L; N], keep: &[u8; N]) {
        self.sum.step_kept(simd, shift, x, keep);
        self.spread.step_kept(simd, shift, x, keep);
        self.range.step_kept(simd, shift, x, keep);
    }

    /// Takes in another accumulator, lane by lane.
    #[inline(always)]
    pub fn join(&mut self, other: &Self) {
        for (count, other) in self.count.iter_mut().zip(&other.count) {
            *count += other;
        }
        self.sum.join(&other.sum);
        self.spread.join(&other.spread);
        self.range.join(&other.range);
    }
}

/// The elements with those that are not kept replaced by zero.
#[inline(always)]
pub(crate) fn kept<L: Lane>(simd: impl Simd, x: &[L; N], keep: &[u8; N]) -> [L; N] {
    L::choose(simd, keep, x, [L::default(); N])
}

/// [`Lane::choose`] for a type of so many bits.
macro_rules! choose {
    ($choose:ident) => {
        #[inline(always)]
        fn choose(simd: impl Simd, keep: &[u8; N], x: &[Self; N], other: [Self; N]) -> [Self; N] {
            bytemuck::must_cast(simd.$choose(
                *keep,
                bytemuck::must_cast(*x),
                bytemuck::must_cast(other),
            ))
        }
    };
}
pub(crate) use choose;

/// The smaller of two, the first when they do not compare: a NaN that comes second is passed over.
#[inline(always)]
pub fn lower<L: Lane>(a: L, b: L) -> L {
    if b < a { b } else { a }
}

/// The smaller of each two.
#[inline(always)]
pub(crate) fn lower_each<L: Lane>(mut a: [L; N], b: &[L; N]) -> [L; N] {
    for j in 0..N {
        a[j] = lower(a[j], b[j]);
    }
    a
}

/// The larger of each two.
#[inline(always)]
pub(crate) fn higher_each<L: Lane>(mut a: [L; N], b: &[L; N]) -> [L; N] {
    for j in 0..N {
        a[j] = higher(a[j], b[j]);
    }
    a
}

/// The larger of two, the first when they do not compare.
#[inline(always)]
pub fn higher<L: Lane>(a: L, b: L) -> L {
    if b > a { b } else { a }
}

macro_rules! range_lanes {
    (
        $t:ty, |$simd:ident, $lo:ident, $hi:ident, $nan:ident, $x:ident|
        $lower:expr, $higher:expr, $note:expr
    ) => {
        impl Part<$t> for RangeLanes<$t> {
            const NEW: Self = Self { lo: [<$t>::HIGHEST; N], hi: [<$t>::LOWEST; N], nan: [0; N] };
            #[inline(always)]
            fn step(&mut self, $simd: impl Simd, _: &[f64; N], $x: &[$t; N]) {
                let Self { lo: $lo, hi: $hi, nan: $nan } = *self;
                *self = Self { lo: $lower, hi: $higher, nan: $note };
            }
            #[inline(always)]
            fn step_kept(&mut self, simd: impl Simd, _: &[f64; N], x: &[$t; N], keep: &[u8; N]) {
                // What is not kept is replaced by what changes nothing.
                let low = <$t>::choose(simd, keep, x, [<$t>::HIGHEST; N]);
                let high = <$t>::choose(simd, keep, x, [<$t>::LOWEST; N]);
                for j in 0..N {
                    self.lo[j] = lower(self.lo[j], low[j]);
                    self.hi[j] = higher(self.hi[j], high[j]);
                    self.nan[j] |= u32::from(Lane::is_nan(low[j]));
                }
            }
            #[inline(always)]
            fn join(&mut self, other: &Self) {
                for j in 0..N {
                    self.lo[j] = lower(self.lo[j], other.lo[j]);
                    self.hi[j] = higher(self.hi[j], other.hi[j]);
                    self.nan[j] |= other.nan[j];
                }
            }
        }

        impl RangePart<$t> for RangeLanes<$t> {
            #[inline(always)]
            fn mins(&self) -> [$t; N] {
                self.lo
            }
            #[inline(always)]
            fn maxs(&self) -> [$t; N] {
                self.hi
            }
            #[inline(always)]
            fn nans(&self) -> [bool; N] {
                $crate::arch::array_of(|j| self.nan[j] != 0)
            }
        }
    };
}
pub(crate) use range_lanes;

/// Minima, maxima and NaN flags in lanes.
#[derive(Clone, Copy, Debug)]
pub struct RangeLanes<L> {
    lo: [L; N],
    hi: [L; N],
    nan: [u32; N],
}
