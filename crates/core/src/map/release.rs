//! Releasing pages, and populating many at a time.
//!
//! Both are about which pages of a *shared file* mapping are in the process's page table, never
//! about what they hold: a page that was let go comes back from the page cache as it was. On
//! private (copy-on-write) mappings the same advice would lose changes: they have a type of their
//! own (`PrivateMap`), which nothing here takes. Behind a fault a mapping has private zeros in the
//! place of the file (`guard.rs`), and what was written to those is zero again when it is let go:
//! it went nowhere before, which `check` has said since.

use std::ops::Range;

use super::Bytes;

/// A read fault maps this much at once, an aligned piece of the address space, as far as it is in
/// the page cache (Linux, `fault_around_bytes`).
pub(crate) const FAULT_AROUND: usize = 64 << 10;

/// The part of a mapping of `len` bytes at address `start` that `bytes` of it touch, in whole units
/// of address space; the ends of the mapping may cut the first and the last unit. `None` for no
/// bytes, and for bytes outside the mapping.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing to tell elsewhere"))]
fn whole_units(
    start: usize,
    len: usize,
    bytes: &Range<usize>,
    unit: usize,
) -> Option<Range<usize>> {
    if bytes.start >= bytes.end || bytes.end > len {
        return None;
    }
    let first = (start + bytes.start) / unit * unit;
    let end = (start + bytes.end).div_ceil(unit) * unit - start;
    Some(first.saturating_sub(start)..end.min(len))
}

/// Passes ascending runs to `f`, merging those with small gaps between them.
pub(crate) fn coalesce(runs: impl Iterator<Item = Range<usize>>, mut f: impl FnMut(Range<usize>)) {
    let mut pending: Option<Range<usize>> = None;
    for run in runs {
        pending = match pending {
            Some(p) if p.start <= run.start && run.start <= p.end.saturating_add(FAULT_AROUND) => {
                Some(p.start..p.end.max(run.end))
            }
            other => {
                other.into_iter().for_each(&mut f);
                Some(run)
            }
        };
    }
    pending.into_iter().for_each(f);
}

impl Bytes {
    /// Releases the pages of this range, which need not stay resident. They remain in the page
    /// cache, as long as there is memory.
    ///
    /// A fault next to the range maps pages of it again, up to a piece of [`FAULT_AROUND`]. So
    /// whole pieces are released: the last user of a piece leaves nothing of it, and a neighbour
    /// that still uses it takes one more fault.
    pub(crate) fn release(&self, bytes: Range<usize>) {
        #[cfg(target_os = "linux")]
        if let Some(map) = self.mapped()
            && let Some(pages) = whole_units(map.as_ptr().addr(), map.len(), &bytes, FAULT_AROUND)
        {
            let at = map.as_ptr().wrapping_add(pages.start).cast_mut().cast();
            // SAFETY: the range lies within a mapping that `self` keeps alive, which is shared and
            // read-only (`ReadMap`): the kernel fills its pages again when they are touched, from
            // the file, or behind a fault with the zeros that they hold. Reason: `memory_ceiling`.
            // A failure, as of pages larger than a piece, only keeps them.
            let _ =
                unsafe { rustix::mm::madvise(at, pages.len(), rustix::mm::Advice::LinuxDontNeed) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = bytes;
    }
}

/// A shared mapping open for writing, by its address: its elements are lent meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SharedPages {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing to tell elsewhere"))]
    start: usize,
    len: usize,
}

impl SharedPages {
    pub(super) fn new(map: &super::WriteMap) -> Self {
        Self { start: map.as_ptr().expose_provenance(), len: map.len() }
    }

