//! [`Journal`]: what says that the end of a file is unfinished.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::atomic::{inode, sync_directory};
use crate::leftovers::neighbour;
use crate::options::open_regular;
use crate::{Error, LeftoverKind, Result};

/// Says, beside a file to which rows are being appended, how long the file was before: what lies
/// behind that is unfinished. Durable before the first byte is appended. It means something only for a
/// file that is longer than its own metadata says, and only as far as both agree on its length.
///
/// ```text
/// rowmill-append 1\nlength 00000000000000004096\ninode 00000000000000081234\ncheck 0123456789abcdef\n
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// The length of the file up to the last row that is part of it, in bytes.
    pub(super) length: u64,
    /// Which file it is; 0 where the system cannot tell. Without the device, whose number changes
    /// from one boot to the next.
    pub(super) inode: u64,
}

const TITLE: &str = "rowmill-append 1\nlength ";
const INODE: &str = "\ninode ";
const CHECK: &str = "\ncheck ";
const DIGITS: usize = 20;
const LEN: usize = TITLE.len() + DIGITS + INODE.len() + DIGITS + CHECK.len() + 16 + 1;

impl Journal {
    pub(super) fn new(file: &File, length: u64) -> Self {
        Self { length, inode: inode(file).unwrap_or(0) }
    }

    fn to_text(self) -> String {
        let Self { length, inode } = self;
        let text = format!("{TITLE}{length:0DIGITS$}{INODE}{inode:0DIGITS$}");
        let check = checksum(text.as_bytes());
        format!("{text}{CHECK}{check:016x}\n")
    }

    /// `None` for anything but the text of a journal, whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let length = text.strip_prefix(TITLE)?.get(..DIGITS)?.parse().ok()?;
        let inode = text.get(TITLE.len() + DIGITS..)?.strip_prefix(INODE)?.get(..DIGITS)?;
        let found = Self { length, inode: inode.parse().ok()? };
        (found.to_text() == text).then_some(found)
    }

    /// Reads a journal; `None` when there is none, or none that is whole.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let file = open_regular(path, fs::OpenOptions::new().read(true)).ok()?;
        let mut bytes = Vec::with_capacity(LEN + 1);
        file.take(LEN as u64 + 1).read_to_end(&mut bytes).ok()?;
        Self::parse(&bytes)
    }

    /// Whether it says that `file` ends, for now, at `length`.
    pub(super) fn allows(self, file: &File, length: u64) -> bool {
        self == Self::new(file, length)
    }
}

/// Guards against a journal that is read while it is rewritten (FNV-1a).
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Where the journal of an array file is: beside the file itself, not beside a link to it.
pub(super) fn path_for(path: &Path) -> PathBuf {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    neighbour(&target, LeftoverKind::Append)
}

/// The journal of an appender, once it is needed.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: Option<File>,
}

impl JournalFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Makes a journal durable, in place of an earlier one. It is written in one piece that fits a
    /// sector; whoever reads half of it sees that by its checksum.
    pub(super) fn write(&mut self, journal: Journal) -> Result<()> {
        let text = journal.to_text();
        if let Some(file) = &self.file {
            super::write_all_at(file, text.as_bytes(), 0)
                .and_then(|()| file.sync_data())
                .map_err(Error::io("write", &self.path))?;
            return Ok(());
        }
        let create = || -> std::io::Result<File> {
            let mut file = File::create(&self.path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(Error::io("create", &self.path))?;
        sync_directory(&self.path)?;
        self.file = Some(file);
        Ok(())
    }

    /// Removes it. What cannot be removed does no harm.
    pub(super) fn remove(&mut self) {
        self.file = None;
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn journals_have_one_length() {
        for (length, inode) in [(0, 0), (1, u64::MAX), (u64::MAX, 1), (4096, 81234)] {
            let journal = Journal { length, inode };
            let text = journal.to_text();
            assert_eq!(text.len(), LEN);
            const { assert!(LEN < 512, "one sector") };
            assert_eq!(Journal::parse(text.as_bytes()), Some(journal));
        }
    }

    proptest! {
        #[test]
        fn only_whole_journals_are_read(length: u64, inode: u64, at in 0..LEN, byte: u8, cut in 0..LEN) {
            let text = Journal { length, inode }.to_text();
            prop_assert_eq!(Journal::parse(&text.as_bytes()[..cut]), None);
            let mut bytes = text.clone().into_bytes();
            bytes[at] = byte;
            let changed = bytes != text.as_bytes();
            prop_assert_eq!(Journal::parse(&bytes).is_none(), changed);
            bytes.push(b'\n');
            prop_assert_eq!(Journal::parse(&bytes), None);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            prop_assert_eq!(Journal::parse(&bytes), None);
        }

        #[test]
        fn half_of_another_is_none(a: u64, b: u64, inode: u64, cut in 0..LEN) {
            let (old, new) = (Journal { length: a, inode }, Journal { length: b, inode });
            let mixed = [&new.to_text().as_bytes()[..cut], &old.to_text().as_bytes()[cut..]].concat();
            let found = Journal::parse(&mixed);
            prop_assert!(found.is_none() || found == Some(old) || found == Some(new));
        }
    }
}
