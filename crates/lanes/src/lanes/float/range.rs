//! Accumulators of minima and maxima, with NaN noted or ignored.

use crate::arch::Simd;
use crate::lanes::{
    Lane, N, Part, RangeLanes, RangePart, higher, higher_each, lower, lower_each, range_lanes,
};

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

/// Minima and maxima in lanes, ignoring NaN.
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
                // A NaN is ignored, so it stands for elements that are left out.
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
