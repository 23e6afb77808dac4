//! [`FileIdentity`]: the file that a record is about.
//!
//! A persistent record (the sidecar of a replacement, a journal, a checkpoint) refers to a file.
//! The inode number is not enough: ext4 and XFS reuse the number of a removed file at once. So a
//! record stores three things, and all of them have to agree:
//!
//! - the **number**, if files have one. No device: its number changes between boots;
//! - the **birth time**, if the filesystem stores it. Copies get their own, `cp -a` included. Its
//!   resolution is a clock tick of 1 to 10 ms, in which a number can be reused;
//! - a **fingerprint** of the data, always: a length, and XXH3 of the first and the last [`EDGE`]
//!   bytes. It covers only bytes that do not change while the record exists ([`Stable`]).
//!
//! | record | bytes that do not change |
//! |---|---|
//! | replacement (`sidecar/replacement.rs`) | the whole file (1) |
//! | append journal (`format/append_journal/`) | all up to the old end (1, 2) |
//! | in-place journal (`journal/`) | header and length; with each record all but its rows (3) |
//! | unfinished output of a checkpoint | header, length, rows that are done (4) |
//! | input of a checkpoint, note of a finished job (`Identity`) | the whole file (5) |
//!
//! 1. Opening the file for writing settles the record first.
//! 2. Rows are appended behind the old end. With another header the committed end differs, and the
//!    journal does not apply.
//! 3. The rows of earlier records are durable in the array, later ones untouched.
//! 4. They are durable, and are not computed again.
//! 5. Changes are what it detects.
//!
//! Open files are distinguished by device and number alone (`atomic::same_file`): the number of an
//! open file is not reused.

use std::fs::{File, Metadata};
use std::hash::Hasher;
use std::io;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::nanoseconds;
use crate::error::{Error, Result};

/// The number of bytes hashed at each end.
const EDGE: u64 = 64 << 10;

/// The identity of the file that a record is about: its number, its birth time and a fingerprint of
/// its data.
///
/// [`StagedArray::file_identity`](crate::StagedArray::file_identity) returns one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileIdentity {
    /// `None` if files have no numbers.
    pub(super) number: Option<u64>,
    /// Nanoseconds since 1970; `None` if the filesystem does not store it.
    created: Option<i64>,
    /// The length of the fingerprinted bytes.
    pub(super) len: u64,
    /// The hash of the bytes that do not change.
    hash: u64,
}

/// The bytes of a file that do not change while a record exists: these ranges, in rising order.
/// Bytes behind the end of the file are ignored.
#[derive(Clone, Debug)]
pub(crate) struct Stable {
    len: u64,
    ranges: Vec<Range<u64>>,
}

impl Stable {
    /// All bytes up to `len`.
    pub(crate) fn up_to(len: u64) -> Self {
        Self::only(std::iter::once(0..len), len)
    }

    /// All bytes up to `len` except those that change.
    pub(crate) fn all_but(changing: Range<u64>, len: u64) -> Self {
        Self { len, ranges: vec![0..changing.start.min(len), changing.end.min(len)..len] }
    }

    /// Only these bytes, of those up to `len`.
    pub(crate) fn only(ranges: impl IntoIterator<Item = Range<u64>>, len: u64) -> Self {
        let within = |r: Range<u64>| r.start.min(len)..r.end.min(len);
        Self { len, ranges: ranges.into_iter().map(within).collect() }
    }

    /// The number of bytes.
    fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |sum, r| sum.saturating_add(count(r)))
    }
}

