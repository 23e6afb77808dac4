//! The page cache: which parts of a file are in it, and prefetching.
//!
//! A page of a mapping that is not in the cache blocks the thread that touches it, one disk access
//! at a time. Prefetching keeps many accesses in flight without a thread for each. Only ranges that
//! will be used are prefetched: advice about a whole file would leave its pages small in the cache,
//! and slow down every later scan.

use std::ops::Range;

use super::Bytes;

impl Bytes {
    /// Whether the byte at `offset` can be read without waiting for a disk. `false` if that is
    /// unknown, `true` if [`prefetch`](Self::prefetch) does nothing.
    pub(crate) fn is_cached(&self, offset: u64) -> bool {
        #[cfg(target_os = "linux")]
        {
            // Unlike mincore it works without a mapping and without owning the file. It does not
            // wait for an absent byte.
            use rustix::io::{IoSliceMut, ReadWriteFlags, preadv2};
            let mut byte = [0];
            let to = &mut [IoSliceMut::new(&mut byte)];
            preadv2(&self.file, to, offset, ReadWriteFlags::NOWAIT).is_ok()
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = offset;
            !cfg!(target_vendor = "apple")
        }
    }

    /// Starts reading these bytes into the page cache, without waiting. Only a hint.
    pub(crate) fn prefetch(&self, bytes: Range<u64>) {
        let len = bytes.end.saturating_sub(bytes.start);
        #[cfg(target_os = "linux")]
        if let Some(len) = std::num::NonZeroU64::new(len) {
            use rustix::fs::{Advice, fadvise};
            let _ = fadvise(&self.file, bytes.start, Some(len), Advice::WillNeed);
        }
        #[cfg(target_vendor = "apple")]
        let _ = rustix::fs::fcntl_rdadvise(&self.file, bytes.start, len);
        #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
        let _ = len;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::map::FileState;
    use crate::map::{Backend, BusErrors};

    #[test]
    fn hints_about_any_range_are_harmless() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.bin");
        std::fs::write(&path, [7; 10_000]).expect("written");
        for backend in [Backend::Mapped, Backend::Positioned] {
            let file = File::open(&path).expect("just written");
            let seen = FileState::of(&path, &file).expect("a plain file");
            let bytes = Bytes::new(&path, file, seen, backend, BusErrors::Guarded);
            let bytes = bytes.expect("a plain file");
            for range in [0..10_000, 0..0, 9_999..10_000, 5..u64::MAX, u64::MAX - 1..u64::MAX] {
                bytes.prefetch(range.clone());
                // Either answer is right: it depends on the machine.
                let _ = bytes.is_cached(range.start);
            }
            bytes.verify().expect("still the same file");
        }
    }
}
