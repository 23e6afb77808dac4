//! Memory for large results, assembled by many threads.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::huge::advise_huge;

/// A vector that threads assemble from parts of equal length (the last one may be shorter), each
/// part written once and in place: nothing is zeroed before or copied afterwards. Large ones
/// request huge pages, as with [`zeros`](crate::zeros).
///
/// ```
/// use rowmill_core::Assembly;
/// let squares = Assembly::new(10, 4).expect("80 bytes");
/// std::thread::scope(|scope| {
///     for part in 0..3_u64 {
///         let squares = &squares;
///         scope.spawn(move || {
///             let first = part * 4;
///             let values = (first..).map(|i| i * i);
///             squares.fill(part as usize, |part| {
///                 part.extend(values);
///                 Ok::<_, ()>(())
///             })
///         });
///     }
/// });
/// let squares = squares.into_vec().expect("all parts were filled");
/// assert_eq!(squares[..5], [0, 1, 4, 9, 16]);
/// ```
#[derive(Debug)]
pub struct Assembly<T> {
    /// Its length is zero, its capacity the whole.
    memory: Vec<T>,
    /// The start of `memory`.
    start: *mut T,
    len: usize,
    part_len: usize,
    /// The parts that are being filled or full.
    taken: Vec<AtomicBool>,
    /// The number of parts that are full.
    full: AtomicUsize,
}

// SAFETY: `start` points to what `memory` owns, which moves between threads as any vector does.
// Reason: a pointer is not `Send` by itself.
unsafe impl<T: Send> Send for Assembly<T> {}

// SAFETY: through a shared reference elements are written only, each by the one thread that took
// its part, and never read or dropped: whoever gets them has the `Assembly` itself. So they move
// between threads and are not shared: `Send` is enough. Reason: as above.
unsafe impl<T: Send> Sync for Assembly<T> {}

impl<T: Copy> Assembly<T> {
    /// Capacity for `len` elements in parts of `part_len`; `None` if there is no memory for them,
    /// or if parts are empty.
    #[must_use]
    pub fn new(len: usize, part_len: usize) -> Option<Self> {
        if part_len == 0 {
            return None;
        }
        let mut memory = Vec::new();
        memory.try_reserve_exact(len).ok()?;
        advise_huge(memory.spare_capacity_mut());
        let mut taken = Vec::new();
        let parts = len.div_ceil(part_len);
        taken.try_reserve_exact(parts).ok()?;
        taken.resize_with(parts, AtomicBool::default);
        let start = memory.as_mut_ptr();
        Some(Self { memory, start, len, part_len, taken, full: AtomicUsize::new(0) })
    }

