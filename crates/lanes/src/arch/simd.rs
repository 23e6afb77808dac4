//! Vectors of eight elements, as an instruction set computes them.
//!
//! Most loops over arrays of eight are left to the compiler's vectorizer. Long chains of float
//! operations are not vectorized reliably: beyond a certain depth the compiler falls back to parts
//! of vectors, which cost compensated sums two thirds of their speed. Those are written by hand
//! here.

use half::f16;

use super::Job;

/// Eight elements.
pub type V<T> = [T; 8];

/// As `std::array::from_fn`, with less code to compile: that one allows for a panic at every
/// element, which was a third of the code of all loops.
#[inline(always)]
pub(crate) fn array_of<T: Copy, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut array = [f(0); N];
    let mut i = 1;
    while i < N {
        array[i] = f(i);
        i += 1;
    }
    array
}

/// Operations on vectors of eight. A value proves that the machine has the instruction set; only
/// [`Isa::run`](super::Isa::run) passes one on.
///
/// All of them round like the operators of Rust, element by element, so that the instruction set
/// changes no bit.
pub trait Simd: Copy + Send + Sync + sealed::Sealed {
    /// Whether steps of loops are called and not inlined: for an instruction set of old machines,
    /// whose loops would otherwise be more than half of the compiled code.
    const CALLS: bool;

    /// Runs a job compiled for this instruction set, as a call that is not inlined.
    fn call<J: Job>(self, job: J) -> J::Output;

