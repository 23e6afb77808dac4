//! Which files this process has mapped, and how: what is lent of one mapping must not change
//! through another.
//!
//! A file is mapped for reading any number of times, or for writing once. The writer's lock keeps
//! other writers away, but not readers, of this process or of others. Of this process it is this
//! registry.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

use crate::outputs::number;

/// Device and inode. A file keeps its number as long as it is mapped.
type Number = (u64, u64);

/// How a file is mapped. One that is not has no entry.
#[derive(Debug)]
enum Use {
    /// For reading, so many times.
    Read(usize),
    /// For writing.
    Write,
}

static USES: Mutex<BTreeMap<Number, Use>> = Mutex::new(BTreeMap::new());

/// The right to map a file. It has to be dropped after the mapping.
#[derive(Debug)]
pub(super) struct Claim {
    /// `None` where the system has no numbers of files.
    number: Option<Number>,
}

impl Claim {
    /// To read a file through a mapping; `None` while it is mapped for writing.
    pub(super) fn read(file: &File) -> Option<Self> {
        Self::new(file, |found| match found {
            None => Some(Use::Read(1)),
            Some(Use::Read(times)) => Some(Use::Read(times + 1)),
            Some(Use::Write) => None,
        })
    }

    /// To write to a file through a mapping; `None` while it is mapped at all.
    pub(super) fn write(file: &File) -> Option<Self> {
        Self::new(file, |found| found.is_none().then_some(Use::Write))
    }

    fn new(file: &File, next: impl FnOnce(Option<&Use>) -> Option<Use>) -> Option<Self> {
        let number = file.metadata().ok().as_ref().and_then(number);
        let Some(number) = number else { return Some(Self { number: None }) };
        let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(uses.get(&number))?;
        uses.insert(number, next);
        Some(Self { number: Some(number) })
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
        let file = tempfile::tempfile().expect("a file");
        let again = file.try_clone().expect("another descriptor");
        let first = Claim::read(&file).expect("nobody else");
        let second = Claim::read(&again).expect("readers only");
        assert!(Claim::write(&file).is_none());
        drop(first);
        assert!(Claim::write(&file).is_none());
        drop(second);
        let writer = Claim::write(&again).expect("nobody else");
        assert!(Claim::read(&file).is_none() && Claim::write(&file).is_none());
        // Another file is nobody's business.
        assert!(Claim::write(&tempfile::tempfile().expect("a file")).is_some());
        drop(writer);
        assert!(Claim::read(&file).is_some() && Claim::write(&file).is_some());
    }
}
