//! Which files this process has mapped, and how: what is lent of one mapping must not change
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

/// How a file is mapped. One that is not has no entry.
#[derive(Debug)]
enum Use {
    /// For reading, so many times.
    Read(usize),
    /// For writing.
    Write,
}

/// By device and inode, or volume and index, which a file keeps as long as it is mapped.
static USES: Mutex<BTreeMap<(u64, u64), Use>> = Mutex::new(BTreeMap::new());

/// The right to lend bytes of a mapping of a file. It is dropped after whatever lends them: a
/// mapping that is only synced (`MappedFile`) may stay longer.
#[derive(Debug)]
pub(crate) struct Claim {
    number: FileNumber,
}

impl Claim {
    /// To read a file through a mapping; `None` while it is mapped for writing.
    pub(super) fn read(file: &FileState) -> Option<Self> {
        Self::new(file.number(), |found| match found {
            None => Some(Use::Read(1)),
            Some(Use::Read(times)) => Some(Use::Read(times + 1)),
            Some(Use::Write) => None,
        })
    }

    /// To write to a file through a mapping. Asked for before anything of the file is touched.
    ///
    /// # Errors
    /// [`Error::AlsoMapped`] while it is mapped at all.
    pub(crate) fn write(path: &Path, file: &FileState) -> Result<Self> {
        let claim = Self::new(file.number(), |found| found.is_none().then_some(Use::Write));
        claim.ok_or_else(|| Error::AlsoMapped {
            path: path.to_owned(),
            refused: "mapped for writing",
            by: "has it mapped already, and what it lends of that must not change",
            instead: "drop the other arrays of this file first, or open them with \
                      `Backend::Positioned`",
        })
    }

    fn new(number: FileNumber, next: impl FnOnce(Option<&Use>) -> Option<Use>) -> Option<Self> {
        if let Some(number) = number {
            let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
            let next = next(uses.get(&number))?;
            uses.insert(number, next);
        }
        Some(Self { number })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.get_mut(&number) {
            Some(Use::Read(times)) if *times > 1 => *times -= 1,
            _ => drop(uses.remove(&number)),
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
        // Another file is nobody's business.
        assert!(write(other).is_ok());
        drop(writer);
        assert!(Claim::read(file).is_some() && write(file).is_ok());
    }
}
