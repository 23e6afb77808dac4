//! A mapping that one owner writes to while others sync it.

use std::ops::{Deref, DerefMut, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::MmapRaw;

use super::claims::Claim;
use super::guard::Guard;
use super::{FileState, WriteMap};
use crate::error::{Error, Result};
use crate::fs::Held;
use crate::map::Disk;

/// A shared mapping open for writing. Only its owner accesses its bytes; [`MappedFile`] can sync
/// its pages meanwhile, and reads none of them.
#[derive(Debug)]
pub(crate) struct SharedMut {
    // Dropped before the pages, here and in `MappedFile`, so that the last owner of the pages
    // releases the guard first.
    guard: Arc<Guard>,
    pages: Arc<MmapRaw>,
    // Dropped after everything that lends the pages; `MappedFile` has them longer, and lends
    // nothing.
    _claim: Claim,
}

impl SharedMut {
    pub(crate) fn new(map: WriteMap) -> Self {
        let (guard, map, claim) = map.into_parts();
        let pages = Arc::new(MmapRaw::from(map));
        Self { guard: Arc::new(guard), pages, _claim: claim }
    }

    /// Checks that all reads and writes so far reached the file. Costs one load.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.guard.check(path)
    }
}

impl Deref for SharedMut {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is this long, no longer than `isize::MAX` (`MmapOptions`), and lives
        // as long as `self`. It is the only one of the file that this process lends of (`Claim`).
        // References to its bytes are made here and in `deref_mut` only, so that the borrow of
        // `self` keeps them apart: whoever else has the `Arc` (`MappedFile`) only hands its range
        // to the kernel. Of other processes it is as for `ReadMap`. Reason: `MmapMut` can be
        // synced only through a borrow, which the owner's writes would exclude.
        unsafe { std::slice::from_raw_parts(self.pages.as_ptr(), self.pages.len()) }
    }
}

impl DerefMut for SharedMut {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the mapping was made for reading and writing (`MmapMut`), and
        // `&mut self` proves that no other reference to its bytes is alive.
        unsafe { std::slice::from_raw_parts_mut(self.pages.as_mut_ptr(), self.pages.len()) }
    }
}

/// A mapped file as the target of syncs. Keeps the mapping's descriptor open: write errors are
/// reported to it, and it holds the writer's lock.
#[derive(Debug)]
pub(crate) struct MappedFile {
    path: PathBuf,
    file: Arc<Held>,
    /// The state of the file when it was mapped.
    seen: FileState,
    /// `None` for empty files.
    map: Option<(Arc<Guard>, Arc<MmapRaw>)>,
}

impl MappedFile {
    pub(crate) fn new(
        path: &Path,
        file: Arc<Held>,
        seen: FileState,
        map: Option<&SharedMut>,
    ) -> Self {
        let map = map.map(|m| (Arc::clone(&m.guard), Arc::clone(&m.pages)));
        Self { path: path.to_owned(), file, seen, map }
    }
}

impl Disk for MappedFile {
    /// On Linux everything is one `fdatasync`, which is enough: `msync(MS_SYNC)` only calls
    /// `vfs_fsync_range(file, start, end, datasync = 1)` for each mapping of its range
    /// (`mm/msync.c`), and `fdatasync` does the same for the whole file (`fs/sync.c`). No page is
    /// missed: the first store to a clean page of a shared mapping faults, which marks the page
    /// dirty in the page cache (`fault_dirty_shared_page` in `mm/memory.c`), and the page is made
    /// read-only again before it is written (`folio_mkclean` from `folio_clear_dirty_for_io` in
    /// `mm/page-writeback.c`), so that the next store faults again.
    ///
    /// Elsewhere the system may keep dirty bits in the page table until `msync` or
    /// `FlushViewOfFile` collects them, so that comes first; macOS also needs `F_FULLFSYNC`, which
    /// `sync_data` issues there, to flush the disk's own cache.
    fn sync(&self, bytes: Option<Range<usize>>) -> Result<()> {
        let Some((guard, pages)) = &self.map else { return Ok(()) };
        let synced = match bytes {
            Some(bytes) => pages.flush_range(bytes.start, bytes.len()),
            None if cfg!(target_os = "linux") => self.file.sync_data(),
            None => pages.flush(),
        };
        let synced = match synced {
            Ok(()) if !cfg!(target_os = "linux") => self.file.sync_data(),
            synced => synced,
        };
        synced.map_err(Error::io("flush", &self.path))?;
        // If a mapping faulted or its file was truncated, the sync was incomplete: the caller
        // checks afterwards.
        guard.check(&self.path)?;
        self.seen.verify_written(&self.path, &self.file)
    }
}
