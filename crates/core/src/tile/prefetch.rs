//! Prefetching memory.

/// Prefetches the cache line at `pointer`, which may be any address. Does nothing on machines
/// without such an instruction.
#[inline(always)]
pub(super) fn prefetch(pointer: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see and never faults, whatever the
    // address. Reason: no hardware follows the many short streams of columns that are read side by
    // side.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(pointer.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = pointer;
}
