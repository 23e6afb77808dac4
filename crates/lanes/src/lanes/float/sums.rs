//! Accumulators of sums and of squares.

use bytemuck::must_cast;

use super::{Compensated, two_sum};
use crate::arch::{Simd, array_of};
use crate::lanes::{N, Part, SpreadPart, SumPart, kept};

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

/// Squared deviations from a shift, in lanes of `f64`.
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
