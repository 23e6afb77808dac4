//! Letting go of pages, and asking for them many at a time.
//!
//! Both are about which pages of a *shared file* mapping are in the process's page table, never about
//! what they hold: a page that was let go comes back from the page cache as it was. On private
//! (copy-on-write) mappings the same advice would lose changes; nothing here is ever called on one.

use std::ops::Range;

use super::Bytes;

/// The smallest unit, where it is not known better: a multiple of it is right everywhere.
#[cfg(target_os = "linux")]
fn page_size() -> usize {
    rustix::param::page_size()
}

/// The pages that a range of a mapping of this length touches. Outward: a neighbour that is still
/// in use comes back with one more fault, while parts of pages would pile up.
#[cfg(target_os = "linux")]
fn pages(bytes: &Range<usize>, len: usize) -> Option<Range<usize>> {
    let page = page_size();
    let (start, end) = (bytes.start / page * page, bytes.end.next_multiple_of(page));
    (bytes.start < bytes.end && bytes.end <= len).then_some(start..end)
}

impl Bytes {
    /// Lets go of the pages of this range, which need not be resident any longer. They are still
    /// in the page cache, as far as there is room.
    pub(crate) fn release(&self, bytes: Range<usize>) {
        #[cfg(target_os = "linux")]
        if let Some(map) = &self.map
            && let Some(pages) = pages(&bytes, map.len())
        {
            let at = map.as_ptr().wrapping_add(pages.start).cast_mut().cast();
            // SAFETY: the range lies within a mapping that `self` keeps alive, which is shared and
            // read-only (`map_shared`): the kernel fills its pages again from the file when they
            // are touched. Reason: `memory_ceiling`. A failure only keeps the pages.
            let _ =
                unsafe { rustix::mm::madvise(at, pages.len(), rustix::mm::Advice::LinuxDontNeed) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = bytes;
    }
}

/// A shared mapping open for writing, by its place: its elements are lent out meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SharedPages {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing to tell elsewhere"))]
    start: usize,
    len: usize,
}

impl SharedPages {
    pub(super) fn new(map: &memmap2::MmapMut) -> Self {
        Self { start: map.as_ptr().expose_provenance(), len: map.len() }
    }

    /// Makes the pages of this range present and writable in one call, instead of a page fault for
    /// each. What the filesystem cannot do, no room or a quota, is an error here and would be a
    /// signal at the first store.
    pub(super) fn populate(&self, bytes: Range<usize>) -> std::io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::io::Errno;
            let Some(pages) = pages(&bytes, self.len) else { return Ok(()) };
            match self.advise(pages, rustix::mm::Advice::LinuxPopulateWrite) {
                Err(Errno::FAULT) => Err(std::io::Error::new(
                    std::io::ErrorKind::StorageFull,
                    "the filesystem gave no room for these pages",
                )),
                // Kernels before 5.14, and what is only advice after all.
                Ok(()) | Err(Errno::INVAL | Errno::AGAIN | Errno::NOMEM) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (bytes, self.len);
            Ok(())
        }
    }

    /// Lets go of the pages of this range; what was written is in the page cache.
    pub(super) fn release(&self, bytes: &Range<usize>) {
        #[cfg(target_os = "linux")]
        if let Some(pages) = pages(bytes, self.len) {
            let _ = self.advise(pages, rustix::mm::Advice::LinuxDontNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = bytes;
    }

    #[cfg(target_os = "linux")]
    fn advise(
        &self,
        pages: Range<usize>,
        advice: rustix::mm::Advice,
    ) -> Result<(), rustix::io::Errno> {
        let at = std::ptr::with_exposed_provenance_mut(self.start + pages.start);
        // SAFETY: the range lies within a mapping that outlives `self` (a `WriteBack` borrows its
        // owner), shared and backed by a file: neither advice changes what it holds, and threads
        // that write to it meanwhile at most fault once more. Reason: a fault for each page costs
        // more than writing it, and `memory_ceiling`.
        unsafe { rustix::mm::madvise(at, pages.len(), advice) }
    }
}
