//! Lane arithmetic: the types that loops compute in, and the accumulators of one vector.
//!
//! Eight elements are taken at a time, whatever the instruction set: that fixes which elements meet
//! in which accumulator, and so every bit. Accumulators are composed of parts (sum, spread, range),
//! each of which may be omitted; an omitted part costs nothing.

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
    /// Minima and maxima in lanes, if the sum shows a NaN anyway.
    type BoundLanes: RangePart<Self>;
    /// Whether there are NaN, infinities and rounding, and so a shift and a check of the squares.
    const FLOAT: bool;
    /// The initial minimum, and that of no elements.
    const HIGHEST: Self;
    /// The initial maximum, and that of no elements.
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
    /// The elements selected by an interval, which are added to `count`; zero for the others.
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
    /// The elements of `x` whose byte is nonzero, and those of `other` for the others.
    fn choose(simd: impl Simd, keep: &[u8; N], x: &[Self; N], other: [Self; N]) -> [Self; N];
    /// Folds a tile of this type: all loops over it are compiled here, once.
    fn fold(order: &FoldOrder<'_, Self>) -> Cells<Self>;
    /// The sum of both.
    fn join_totals(a: Self::Total, b: Self::Total) -> Self::Total;
    /// Whether a sum shows that there was neither NaN nor infinity.
    fn is_clean(total: Self::Total) -> bool;
    /// Whether `count` elements from `least` to `most`, or infinite ones, can have this sum. There
    /// are at most 2^63 of them.
    fn is_total(total: Self::Total, count: u64, least: Self, most: Self) -> bool;
    /// The same for a spread, given the sum.
    fn is_spread(
        spread: Self::Spread,
        total: Self::Total,
        count: u64,
        least: Self,
        most: Self,
    ) -> bool;
    /// The mean of `count` elements with this sum.
    fn mean(total: Self::Total, count: u64) -> f64;
    /// Adds squares about the same shift.
    fn add_squares(a: Self::Spread, b: Self::Spread) -> Self::Spread;
    /// Turns squares about `shift` into a spread about the mean. The flag says that too many digits
    /// were cancelled, and the squares should be taken again about the mean.
    fn settle(
        squares: Self::Spread,
        total: Self::Total,
        count: u64,
        shift: f64,
    ) -> (Self::Spread, bool);
    /// Merges the spreads of two runs of elements.
    fn join_spreads(
        a: (u64, Self::Total, Self::Spread),
        b: (u64, Self::Total, Self::Spread),
    ) -> Self::Spread;
    /// The sum of squared deviations from the mean.
    fn centred(spread: Self::Spread, total: Self::Total, count: u64, ddof: u64) -> f64;
}

/// The accumulators of one vector, with all parts and a count of selected elements.
#[derive(Debug)]
pub struct Lanes<L: Lane, P: Parts<L>> {
    /// The number of selected elements, lane by lane, if that is counted.
    pub count: [u32; N],
    /// The sums.
    pub sum: P::Sum,
    /// The squares.
    pub spread: P::Spread,
    /// The minima and maxima.
    pub range: P::Range,
}

// Implemented by hand: the derived impls would require `P: Copy`.
impl<L: Lane, P: Parts<L>> Clone for Lanes<L, P> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Lane, P: Parts<L>> Copy for Lanes<L, P> {}

impl<L: Lane, P: Parts<L>> Lanes<L, P> {
    /// Empty accumulators.
    pub const NEW: Self = Self {
        count: [0; N],
        sum: <P::Sum as Part<L>>::NEW,
        spread: <P::Spread as Part<L>>::NEW,
        range: <P::Range as Part<L>>::NEW,
    };

    /// Accumulates eight elements. The caller counts them.
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

    /// Accumulates and counts those of eight elements whose byte is nonzero.
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

    /// Merges another accumulator, lane by lane.
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

/// The elements, with zero for those that are left out.
#[inline(always)]
pub(crate) fn kept<L: Lane>(simd: impl Simd, x: &[L; N], keep: &[u8; N]) -> [L; N] {
    L::choose(simd, keep, x, [L::default(); N])
}

/// [`Lane::choose`] for a type of this many bits.
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
