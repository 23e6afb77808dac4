//! Files on disk: paths, locks, and the roles of files in a call.

mod kind;
mod lock;
mod place;
mod role;
mod source_file;

use std::fs::{self, File};
use std::io;
use std::path::Path;

pub use self::kind::Kind;
pub(crate) use self::lock::{Held, is_being_written, lock, open_locked};
pub(crate) use self::place::{FileNumber, Place, number};
pub use self::role::Role;
pub use self::source_file::SourceFile;
use crate::error::{Error, Result};

/// Opens a regular file only: opening a pipe would block until its other end is opened.
pub(crate) fn open_regular(path: &Path, options: &fs::OpenOptions) -> Result<File> {
    let metadata = fs::metadata(path).map_err(Error::io("open", path))?;
    if !metadata.is_file() {
        return Err(Error::NotRegular { path: path.to_owned() });
    }
    options.open(path).map_err(Error::io("open", path))
}

/// Whether the open file has this name. While it is open its inode number is not reused; a
/// persistent record needs more than the number ([`FileIdentity`](crate::FileIdentity)).
#[cfg(unix)]
pub(crate) fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(crate) fn same_file(_: &File, path: &Path) -> bool {
    // Elsewhere an open file can be neither renamed over nor removed.
    path.exists()
}

/// Makes the entries of the directory that holds `path` durable.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        let directory = File::open(parent).and_then(|d| d.sync_all());
        directory.map_err(Error::io("sync the directory of", path))?;
    }
    Ok(())
}

/// Writes all bytes at an offset.
#[cfg(unix)]
pub(crate) fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = &bytes[n..];
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
