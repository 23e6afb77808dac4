//! The contents of a journal: its head, and the heads of its records.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::JournalHead;
use crate::error::JournalError;
use crate::format::{Checksums, Framing, FramingError, Meta};
use crate::identity::{FileIdentity, Stable};
use crate::limits::JOURNAL_VERSION;

const FRAMING: Framing = Framing::new(*b"ROWMILLJ", JOURNAL_VERSION);

/// The previous version, which is still read: the same except for a length that counts the
/// checksum.
const EARLIER: Framing = Framing::new(*b"ROWMILLJ", 2).counting_checksum();

/// Number, start and end of the items, length, hash of the rest of the array, checksum.
pub(super) const RECORD_HEAD: usize = 6 * 8;

/// The location of an array's rows in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The offset of the first.
    first: u64,
    /// Whether they are contiguous.
    in_order: bool,
}

impl Rows {
    pub(crate) fn of(meta: &Meta) -> Self {
        Self { first: meta.offset, in_order: meta.is_row_major() }
    }

    /// The bytes of the file that change while these items are replaced by `data`.
    pub(super) fn changing(self, items: &Range<u64>, data: &[u8]) -> Range<u64> {
        if !self.in_order {
            return self.first..u64::MAX;
        }
        let count = items.end.saturating_sub(items.start);
        let item = (data.len() as u64).checked_div(count).unwrap_or(0);
        let at = |i: u64| self.first.saturating_add(i.saturating_mul(item));
        at(items.start)..at(items.end)
    }
}

/// The array that a journal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfArray {
    /// By header and length, which never change.
    pub(super) file: FileIdentity,
    pub(super) rows: Rows,
    /// The hash of the whole array, before the first row is changed.
    pub(super) untouched: u64,
}

impl OfArray {
    pub(super) fn untouched(array: &File, rows: Rows) -> io::Result<Self> {
        let file = Self::file(array, rows)?;
        Ok(Self { file, rows, untouched: Self::rest(array, 0..0, file.len())? })
    }

    /// The identity of the file, by header and length.
    pub(super) fn file(array: &File, rows: Rows) -> io::Result<FileIdentity> {
        let len = array.metadata()?.len();
        FileIdentity::of(array, &Stable::all_but(rows.first..len, len))
    }

    /// The hash of all bytes of an array of `len` bytes except these.
    pub(super) fn rest(array: &File, changing: Range<u64>, len: u64) -> io::Result<u64> {
        Ok(FileIdentity::of(array, &Stable::all_but(changing, len))?.hash())
    }

    fn to_bytes(self) -> Vec<u8> {
        let Self { file, rows, untouched } = self;
        let in_order = [u8::from(rows.in_order)];
        let parts: [&[u8]; 4] =
            [&file.to_bytes(), &rows.first.to_le_bytes(), &in_order, &untouched.to_le_bytes()];
        parts.concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (file, rest) = bytes.split_first_chunk::<{ FileIdentity::BYTES }>()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (in_order, untouched) = rest.split_first()?;
        let rows = Rows { first: u64::from_le_bytes(*first), in_order: *in_order == 1 };
        let untouched = u64::from_le_bytes(untouched.try_into().ok()?);
        let found = Self { file: FileIdentity::from_bytes(file)?, rows, untouched };
        (found.to_bytes() == bytes).then_some(found)
    }
}

impl JournalHead {
    pub(super) fn to_bytes(&self, of: &OfArray) -> Vec<u8> {
        let mut payload = Vec::new();
        for part in [&of.to_bytes(), self.job.as_bytes(), &self.fitted] {
            payload.extend((part.len() as u64).to_le_bytes());
            payload.extend(part);
        }
        payload.extend(self.record_len.to_le_bytes());
        frame_journal(&payload)
    }
}

/// Reads either version of the format; any other is an error.
fn in_either<R>(read: impl Fn(&Framing) -> Result<R, FramingError>) -> Result<R, JournalError> {
    let found = match read(&FRAMING) {
        Err(FramingError::Version { found }) if found == EARLIER.version() => read(&EARLIER),
        found => found,
    };
    found.map_err(|error| match error {
        FramingError::NotOne => JournalError::Damaged { what: "it does not begin as one" },
        FramingError::Version { found } => JournalError::Version { found },
        FramingError::Damaged { what } => JournalError::Damaged { what },
    })
}

/// The length of the head of a journal file of `file_len` bytes that begins with these bytes.
pub(super) fn head_len(begin: &[u8], file_len: u64) -> Result<u64, JournalError> {
    in_either(|framing| framing.len(begin, file_len))
}

/// The head, and the array that it belongs to.
pub(super) fn parse_head(bytes: &[u8]) -> Result<(JournalHead, OfArray), JournalError> {
    let damaged = |what| JournalError::Damaged { what };
    let mut rest = in_either(|framing| framing.unwrap(bytes))?;
    let mut part = || {
        let (len, more) = rest.split_first_chunk()?;
        let (part, more) =
            more.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
        rest = more;
        Some(part.to_vec())
    };
    let parts = (|| Some((part()?, part()?, part()?)))();
    let parts = parts.zip(<[u8; 8]>::try_from(rest).ok());
    let ((of, job, fitted), record_len) = parts.ok_or(damaged("its head cannot be read"))?;
    let of = OfArray::from_bytes(&of).ok_or(damaged("it does not identify its array"))?;
    let job = String::from_utf8(job).map_err(|_| damaged("its head cannot be read"))?;
    Ok((JournalHead { job, fitted, record_len: u64::from_le_bytes(record_len) }, of))
}

/// Parses the bytes of a journal's head and drops the result: for tests with arbitrary bytes.
///
/// # Errors
/// If the bytes are not a valid head.
pub fn check_journal(bytes: &[u8]) -> Result<(), JournalError> {
    parse_head(bytes).map(drop)
}

/// Adds valid framing to the contents of a head, so that tests reach the code behind those checks.
#[must_use]
pub fn frame_journal(payload: &[u8]) -> Vec<u8> {
    FRAMING.wrap(payload)
}

/// The head of a record, which precedes its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    pub(super) number: u64,
    pub(super) items: Range<u64>,
    /// The length of the rows, in bytes.
    pub(super) len: u64,
    /// The hash of the rest of the array, which does not change before the next record.
    pub(super) rest: u64,
}

impl RecordHead {
    pub(super) fn to_bytes(&self, data: &[u8]) -> [u8; RECORD_HEAD] {
        let mut head = [0; RECORD_HEAD];
        let fields = [self.number, self.items.start, self.items.end, self.len, self.rest];
        for (to, field) in head.chunks_exact_mut(8).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        // The checksum covers head and data, so that neither is combined with another record's.
        let (fields, sum) = head.split_at_mut(RECORD_HEAD - 8);
        let of_both = Checksums::of(fields) ^ Checksums::of(data).rotate_left(1);
        sum.copy_from_slice(&of_both.to_le_bytes());
        head
    }

    /// The fields of a head. The checksum tells whether the record is complete.
    pub(super) fn parse(head: &[u8; RECORD_HEAD]) -> Self {
        let [number, start, end, len, rest] = std::array::from_fn(|i| {
            let bytes = head[i * 8..].first_chunk().copied();
            u64::from_le_bytes(bytes.unwrap_or_default())
        });
        Self { number, items: start..end, len, rest }
    }
}
