//! Lanes of `f32` and `f64`.
//!
//! `f32` is summed in `f64`. `f64` is summed in `f64` with the rounding error of each addition
//! accumulated (Knuth's two-sum), so that the sum is as if computed in twice the precision and
//! rounded. Squares are taken about a shift near the mean, and corrected by it afterwards (Chan,
//! Golub and LeVeque, "Algorithms for computing the sample variance", 1983); spreads are merged by
//! the same paper's pairwise formula.

mod exact;
mod range;
mod sums;

use crate::arch::{Interval, Simd};
use crate::fold::{Cells, FoldOrder};

use super::{Lane, N, RangeLanes, choose};
pub use exact::{Compensated, Distance, two_product, two_sum};
pub use range::BoundLanes;
pub use sums::{CompensatedSum, PlainSum, ShiftedSquares};

/// The limit of the ratio of squares about the shift to the spread, so that the correction cancels
/// at most two of sixteen digits.
const CANCELLED: f64 = 256.0;

/// Turns squares about a shift into squares about the mean; also returns whether that cancelled too
/// many digits. `off` is the sum of the deviations from the shift.
#[inline(always)]
pub fn settle(squares: f64, off: f64, count: u64) -> (f64, bool) {
    if count <= 1 && squares.is_finite() {
        return (0.0, false);
    }
    let n = count.max(1) as f64;
    let correction = off * off / n;
    // It exceeds the squares only by rounding.
    let correction = if correction > squares { squares } else { correction };
    let kept = squares - correction;
    // Overflow gives NaN here, which does not compare and so counts as cancelled.
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN has to come out as true")]
    let cancelled = correction != 0.0 && !(squares <= CANCELLED * kept);
    (kept, cancelled)
}

/// The pairwise formula, for means whose difference is known more precisely than each alone.
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
                // Even with intermediate rounding it stays below twice that.
                let bound = 2.0 * n * largest(least, most);
                if count == 0 { total == 0.0 } else { !total.is_finite() || total.abs() <= bound }
            }
            fn is_spread(spread: f64, _: $total, count: u64, least: $t, most: $t) -> bool {
                if !spread.is_finite() {
                    return count > 0;
                }
                let distance = 2.0 * largest(least, most);
                let bound = 2.0 * count as f64 * distance * distance;
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
