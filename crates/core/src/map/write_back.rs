//! Preparing parts of a mapped file for writing, and starting writeback early.
//!
//! By default the kernel lets dirty pages accumulate until it has to throttle the writers. With
//! early writeback it writes while the next part is computed: a durable output is done sooner.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::WriteMap;
use super::guard::Guard;
use super::release::SharedPages;
use crate::error::{Error, Result};
use crate::identity::FileIdentity;

/// Starts writeback of parts of a file without waiting. Only a hint: durability comes from
/// [`sync`](Self::sync) and [`AtomicFile::publish`](crate::AtomicFile::publish).
#[derive(Debug)]
pub struct WriteBack<'a> {
    file: &'a File,
    path: &'a Path,
    pages: SharedPages,
    guard: Option<&'a Guard>,
    offset: u64,
}

impl<'a> WriteBack<'a> {
    /// The writeback of `map`, the shared mapping of `file`, and its bytes; elements begin at
    /// `offset`.
    pub(crate) fn split(
        file: &'a File,
        path: &'a Path,
        map: Option<&'a mut WriteMap>,
        offset: u64,
    ) -> (Self, &'a mut [u8]) {
        let Some(map) = map else {
            return (
                Self { file, path, pages: SharedPages::default(), guard: None, offset },
                &mut [],
            );
        };
        let pages = SharedPages::new(map);
        let (guard, bytes) = map.split();
        (Self { file, path, pages, guard: Some(guard), offset }, bytes)
    }

    /// Checks that everything written so far reached the file. Cheap.
    ///
    /// # Errors
    /// [`Error::Fault`] if the file was truncated, its device failed or the disk is full.
    pub fn check(&self) -> Result<()> {
        self.guard.map_or(Ok(()), |guard| guard.check(self.path))
    }

    /// The range of these element bytes in the file, and so in its mapping. Ranges beyond any file
    /// stay beyond it.
    fn in_file(&self, bytes: Range<u64>) -> Range<usize> {
        let at = |i| usize::try_from(self.offset.saturating_add(i)).unwrap_or(usize::MAX);
        at(bytes.start)..at(bytes.end)
    }

    /// Prepares these bytes of the elements, counted from the first element, for writing: all their
    /// pages at once instead of a page fault each.
    ///
    /// # Errors
    /// [`Error::Io`] if the filesystem has no space after all, which would otherwise be a signal at
    /// the first store.
    pub fn prepare(&self, bytes: Range<u64>) -> Result<()> {
        self.pages.populate(&self.in_file(bytes)).map_err(Error::io("write", self.path))
    }

    /// Releases these bytes, which need not stay in memory. Nothing is lost: written data is in the
    /// page cache, or on disk.
    pub fn release(&self, bytes: Range<u64>) {
        self.pages.release(&self.in_file(bytes));
    }

    /// Makes everything written so far durable, whoever wrote it, and waits for it.
    ///
    /// # Errors
    /// [`Error::Io`]. The kernel then drops the unwritten pages: a second attempt would falsely
    /// succeed.
    pub fn sync(&self) -> Result<()> {
        // Covers writes through the mapping: its pages are dirty pages of the file.
        self.file.sync_data().map_err(Error::io("flush", self.path))
    }

    /// The identity of the file: as
    /// [`StagedArray::file_identity`](crate::StagedArray::file_identity).
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn file_identity(&self, done: &[Range<u64>]) -> Result<FileIdentity> {
        FileIdentity::of_output(self.path, self.file, self.offset, done)
    }

    /// Starts writeback of these bytes of the elements, counted from the first element.
    pub fn start(&self, bytes: Range<u64>) {
        let from = self.offset.saturating_add(bytes.start);
        let len = bytes.end.saturating_sub(bytes.start);
        #[cfg(target_os = "linux")]
        if let (Ok(from), Ok(len)) = (i64::try_from(from), i64::try_from(len)) {
            use std::os::fd::AsRawFd;
            // SAFETY: a system call on a descriptor that the borrowed file keeps open; it takes no
            // pointer. Reason: neither std nor rustix has it. A failure is not an error: the bytes
            // are written later all the same.
            unsafe {
                libc::sync_file_range(
                    self.file.as_raw_fd(),
                    from,
                    len,
                    libc::SYNC_FILE_RANGE_WRITE,
                );
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (from, len);
    }
}
