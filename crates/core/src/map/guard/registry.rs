//! The registry of mappings: slots of atomics, readable by a signal handler.
//!
//! A handler must not wait, so it takes no lock. Each slot has a version that is odd while the slot
//! changes owner (a seqlock): a reader that sees an odd version, or different ones before and
//! after, skips the slot. It misses nothing: the slot that it looks for is stable, because the
//! faulting thread has that mapping borrowed.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

/// Slots of the registry of this process: more files than most processes may have open.
pub(super) const SLOTS: usize = 4096;

/// The offset that means no fault.
const NONE: usize = usize::MAX;

/// A mapping, or none: a free slot starts at 0, where nothing is ever mapped.
#[derive(Debug)]
pub(super) struct Slot {
    version: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    writable: AtomicBool,
    /// The first inaccessible offset in the mapping.
    fault: AtomicUsize,
}

impl Slot {
    /// All zeros, so that a registry takes no space in the binary, and memory only where it is
    /// used.
    const fn free() -> Self {
        Self {
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            writable: AtomicBool::new(false),
            fault: AtomicUsize::new(0),
        }
    }

    /// Takes the slot if it is free.
    fn take(&self, pages: &Range<usize>, writable: bool) -> bool {
        let version = self.version.load(Ordering::SeqCst);
        let free = version.is_multiple_of(2) && self.start.load(Ordering::SeqCst) == 0;
        let odd = version.wrapping_add(1);
        let orders = (Ordering::SeqCst, Ordering::SeqCst);
        if !free || self.version.compare_exchange(version, odd, orders.0, orders.1).is_err() {
            return false;
        }
        self.fault.store(NONE, Ordering::SeqCst);
        self.end.store(pages.end, Ordering::SeqCst);
        self.writable.store(writable, Ordering::SeqCst);
        self.start.store(pages.start, Ordering::SeqCst);
        self.version.store(version.wrapping_add(2), Ordering::SeqCst);
        true
    }

    /// Releases the slot. Only for its owner, before the mapping is unmapped.
    pub(super) fn leave(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.start.store(0, Ordering::SeqCst);
        self.end.store(0, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The first inaccessible offset, if there is one. Only for the owner of the slot.
    #[inline]
    pub(super) fn fault(&self) -> Option<usize> {
        // Earlier reads of the mapping are not reordered after this: a zero that the handler mapped
        // is never seen without the offset.
        fence(Ordering::Acquire);
        Some(self.fault.load(Ordering::SeqCst)).filter(|&offset| offset != NONE)
    }

    /// The pages of the slot and whether they are writable, if `address` is among them.
    #[cfg_attr(
        not(any(target_os = "linux", target_vendor = "apple")),
        allow(dead_code, reason = "there is no handler")
    )]
    fn holds(&self, address: usize) -> Option<(Range<usize>, bool)> {
        let version = self.version.load(Ordering::SeqCst);
        let pages = self.start.load(Ordering::SeqCst)..self.end.load(Ordering::SeqCst);
        let writable = self.writable.load(Ordering::SeqCst);
        let same = self.version.load(Ordering::SeqCst) == version;
        let holds = version.is_multiple_of(2) && same && pages.start != 0;
        (holds && pages.contains(&address)).then_some((pages, writable))
    }
}

/// The outcome of a fault.
#[cfg_attr(
    not(any(target_os = "linux", target_vendor = "apple")),
    allow(dead_code, reason = "there is no handler")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// There are zeros where it was.
    Covered,
    /// There is no room for zeros. The pages may be missing (POSIX), and others take their place.
    Failed,
    /// The address is none of ours.
    NotOurs,
}

/// All mappings that are guarded.
#[derive(Debug)]
pub(super) struct Registry<const N: usize = SLOTS> {
    slots: [Slot; N],
}

#[cfg_attr(
    not(any(target_os = "linux", target_vendor = "apple")),
    allow(dead_code, reason = "there is no handler")
)]
impl<const N: usize> Registry<N> {
    pub(super) const fn new() -> Self {
        Self { slots: [const { Slot::free() }; N] }
    }

