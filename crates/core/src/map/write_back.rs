//! Starting to write finished parts of a file early.
//!
//! Left alone, the kernel lets dirty pages pile up until it has to stop the writers. Told early, it
//! writes while the next part is computed: a durable output is done sooner.

use std::fs::File;
use std::ops::Range;

/// Starts writing parts of a file to disk without waiting. Only ever a hint: durability is what
/// [`AtomicFile::publish`](crate::AtomicFile::publish) is for.
#[derive(Debug)]
pub struct WriteBack<'a> {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing to tell elsewhere"))]
    file: &'a File,
    offset: u64,
}

impl<'a> WriteBack<'a> {
    pub(crate) fn new(file: &'a File, offset: u64) -> Self {
        Self { file, offset }
    }

    /// Starts writing these bytes of the elements, counted from the first element.
    pub fn start(&self, bytes: Range<u64>) {
        let (from, len) = (self.offset + bytes.start, bytes.end.saturating_sub(bytes.start));
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
