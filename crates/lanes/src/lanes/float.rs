//! Lanes of `f32` and `f64`.
//!
//! `f32` is summed in `f64`. `f64` is summed in `f64` with the rounding error of each addition
//! carried along (Knuth's two-sum), so that the sum is as if computed in twice the precision and
//! rounded. Squares are taken of the distance from a shift near the mean, and corrected by it
//! afterwards (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983);
//! spreads are merged by the same paper's pairwise formula.

use bytemuck::must_cast;

use crate::arch::{Interval, Simd, array_of};
use serde::{Deserialize, Serialize};

use crate::fold::{Cells, FoldOrder};

use super::{
    Lane, N, Part, RangeLanes, RangePart, SpreadPart, SumPart, choose, higher, higher_each, kept,
    lower, lower_each, range_lanes,
};

/// A sum and the rounding errors that were made in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compensated {
    /// The sum as rounded.
    pub sum: f64,
    /// What was lost by that.
    pub error: f64,
}

impl Compensated {
    /// The sum with its errors added. An overflow or a non-finite element leaves no errors to
    /// speak of.
    #[inline(always)]
    pub fn value(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.error } else { self.sum }
    }
}

impl From<f64> for Compensated {
    fn from(sum: f64) -> Self {
        // What added to a negative zero leaves it negative.
        Self { sum, error: -0.0 }
    }
}

/// `a + b` and the error of that addition, exactly.
#[inline(always)]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// Sums of `f32` in lanes of `f64`.
#[derive(Clone, Copy, Debug)]
pub struct PlainSum([f64; N]);

impl Part<f32> for PlainSum {
    const NEW: Self = Self([0.0; N]);
    #[inline(always)]
    fn step(&mut self, simd: impl Simd, _: &[f64; N], x: &[f32; N]) {
        self.0 = simd.add(self.0, simd.widen(*x));
    }
    #[inline(always)]
    fn step_kept(&mut self, simd: impl Simd, shift: &[f64; N], x: &[f32; N], keep: &[u8; N]) {
        self.step(simd, shift, &kept(simd, x, keep));
    }
    #[inline(always)]
    fn join(&mut self, other: &Self) {
        for j in 0..N {
            self.0[j] += other.0[j];
        }
    }
}

impl SumPart<f32> for PlainSum {
    #[inline(always)]
    fn totals(&self) -> [f64; N] {
        self.0
    }
}

/// Sums of `f64` in lanes, compensated.
#[derive(Clone, Copy, Debug)]
pub struct CompensatedSum {
    sum: [f64; N],
    error: [f64; N],
}

impl Part<f64> for CompensatedSum {
    const NEW: Self = Self { sum: [0.0; N], error: [0.0; N] };
    #[inline(always)]
    fn step(&mut self, simd: impl Simd, _: &[f64; N], x: &[f64; N]) {
        // As `two_sum`.
        let sum = simd.add(self.sum, *x);
        let x_part = simd.sub(sum, self.sum);
        let lost = simd.sub(self.sum, simd.sub(sum, x_part));
        let error = simd.add(lost, simd.sub(*x, x_part));
        self.sum = sum;
        self.error = simd.add(self.error, error);
    }
    #[inline(always)]
    fn step_kept(&mut self, simd: impl Simd, shift: &[f64; N], x: &[f64; N], keep: &[u8; N]) {
        self.step(simd, shift, &kept(simd, x, keep));
    }
    #[inline(always)]
    fn join(&mut self, other: &Self) {
        for j in 0..N {
            let (sum, error) = two_sum(self.sum[j], other.sum[j]);
            self.sum[j] = sum;
            self.error[j] = self.error[j] + error + other.error[j];
        }
    }
}

impl SumPart<f64> for CompensatedSum {
    #[inline(always)]
    fn totals(&self) -> [Compensated; N] {
        array_of(|j| Compensated { sum: self.sum[j], error: self.error[j] })
    }
}

/// Squared distances from a shift, in lanes of `f64`.
#[derive(Clone, Copy, Debug)]
pub struct ShiftedSquares([f64; N]);

macro_rules! shifted_squares {
    ($($t:ty: |$simd:ident, $x:ident| $widen:expr;)*) => {$(
        impl Part<$t> for ShiftedSquares {
            const NEW: Self = Self([0.0; N]);
            #[inline(always)]
            fn step(&mut self, $simd: impl Simd, shift: &[f64; N], $x: &[$t; N]) {
                let d = $simd.sub($widen, *shift);
                self.0 = $simd.add(self.0, $simd.mul(d, d));
            }
            #[inline(always)]
            fn step_kept(&mut self, $simd: impl Simd, shift: &[f64; N], $x: &[$t; N], keep: &[u8; N]) {
                let d = $simd.sub($widen, *shift);
                let d: [f64; N] = must_cast($simd.keep_64(must_cast(d), *keep));
                self.0 = $simd.add(self.0, $simd.mul(d, d));
            }
            #[inline(always)]
            fn join(&mut self, other: &Self) {
                for j in 0..N {
                    self.0[j] += other.0[j];
                }
            }
        }

        impl SpreadPart<$t> for ShiftedSquares {
            #[inline(always)]
            fn squares(&self) -> [f64; N] {
                self.0
            }
        }
    )*};
}
shifted_squares! {
    f32: |simd, x| simd.widen(*x);
    f64: |simd, x| *x;
}

