//! Preparing parts of a mapped file for writing, and starting to write finished ones early.
//!
//! Left alone, the kernel lets dirty pages pile up until it has to stop the writers. Told early, it
//! writes while the next part is computed: a durable output is done sooner.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::WriteMap;
use super::guard::Guard;
use super::release::SharedPages;
use crate::error::{Error, Result};
use crate::identity::FileIdentity;

/// Starts writing parts of a file to disk without waiting. Only ever a hint: durability is what
/// [`sync`](Self::sync) and [`AtomicFile::publish`](crate::AtomicFile::publish) are for.
#[derive(Debug)]
pub struct WriteBack<'a> {
    file: &'a File,
    path: &'a Path,
    pages: SharedPages,
    guard: Option<&'a Guard>,
    offset: u64,
}

impl<'a> WriteBack<'a> {
    /// The write-back of `map`, the shared mapping of `file`, and its bytes; elements begin at
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

    /// Checks that what was written so far went to the file. Cheap.
    ///
    /// # Errors
    /// [`Error::Fault`] when the file shrank, its device failed or the disk is full.
    pub fn check(&self) -> Result<()> {
        self.guard.map_or(Ok(()), |guard| guard.check(self.path))
    }

    /// Where in the file, and so in its mapping, these bytes of the elements are. What is beyond
    /// any file is so here as well.
    fn in_file(&self, bytes: Range<u64>) -> Range<usize> {
        let at = |i| usize::try_from(self.offset.saturating_add(i)).unwrap_or(usize::MAX);
        at(bytes.start)..at(bytes.end)
    }

    /// Makes these bytes of the elements, counted from the first element, ready to be written to:
    /// all their pages at once instead of a page fault each.
    ///
    /// # Errors
    /// [`Error::Io`] when the filesystem has no room after all, which would otherwise be a signal
    /// at the first store.
    pub fn prepare(&self, bytes: Range<u64>) -> Result<()> {
        self.pages.populate(&self.in_file(bytes)).map_err(Error::io("write", self.path))
    }

    /// Lets go of these bytes, which are not needed in memory any longer. Nothing is lost: what was
    /// written is in the page cache, or on disk.
    pub fn release(&self, bytes: Range<u64>) {
        self.pages.release(&self.in_file(bytes));
    }

    /// Makes all that was written so far durable, whoever wrote it; waits for it.
    ///
    /// # Errors
    /// [`Error::Io`]. What was not written then is forgotten by the kernel: a second try would lie.
    pub fn sync(&self) -> Result<()> {
        // Covers what was written through the mapping: its pages are dirty pages of the file.
        self.file.sync_data().map_err(Error::io("flush", self.path))
    }

    /// Which file it is: as [`StagedArray::file_identity`](crate::StagedArray::file_identity).
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn file_identity(&self, done: &[Range<u64>]) -> Result<FileIdentity> {
        FileIdentity::of_output(self.path, self.file, self.offset, done)
    }

    /// Starts writing these bytes of the elements, counted from the first element.
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
