//! [`Counting`]: an allocator that knows what each thread holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which also counts what the calling thread holds. Made the global
/// allocator by the tests and the fuzz targets, each in its own binary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Sizes fit `isize`: a [`Layout`] promises it. Never panics, which an allocator must not: what
/// other threads give back, or allocations that fail, may add up to anything.
fn count(bytes: isize) {
    let held = HELD.get();
    HELD.set(held.wrapping_add(bytes));
    PEAK.set(PEAK.get().max(held.saturating_add(bytes)));
}

// SAFETY: both methods pass their arguments to the system's allocator, unchanged, and give back
// what it gives; the other methods are made of these two. The counting never panics, and allocates
// nothing where the system has thread-locals: the cells are constants without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise about `layout` is the one that is needed.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() {
            // It was asked for, which the peak shows, but is not held.
            count(-layout.size().cast_signed());
        }
        memory
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: `pointer` came from `alloc` above, so from the system's allocator, and for this
        // `layout`, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most bytes that `work` held at once, in addition to what was held before; counted on the
/// calling thread, and only where [`Counting`] is the global allocator.
pub fn held_at_most(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    work();
    PEAK.get().saturating_sub(before).unsigned_abs()
}
