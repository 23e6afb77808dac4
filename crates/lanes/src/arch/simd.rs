//! Vectors of eight, as an instruction set computes them.
//!
//! Most loops over arrays of eight are vectorised by the compiler, and are left to it. Long chains
//! of float operations are not, reliably: beyond a certain depth its vectoriser falls back to parts of
//! vectors, which cost compensated sums two thirds of their speed. Those are spelled out here.

use half::f16;

/// Eight elements.
pub type V<T> = [T; 8];

/// Operations on vectors of eight. A value proves that the machine has the instruction set; only
/// [`Isa::run`](super::Isa::run) hands one out.
///
/// All of them round as the operators of Rust do, element by element, so that the instruction set
/// changes no bit.
pub trait Simd: Copy + Send + Sync + sealed::Sealed {
    /// `a + b`
    fn add(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// `a - b`
    fn sub(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// `a * b`
    fn mul(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// The same numbers in more digits.
    fn widen(self, x: V<f32>) -> V<f64>;
    /// The same numbers in more digits.
    fn widen_f16(self, x: V<f16>) -> V<f32>;
    /// `if b < a { b } else { a }`: a NaN in `b` is passed over.
    fn lower_f32(self, a: V<f32>, b: V<f32>) -> V<f32>;
    /// `if b > a { b } else { a }`
    fn higher_f32(self, a: V<f32>, b: V<f32>) -> V<f32>;
    /// As for `f32`.
    fn lower_f64(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// As for `f32`.
    fn higher_f64(self, a: V<f64>, b: V<f64>) -> V<f64>;
}

pub(super) mod sealed {
    /// Nobody else implements it.
    pub trait Sealed {}
}

/// What the compiler makes of plain Rust.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub(super) ());

impl sealed::Sealed for Plain {}

#[inline(always)]
fn each<A: Copy, B: Copy, C>(a: V<A>, b: V<B>, f: impl Fn(A, B) -> C) -> V<C> {
    std::array::from_fn(|j| f(a[j], b[j]))
}

impl Simd for Plain {
    #[inline(always)]
    fn add(self, a: V<f64>, b: V<f64>) -> V<f64> {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: V<f64>, b: V<f64>) -> V<f64> {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: V<f64>, b: V<f64>) -> V<f64> {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn widen(self, x: V<f32>) -> V<f64> {
        x.map(f64::from)
    }
    #[inline(always)]
    fn widen_f16(self, x: V<f16>) -> V<f32> {
        x.map(f16::to_f32)
    }
    #[inline(always)]
    fn lower_f32(self, a: V<f32>, b: V<f32>) -> V<f32> {
        each(a, b, |a, b| if b < a { b } else { a })
    }
    #[inline(always)]
    fn higher_f32(self, a: V<f32>, b: V<f32>) -> V<f32> {
        each(a, b, |a, b| if b > a { b } else { a })
    }
    #[inline(always)]
    fn lower_f64(self, a: V<f64>, b: V<f64>) -> V<f64> {
        each(a, b, |a, b| if b < a { b } else { a })
    }
    #[inline(always)]
    fn higher_f64(self, a: V<f64>, b: V<f64>) -> V<f64> {
        each(a, b, |a, b| if b > a { b } else { a })
    }
}
