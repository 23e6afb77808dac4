//! Detects changes of an open file.

use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::fs::FileNumber;
use crate::identity::Identity;

/// The metadata of an open file that reveals a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    pub(crate) len: u64,
    modified: Option<SystemTime>,
    unix: Unix,
}

/// The facts that only unix knows, but for the first two: on Windows volume and index of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Unix {
    device: u64,
    inode: u64,
    links: u64,
    /// The time of the last change of the file or its metadata: seconds and nanoseconds. Unlike the
    /// modification time it cannot be set back.
    changed: (i64, i64),
}

impl FileState {
    pub(crate) fn of(path: &Path, file: &File) -> Result<Self> {
        let metadata = file.metadata().map_err(Error::io("inspect", path))?;
        #[cfg(unix)]
        let unix = {
            use std::os::unix::fs::MetadataExt;
            Unix {
                device: metadata.dev(),
                inode: metadata.ino(),
                links: metadata.nlink(),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            }
        };
        #[cfg(windows)]
        let unix = {
            let known = winapi_util::file::information(file).map_err(Error::io("inspect", path))?;
            let (device, inode) = (known.volume_serial_number(), known.file_index());
            Unix { device, inode, ..Unix::default() }
        };
        #[cfg(not(any(unix, windows)))]
        let unix = Unix::default();
        Ok(Self { len: metadata.len(), modified: metadata.modified().ok(), unix })
    }

    /// Device and inode; `None` where the system has no such numbers, and maps no files.
    pub(super) fn number(&self) -> FileNumber {
        cfg!(any(unix, windows)).then_some((self.unix.device, self.unix.inode))
    }

    /// The identity for a job that resumes later.
    pub(crate) fn identity(&self, file: &File) -> Identity {
        Identity::new(file, self.len, self.modified, self.unix.changed)
    }

    /// Whether a file in this state has the same bytes as one in the state `now`, as far as can be
    /// told.
    ///
    /// A file that gains or loses a name is unchanged: its bytes stay for processes that have it
    /// open, also if another file is renamed over it. The change time then moves together with the
    /// number of names. If it moves alone, it reveals a write whose modification time was set back
    /// (`cp -p`, `touch -r`), a new mode or owner, or a rename: these cannot be distinguished, and
    /// are refused.
    fn has_bytes_of(&self, now: &Self) -> bool {
        let mut then = *self;
        if then.unix.links != now.unix.links {
            then.unix.links = now.unix.links;
            then.unix.changed = now.unix.changed;
        }
        then == *now
    }

    /// Whether the file, open for reading, still has the same bytes.
    pub(super) fn verify(&self, path: &Path, file: &File) -> Result<()> {
        let now = Self::of(path, file)?;
        if self.has_bytes_of(&now) {
            return Ok(());
        }
        Err(Error::Changed { path: path.to_owned(), expected: self.len, found: now.len })
    }

    /// Whether the file, open for writing, is intact: it has its length and a name.
    pub(crate) fn verify_written(&self, path: &Path, file: &File) -> Result<()> {
        let now = Self::of(path, file)?;
        if now.len != self.len {
            let (expected, found) = (self.len, now.len);
            return Err(Error::Resized { path: path.to_owned(), expected, found });
        }
        if now.unix.links == 0 && self.unix.links > 0 {
            return Err(Error::Removed { path: path.to_owned() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seen() -> FileState {
        let unix = Unix { device: 1, inode: 2, links: 1, changed: (100, 5) };
        FileState { len: 4096, modified: Some(SystemTime::UNIX_EPOCH), unix }
    }

    #[test]
    fn changes_that_reveal_other_bytes() {
        type Change = fn(&mut FileState);
        let table: [(&str, bool, Change); 9] = [
            ("nothing", true, |_| {}),
            ("removed, or another renamed over it", true, |i| {
                (i.unix.links, i.unix.changed) = (0, (100, 6));
            }),
            ("linked", true, |i| (i.unix.links, i.unix.changed) = (2, (101, 0))),
            ("written to", false, |i| {
                i.modified = i.modified.map(|t| t + Duration::from_nanos(1));
                i.unix.changed = (100, 6);
            }),
            ("written to and removed", false, |i| {
                i.modified = i.modified.map(|t| t + Duration::from_nanos(1));
                (i.unix.links, i.unix.changed) = (0, (100, 6));
            }),
            ("written to, time set back; or its mode", false, |i| i.unix.changed = (100, 6)),
            ("shorter", false, |i| i.len = 4095),
            ("another device", false, |i| i.unix.device = 9),
            ("another file", false, |i| i.unix.inode = 9),
        ];
        for (what, same, change) in table {
            let mut now = seen();
            change(&mut now);
            assert_eq!(seen().has_bytes_of(&now), same, "{what}");
        }
    }
}
