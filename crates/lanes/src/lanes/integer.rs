//! Lanes of integers: sums and squares are exact, so that their order does not matter.
//!
//! Smaller integers are widened to `i32` first. A block has at most 2^16 elements, so sums of
//! 32-bit elements fit lanes of `i64`; for 64-bit elements, and for all squares, the halves are
//! summed separately.

use crate::arch::{Interval, Simd, array_of};
use crate::fold::{Cells, FoldOrder};

use super::{
    Lane, N, Part, RangeLanes, RangePart, SpreadPart, SumPart, choose, higher, higher_each, kept,
    lower, lower_each, range_lanes,
};
use crate::wide::U256;

/// Sums of 32-bit elements.
#[derive(Clone, Copy, Debug)]
pub struct NarrowSum([i64; N]);

/// Sums of 64-bit elements: the low halves and the high halves.
#[derive(Clone, Copy, Debug)]
pub struct WideSum {
    low: [u64; N],
    high: [i64; N],
}

/// Squares of 32-bit elements: the low halves and the high halves.
#[derive(Clone, Copy, Debug)]
pub struct MiddleSquares {
    low: [u64; N],
    high: [u64; N],
}

/// Squares of 64-bit elements `h * 2^32 + l`: the halves of `l * l`, `h * l` and `h * h`.
#[derive(Clone, Copy, Debug)]
pub struct WideSquares {
    ll: MiddleSquares,
    hl: MiddleSquares,
    hh: MiddleSquares,
}

const LOW: u64 = 0xffff_ffff;

impl MiddleSquares {
    const ZERO: Self = Self { low: [0; N], high: [0; N] };

    #[inline(always)]
    fn add(&mut self, products: &[u64; N]) {
        for j in 0..N {
            self.low[j] += products[j] & LOW;
            self.high[j] += products[j] >> 32;
        }
    }

    #[inline(always)]
    fn join_lanes(&mut self, other: &Self) {
        for j in 0..N {
            self.low[j] += other.low[j];
            self.high[j] += other.high[j];
        }
    }

    #[inline(always)]
    fn value(&self, lane: usize) -> u128 {
        u128::from(self.low[lane]) + (u128::from(self.high[lane]) << 32)
    }
}

macro_rules! part {
    ($part:ty, $t:ty, $new:expr, |$me:ident, $x:ident| $step:expr, |$m:ident, $o:ident| $join:expr) => {
        impl Part<$t> for $part {
            const NEW: Self = $new;
            #[inline(always)]
            fn step(&mut self, _: impl Simd, _: &[f64; N], $x: &[$t; N]) {
                let $me = self;
                $step
            }
            #[inline(always)]
            fn step_kept(
                &mut self,
                simd: impl Simd,
                shift: &[f64; N],
                x: &[$t; N],
                keep: &[u8; N],
            ) {
                self.step(simd, shift, &kept(simd, x, keep));
            }
            #[inline(always)]
            fn join(&mut self, $o: &Self) {
                let $m = self;
                $join
            }
        }
    };
}

macro_rules! narrow_sum {
    ($($t:ty),*) => {$(
        part!(NarrowSum, $t, Self([0; N]),
            |me, x| for j in 0..N { me.0[j] += i64::from(x[j]) },
            |me, other| for j in 0..N { me.0[j] += other.0[j] });
        impl SumPart<$t> for NarrowSum {
            #[inline(always)]
            fn totals(&self) -> [i128; N] {
                array_of(|j| i128::from(self.0[j]))
            }
        }
    )*};
}
narrow_sum!(i32, u32);

macro_rules! wide_sum {
    ($($t:ty: |$x:ident| $high:expr;)*) => {$(
        part!(WideSum, $t, Self { low: [0; N], high: [0; N] },
            |me, x| for j in 0..N {
                let $x = x[j];
                me.low[j] += ($x as u64) & LOW;
                me.high[j] += $high;
            },
            |me, other| for j in 0..N {
                me.low[j] += other.low[j];
                me.high[j] += other.high[j];
            });
        impl SumPart<$t> for WideSum {
            #[inline(always)]
            fn totals(&self) -> [i128; N] {
                array_of(|j| i128::from(self.low[j]) + (i128::from(self.high[j]) << 32))
            }
        }
    )*};
}
wide_sum! {
    i64: |x| x >> 32;
    u64: |x| (x >> 32) as i64;
}

macro_rules! middle_squares {
    ($($t:ty: |$x:ident| $abs:expr;)*) => {$(
        part!(MiddleSquares, $t, Self::ZERO,
            |me, x| {
                let mut products = [0; N];
                for j in 0..N {
                    let $x = x[j];
                    let a = u64::from($abs);
                    products[j] = a * a;
                }
                me.add(&products);
            },
            |me, other| me.join_lanes(other));
        impl SpreadPart<$t> for MiddleSquares {
            #[inline(always)]
            fn squares(&self) -> [U256; N] {
                array_of(|j| U256::from(self.value(j)))
            }
        }
    )*};
}
middle_squares! {
    i32: |x| x.unsigned_abs();
    u32: |x| x;
}

