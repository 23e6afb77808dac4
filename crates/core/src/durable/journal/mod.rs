//! Journals of jobs that change an array in place.
//!
//! New rows are written to the journal and synced before they are written to the array. After a
//! crash at any point every row exists complete: in the array, or in the journal.
//!
//! ```text
//!  head      the array, the job, the largest size of a record; framed (`framing.rs`)
//!  record    number, items, length, hash of the array, checksum, the new rows      even numbers
//!  record    the same                                                              odd numbers
//! ```
//!
//! The two records alternate: the record being written is never the one whose rows are still on
//! their way into the array.

mod done;
mod head;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::durable::AtomicFile;
use crate::error::{Error, JournalError, Result};
use crate::format::framing::HEAD;
use crate::format::leftovers::hidden_beside;
use crate::fs::sync_directory;

pub(crate) use done::{DONE_SUFFIX, mark_done, was_done};
pub(crate) use head::Rows;
use head::{OfArray, RECORD_HEAD, RecordHead, head_len, parse_head};
pub use head::{check_journal, frame_journal};

/// The suffix of a journal's name.
pub(crate) const SUFFIX: &str = ".rowmill-journal";

/// The description of an in-place job, and the state it resumes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHead {
    /// A description of the computation that differs between different jobs.
    pub job: String,
    /// The parameters found before the first row was changed.
    pub fitted: Vec<u8>,
    /// The most bytes of a record.
    pub record_len: u64,
}

/// New rows on their way into the array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The items that they replace.
    pub items: Range<u64>,
    /// The bytes of the rows.
    pub data: Vec<u8>,
}

/// The journal of one array, from [`ArrayMut::start_journal`](crate::ArrayMut::start_journal).
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    record_len: u64,
    first_record: u64,
    /// The number of the next record.
    next: u64,
    array: PathBuf,
    array_file: File,
    /// The identity of the array before the first record.
    of: OfArray,
}

/// A journal whose head was read.
struct Opened {
    path: PathBuf,
    file: File,
    /// The length of the file, in bytes.
    len: u64,
    head: JournalHead,
    of: OfArray,
    first_record: u64,
}

impl Opened {
    /// The journal of this array, if there is one.
    fn look(path: &Path, writable: bool) -> Result<Option<Self>> {
        let path = Journal::path_for(&behind_links(path));
        let refuse = |source| Error::Journal { path: path.clone(), source };
        let read = |e| Error::io("read", &path)(e);
        match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(m) if !m.is_file() => return Err(Error::NotRegular { path }),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().read(true).write(writable).open(&path).map_err(read)?;
        let len = file.metadata().map_err(read)?.len();
        let mut bytes = Vec::with_capacity(HEAD);
        (&mut file).take(HEAD as u64).read_to_end(&mut bytes).map_err(read)?;
        let rest = head_len(&bytes, len).map_err(refuse)?.saturating_sub(bytes.len() as u64);
        (&mut file).take(rest).read_to_end(&mut bytes).map_err(read)?;
        let (head, of) = parse_head(&bytes).map_err(refuse)?;
        let first_record = (bytes.len() as u64).next_multiple_of(4096);
        // The file was created with space for both, and jobs allocate buffers of that size.
        if record_len(head.record_len).saturating_mul(2).saturating_add(first_record) > len {
            return Err(refuse(JournalError::Damaged { what: "it has no room for its records" }));
        }
        Ok(Some(Self { path, file, len, head, of, first_record }))
    }
}

impl Journal {
    /// The path of an array file's journal: `data.npy` has `.data.npy.rowmill-journal`.
    ///
    /// ```
    /// use std::path::Path;
    /// use rowmill_core::Journal;
    /// let path = Journal::path_for(Path::new("a/b.npy"));
    /// assert_eq!(path, Path::new("a/.b.npy.rowmill-journal"));
    /// ```
    #[must_use]
    pub fn path_for(array: &Path) -> PathBuf {
        hidden_beside(array, SUFFIX)
    }

    /// A new journal for the array file that is open as `array` at `path`, durable, with space for
    /// its records. The array itself must be durable.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Locked`]: there is no journal then, and the array must not be
    /// changed in place.
    pub(crate) fn create(
        path: &Path,
        array: &File,
        rows: Rows,
        head: &JournalHead,
    ) -> Result<Self> {
        let place = Self::path_for(&behind_links(path));
        let inspect = |e| Error::io("inspect", path)(e);
        let of = OfArray::untouched(array, rows).map_err(inspect)?;
        let array_file = array.try_clone().map_err(inspect)?;
        let bytes = head.to_bytes(&of);
        let file = AtomicFile::create(&place)?;
        let first_record = (bytes.len() as u64).next_multiple_of(4096);
        let records = record_len(head.record_len).saturating_mul(2);
        file.allocate(first_record.saturating_add(records))?;
        file.file().write_all(&bytes).map_err(Error::io("write", &place))?;
        let (file, array, record_len) = (file.publish()?, path.to_owned(), head.record_len);
        Ok(Self { path: place, file, record_len, first_record, next: 0, array, array_file, of })
    }

