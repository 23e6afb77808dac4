//! Positioned reads, which move no file cursor, so that workers can share one descriptor.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Error, Result};

/// Fills `to` from `offset`.
pub(super) fn read(file: &File, path: &Path, offset: u64, to: &mut [u8]) -> Result<()> {
    match read_exact_at(file, to, offset) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
            // The offset at which the file ends: before or within the requested bytes.
            let end = file.metadata().map_or(offset, |m| m.len());
            let offset = end.min(offset.saturating_add(to.len() as u64));
            Err(Error::Fault { path: path.to_owned(), offset, source: None })
        }
        Err(e) => Err(Error::Fault { path: path.to_owned(), offset, source: Some(e) }),
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, to, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut to: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !to.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, to, offset) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                to = &mut to[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
