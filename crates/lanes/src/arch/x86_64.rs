//! The wrappers for x86-64, and its vectors. No `fma`: sums must not be contracted.

use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::{
    __m128i, __m256, __m256d, __m256i, _CMP_GE_OQ, _CMP_LE_OQ, _CMP_UNORD_Q, _MM_HINT_T0,
    _mm_prefetch, _mm_sfence, _mm_stream_si128, _mm256_add_epi32, _mm256_add_epi64, _mm256_add_pd,
    _mm256_and_ps, _mm256_and_si256, _mm256_cmp_ps, _mm256_cmpgt_epi64, _mm256_cvtepu8_epi32,
    _mm256_cvtepu8_epi64, _mm256_cvtph_ps, _mm256_cvtps_pd, _mm256_madd_epi16, _mm256_max_pd,
    _mm256_max_ps, _mm256_min_pd, _mm256_min_ps, _mm256_mul_pd, _mm256_or_ps, _mm256_sad_epu8,
    _mm256_sign_epi32, _mm256_sub_epi32, _mm256_sub_pd, _mm256_xor_ps,
};

use bytemuck::must_cast;
use half::f16;

use super::Job;
use super::simd::{Interval, Simd, V, sealed};

pub(super) fn has_avx2() -> bool {
    has!("avx2") && has!("bmi1") && has!("bmi2") && has!("popcnt") && has!("f16c")
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,f16c")]
pub(super) fn avx2<J: Job>(job: J) -> J::Output {
    job.run(Avx2(()))
}

#[inline(never)]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,f16c")]
fn avx2_called<J: Job>(job: J) -> J::Output {
    job.run(Avx2(()))
}

/// `to` is as long as `from`.
pub(super) fn copy_past_cache(from: &[u8], to: &mut [u8]) {
    const LINE: usize = 64;
    let head = to.as_ptr().align_offset(LINE).min(to.len());
    let (from_head, from) = from.split_at(head);
    let (to_head, to) = to.split_at_mut(head);
    to_head.copy_from_slice(from_head);
    let (from_lines, from_tail) = from.as_chunks::<LINE>();
    let (to_lines, to_tail) = to.as_chunks_mut::<LINE>();
    for (to, from) in to_lines.iter_mut().zip(from_lines) {
        let parts: [__m128i; LINE / 16] = must_cast(*from);
        for (i, part) in parts.into_iter().enumerate() {
            let at = to.as_mut_ptr().wrapping_add(16 * i).cast();
            // SAFETY: 16 bytes inside the 64 of `to`, which is borrowed exclusively and begins at a
            // multiple of 64: `head` reaches to one, or to the end of `to`. Nobody touches them
            // before the fence below. SSE2 is part of x86-64. Reason: see the caller; figures:
            // docs/decisions.md.
            unsafe { _mm_stream_si128(at, part) };
        }
    }
    // SAFETY: SSE is part of x86-64, and a fence takes nothing. Reason: stores past the cache
    // are not ordered with those that tell others that this part is done.
    unsafe { _mm_sfence() };
    to_tail.copy_from_slice(from_tail);
}

#[inline(always)]
pub(super) fn prefetch<T>(pointer: *const T) {
    // SAFETY: a prefetch reads nothing that the program can see and never faults, whatever the
    // address. Reason: the hardware follows too few of the streams of a block by itself.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(pointer.cast()) };
}

/// Made only in functions that are compiled for AVX2: [`avx2`], which only runs where `has_avx2` is
/// true, and [`avx2_called`], which only runs where there is such a value already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl sealed::Sealed for Avx2 {}

// SAFETY of all intrinsics below: they stand in methods of a value of the type, which exists only
// where the CPU was seen to have every feature that its wrapper is compiled for, among them those
// that the intrinsics ask for (AVX, AVX2, F16C); they compute on values and touch no memory.
// Reason: see `simd.rs`.

/// An operation on two vectors of eight doubles, two registers each.
macro_rules! doubles {
    ($a:expr, $b:expr, $op:ident) => {{
        let (a, b): ([__m256d; 2], [__m256d; 2]) = (must_cast($a), must_cast($b));
        // SAFETY: see above.
        let low = unsafe { $op(a[0], b[0]) };
        // SAFETY: see above.
        let high = unsafe { $op(a[1], b[1]) };
        must_cast([low, high])
    }};
}

/// An operation on two vectors of eight singles.
macro_rules! singles {
    ($a:expr, $b:expr, $op:ident) => {{
        let (a, b): (__m256, __m256) = (must_cast($a), must_cast($b));
        // SAFETY: see above.
        must_cast(unsafe { $op(a, b) })
    }};
}

/// Eight bytes, and eight zeros above them.
#[inline(always)]
fn in_low_half(bytes: V<u8>) -> __m128i {
    must_cast([u64::from_ne_bytes(bytes), 0])
}

/// `min` and `max` of x86 give the second operand when the two do not compare.
impl Simd for Avx2 {
    const CALLS: bool = false;

    #[inline(always)]
    fn call<J: Job>(self, job: J) -> J::Output {
        // SAFETY: a value of this type proves that the CPU has all features that the function is
        // compiled for. Reason: what is inlined many times is most of what is compiled.
        unsafe { avx2_called(job) }
    }

    #[inline(always)]
    fn add(self, a: V<f64>, b: V<f64>) -> V<f64> {
        doubles!(a, b, _mm256_add_pd)
    }
    #[inline(always)]
    fn sub(self, a: V<f64>, b: V<f64>) -> V<f64> {
        doubles!(a, b, _mm256_sub_pd)
    }
    #[inline(always)]
    fn mul(self, a: V<f64>, b: V<f64>) -> V<f64> {
        doubles!(a, b, _mm256_mul_pd)
    }
    #[inline(always)]
    fn lower_f64(self, a: V<f64>, b: V<f64>) -> V<f64> {
        doubles!(b, a, _mm256_min_pd)
    }
    #[inline(always)]
    fn higher_f64(self, a: V<f64>, b: V<f64>) -> V<f64> {
        doubles!(b, a, _mm256_max_pd)
    }
    #[inline(always)]
    fn lower_f32(self, a: V<f32>, b: V<f32>) -> V<f32> {
        singles!(b, a, _mm256_min_ps)
    }
    #[inline(always)]
    fn higher_f32(self, a: V<f32>, b: V<f32>) -> V<f32> {
        singles!(b, a, _mm256_max_ps)
    }
    #[inline(always)]
    fn widen_f16(self, x: V<f16>) -> V<f32> {
        let x: __m128i = must_cast(x);
        // SAFETY: see above.
        must_cast(unsafe { _mm256_cvtph_ps(x) })
    }
    // With masks in registers of their own this is half as fast: too few units work on those.
    #[inline(always)]
    fn within_f32(self, x: V<f32>, within: &Interval<f32>, count: &mut V<u32>) -> V<f32> {
        let x: __m256 = must_cast(x);
        let (lo, hi): (__m256, __m256) = (must_cast([within.lo; 8]), must_cast([within.hi; 8]));
        let flip: __m256 = must_cast([if within.negate { u32::MAX } else { 0 }; 8]);
        // SAFETY: see above.
        let above = unsafe { _mm256_cmp_ps::<_CMP_GE_OQ>(x, lo) };
        // SAFETY: see above.
        let below = unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(x, hi) };
        // SAFETY: see above.
        let inside = unsafe { _mm256_and_ps(above, below) };
        // SAFETY: see above.
        let keep = unsafe { _mm256_xor_ps(inside, flip) };
        // A kept element is all ones: minus one.
        // SAFETY: see above.
        *count = must_cast(unsafe { _mm256_sub_epi32(must_cast(*count), must_cast(keep)) });
        // SAFETY: see above.
        must_cast(unsafe { _mm256_and_ps(keep, x) })
    }
    // Not with a mask in a register of its own, as above: the sign of a byte's word, which is never
    // negative, takes a word or clears it.
    #[inline(always)]
    fn keep_32(self, x: V<u32>, keep: V<u8>) -> V<u32> {
        // SAFETY: see above.
        let keep = unsafe { _mm256_cvtepu8_epi32(in_low_half(keep)) };
        // SAFETY: see above.
        must_cast(unsafe { _mm256_sign_epi32(must_cast(x), keep) })
    }
    #[inline(always)]
    fn count_kept(self, count: V<u32>, keep: V<u8>) -> V<u32> {
        let kept: __m256i = must_cast(self.keep_32([1; 8], keep));
        // SAFETY: see above.
        must_cast(unsafe { _mm256_add_epi32(must_cast(count), kept) })
    }
    #[inline(always)]
    fn note_nan_f32(self, seen: V<u32>, x: V<f32>) -> V<u32> {
        let (seen, x): (__m256, __m256) = (must_cast(seen), must_cast(x));
        // SAFETY: see above.
        let nan = unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x) };
        // SAFETY: see above.
        must_cast(unsafe { _mm256_or_ps(seen, nan) })
    }

    #[inline(always)]
    fn widen(self, x: V<f32>) -> V<f64> {
        let [low, high]: [[f32; 4]; 2] = must_cast(x);
        // SAFETY: see above.
        let low = unsafe { _mm256_cvtps_pd(must_cast(low)) };
        // SAFETY: see above.
        let high = unsafe { _mm256_cvtps_pd(must_cast(high)) };
        must_cast([low, high])
    }

    #[inline(always)]
    fn sum_u8(self, sums: V<u64>, x: [u8; 64]) -> V<u64> {
        let (sums, x): ([__m256i; 2], [__m256i; 2]) = (must_cast(sums), must_cast(x));
        let zero: __m256i = must_cast([0_u64; 4]);
        // SAFETY: see above.
        let some = unsafe { _mm256_sad_epu8(x[0], zero) };
        // SAFETY: see above.
        let low = unsafe { _mm256_add_epi64(sums[0], some) };
        // SAFETY: see above.
        let some = unsafe { _mm256_sad_epu8(x[1], zero) };
        // SAFETY: see above.
        let high = unsafe { _mm256_add_epi64(sums[1], some) };
        must_cast([low, high])
    }
    #[inline(always)]
    fn sum_i16(self, sums: [i32; 16], x: [i16; 32]) -> [i32; 16] {
        let (sums, x): ([__m256i; 2], [__m256i; 2]) = (must_cast(sums), must_cast(x));
        let one: __m256i = must_cast([1_i16; 16]);
        // SAFETY: see above.
        let some = unsafe { _mm256_madd_epi16(x[0], one) };
        // SAFETY: see above.
        let low = unsafe { _mm256_add_epi32(sums[0], some) };
        // SAFETY: see above.
        let some = unsafe { _mm256_madd_epi16(x[1], one) };
        // SAFETY: see above.
        let high = unsafe { _mm256_add_epi32(sums[1], some) };
        must_cast([low, high])
    }
    #[inline(always)]
    fn keep_64(self, x: V<u64>, keep: V<u8>) -> V<u64> {
        let x: [__m256i; 2] = must_cast(x);
        let [low, high]: [[u8; 4]; 2] = must_cast(keep);
        let half = |x: __m256i, keep: [u8; 4]| {
            let keep: __m128i = must_cast([u32::from_ne_bytes(keep), 0, 0, 0]);
            // SAFETY: see above.
            let keep = unsafe { _mm256_cvtepu8_epi64(keep) };
            // SAFETY: see above.
            let keep = unsafe { _mm256_cmpgt_epi64(keep, must_cast([0_u64; 4])) };
            // SAFETY: see above.
            unsafe { _mm256_and_si256(keep, x) }
        };
        must_cast([half(x[0], low), half(x[1], high)])
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
