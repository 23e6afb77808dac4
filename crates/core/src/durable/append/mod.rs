//! Appending rows to an array file.
//!
//! ```text
//!                      what a crash leaves        readers open
//!   journal durable    journal, unchanged file    the old rows
//!   bytes written      longer than its metadata   the old rows, according to the journal
//!   bytes durable      the same                   the old rows, according to the journal
//!   metadata changed   either metadata            the old rows or the new ones
//!   metadata durable   the new array, a journal   the new rows
//!   journal removed    the new array              the new rows
//! ```
//!
//! The metadata is the header, changed by one write within one sector of 512 bytes, or the sidecar,
//! replaced by a rename. A journal is read only if a file is longer than its metadata says, so a
//! leftover one does no harm.

mod appender;
mod describe;
mod journal_file;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::detect::read_meta;
use crate::fs::{Held, lock};

use self::journal_file::JournalFile;
use crate::format::append_journal::path_for;
pub use appender::Appender;

/// Rolls back uncommitted rows before the file is written to; the journal identifies the file by
/// its last rows. `file` is locked and has `len` bytes, `end` of which are part of the array.
/// Returns whether there were any.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn take_back_rest(path: &Path, file: &File, end: u64, len: u64) -> Result<bool> {
    if end >= len {
        return Ok(false);
    }
    truncate(file, path, end)?;
    JournalFile::new(path_for(path)).remove();
    Ok(true)
}

/// Finishes for an appender that is gone: rolls back its rows and removes its journal. Returns the
/// space that they took; a dry run does only that.
///
/// # Errors
/// [`Error::Locked`] while the appender is alive, [`Error::Io`].
pub(crate) fn settle(journal: &Path, owner: &Path, dry_run: bool) -> Result<u64> {
    let mut bytes = fs::metadata(journal).map_err(Error::io("inspect", journal))?.len();
    match fs::OpenOptions::new().read(true).write(!dry_run).open(owner) {
        Ok(file) => {
            lock(&file, owner)?;
            let mut file = Held(file);
            bytes += take_back(owner, &mut file.0, dry_run)?;
            if !dry_run {
                fs::remove_file(journal).map_err(Error::io("remove", journal))?;
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            if !dry_run {
                fs::remove_file(journal).map_err(Error::io("remove", journal))?;
            }
        }
        Err(e) => return Err(Error::io("open", owner)(e)),
    }
    Ok(bytes)
}

/// Rolls back the uncommitted rows, and returns how many bytes they took. A file that holds no
/// array is left as it is: its journal does not apply to it.
fn take_back(path: &Path, file: &mut File, dry_run: bool) -> Result<u64> {
    let len = file.metadata().map_err(Error::io("inspect", path))?.len();
    let meta = match read_meta(path, file, len, None) {
        Ok(meta) => meta,
        // It may still apply to a later state of the file.
        Err(error @ Error::AppendedByNumber { .. }) => return Err(error),
        Err(_) => return Ok(0),
    };
    let end = meta.end();
    if end < len && !dry_run {
        truncate(file, path, end)?;
    }
    Ok(len.saturating_sub(end))
}

/// Truncates a file, durably.
fn truncate(file: &File, path: &Path, len: u64) -> Result<()> {
    file.set_len(len).and_then(|()| file.sync_all()).map_err(Error::io("shorten", path))
}
