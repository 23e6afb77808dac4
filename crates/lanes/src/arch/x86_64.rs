//! The wrappers for x86-64, and its vectors. No `fma`: sums must not be contracted.

use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::{
    __m128i, __m256, __m256d, __m256i, __m512d, __m512i, __mmask8, _CMP_GE_OQ, _CMP_LE_OQ,
    _CMP_UNORD_Q, _MM_HINT_T0, _mm_prefetch, _mm_sfence, _mm_stream_si128, _mm_test_epi8_mask,
    _mm256_add_epi32, _mm256_add_epi64, _mm256_add_pd, _mm256_and_ps, _mm256_and_si256,
    _mm256_cmp_ps, _mm256_cmpge_epi32_mask, _mm256_cmpgt_epi64, _mm256_cmple_epi32_mask,
    _mm256_cvtepu8_epi32, _mm256_cvtepu8_epi64, _mm256_cvtph_ps, _mm256_cvtps_pd,
    _mm256_madd_epi16, _mm256_mask_add_epi32, _mm256_maskz_mov_epi32, _mm256_max_pd, _mm256_max_ps,
    _mm256_min_pd, _mm256_min_ps, _mm256_mul_pd, _mm256_or_ps, _mm256_sad_epu8, _mm256_set1_epi32,
    _mm256_sign_epi32, _mm256_sub_epi32, _mm256_sub_pd, _mm256_xor_ps, _mm512_add_epi32,
    _mm512_add_epi64, _mm512_add_pd, _mm512_cmp_pd_mask, _mm512_cmpge_epi64_mask,
    _mm512_cmple_epi64_mask, _mm512_cvtps_pd, _mm512_madd_epi16, _mm512_maskz_mov_epi64,
    _mm512_maskz_mov_pd, _mm512_max_pd, _mm512_min_pd, _mm512_mul_pd, _mm512_sad_epu8,
    _mm512_set1_epi64, _mm512_set1_pd, _mm512_sub_pd,
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

pub(super) fn has_avx512() -> bool {
    has_avx2() && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl")
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn avx512<J: Job>(job: J) -> J::Output {
    job.run(Avx512(()))
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
            // SAFETY: 16 bytes inside the 64 of `to`, which begins at a multiple of 64. SSE2 is
            // part of x86-64. Reason: see the caller; the figures are in ARCHITECTURE.md.
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

/// Made in [`avx2`] alone, which only runs where `has_avx2` is true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

/// Made in [`avx512`] alone, which only runs where `has_avx512` is true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl sealed::Sealed for Avx2 {}
impl sealed::Sealed for Avx512 {}

// SAFETY of all intrinsics below: a value of the type exists only where the CPU was seen to have
// every feature that its wrapper is compiled for, which are those that the intrinsics ask for; they
// compute on values and touch no memory. Reason: see `simd.rs`.

/// An operation on two vectors of eight doubles in one register.
macro_rules! one_register {
    ($a:expr, $b:expr, $op:ident) => {{
        let (a, b): (__m512d, __m512d) = (must_cast($a), must_cast($b));
        // SAFETY: see above.
        must_cast(unsafe { $op(a, b) })
    }};
}

/// The same in two registers.
macro_rules! two_registers {
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

/// What is the same with and without AVX-512. `min` and `max` of x86 give the second operand when
/// the two do not compare.
macro_rules! common {
    ($doubles:ident, $add:ident, $sub:ident, $mul:ident, $min:ident, $max:ident) => {
        #[inline(always)]
        fn add(self, a: V<f64>, b: V<f64>) -> V<f64> {
            $doubles!(a, b, $add)
        }
        #[inline(always)]
        fn sub(self, a: V<f64>, b: V<f64>) -> V<f64> {
            $doubles!(a, b, $sub)
        }
        #[inline(always)]
        fn mul(self, a: V<f64>, b: V<f64>) -> V<f64> {
            $doubles!(a, b, $mul)
        }
        #[inline(always)]
        fn lower_f64(self, a: V<f64>, b: V<f64>) -> V<f64> {
            $doubles!(b, a, $min)
        }
        #[inline(always)]
        fn higher_f64(self, a: V<f64>, b: V<f64>) -> V<f64> {
            $doubles!(b, a, $max)
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
            // What is kept is all ones: minus one.
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
    };
}

/// Eight bytes, and eight zeros above them.
#[inline(always)]
fn in_low_half(bytes: V<u8>) -> __m128i {
    must_cast([u64::from_ne_bytes(bytes), 0])
}

/// `within_*` with the masks of AVX-512: two comparisons, a masked move, a masked count.
macro_rules! with_masks {
    ($($name:ident: $t:ty, $register:ty, $set:ident, $at_least:expr, $at_most:expr, $keep:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, x: V<$t>, within: &Interval<$t>, count: &mut V<u32>) -> V<$t> {
            let x: $register = must_cast(x);
            // SAFETY: see above.
            let lo = unsafe { $set(within.lo) };
            // SAFETY: see above.
            let hi = unsafe { $set(within.hi) };
            // SAFETY: see above.
            let above = unsafe { $at_least(x, lo) };
            // SAFETY: see above.
            let inside = above & unsafe { $at_most(x, hi) };
            let keep = inside ^ if within.negate { __mmask8::MAX } else { 0 };
            let counted: __m256i = must_cast(*count);
            let one: __m256i = must_cast([1_u32; 8]);
            // SAFETY: see above.
            *count = must_cast(unsafe { _mm256_mask_add_epi32(counted, keep, counted, one) });
            // SAFETY: see above.
            must_cast(unsafe { $keep(keep, x) })
        }
    )*};
}

impl Simd for Avx2 {
    common!(
        two_registers,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_min_pd,
        _mm256_max_pd
    );

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

impl Simd for Avx512 {
    common!(
        one_register,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_min_pd,
        _mm512_max_pd
    );

    #[inline(always)]
    fn widen(self, x: V<f32>) -> V<f64> {
        let x: __m256 = must_cast(x);
        // SAFETY: see above.
        must_cast(unsafe { _mm512_cvtps_pd(x) })
    }

    #[inline(always)]
    fn sum_u8(self, sums: V<u64>, x: [u8; 64]) -> V<u64> {
        let (sums, x): (__m512i, __m512i) = (must_cast(sums), must_cast(x));
        let zero: __m512i = must_cast([0_u64; 8]);
        // SAFETY: see above.
        let eights = unsafe { _mm512_sad_epu8(x, zero) };
        // SAFETY: see above.
        must_cast(unsafe { _mm512_add_epi64(sums, eights) })
    }
    #[inline(always)]
    fn sum_i16(self, sums: [i32; 16], x: [i16; 32]) -> [i32; 16] {
        let (sums, x): (__m512i, __m512i) = (must_cast(sums), must_cast(x));
        let one: __m512i = must_cast([1_i16; 32]);
        // SAFETY: see above.
        let pairs = unsafe { _mm512_madd_epi16(x, one) };
        // SAFETY: see above.
        must_cast(unsafe { _mm512_add_epi32(sums, pairs) })
    }

    #[inline(always)]
    fn keep_64(self, x: V<u64>, keep: V<u8>) -> V<u64> {
        let keep = in_low_half(keep);
        // SAFETY: see above. The upper half is zero, so that the mask fits.
        let keep = unsafe { _mm_test_epi8_mask(keep, keep) } as __mmask8;
        // SAFETY: see above.
        must_cast(unsafe { _mm512_maskz_mov_epi64(keep, must_cast(x)) })
    }

    with_masks! {
        within_f64: f64, __m512d, _mm512_set1_pd,
            _mm512_cmp_pd_mask::<_CMP_GE_OQ>, _mm512_cmp_pd_mask::<_CMP_LE_OQ>, _mm512_maskz_mov_pd;
        within_i32: i32, __m256i, _mm256_set1_epi32,
            _mm256_cmpge_epi32_mask, _mm256_cmple_epi32_mask, _mm256_maskz_mov_epi32;
        within_i64: i64, __m512i, _mm512_set1_epi64,
            _mm512_cmpge_epi64_mask, _mm512_cmple_epi64_mask, _mm512_maskz_mov_epi64;
    }
}
