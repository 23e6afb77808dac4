//! The files that this process has mapped, and how: elements lent by one mapping must not change
//! through another.
//!
//! A file is mapped for reading any number of times, or for writing once. The writer's lock keeps
//! other writers away, but not readers, of this process or of others. Of this process it is this
//! registry.
//!
//! It knows files by the numbers that the system gives them. What it takes for two files and keeps
//! in the same pages is beyond it: a file of an overlay and the one below, opened by both names,
//! which overlays do not allow, or one of a FUSE filesystem that maps another.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::FileState;
use crate::error::{Error, Result};
use crate::fs::FileNumber;

/// How this process uses a file. One that it does not use has no entry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Use {
    /// Mappings for reading.
    readers: usize,
    /// The mapping for writing, or the appender.
    writer: Option<Writer>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Writer {
    /// Writes to a mapping: nobody else has the file mapped.
    Mapped,
    /// Writes behind the last row: mappings made before end there.
    Appender,
}

/// By device and inode, or volume and index, which a file keeps as long as it is mapped.
static USES: Mutex<BTreeMap<(u64, u64), Use>> = Mutex::new(BTreeMap::new());

/// The right to lend bytes of a mapping of a file, or to append to it. It is dropped after whatever
/// lends them: a mapping that is only synced (`MappedFile`) may stay longer.
#[derive(Debug)]
pub(crate) struct Claim {
    number: FileNumber,
    /// That of a writer; a reader has none.
    writer: Option<Writer>,
}

impl Claim {
    /// A claim to read a file through a mapping; `None` while it is open for writing or appending.
    pub(super) fn read(file: &FileState) -> Option<Self> {
        Self::new(file.number(), None, |found| found.writer.is_none())
    }

    /// A claim to write to a file through a mapping, made before the file is touched.
    ///
    /// # Errors
    /// [`Error::AlsoMapped`] while it is mapped in any way.
    pub(crate) fn write(path: &Path, file: &FileState) -> Result<Self> {
        let claim =
            Self::new(file.number(), Some(Writer::Mapped), |found| *found == Use::default());
        claim.ok_or_else(|| also_mapped(path, "mapped for writing"))
    }

    /// A claim to append to a file that ends with its last row. Mappings of it may lend all of
    /// that; what comes behind is read at positions. With `rest`, bytes behind the last row that
    /// are taken back, there must be none: one may lend them.
    ///
    /// # Errors
    /// [`Error::AlsoMapped`] while it is mapped and has a rest.
    pub(crate) fn append(path: &Path, file: &FileState, rest: bool) -> Result<Self> {
        let claim = Self::new(file.number(), Some(Writer::Appender), |found| {
            found.writer.is_none() && (!rest || found.readers == 0)
        });
        claim.ok_or_else(|| also_mapped(path, "appended to"))
    }

    fn new(
        number: FileNumber,
        writer: Option<Writer>,
        is_free: impl FnOnce(&Use) -> bool,
    ) -> Option<Self> {
        if let Some(number) = number {
            let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
            let mut next = uses.get(&number).copied().unwrap_or_default();
            if !is_free(&next) {
                return None;
            }
            next.readers += usize::from(writer.is_none());
            next.writer = next.writer.or(writer);
            uses.insert(number, next);
        }
        Some(Self { number, writer })
    }
}

fn also_mapped(path: &Path, refused: &'static str) -> Error {
    Error::AlsoMapped {
        path: path.to_owned(),
        refused,
        by: "has it mapped already, and lent elements must not change",
        instead: "drop the other arrays of this file first, or open them with \
                  `Backend::Positioned`",
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = uses.get_mut(&number) else { return };
        match self.writer {
            None => found.readers = found.readers.saturating_sub(1),
            Some(_) => found.writer = None,
        }
        if *found == Use::default() {
            uses.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_read_or_one_writes() {
        let seen = |file: &std::fs::File| FileState::of(Path::new("x"), file).expect("a file");
        let write = |file| Claim::write(Path::new("x"), file);
        let file = tempfile::tempfile().expect("a file");
        let again = seen(&file.try_clone().expect("another descriptor"));
        let other = tempfile::tempfile().expect("another file");
        let (file, other) = (&seen(&file), &seen(&other));
        let first = Claim::read(file).expect("nobody else");
        let second = Claim::read(&again).expect("readers only");
        assert!(write(file).is_err());
        drop(first);
        assert!(write(file).is_err());
        drop(second);
        let writer = write(&again).expect("nobody else");
        assert!(Claim::read(file).is_none() && write(file).is_err());
        // Another file is unaffected.
        assert!(write(other).is_ok());
        drop(writer);
        assert!(Claim::read(file).is_some() && write(file).is_ok());
    }

    #[test]
    fn an_appender_stands_beside_earlier_readers_only() {
        let file = tempfile::tempfile().expect("a file");
        let file = &FileState::of(Path::new("x"), &file).expect("a file");
        let append = |rest| Claim::append(Path::new("x"), file, rest);
        let reader = Claim::read(file).expect("nobody else");
        assert!(append(true).is_err());
        let appender = append(false).expect("the reader ends with the last row");
        assert!(append(false).is_err() && Claim::read(file).is_none());
        assert!(Claim::write(Path::new("x"), file).is_err());
        drop(reader);
        assert!(Claim::read(file).is_none(), "the appender is still there");
        drop(appender);
        assert!(append(true).is_ok() && Claim::write(Path::new("x"), file).is_ok());
    }
}
