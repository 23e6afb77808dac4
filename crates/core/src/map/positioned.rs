//! Reads at a position, which move no file cursor, so that workers can share one descriptor.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::{Error, Result};

/// Fills `to` from `offset`. `len` is the file's length at open.
pub(super) fn read(file: &File, path: &Path, len: u64, offset: u64, to: &mut [u8]) -> Result<()> {
    match read_exact_at(file, to, offset) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(Error::Changed {
            path: path.to_owned(),
            expected: len,
            found: file.metadata().map_or(0, |m| m.len()),
        }),
        Err(e) => Err(Error::io("read", path)(e)),
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
