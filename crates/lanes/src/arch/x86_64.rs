//! The wrappers for x86-64. No `fma`: sums must not be contracted.

use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::Job;

pub(super) fn has_avx2() -> bool {
    has!("avx2") && has!("bmi1") && has!("bmi2") && has!("popcnt") && has!("f16c")
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,f16c")]
pub(super) fn avx2<J: Job>(job: J) -> J::Output {
    job.run()
}

pub(super) fn has_avx512() -> bool {
    has_avx2() && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl")
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn avx512<J: Job>(job: J) -> J::Output {
    job.run()
}

#[inline(always)]
pub(super) fn prefetch<T>(pointer: *const T) {
    // SAFETY: a prefetch reads nothing that the program can see and never faults, whatever the
    // address. Reason: the hardware follows too few of the streams of a block by itself.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(pointer.cast()) };
}