macro_rules! wide_squares {
    ($($t:ty: |$x:ident| $abs:expr;)*) => {$(
        part!(WideSquares, $t,
            Self { ll: MiddleSquares::ZERO, hl: MiddleSquares::ZERO, hh: MiddleSquares::ZERO },
            |me, x| {
                let (mut ll, mut hl, mut hh) = ([0; N], [0; N], [0; N]);
                for j in 0..N {
                    let $x = x[j];
                    let a: u64 = $abs;
                    let (h, l) = (a >> 32, a & LOW);
                    ll[j] = l * l;
                    hl[j] = h * l;
                    hh[j] = h * h;
                }
                me.ll.add(&ll);
                me.hl.add(&hl);
                me.hh.add(&hh);
            },
            |me, other| {
                me.ll.join_lanes(&other.ll);
                me.hl.join_lanes(&other.hl);
                me.hh.join_lanes(&other.hh);
            });
        impl SpreadPart<$t> for WideSquares {
            #[inline(always)]
            fn squares(&self) -> [U256; N] {
                array_of(|j| {
                    let at = |part: &MiddleSquares, shift| U256::from(part.value(j)).shl(shift);
                    // (h * 2^32 + l)^2 = hh * 2^64 + 2 * hl * 2^32 + ll
                    at(&self.ll, 0).add(at(&self.hl, 33)).add(at(&self.hh, 64))
                })
            }
        }
    )*};
}
wide_squares! {
    i64: |x| x.unsigned_abs();
    u64: |x| x;
}

macro_rules! within {
    ($name:ident) => {
        macro_rules! $name {
            () => {
                #[inline(always)]
                fn within(
                    simd: impl Simd,
                    x: &[Self; N],
                    within: &Interval<Self>,
                    count: &mut [u32; N],
                ) -> [Self; N] {
                    simd.$name(*x, within, count)
                }
            };
        }
    };
}
within!(within_i32);
within!(within_i64);

/// Loops that the compiler vectorizes by itself, for the rarer types.
macro_rules! plain_within {
    () => {};
}

macro_rules! integer_lane {
    ($($t:ty: $within:ident, $choose:ident, $sum:ty, $squares:ty;)*) => {$(
        range_lanes!($t, |_simd, lo, hi, nan, x| lower_each(lo, x), higher_each(hi, x), nan);

        impl Lane for $t {
            type Total = i128;
            type Spread = U256;
            type SumLanes = $sum;
            type SpreadLanes = $squares;
            type RangeLanes = RangeLanes<$t>;
            type BoundLanes = RangeLanes<$t>;
            const FLOAT: bool = false;
            const HIGHEST: Self = <$t>::MAX;
            const LOWEST: Self = <$t>::MIN;
            const NAN: Self = 0;

            #[inline(always)]
            #[allow(clippy::cast_lossless, reason = "64-bit integers are rounded")]
            fn to_f64(self) -> f64 {
                self as f64
            }
            $within!();
            choose!($choose);
            fn fold(order: &FoldOrder<'_, Self>) -> Cells<Self> {
                order.run_integer()
            }
            #[inline(always)]
            fn join_totals(a: i128, b: i128) -> i128 {
                a + b
            }
            #[inline(always)]
            fn is_clean(_: i128) -> bool {
                true
            }
            fn is_total(total: i128, count: u64, least: $t, most: $t) -> bool {
                let n = i128::from(count);
                let bound = |x: $t| n.checked_mul(i128::from(x));
                bound(least).is_some_and(|least| least <= total)
                    && bound(most).is_some_and(|most| total <= most)
            }
            fn is_spread(squares: U256, total: i128, count: u64, least: $t, most: $t) -> bool {
                let (n, wide) = (u128::from(count), |x: $t| i128::from(x).unsigned_abs());
                let largest = wide(least).max(wide(most));
                // At most `count` of the largest squares, and at least the square of the sum over
                // the count (Cauchy and Schwarz): otherwise the variance would be negative.
                squares <= U256::product(largest * largest, n)
                    && squares.mul(n) >= U256::product(total.unsigned_abs(), total.unsigned_abs())
            }
            fn mean(total: i128, count: u64) -> f64 {
                if count == 0 {
                    return f64::NAN;
                }
                let mean = U256::from(total.unsigned_abs()).ratio(U256::from(u128::from(count)));
                if total < 0 { -mean } else { mean }
            }
            #[inline(always)]
            fn add_squares(a: U256, b: U256) -> U256 {
                a.add(b)
            }
            #[inline(always)]
            fn settle(squares: U256, _: i128, _: u64, _: f64) -> (U256, bool) {
                (squares, false)
            }
            #[inline(always)]
            fn join_spreads(a: (u64, i128, U256), b: (u64, i128, U256)) -> U256 {
                a.2.add(b.2)
            }
            fn centred(squares: U256, total: i128, count: u64, ddof: u64) -> f64 {
                if count <= ddof {
                    return f64::NAN;
                }
                // (n * sum of squares - square of sum) / (n * (n - ddof)), rounded once.
                let n = u128::from(count);
                let above = squares.mul(n).sub(U256::product(total.unsigned_abs(), total.unsigned_abs()));
                above.ratio(U256::product(n, n - u128::from(ddof)))
            }
        }
    )*};
}
integer_lane! {
    i32: within_i32, choose_32, NarrowSum, MiddleSquares;
    i64: within_i64, choose_64, WideSum, WideSquares;
    u32: plain_within, choose_32, NarrowSum, MiddleSquares;
    u64: plain_within, choose_64, WideSum, WideSquares;
}