    /// Makes the pages of this range present and writable in one call, instead of a page fault for
    /// each. A lack of space or an unusable page gives an error here, instead of a signal at the
    /// first store.
    pub(super) fn populate(&self, bytes: &Range<usize>) -> std::io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::io::Errno;
            match self.advise(bytes, rustix::mm::Advice::LinuxPopulateWrite) {
                Err(Errno::FAULT) => Err(std::io::Error::new(
                    std::io::ErrorKind::StorageFull,
                    "the filesystem has no space for these pages",
                )),
                Err(error @ Errno::HWPOISON) => Err(error.into()),
                // Only advice after all: kernels before 5.14 and sandboxes do not support it.
                _ => Ok(()),
            }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (bytes, self.len);
            Ok(())
        }
    }

    /// Releases the pages of this range; written data stays in the page cache.
    pub(super) fn release(&self, bytes: &Range<usize>) {
        #[cfg(target_os = "linux")]
        let _ = self.advise(bytes, rustix::mm::Advice::LinuxDontNeed);
        #[cfg(not(target_os = "linux"))]
        let _ = bytes;
    }

    #[cfg(target_os = "linux")]
    fn advise(
        &self,
        bytes: &Range<usize>,
        advice: rustix::mm::Advice,
    ) -> Result<(), rustix::io::Errno> {
        let page = rustix::param::page_size();
        let Some(pages) = whole_units(self.start, self.len, bytes, page) else { return Ok(()) };
        let at = std::ptr::with_exposed_provenance_mut(self.start + pages.start);
        // SAFETY: the range lies within a mapping that outlives `self`, which only a `WriteBack`
        // has, and that borrows the mapping's owner. It is shared and backed by a file: neither
        // advice changes what it holds, and threads that write to it meanwhile at most fault once
        // more. Behind a fault there are zeros, and what was written over them may be zero again,
        // as it may at any moment before (`map_zeros`). Reason: a fault for each page costs more
        // than writing it, and `memory_ceiling`.
        unsafe { rustix::mm::madvise(at, pages.len(), advice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::FileState;
    use crate::map::{Backend, BusErrors};

    #[test]
    fn runs_with_little_between_them_go_coalesce() {
        let go = |runs: &[Range<usize>]| {
            let mut seen = Vec::new();
            coalesce(runs.iter().cloned(), |run| seen.push((run.start, run.end)));
            seen
        };
        assert_eq!(go(&[]), []);
        assert_eq!(go(&[1..2, 5..9, 9..12]), [(1, 12)]);
        let far = 10 + FAULT_AROUND;
        assert_eq!(go(&[1..10, far..far + 5]), [(1, far + 5)]);
        let apart = [(1, 10), (far + 1, far + 5), (3, 4)];
        assert_eq!(go(&[1..10, far + 1..far + 5, 3..4]), apart);
    }

    #[test]
    fn whole_units_within_the_mapping() {
        let units = |start, bytes| whole_units(start, 100_000, &bytes, 4096);
        assert_eq!(units(8192, 0..1), Some(0..4096));
        assert_eq!(units(8192, 4096..4097), Some(4096..8192));
        assert_eq!(units(8192, 4095..8193), Some(0..12_288));
        assert_eq!(units(8192, 99_999..100_000), Some(98_304..100_000));
        // A mapping that starts within a unit.
        assert_eq!(units(9216, 0..1), Some(0..3072));
        assert_eq!(units(9216, 3072..3073), Some(3072..7168));
        for nothing in [0..0, 5..5, 0..100_001] {
            assert_eq!(units(8192, nothing), None);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn released_pages_come_back_unchanged() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.bin");
        let content: Vec<u8> = (0..300_001_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).expect("written");
        let file = std::fs::File::open(&path).expect("just written");
        let seen = FileState::of(&path, &file).expect("a plain file");
        let bytes = Bytes::new(&path, file, seen, Backend::Mapped, BusErrors::Guarded);
        let bytes = bytes.expect("a plain file");
        for range in [0..300_001, 0..1, 300_000..300_001, 70_000..200_000, 7..7, 0..300_002] {
            bytes.release(range);
            assert_eq!(bytes.mapped(), Some(content.as_slice()));
        }
        drop(bytes);
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path);
        let file = file.expect("just written");
        let claim = crate::map::Claim::write(&path, &seen).expect("nobody else has it");
        let map = crate::map::map_mut(&path, &file, seen, claim, BusErrors::Guarded);
        let mut map = map.expect("mapped").expect("not empty");
        let pages = SharedPages::new(&map);
        for range in [0..300_001, 4095..4097, 300_000..300_001, 7..7] {
            pages.populate(&range).expect("room");
            map[range.clone()].fill(7);
            pages.release(&range);
            assert!(map[range].iter().all(|&byte| byte == 7));
        }
    }
}