    /// Registers a mapping, by its pages. `None` if every slot is taken.
    pub(super) fn enter(&self, pages: Range<usize>, writable: bool) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.take(&pages, writable))
    }

    /// Answers a fault at `address`: writes down the offset of its page, then has `map_zeros`
    /// replace all pages from there to the end of the mapping, in one call. If that cannot be done,
    /// all of the mapping: that takes no more entries in the kernel's table of mappings than there
    /// were. Only atomics, no lock.
    pub(super) fn cover(
        &self,
        address: usize,
        page: usize,
        map_zeros: impl Fn(Range<usize>, bool) -> bool,
    ) -> Answer {
        let found = self.slots.iter().find_map(|slot| Some((slot, slot.holds(address)?)));
        let Some((slot, (pages, writable))) = found else { return Answer::NotOurs };
        let first = address / page * page;
        slot.fault.fetch_min(first - pages.start, Ordering::SeqCst);
        let covered = map_zeros(first..pages.end, writable) || map_zeros(pages, writable);
        if covered { Answer::Covered } else { Answer::Failed }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const PAGE: usize = 4096;

    /// The result of `cover`, and the ranges that it mapped.
    fn cover<const N: usize>(
        registry: &Registry<N>,
        address: usize,
    ) -> (bool, Vec<(Range<usize>, bool)>) {
        let mapped = RefCell::new(Vec::new());
        let covered = registry.cover(address, PAGE, |pages, writable| {
            mapped.borrow_mut().push((pages, writable));
            true
        });
        (covered == Answer::Covered, mapped.into_inner())
    }

    #[test]
    fn only_addresses_of_ours_are_answered() {
        let registry = Registry::<4>::new();
        assert_eq!(cover(&registry, 0), (false, vec![]));
        let a = registry.enter(0x10000..0x14000, false).expect("room");
        let b = registry.enter(0x14000..0x15000, true).expect("room");
        for nothing in [0, 0xffff, 0x15000, usize::MAX] {
            assert_eq!(cover(&registry, nothing), (false, vec![]), "{nothing:#x}");
        }
        assert_eq!((a.fault(), b.fault()), (None, None));
        assert_eq!(cover(&registry, 0x12abc), (true, vec![(0x12000..0x14000, false)]));
        assert_eq!((a.fault(), b.fault()), (Some(0x2000), None));
        assert_eq!(cover(&registry, 0x14000), (true, vec![(0x14000..0x15000, true)]));
        assert_eq!(b.fault(), Some(0));
        // The lowest offset is reported.
        assert_eq!(cover(&registry, 0x13fff), (true, vec![(0x13000..0x14000, false)]));
        assert_eq!(a.fault(), Some(0x2000));
        assert_eq!(cover(&registry, 0x11000), (true, vec![(0x11000..0x14000, false)]));
        assert_eq!(a.fault(), Some(0x1000));
    }

    #[test]
    fn slots_are_used_again_and_forget() {
        let registry = Registry::<2>::new();
        let a = registry.enter(0x1000..0x2000, false).expect("room");
        assert!(registry.enter(0x4000..0x5000, true).is_some());
        assert!(registry.enter(0x8000..0x9000, true).is_none(), "full");
        assert!(cover(&registry, 0x1000).0);
        a.leave();
        assert_eq!(cover(&registry, 0x1000), (false, vec![]));
        let again = registry.enter(0x8000..0x9000, true).expect("room");
        assert_eq!(again.fault(), None);
        assert_eq!(cover(&registry, 0x8000), (true, vec![(0x8000..0x9000, true)]));
    }

    #[test]
    fn a_failed_mapping_is_retried_whole_and_then_given_up() {
        let registry = Registry::<1>::new();
        let slot = registry.enter(0x1000..0x5000, true).expect("room");
        let tried = RefCell::new(Vec::new());
        let covered = registry.cover(0x3000, PAGE, |pages, _| {
            // The offset is recorded before anything is mapped.
            assert_eq!(slot.fault(), Some(0x2000));
            tried.borrow_mut().push(pages);
            false
        });
        assert_eq!(covered, Answer::Failed);
        assert_eq!(tried.into_inner(), [0x3000..0x5000, 0x1000..0x5000]);
    }

    /// Slots change owner all the time while faults are looked up: no lookup may combine the start
    /// of one mapping with the end of another, or with another's offset.
    #[test]
    fn slots_that_change_hands_are_never_seen_half() {
        let registry = &Registry::<3>::new();
        let stop = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 1..=2_usize {
                scope.spawn(move || {
                    let mut round = 0;
                    while !stop.load(Ordering::Relaxed) {
                        // Each thread has its own addresses: a mapping of n pages starts at a
                        // multiple of 16 pages, with n encoded in its number.
                        let n = round % 7 + 1;
                        let start = (thread * 1000 + n) * 16 * PAGE;
                        let pages = start..start + n * PAGE;
                        let slot = registry.enter(pages, n % 2 == 0).expect("three for two");
                        assert_eq!(slot.fault(), None);
                        assert_eq!(cover(registry, start + (n - 1) * PAGE).1.len(), 1);
                        assert_eq!(slot.fault(), Some((n - 1) * PAGE));
                        slot.leave();
                        round += 1;
                    }
                });
            }
            for i in 0..200_000 {
                let n = i % 7 + 1;
                let thread = i % 2 + 1;
                let start = (thread * 1000 + n) * 16 * PAGE;
                let seen = |address| registry.slots.iter().find_map(|slot| slot.holds(address));
                // Just past the mapping that may be there: never one of ours.
                assert_eq!(seen(start + n * PAGE), None);
                if let Some(found) = seen(start) {
                    assert_eq!(found, (start..start + n * PAGE, n % 2 == 0));
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