#[inline(always)]
fn note_nan<L: Lane>(mut seen: [u32; N], x: &[L; N]) -> [u32; N] {
    for j in 0..N {
        seen[j] |= u32::from(x[j].is_nan());
    }
    seen
}
range_lanes!(
    f32,
    |simd, lo, hi, nan, x| simd.lower_f32(lo, *x),
    simd.higher_f32(hi, *x),
    simd.note_nan_f32(nan, *x)
);
range_lanes!(f64, |_simd, lo, hi, nan, x| lower_each(lo, x), higher_each(hi, x), note_nan(nan, x));

/// Minima and maxima in lanes, NaN left out and not noted.
#[derive(Clone, Copy, Debug)]
pub struct BoundLanes<L> {
    lo: [L; N],
    hi: [L; N],
}

macro_rules! bound_lanes {
    ($($t:ty: $lower:ident, $higher:ident;)*) => {$(
        impl Part<$t> for BoundLanes<$t> {
            const NEW: Self = Self { lo: [<$t>::HIGHEST; N], hi: [<$t>::LOWEST; N] };
            #[inline(always)]
            fn step(&mut self, simd: impl Simd, _: &[f64; N], x: &[$t; N]) {
                self.lo = simd.$lower(self.lo, *x);
                self.hi = simd.$higher(self.hi, *x);
            }
            #[inline(always)]
            fn step_kept(
                &mut self,
                simd: impl Simd,
                _: &[f64; N],
                x: &[$t; N],
                keep: &[u8; N],
            ) {
                // A NaN is passed over, so that it stands for what is not kept.
                let x = <$t>::choose(simd, keep, x, [<$t>::NAN; N]);
                self.lo = simd.$lower(self.lo, x);
                self.hi = simd.$higher(self.hi, x);
            }
            #[inline(always)]
            fn join(&mut self, other: &Self) {
                for j in 0..N {
                    self.lo[j] = lower(self.lo[j], other.lo[j]);
                    self.hi[j] = higher(self.hi[j], other.hi[j]);
                }
            }
        }

        impl RangePart<$t> for BoundLanes<$t> {
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
                [false; N]
            }
        }
    )*};
}
bound_lanes! {
    f32: lower_f32, higher_f32;
    f64: lower_f64, higher_f64;
}

/// How many times larger than the spread the squares about a shift may be, so that no more than
/// two of sixteen digits are lost when they are corrected.
const CANCELLED: f64 = 256.0;

/// Squares about the mean, of squares about a shift; and whether too many digits were lost by that. `off`
/// is the sum of the distances from the shift.
#[inline(always)]
pub fn settle(squares: f64, off: f64, count: u64) -> (f64, bool) {
    if count <= 1 && squares.is_finite() {
        return (0.0, false);
    }
    let n = count.max(1) as f64;
    let correction = off * off / n;
    // It never exceeds the squares but by rounding.
    let correction = if correction > squares { squares } else { correction };
    let kept = squares - correction;
    // Overflow gives NaN here, which does not compare and so counts as cancelled.
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN has to come out as true")]
    let cancelled = correction != 0.0 && !(squares <= CANCELLED * kept);
    (kept, cancelled)
}

/// The pairwise formula, for means of which the distance is known better than each alone.
#[inline(always)]
fn chan(na: u64, a: f64, nb: u64, b: f64, delta: f64) -> f64 {
    let (na, nb) = (na as f64, nb as f64);
    let both = a + b + delta * delta * (na * (nb / (na + nb)));
    if na == 0.0 {
        b
    } else if nb == 0.0 {
        a
    } else {
        both
    }
}

/// `a * b` and the error of that product, exactly (Dekker's product with Veltkamp's split), for
/// products that neither overflow nor underflow.
#[inline(always)]
pub fn two_product(a: f64, b: f64) -> (f64, f64) {
    let split = |x: f64| {
        let c = x * 134_217_729.0; // 2^27 + 1
        let high = c - (c - x);
        (high, x - high)
    };
    let product = a * b;
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    (product, ((ah * bh - product) + ah * bl + al * bh) + al * bl)
}

/// The distance of two means. Of compensated sums it is known to more digits than the means have.
pub trait Distance: Sized {
    /// From the mean of `na` numbers with sum `a` to that of `nb` with sum `b`.
    fn distance(a: Self, na: u64, b: Self, nb: u64) -> f64;
    /// The sum of the distances of `count` numbers from a shift.
    fn off(self, count: u64, shift: f64) -> f64;
}