fn count(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

impl FileIdentity {
    /// The length of [`to_bytes`](Self::to_bytes).
    pub(crate) const BYTES: usize = 1 + 4 * 8;

    /// Whether a file has this number, birth time and length: the check of an output whose
    /// fingerprinted bytes are unknown. Always false without birth times.
    pub(crate) fn was_made_as(&self, metadata: &Metadata) -> bool {
        self.created.is_some()
            && (self.number, self.created, self.len)
                == (number(metadata), created(metadata), metadata.len())
    }

    /// The identity of an open file by these bytes. Allocates nothing, and reads at most 128 KiB.
    pub(crate) fn of(file: &File, stable: &Stable) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let hash = hash(file, metadata.len(), stable)?;
        Ok(Self { number: number(&metadata), created: created(&metadata), len: stable.len, hash })
    }

    /// The identity of an output whose elements begin at `offset`, by its header and these bytes of
    /// its elements.
    pub(crate) fn of_output(
        path: &Path,
        file: &File,
        offset: u64,
        done: &[Range<u64>],
    ) -> Result<Self> {
        let inspect = |e| Error::io("inspect", path)(e);
        let len = file.metadata().map_err(inspect)?.len();
        let in_file = |r: &Range<u64>| offset.saturating_add(r.start)..offset.saturating_add(r.end);
        let ranges = std::iter::once(0..offset).chain(done.iter().map(in_file));
        Self::of(file, &Stable::only(ranges, len)).map_err(inspect)
    }

    /// Stands for an unreadable file.
    pub(super) fn unreadable(len: u64) -> Self {
        Self { number: None, created: None, len, hash: 0 }
    }

    /// The fingerprint of one part of a file, or of several files.
    pub(super) fn standing_for(self, number: Option<u64>, len: u64) -> Self {
        Self { number, len, ..self }
    }

    /// Whether number and birth time are those of `other`: then it is this file, or one that reused
    /// its number within a clock tick; without birth times, at any time.
    pub(crate) fn has_number_of(&self, other: &Self) -> bool {
        (self.number, self.created) == (other.number, other.created)
    }

    /// Whether the fingerprint is that of `other`.
    pub(crate) fn has_bytes_of(&self, other: &Self) -> bool {
        (self.len, self.hash) == (other.len, other.hash)
    }

    /// The length of the fingerprinted bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The hash of the bytes that do not change.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The form in files, little-endian: flags for number and birth time, number, birth time,
    /// length, hash.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = u8::from(self.number.is_some()) | u8::from(self.created.is_some()) << 1;
        let created = self.created.unwrap_or(0).cast_unsigned();
        let fields = [self.number.unwrap_or(0), created, self.len, self.hash];
        for (to, field) in bytes[1..].chunks_exact_mut(8).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// `None` unless the bytes have the form of [`to_bytes`](Self::to_bytes).
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let field =
            |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[1 + 8 * i + byte]));
        let present = |bit: u8| bytes[0] >> bit & 1 == 1;
        let found = Self {
            number: present(0).then(|| field(0)),
            created: present(1).then(|| field(1).cast_signed()),
            len: field(2),
            hash: field(3),
        };
        (found.to_bytes() == *bytes).then_some(found)
    }
}

/// The hash of the number of bytes, and of the first and the last of them, in a file of `len`
/// bytes.
fn hash(file: &File, len: u64, stable: &Stable) -> io::Result<u64> {
    let count_all = stable.count();
    let mut hasher = XxHash3_64::with_seed(stable.len);
    hasher.write(&count_all.to_le_bytes());
    let first = count_all.min(EDGE);
    let last = (count_all - first).min(EDGE);
    let mut left = first;
    for range in &stable.ranges {
        let some = count(range).min(left);
        read_into(&mut hasher, (file, len), range.start..range.start + some)?;
        left -= some;
        if left == 0 {
            break;
        }
    }
    let mut left = last;
    for range in stable.ranges.iter().rev() {
        let some = count(range).min(left);
        read_into(&mut hasher, (file, len), range.end.saturating_sub(some)..range.end)?;
        left -= some;
        if left == 0 {
            break;
        }
    }
    Ok(hasher.finish())
}

/// Hashes these bytes of a file of `len` bytes, and the position of its end if it is inside.
fn read_into(
    hasher: &mut XxHash3_64,
    (file, len): (&File, u64),
    range: Range<u64>,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut at = range.start;
    while at < range.end {
        let most = (range.end - at).min(buffer.len() as u64) as usize;
        // Behind the end even the offset may be invalid for the system.
        let read = if at < len { read_at(file, &mut buffer[..most], at) } else { Ok(0) };
        match read {
            Ok(0) => {
                hasher.write(&at.to_le_bytes());
                break;
            }
            Ok(n) => {
                hasher.write(&buffer[..n]);
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, to, at)
}

#[cfg(windows)]
fn read_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, to, at)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere files have no numbers")]
fn number(metadata: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> Option<u64> {
    None
}

/// The birth time of the file, if the filesystem stores it.
fn created(metadata: &Metadata) -> Option<i64> {
    #[cfg(test)]
    if tests::WITHOUT_BIRTH_TIMES.get() {
        return None;
    }
    metadata.created().ok().map(nanoseconds)
}

#[cfg(test)]
pub(crate) mod tests;