    /// Calls `f` to fill a part.
    ///
    /// # Errors
    /// The error of `f`; the part stays unfinished then.
    ///
    /// # Panics
    /// If the part does not exist, if it was given out before, or if `f` succeeds without filling
    /// it.
    pub fn fill<E>(
        &self,
        part: usize,
        f: impl FnOnce(&mut Unfilled<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let taken = self.taken[part].swap(true, Ordering::Relaxed);
        assert!(!taken, "part {part} is filled once");
        let first = part * self.part_len;
        let len = self.part_len.min(self.len - first);
        let at = self.start.wrapping_add(first).cast::<MaybeUninit<T>>();
        // SAFETY: `memory` was made with room for `len` elements from `start` on, which stays where
        // it is as long as `self` lives and is not touched otherwise before `into_vec`, which takes
        // `self`. `first` is below `len`, as there is such a part (else `taken[part]` panics). The
        // elements of this part are lent here alone, because `taken` was false once, and parts do
        // not overlap. Reason: results of gigabytes are written once, by all workers.
        let slots = unsafe { std::slice::from_raw_parts_mut(at, len) };
        // Its lifetime is known to this call alone, so that `f` can neither keep it nor put another
        // one in its place: when `f` is done, what is full here is full in `memory`.
        let mut unfilled = Unfilled { slots, filled: 0 };
        f(&mut unfilled)?;
        assert_eq!(unfilled.len(), 0, "part {part} is filled to its end");
        self.full.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The vector, if all parts were filled.
    #[must_use]
    pub fn into_vec(self) -> Option<Vec<T>> {
        if self.full.load(Ordering::Acquire) < self.taken.len() {
            return None;
        }
        let Self { mut memory, len, .. } = self;
        // SAFETY: there is room for `len` elements. Every part was filled to its end, as each adds
        // to `full` once at most, and parts are all there is; what other threads wrote happened
        // before they added to `full`. Reason: as above.
        unsafe { memory.set_len(len) };
        Some(memory)
    }
}

/// A part of an [`Assembly`] that is being filled, from its start to its end.
#[derive(Debug)]
pub struct Unfilled<'a, T> {
    slots: &'a mut [MaybeUninit<T>],
    /// The number of elements written, from the start.
    filled: usize,
}

impl<T: Copy> Unfilled<'_, T> {
    /// The number of missing elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.filled
    }

    /// Whether no elements are missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an element.
    ///
    /// # Panics
    /// If the part is full.
    #[inline]
    pub fn push(&mut self, value: T) {
        self.slots[self.filled].write(value);
        self.filled += 1;
    }

    /// Adds elements until the part is full or the iterator ends.
    #[inline]
    pub fn extend(&mut self, values: impl IntoIterator<Item = T>) {
        let mut written = 0;
        for (value, slot) in values.into_iter().zip(&mut self.slots[self.filled..]) {
            slot.write(value);
            written += 1;
        }
        self.filled += written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembly(len: usize, part_len: usize) -> Assembly<usize> {
        Assembly::new(len, part_len).expect("little memory")
    }

    fn all(part: &mut Unfilled<'_, usize>, from: usize) -> Result<(), ()> {
        part.extend(from..);
        Ok(())
    }

    #[test]
    fn parts_come_together_in_order_whoever_fills_them_when() {
        for (len, part_len) in [(0, 3), (1, 3), (3, 3), (10, 3), (12, 3), (1 << 20, 1000)] {
            let x = assembly(len, part_len);
            std::thread::scope(|scope| {
                for turn in 0..3 {
                    let x = &x;
                    scope.spawn(move || {
                        for part in (0..len.div_ceil(part_len)).rev().filter(|p| p % 3 == turn) {
                            x.fill(part, |p| all(p, part * part_len)).expect("no failure");
                        }
                    });
                }
            });
            assert!(x.into_vec().expect("full").into_iter().eq(0..len));
        }
    }

    #[test]
    fn incomplete_vectors_are_not_returned() {
        let x = assembly(10, 3);
        for part in [0, 1, 3] {
            x.fill(part, |p| all(p, 0)).expect("no failure");
        }
        assert!(x.into_vec().is_none());
        let failing = assembly(4, 2);
        failing.fill(0, |p| all(p, 0)).expect("no failure");
        let failed = failing.fill(1, |p| {
            p.push(7);
            Err("not this one")
        });
        assert_eq!(failed, Err("not this one"));
        assert!(failing.into_vec().is_none());
    }

    #[test]
    fn parts_are_filled_once_and_to_the_end() {
        fn panics(f: impl FnOnce()) -> bool {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err()
        }
        let x = assembly(10, 3);
        x.fill(0, |p| all(p, 0)).expect("no failure");
        assert!(panics(|| _ = x.fill(0, |p| all(p, 0))), "twice");
        assert!(panics(|| _ = x.fill(4, |p| all(p, 0))), "no such part");
        assert!(panics(|| _ = x.fill(1, |_| Ok::<_, ()>(()))), "too few");
        let too_many = |p: &mut Unfilled<'_, usize>| {
            (0..4).for_each(|i| p.push(i));
            Ok::<_, ()>(())
        };
        assert!(panics(|| _ = x.fill(2, too_many)), "too many");
        assert!(x.into_vec().is_none());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(Assembly::<u8>::new(5, 0).is_none());
        assert!(Assembly::<u64>::new(usize::MAX / 4, 1 << 20).is_none());
    }
}
