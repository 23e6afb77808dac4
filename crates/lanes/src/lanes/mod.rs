//! Lane arithmetic: the types that loops compute in, and the accumulators of one vector.
//!
//! Eight elements are taken at a time, whatever the instruction set: that fixes which elements meet
//! in which accumulator, and so every bit. What is accumulated is put together from parts (sum,
//! spread, range), each of which may be left out; a part that is left out costs nothing.

#![allow(clippy::needless_range_loop, reason = "lane loops index several arrays alike")]

pub mod float;
mod integer;
mod part;
mod range;

use std::fmt::Debug;

use rowmill_core::Element;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arch::{Interval, Simd};
use crate::fold::{Cells, FoldOrder};
pub use part::{
    Everything, Nothing, Part, Parts, RangeOnly, RangePart, SpreadPart, SumAndSpread, SumOnly,
    SumPart,
};
pub use range::{RangeLanes, higher, lower};
pub(crate) use range::{higher_each, lower_each, range_lanes};

/// Elements in a vector.
pub const N: usize = 8;

/// A type that loops compute in: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`. Smaller elements are
/// widened first, to `i32` and `f32`.
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
    /// Whether `count` elements from `least` to `most`, or infinite, can have this sum. There are
    /// at most 2^63 of them.
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
