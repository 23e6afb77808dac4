//! Minima and maxima: of two, of vectors, and accumulated in lanes.

use super::{Lane, N};

/// The smaller of two, the first if they do not compare: a NaN that comes second is ignored.
#[inline(always)]
pub fn lower<L: Lane>(a: L, b: L) -> L {
    if b < a { b } else { a }
}

/// The elementwise minima.
#[inline(always)]
pub(crate) fn lower_each<L: Lane>(mut a: [L; N], b: &[L; N]) -> [L; N] {
    for j in 0..N {
        a[j] = lower(a[j], b[j]);
    }
    a
}

/// The elementwise maxima.
#[inline(always)]
pub(crate) fn higher_each<L: Lane>(mut a: [L; N], b: &[L; N]) -> [L; N] {
    for j in 0..N {
        a[j] = higher(a[j], b[j]);
    }
    a
}

/// The larger of two, the first if they do not compare.
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
                // Elements that are left out are replaced by those that change nothing.
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
    pub(super) lo: [L; N],
    pub(super) hi: [L; N],
    pub(super) nan: [u32; N],
}
