//! [`Journal`]: the record that the end of a file is uncommitted.

mod earlier;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::format::leftovers::neighbour;
use crate::format::{Framing, LeftoverKind};
use crate::fs::open_regular;
use crate::identity::{FileIdentity, Stable};

/// The length that a file had before rows were appended: everything behind it is uncommitted. The
/// journal is durable before the first byte is appended. It applies only to a file that is longer
/// than its own metadata says, and only if both agree on the committed length.
///
/// The payload of its [framing](Framing) is the length in 8 bytes, little-endian, and the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    /// The length of the file up to the last row that is part of it, in bytes.
    pub(crate) length: u64,
    /// The identity of the file, by the bytes up to there.
    pub(crate) file: FileIdentity,
}

/// The file at the path of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Journal(Journal),
    /// A journal of an earlier version, which identifies the file by its inode number alone.
    ByNumber {
        length: u64,
    },
}

const FRAMING: Framing = Framing::new(*b"ROWMILLA", 3);

/// The bytes of a journal: one sector, so that it is written atomically.
const LEN: usize = Framing::framed_len(8 + FileIdentity::BYTES);
const _: () = assert!(LEN < 512, "one sector");

impl Journal {
    /// The journal of a file whose committed length is `length`.
    pub(crate) fn new(file: &File, length: u64) -> io::Result<Self> {
        Ok(Self { length, file: FileIdentity::of(file, &Stable::up_to(length))? })
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        FRAMING.wrap(&[&self.length.to_le_bytes()[..], &self.file.to_bytes()].concat())
    }

    /// `None` unless the bytes are a complete journal.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (length, file) = FRAMING.unwrap(bytes).ok()?.split_first_chunk()?;
        let file = FileIdentity::from_bytes(file.try_into().ok()?)?;
        Some(Self { length: u64::from_le_bytes(*length), file })
    }

    /// Reads a journal; `None` if there is none, or an incomplete one.
    pub(crate) fn read(path: &Path) -> Option<Found> {
        let file = open_regular(path, fs::OpenOptions::new().read(true)).ok()?;
        let most = LEN.max(earlier::LEN);
        let mut bytes = Vec::with_capacity(most + 1);
        file.take(most as u64 + 1).read_to_end(&mut bytes).ok()?;
        Self::parse(&bytes).map(Found::Journal).or_else(|| earlier::parse(&bytes))
    }

    /// Whether it says that the committed length of `file` is `length`.
    pub(crate) fn allows(self, file: &File, length: u64) -> io::Result<bool> {
        Ok(self.length == length && self == Self::new(file, length)?)
    }
}

/// The path of an array file's journal: beside the file itself, not beside a link to it.
pub(crate) fn path_for(path: &Path) -> PathBuf {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    neighbour(&target, LeftoverKind::Append)
}

/// Whether a journal says that the committed length of `file`, opened at `path`, is `length`,
/// although the file is longer.
///
/// # Errors
/// [`Error::AppendedByNumber`], [`Error::Io`].
pub(crate) fn ends_at(path: &Path, file: &File, length: u64) -> Result<bool> {
    let place = path_for(path);
    match Journal::read(&place) {
        None => Ok(false),
        Some(Found::Journal(journal)) => {
            journal.allows(file, length).map_err(Error::io("inspect", path))
        }
        // A journal with another length does not apply, whatever file it belongs to.
        Some(Found::ByNumber { length: said }) if said != length => Ok(false),
        Some(Found::ByNumber { length }) => {
            Err(Error::AppendedByNumber { path: path.to_owned(), journal: place, length })
        }
    }
}

/// Whether there is a journal of any form: an append is or was in progress.
pub(crate) fn has_journal(path: &Path) -> bool {
    fs::symlink_metadata(path_for(path)).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::earlier::tests::file;
    use super::*;

    proptest! {
        #[test]
        fn only_whole_journals_are_read(length: u64, numbers: [u64; 4], at in 0..LEN, byte: u8, cut in 0..LEN) {
            let journal = Journal { length, file: file(numbers, 3) };
            let whole = journal.to_bytes();
            prop_assert_eq!(whole.len(), LEN);
            prop_assert_eq!(Journal::parse(&whole), Some(journal));
            prop_assert_eq!(Journal::parse(&whole[..cut]), None);
            let mut bytes = whole.clone();
            bytes[at] = byte;
            prop_assert_eq!(Journal::parse(&bytes).is_none(), bytes != whole);
            bytes.push(b'\n');
            prop_assert_eq!(Journal::parse(&bytes), None);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            prop_assert_eq!(Journal::parse(&bytes), None);
            prop_assert_eq!(earlier::parse(&bytes), None);
        }

        #[test]
        fn half_of_another_is_none(a: u64, b: u64, numbers: [u64; 4], cut in 0..LEN) {
            let file = file(numbers, 3);
            let (old, new) = (Journal { length: a, file }, Journal { length: b, file });
            let mixed = [&new.to_bytes()[..cut], &old.to_bytes()[cut..]].concat();
            let found = Journal::parse(&mixed);
            prop_assert!(found.is_none() || found == Some(old) || found == Some(new));
        }
    }
}
