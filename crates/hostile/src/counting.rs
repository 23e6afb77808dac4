//! [`CountingAllocator`]: an allocator that counts the bytes held by each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system allocator, which also counts the bytes held by the calling thread. Tests and fuzz
/// targets make it the global allocator of their binary.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

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
unsafe impl GlobalAlloc for CountingAllocator {
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

/// The peak of bytes that `work` holds, beyond those held before. It counts the calling thread
/// only, and needs [`CountingAllocator`] as the global allocator.
pub fn peak_bytes(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    work();
    PEAK.get().saturating_sub(before).unsigned_abs()
}