    /// `a + b`
    fn add(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// `a - b`
    fn sub(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// `a * b`
    fn mul(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// The same numbers, widened.
    fn widen(self, x: V<f32>) -> V<f64>;
    /// The same numbers, widened.
    fn widen_f16(self, x: V<f16>) -> V<f32>;
    /// `if b < a { b } else { a }`: a NaN in `b` is ignored.
    fn lower_f32(self, a: V<f32>, b: V<f32>) -> V<f32>;
    /// `if b > a { b } else { a }`
    fn higher_f32(self, a: V<f32>, b: V<f32>) -> V<f32>;
    /// As for `f32`.
    fn lower_f64(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// As for `f32`.
    fn higher_f64(self, a: V<f64>, b: V<f64>) -> V<f64>;
    /// `sums`, with 64 bytes added in some order.
    fn sum_u8(self, sums: V<u64>, x: [u8; 64]) -> V<u64>;
    /// `sums`, with 32 elements added in some order.
    fn sum_i16(self, sums: [i32; 16], x: [i16; 32]) -> [i32; 16];
    /// `seen`, with a nonzero value in every lane that has a NaN.
    fn note_nan_f32(self, seen: V<u32>, x: V<f32>) -> V<u32>;
    /// The words whose byte is nonzero, and zero for the others.
    fn keep_32(self, x: V<u32>, keep: V<u8>) -> V<u32>;
    /// As for 32 bits.
    fn keep_64(self, x: V<u64>, keep: V<u8>) -> V<u64>;
    /// `count`, incremented where the byte is nonzero.
    fn count_kept(self, count: V<u32>, keep: V<u8>) -> V<u32>;
    /// The words of `x` whose byte is nonzero, and those of `other` for the others.
    #[inline(always)]
    fn choose_32(self, keep: V<u8>, x: V<u32>, other: V<u32>) -> V<u32> {
        each(other, self.keep_32(each(x, other, |x, other| x ^ other), keep), |a, b| a ^ b)
    }
    /// As for 32 bits.
    #[inline(always)]
    fn choose_64(self, keep: V<u8>, x: V<u64>, other: V<u64>) -> V<u64> {
        each(other, self.keep_64(each(x, other, |x, other| x ^ other), keep), |a, b| a ^ b)
    }
    /// The elements in the closed interval, which are added to `count`; zero for the others.
    fn within_f32(self, x: V<f32>, within: &Interval<f32>, count: &mut V<u32>) -> V<f32>;
    /// As for `f32`.
    fn within_f64(self, x: V<f64>, within: &Interval<f64>, count: &mut V<u32>) -> V<f64>;
    /// As for `f32`.
    fn within_i32(self, x: V<i32>, within: &Interval<i32>, count: &mut V<u32>) -> V<i32>;
    /// As for `f32`.
    fn within_i64(self, x: V<i64>, within: &Interval<i64>, count: &mut V<u32>) -> V<i64>;
}

/// A closed interval, or its complement. A NaN is never in the interval, so always in the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval<T> {
    /// Its lower end.
    pub lo: T,
    /// Its upper end.
    pub hi: T,
    /// Whether the complement is selected.
    pub negate: bool,
}

impl<T: PartialOrd> Interval<T> {
    /// Whether this element is selected.
    #[inline(always)]
    pub fn contains(&self, x: T) -> bool {
        ((x >= self.lo) & (x <= self.hi)) != self.negate
    }

    /// The selected elements, which are counted; zero for the others.
    #[inline(always)]
    pub(crate) fn keep(&self, x: V<T>, count: &mut V<u32>) -> V<T>
    where
        T: Copy + Default,
    {
        let mut kept = x;
        for j in 0..8 {
            let keep = self.contains(x[j]);
            kept[j] = if keep { x[j] } else { T::default() };
            count[j] += u32::from(keep);
        }
        kept
    }
}

pub(super) mod sealed {
    /// Sealed.
    pub trait Sealed {}
}

/// Plain Rust, left to the compiler.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub(super) ());

impl sealed::Sealed for Plain {}

#[inline(always)]
fn each<A: Copy, B: Copy, C: Copy>(a: V<A>, b: V<B>, f: impl Fn(A, B) -> C) -> V<C> {
    array_of(|j| f(a[j], b[j]))
}

impl Simd for Plain {
    // Elsewhere there is nothing faster.
    const CALLS: bool = cfg!(target_arch = "x86_64");

    #[inline(never)]
    fn call<J: Job>(self, job: J) -> J::Output {
        job.run(self)
    }

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
        array_of(|j| f64::from(x[j]))
    }
    #[inline(always)]
    fn widen_f16(self, x: V<f16>) -> V<f32> {
        array_of(|j| x[j].to_f32())
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
    #[inline(always)]
    fn sum_u8(self, mut sums: V<u64>, x: [u8; 64]) -> V<u64> {
        let (eights, _) = x.as_chunks::<8>();
        for j in 0..8 {
            sums[j] += eights[j].iter().map(|&x| u64::from(x)).sum::<u64>();
        }
        sums
    }
    #[inline(always)]
    fn sum_i16(self, mut sums: [i32; 16], x: [i16; 32]) -> [i32; 16] {
        for j in 0..16 {
            sums[j] += i32::from(x[2 * j]) + i32::from(x[2 * j + 1]);
        }
        sums
    }
    #[inline(always)]
    fn note_nan_f32(self, seen: V<u32>, x: V<f32>) -> V<u32> {
        each(seen, x, |seen, x| seen | u32::from(x.is_nan()))
    }
    #[inline(always)]
    fn keep_32(self, x: V<u32>, keep: V<u8>) -> V<u32> {
        each(x, keep, |x, keep| if keep != 0 { x } else { 0 })
    }
    #[inline(always)]
    fn keep_64(self, x: V<u64>, keep: V<u8>) -> V<u64> {
        each(x, keep, |x, keep| if keep != 0 { x } else { 0 })
    }
    #[inline(always)]
    fn count_kept(self, count: V<u32>, keep: V<u8>) -> V<u32> {
        each(count, keep, |count, keep| count + u32::from(keep != 0))
    }
    #[inline(always)]
    fn within_f32(self, x: V<f32>, within: &Interval<f32>, count: &mut V<u32>) -> V<f32> {
        within.keep(x, count)
    }
    #[inline(always)]
    fn within_f64(self, x: V<f64>, within: &Interval<f64>, count: &mut V<u32>) -> V<f64> {
        within.keep(x, count)
    }
    #[inline(always)]
    fn within_i32(self, x: V<i32>, within: &Interval<i32>, count: &mut V<u32>) -> V<i32> {
        within.keep(x, count)
    }
    #[inline(always)]
    fn within_i64(self, x: V<i64>, within: &Interval<i64>, count: &mut V<u32>) -> V<i64> {
        within.keep(x, count)
    }
}