impl Distance for f64 {
    #[inline(always)]
    fn distance(a: Self, na: u64, b: Self, nb: u64) -> f64 {
        b / nb as f64 - a / na as f64
    }
    #[inline(always)]
    fn off(self, count: u64, shift: f64) -> f64 {
        self - count as f64 * shift
    }
}

impl Distance for Compensated {
    #[inline(always)]
    fn distance(a: Self, na: u64, b: Self, nb: u64) -> f64 {
        let parts = |total: Self, n: u64| {
            let n = n as f64;
            let mean = total.sum / n;
            let (product, error) = two_product(mean, n);
            (mean, ((total.sum - product) - error + total.error) / n)
        };
        let ((a, a_rest), (b, b_rest)) = (parts(a, na), parts(b, nb));
        let plain = b - a;
        let distance = plain + (b_rest - a_rest);
        // Close to the largest numbers the split overflows.
        if distance.is_finite() { distance } else { plain }
    }
    #[inline(always)]
    fn off(self, count: u64, shift: f64) -> f64 {
        // The product is exact: see `short`.
        (self.sum - count as f64 * shift) + self.error
    }
}

/// The largest magnitude between two numbers.
fn largest(least: impl Into<f64>, most: impl Into<f64>) -> f64 {
    least.into().abs().max(most.into().abs())
}

macro_rules! float_lane {
    ($t:ty, $within:ident, $choose:ident, $total:ty, $sum:ty, |$a:ident, $b:ident| $join:expr, |$v:ident| $value:expr) => {
        impl Lane for $t {
            type Total = $total;
            type Spread = f64;
            type SumLanes = $sum;
            type SpreadLanes = ShiftedSquares;
            type RangeLanes = RangeLanes<$t>;
            type BoundLanes = BoundLanes<$t>;
            const FLOAT: bool = true;
            const HIGHEST: Self = <$t>::INFINITY;
            const LOWEST: Self = <$t>::NEG_INFINITY;
            const NAN: Self = <$t>::NAN;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            #[inline(always)]
            fn is_infinite(self) -> bool {
                self.is_infinite()
            }
            #[inline(always)]
            fn within(
                simd: impl Simd,
                x: &[Self; N],
                within: &Interval<Self>,
                count: &mut [u32; N],
            ) -> [Self; N] {
                simd.$within(*x, within, count)
            }
            choose!($choose);
            fn fold(order: &FoldOrder<'_, Self>) -> Cells<Self> {
                order.run_float()
            }
            #[inline(always)]
            fn join_totals($a: $total, $b: $total) -> $total {
                $join
            }
            #[inline(always)]
            fn is_clean($v: $total) -> bool {
                $value.is_finite()
            }
            fn is_total($v: $total, count: u64, least: $t, most: $t) -> bool {
                let (total, n): (f64, _) = ($value, count as f64);
                // Rounded on the way, it is still below twice that.
                let bound = 2.0 * n * largest(least, most);
                if count == 0 { total == 0.0 } else { !total.is_finite() || total.abs() <= bound }
            }
            fn is_spread(spread: f64, _: $total, count: u64, least: $t, most: $t) -> bool {
                if !spread.is_finite() {
                    return count > 0;
                }
                let apart = 2.0 * largest(least, most);
                let bound = 2.0 * count as f64 * apart * apart;
                spread >= 0.0 && if count <= 1 { spread == 0.0 } else { spread <= bound }
            }
            #[inline(always)]
            fn mean($v: $total, count: u64) -> f64 {
                if count == 0 { f64::NAN } else { $value / count as f64 }
            }
            #[inline(always)]
            fn add_squares(a: f64, b: f64) -> f64 {
                a + b
            }
            #[inline(always)]
            fn settle(squares: f64, $v: $total, count: u64, shift: f64) -> (f64, bool) {
                settle(squares, $v.off(count, shift), count)
            }
            #[inline(always)]
            fn join_spreads(a: (u64, $total, f64), b: (u64, $total, f64)) -> f64 {
                chan(a.0, a.2, b.0, b.2, Distance::distance(a.1, a.0, b.1, b.0))
            }
            #[inline(always)]
            fn centred(spread: f64, _: $total, count: u64, ddof: u64) -> f64 {
                if count > ddof { spread / (count - ddof) as f64 } else { f64::NAN }
            }
        }
    };
}

float_lane!(f32, within_f32, choose_32, f64, PlainSum, |a, b| a + b, |v| v);
float_lane!(
    f64,
    within_f64,
    choose_64,
    Compensated,
    CompensatedSum,
    |a, b| {
        let (sum, error) = two_sum(a.sum, b.sum);
        Compensated { sum, error: a.error + b.error + error }
    },
    |v| v.value()
);
