//! Memory for large results.

use crate::element::Element;

/// The size of a huge page where there are some, and a multiple of every other page size.
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;

/// A vector of `len` zeros; `None` if there is no memory for them.
///
/// Large vectors request huge pages before they are touched: a result of gigabytes takes a page
/// fault per 2 MiB instead of per 4 KiB, on whichever worker writes there first.
///
/// ```
/// let zeros = rowmill_core::zeros::<f32>(1000).expect("4 KB");
/// assert_eq!(zeros, [0.0; 1000]);
/// assert!(rowmill_core::zeros::<f64>(usize::MAX / 4).is_none());
/// ```
#[must_use]
pub fn zeros<T: Element>(len: usize) -> Option<Vec<T>> {
    let mut zeros = bytemuck::allocation::try_zeroed_vec(len).ok()?;
    advise_huge(&mut zeros);
    Some(zeros)
}

/// Requests huge pages if the memory is large enough for some.
#[cfg(not(target_os = "linux"))]
pub(super) fn advise_huge<T>(_: &mut [T]) {}

/// Requests huge pages if the memory is large enough for some.
#[cfg(target_os = "linux")]
pub(super) fn advise_huge<T>(memory: &mut [T]) {
    let (start, len) = (memory.as_mut_ptr().addr(), size_of_val(memory));
    let first = start.next_multiple_of(HUGE) - start;
    let whole = len.saturating_sub(first) / HUGE * HUGE;
    if whole < 2 * HUGE {
        return;
    }
    let at = memory.as_mut_ptr().wrapping_byte_add(first);
    // SAFETY: the range lies within memory that is borrowed: `first + whole` is at most `len`. This
    // advice changes how pages are backed, never what they hold, also when the memory has another
    // owner later. Reason: collecting 800 MB of rows took 200,000 page faults without it. A failure
    // is not an error: the memory works all the same.
    unsafe {
        libc::madvise(at.cast(), whole, libc::MADV_HUGEPAGE);
    }
}
