//! [`Journal`]: what says that the end of a file is unfinished.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::atomic::sync_directory;
use crate::identity::Stable;
use crate::leftovers::neighbour;
use crate::options::open_regular;
use crate::{Error, FileIdentity, LeftoverKind, Result};

/// Says, beside a file to which rows are being appended, how long the file was before: what lies
/// behind that is unfinished. Durable before the first byte is appended. It means something only for a
/// file that is longer than its own metadata says, and only as far as both agree on its length.
///
/// ```text
/// rowmill-append 2\nlength 00000000000000004096\nfile <66 hexadecimal digits>\ncheck 0123456789abcdef\n
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// The length of the file up to the last row that is part of it, in bytes.
    pub(super) length: u64,
    /// Which file it is, by the bytes up to there.
    pub(super) file: FileIdentity,
}

/// What stands in the place of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Journal(Journal),
    /// A journal of an earlier version, which tells the file by its inode number alone.
    ByNumber {
        length: u64,
    },
}

const TITLE: &str = "rowmill-append 2\nlength ";
const FILE: &str = "\nfile ";
const CHECK: &str = "\ncheck ";
const DIGITS: usize = 20;
const FILE_DIGITS: usize = 2 * FileIdentity::BYTES;
const LEN: usize = TITLE.len() + DIGITS + FILE.len() + FILE_DIGITS + CHECK.len() + 16 + 1;

/// How the journals of earlier versions begin, and go on behind the length.
const TITLE_BY_NUMBER: &str = "rowmill-append 1\nlength ";
const INODE: &str = "\ninode ";

impl Journal {
    /// Of a file that ends at `length` for now.
    pub(super) fn new(file: &File, length: u64) -> io::Result<Self> {
        Ok(Self { length, file: FileIdentity::of(file, &Stable::up_to(length))? })
    }

    fn to_text(self) -> String {
        let Self { length, file } = self;
        let mut text = format!("{TITLE}{length:0DIGITS$}{FILE}");
        text.extend(file.to_bytes().iter().flat_map(|byte| {
            [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
        }));
        with_check(text)
    }

    /// `None` for anything but the text of a journal, whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let rest = text.strip_prefix(TITLE)?;
        let length = rest.get(..DIGITS)?.parse().ok()?;
        let digits = rest.get(DIGITS..)?.strip_prefix(FILE)?.get(..FILE_DIGITS)?.as_bytes();
        let mut file = [0; FileIdentity::BYTES];
        for (byte, pair) in file.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let found = Self { length, file: FileIdentity::from_bytes(&file)? };
        (found.to_text() == text).then_some(found)
    }

    /// Reads a journal; `None` when there is none, or none that is whole.
    pub(super) fn read(path: &Path) -> Option<Found> {
        let file = open_regular(path, fs::OpenOptions::new().read(true)).ok()?;
        let mut bytes = Vec::with_capacity(LEN + 1);
        file.take(LEN as u64 + 1).read_to_end(&mut bytes).ok()?;
        let by_number = || Some(Found::ByNumber { length: length_by_number(&bytes)? });
        Self::parse(&bytes).map(Found::Journal).or_else(by_number)
    }

    /// Whether it says that `file` ends, for now, at `length`.
    pub(super) fn allows(self, file: &File, length: u64) -> io::Result<bool> {
        Ok(self.length == length && self == Self::new(file, length)?)
    }
}

/// The length that a journal of an earlier version gives, if it is one.
fn length_by_number(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let rest = text.strip_prefix(TITLE_BY_NUMBER)?;
    let length: u64 = rest.get(..DIGITS)?.parse().ok()?;
    let inode = rest.get(DIGITS..)?.strip_prefix(INODE)?.get(..DIGITS)?;
    let inode: u64 = inode.parse().ok()?;
    let whole = format!("{TITLE_BY_NUMBER}{length:0DIGITS$}{INODE}{inode:0DIGITS$}");
    (with_check(whole) == text).then_some(length)
}

fn with_check(text: String) -> String {
    let check = checksum(text.as_bytes());
    format!("{text}{CHECK}{check:016x}\n")
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

    /// Whether none has been written yet.
    pub(super) fn is_new(&self) -> bool {
        self.file.is_none()
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
        let create = || -> io::Result<File> {
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

    /// Any identity.
    fn file(numbers: [u64; 4], there: u8) -> FileIdentity {
        let mut bytes = [0; FileIdentity::BYTES];
        bytes[0] = there % 4;
        for (i, number) in numbers.iter().enumerate() {
            let there = [there & 1 == 1, there & 2 == 2, true, true][i];
            let number = if there { *number } else { 0 };
            bytes[1 + 8 * i..][..8].copy_from_slice(&number.to_le_bytes());
        }
        FileIdentity::from_bytes(&bytes).expect("its own form")
    }

    #[test]
    fn journals_have_one_length() {
        for (length, number) in [(0, 0), (1, u64::MAX), (u64::MAX, 1), (4096, 81234)] {
            for there in 0..4 {
                let journal = Journal { length, file: file([number, length, 7, !number], there) };
                let text = journal.to_text();
                assert_eq!(text.len(), LEN);
                const { assert!(LEN < 512, "one sector") };
                assert_eq!(Journal::parse(text.as_bytes()), Some(journal));
            }
        }
    }

    #[test]
    fn journals_by_number_are_recognized() {
        let text = "rowmill-append 1\nlength 00000000000000004096\ninode 00000000000000081234";
        let whole = with_check(text.to_owned());
        assert_eq!(length_by_number(whole.as_bytes()), Some(4096));
        assert_eq!(Journal::parse(whole.as_bytes()), None);
        for cut in 0..whole.len() {
            assert_eq!(length_by_number(&whole.as_bytes()[..cut]), None);
        }
    }

    proptest! {
        #[test]
        fn only_whole_journals_are_read(length: u64, numbers: [u64; 4], at in 0..LEN, byte: u8, cut in 0..LEN) {
            let text = Journal { length, file: file(numbers, 3) }.to_text();
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
            prop_assert_eq!(length_by_number(&bytes), None);
        }

        #[test]
        fn half_of_another_is_none(a: u64, b: u64, numbers: [u64; 4], cut in 0..LEN) {
            let file = file(numbers, 3);
            let (old, new) = (Journal { length: a, file }, Journal { length: b, file });
            let mixed = [&new.to_text().as_bytes()[..cut], &old.to_text().as_bytes()[cut..]].concat();
            let found = Journal::parse(&mixed);
            prop_assert!(found.is_none() || found == Some(old) || found == Some(new));
        }
    }
}