    /// The journal that an interrupted job on this array left, if there is one, and the rows that
    /// were on their way. As far as can be told, the array is as the job left it.
    ///
    /// # Errors
    /// [`Error::Journal`] if it is not a journal of this array, [`Error::Io`].
    pub(crate) fn open(
        path: &Path,
        array: &File,
    ) -> Result<Option<(Self, JournalHead, Option<JournalRecord>)>> {
        let Some(opened) = Opened::look(path, true)? else { return Ok(None) };
        let Opened { path: place, file, len, head, of, first_record } = opened;
        let refuse = |source| Error::Journal { path: place.clone(), source };
        let inspect = |e| Error::io("inspect", path)(e);
        let now = OfArray::file(array, of.rows).map_err(inspect)?;
        if !of.file.has_number_of(&now) {
            return Err(refuse(JournalError::OtherArray));
        }
        if !of.file.has_bytes_of(&now) {
            return Err(refuse(JournalError::ArrayChanged));
        }
        let array_file = array.try_clone().map_err(inspect)?;
        let (array, record_len) = (path.to_owned(), head.record_len);
        let path = place.clone();
        let mut journal =
            Self { path, file, record_len, first_record, next: 0, array, array_file, of };
        let mut newest: Option<(RecordHead, JournalRecord)> = None;
        for slot in 0..2 {
            if let Some((head, record)) = journal.read(slot, len)?
                && newest.as_ref().is_none_or(|(newest, _)| head.number > newest.number)
            {
                newest = Some((head, record));
            }
        }
        let (rest, next) =
            newest.as_ref().map_or((of.untouched, 0), |(h, _)| (h.rest, h.number.wrapping_add(1)));
        let record = newest.map(|(_, record)| record);
        let changing = record.as_ref().map_or(0..0, |r| of.rows.changing(&r.items, &r.data));
        if journal.rest(changing)? != rest {
            return Err(refuse(JournalError::ArrayChanged));
        }
        journal.next = next;
        Ok(Some((journal, head, record)))
    }

    /// The hash of all of the array except these bytes.
    fn rest(&self, changing: Range<u64>) -> Result<u64> {
        let rest = OfArray::rest(&self.array_file, changing, self.of.file.len());
        rest.map_err(Error::io("inspect", &self.array))
    }

    /// Makes new rows durable in the journal, before they go into the array. The rows of the
    /// previous record must be durable in the array.
    ///
    /// # Errors
    /// [`Error::Io`]; the array must not be changed then.
    ///
    /// # Panics
    /// If there are more bytes than the head says.
    pub fn write(&mut self, items: Range<u64>, data: &[u8]) -> Result<()> {
        assert!(data.len() as u64 <= self.record_len, "a record of {} bytes", data.len());
        let rest = self.rest(self.of.rows.changing(&items, data))?;
        let head = RecordHead { number: self.next, items, len: data.len() as u64, rest };
        let place = self.place(self.next % 2);
        let mut file = &self.file;
        let written = file
            .seek(SeekFrom::Start(place))
            .and_then(|_| file.write_all(&head.to_bytes(data)))
            .and_then(|()| file.write_all(data))
            .and_then(|()| file.sync_data());
        written.map_err(Error::io("write", &self.path))?;
        self.next += 1;
        Ok(())
    }

    /// Removes the journal: the job is finished, and all rows are durable in the array.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
        sync_directory(&self.path)
    }

    fn place(&self, slot: u64) -> u64 {
        self.first_record.saturating_add(record_len(self.record_len).saturating_mul(slot))
    }

    /// The record of a slot; `None` if it was not written, or not completely.
    fn read(&mut self, slot: u64, len: u64) -> Result<Option<(RecordHead, JournalRecord)>> {
        let place = self.place(slot);
        let error = |e| Error::io("read", &self.path)(e);
        let mut bytes = [0; RECORD_HEAD];
        if place.saturating_add(RECORD_HEAD as u64) > len {
            return Ok(None);
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(error)?;
        let head = RecordHead::parse(&bytes);
        let fits = head.len <= self.record_len
            && place.saturating_add(RECORD_HEAD as u64).saturating_add(head.len) <= len;
        if !fits || head.items.start > head.items.end {
            return Ok(None);
        }
        let mut data = Vec::new();
        file.take(head.len).read_to_end(&mut data).map_err(error)?;
        let items = head.items.clone();
        let whole = head.to_bytes(&data) == bytes && head.number % 2 == slot;
        Ok(whole.then_some((head, JournalRecord { items, data })))
    }
}

/// The length of a record with its head, for this many bytes of rows.
fn record_len(rows: u64) -> u64 {
    rows.saturating_add(RECORD_HEAD as u64)
}

/// The file itself: a journal is beside the target of a link, not beside the link.
fn behind_links(path: &Path) -> Cow<'_, Path> {
    match fs::symlink_metadata(path) {
        Ok(m) if m.is_symlink() => fs::canonicalize(path).map_or(Cow::Borrowed(path), Cow::Owned),
        _ => Cow::Borrowed(path),
    }
}

/// Refuses an array whose rows are partly old and partly new.
///
/// # Errors
/// [`Error::Unfinished`] and [`Error::Journal`].
pub(crate) fn refuse_unfinished(path: &Path, array: &File) -> Result<()> {
    let journal = Journal::path_for(&behind_links(path));
    // One lookup is enough for nearly every array; a dangling link is not a journal of ours.
    if !fs::symlink_metadata(&journal).is_ok_and(|m| m.is_file()) {
        return Ok(());
    }
    let Some(opened) = Opened::look(path, false)? else { return Ok(()) };
    let of = opened.of;
    let now = OfArray::file(array, of.rows).map_err(Error::io("inspect", path))?;
    if of.file.has_number_of(&now) {
        return Err(Error::Unfinished { path: path.to_owned(), journal });
    }
    if of.file.has_bytes_of(&now) {
        // Another file of the same shape, or a copy with old and new rows.
        return Err(Error::Journal { path: journal, source: JournalError::OtherArray });
    }
    Ok(())
}

/// Removes the journal of an array that was just replaced: it belongs to a file that is gone. If it
/// cannot be removed, at worst the array cannot be opened.
pub(crate) fn forget(path: &Path) {
    if let Ok(Some(opened)) = Opened::look(path, false) {
        let _ = fs::remove_file(&opened.path);
    }
}
