//! Journals of jobs that change an array in place.
//!
//! New rows are written to the journal and synced before they are written to the array. After a crash
//! at any point every row is still somewhere, complete: in the array, or in the journal.
//!
//! ```text
//!  head      "ROWMILLJ", version, length of what follows, what the job is, checksum
//!  record    number, items, length, checksum, the new rows      even numbers
//!  record    the same                                           odd numbers
//! ```
//!
//! The two records take turns. A record that is being written is never the one whose rows are still on
//! their way into the array.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic::sync_directory;
use crate::leftovers::hidden_beside;
use crate::map::Seen;
use crate::{AtomicFile, Birth, Checksums, Error, Identity, Result};

const MAGIC: &[u8; 8] = b"ROWMILLJ";

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Magic, version, length.
const PREFIX: usize = 8 + 4 + 8;

/// Number, start and end of the items, length, checksum.
const RECORD_HEAD: usize = 5 * 8;

/// What the name of a journal ends with.
pub(crate) const SUFFIX: &str = ".rowmill-journal";

/// Why a journal cannot be used. Nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Something else under this name, or the rest of one.
    #[error(
        "it is damaged or no journal ({what}); the array may hold old and new rows: restore it from a \
         copy, then remove the journal"
    )]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A journal of another release.
    #[error(
        "it has version {found}, this release reads version {VERSION}; finish the job with the \
         release that began it"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// The journal of another job.
    #[error(
        "another job was begun on this array; expected {expected:?}, found {found:?}; finish that one first"
    )]
    OtherJob {
        /// The job that was to go on.
        expected: String,
        /// The job that was begun.
        found: String,
    },
    /// The array was replaced meanwhile.
    #[error(
        "it belongs to another file of this name; if that one is not needed any more, remove the \
         journal"
    )]
    OtherArray,
}

/// What an in-place job is, and what it needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHead {
    /// What is computed, in words that differ for jobs that differ.
    pub job: String,
    /// What was found before the first row was changed.
    pub fitted: Vec<u8>,
    /// The most bytes of a record.
    pub record_len: u64,
}

/// New rows, on their way into the array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Where they go.
    pub items: Range<u64>,
    /// What they are.
    pub data: Vec<u8>,
}

/// The journal of one array: what [`ArrayMut::start_journal`](crate::ArrayMut::start_journal) gives.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    record_len: u64,
    first_record: u64,
    /// The number of the next record.
    next: u64,
}

impl Journal {
    /// Where the journal of an array file is: `data.npy` has `.data.npy.rowmill-journal`.
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

    /// A new journal for the array file that is open as `array` at `path`, durable, with room for its
    /// records.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Locked`]: there is no journal then, and nothing may be changed in place.
    pub(crate) fn create(path: &Path, array: &File, head: &JournalHead) -> Result<Self> {
        let place = Self::path_for(&behind_links(path));
        let birth = array_birth(path, array)?;
        let bytes = head_bytes(head, birth);
        let file = AtomicFile::create(&place)?;
        let first_record = (bytes.len() as u64).next_multiple_of(4096);
        let record = head.record_len.saturating_add(RECORD_HEAD as u64);
        file.allocate(first_record.saturating_add(record.saturating_mul(2)))?;
        file.file().write_all(&bytes).map_err(Error::io("write", &place))?;
        let file = file.publish()?;
        Ok(Self { path: place, file, record_len: head.record_len, first_record, next: 0 })
    }

    /// The journal that an interrupted job on this array left, if there is one, and the rows that were
    /// on their way.
    ///
    /// # Errors
    /// [`Error::Journal`] for what is no journal of this array, [`Error::Io`].
    pub(crate) fn open(
        path: &Path,
        array: &File,
        writable: bool,
    ) -> Result<Option<(Self, JournalHead, Option<JournalRecord>)>> {
        let place = Self::path_for(&behind_links(path));
        let refuse = |source| Error::Journal { path: place.clone(), source };
        let read = |e| Error::io("read", &place)(e);
        match fs::symlink_metadata(&place) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(m) if !m.is_file() => return Err(Error::NotRegular { path: place }),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().read(true).write(writable).open(&place).map_err(read)?;
        let len = file.metadata().map_err(read)?.len();
        let mut prefix = Vec::with_capacity(PREFIX);
        (&mut file).take(PREFIX as u64).read_to_end(&mut prefix).map_err(read)?;
        let rest = parse_prefix(&prefix, len).map_err(refuse)?;
        let mut bytes = prefix;
        (&mut file).take(rest).read_to_end(&mut bytes).map_err(read)?;
        let (head, birth) = parse_head(&bytes).map_err(refuse)?;
        if birth != array_birth(path, array)? {
            return Err(refuse(JournalError::OtherArray));
        }
        let first_record = (bytes.len() as u64).next_multiple_of(4096);
        let (path, record_len) = (place.clone(), head.record_len);
        let mut journal = Self { path, file, record_len, first_record, next: 0 };
        let mut newest: Option<(u64, JournalRecord)> = None;
        for slot in 0..2 {
            if let Some((number, record)) = journal.read(slot, len)?
                && newest.as_ref().is_none_or(|(newest, _)| number > *newest)
            {
                newest = Some((number, record));
            }
        }
        journal.next = newest.as_ref().map_or(0, |(number, _)| number + 1);
        Ok(Some((journal, head, newest.map(|(_, record)| record))))
    }

    /// Makes new rows durable here, before they go into the array. The rows of the record before must
    /// be durable there.
    ///
    /// # Errors
    /// [`Error::Io`]. The array must not be changed then.
    ///
    /// # Panics
    /// When there are more bytes than the head says.
    pub fn write(&mut self, items: Range<u64>, data: &[u8]) -> Result<()> {
        assert!(data.len() as u64 <= self.record_len, "a record of {} bytes", data.len());
        let head = record_head(self.next, &items, data);
        let place = self.place(self.next % 2);
        let mut file = &self.file;
        let written = file
            .seek(SeekFrom::Start(place))
            .and_then(|_| file.write_all(&head))
            .and_then(|()| file.write_all(data))
            .and_then(|()| file.sync_data());
        written.map_err(Error::io("write", &self.path))?;
        self.next += 1;
        Ok(())
    }

    /// The job is done, and all rows are durable in the array.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
        sync_directory(&self.path)
    }

    fn place(&self, slot: u64) -> u64 {
        let record = self.record_len.saturating_add(RECORD_HEAD as u64);
        self.first_record.saturating_add(record.saturating_mul(slot))
    }

    /// The record of a slot; `None` for one that was not written, or not to its end.
    fn read(&mut self, slot: u64, len: u64) -> Result<Option<(u64, JournalRecord)>> {
        let place = self.place(slot);
        let error = |e| Error::io("read", &self.path)(e);
        let mut head = [0; RECORD_HEAD];
        if place.saturating_add(RECORD_HEAD as u64) > len {
            return Ok(None);
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place))
            .and_then(|_| file.read_exact(&mut head))
            .map_err(error)?;
        let [number, start, end, data_len, _] = fields(&head);
        let fits = data_len <= self.record_len
            && place.saturating_add(RECORD_HEAD as u64).saturating_add(data_len) <= len;
        if !fits || start > end {
            return Ok(None);
        }
        let mut data = Vec::new();
        file.take(data_len).read_to_end(&mut data).map_err(error)?;
        let items = start..end;
        let whole = record_head(number, &items, &data) == head && number % 2 == slot;
        Ok(whole.then_some((number, JournalRecord { items, data })))
    }
}

/// What the name of a note of a finished job ends with.
pub(crate) const DONE_SUFFIX: &str = ".rowmill-done";

/// What an in-place job leaves when it is finished, for jobs that are not to be done twice.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    job: String,
    /// The array as the job left it.
    array: Identity,
}

/// The longest note that is read, in bytes.
const MOST_DONE: u64 = 64 << 10;

fn done_path(array: &Path) -> PathBuf {
    hidden_beside(array, DONE_SUFFIX)
}

/// Notes that a job on this array is finished.
pub(crate) fn mark_done(path: &Path, array: &File, job: &str) -> Result<()> {
    let done = Done { job: job.to_owned(), array: Seen::of(path, array)?.identity() };
    let place = done_path(&behind_links(path));
    AtomicFile::replace(&place, &serde_json::to_vec(&done).unwrap_or_default())
}

/// Whether this job was the last to change this array. Anything else under the name of the note says
/// nothing.
pub(crate) fn was_done(path: &Path, array: &File, job: &str) -> Result<bool> {
    let place = done_path(&behind_links(path));
    if !fs::symlink_metadata(&place).is_ok_and(|m| m.is_file() && m.len() <= MOST_DONE) {
        return Ok(false);
    }
    let found: Option<Done> = fs::read(&place).ok().and_then(|b| serde_json::from_slice(&b).ok());
    let array = Seen::of(path, array)?.identity();
    Ok(found.is_some_and(|found| found.job == job && found.array == array))
}

/// The file itself: a journal stands beside that, whatever link led there.
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
    // One look is enough for nearly every array; a link to nowhere is no journal of ours.
    if !fs::symlink_metadata(&journal).is_ok_and(|m| m.is_file()) {
        return Ok(());
    }
    match Journal::open(path, array, false) {
        // The file that it belongs to was replaced.
        Ok(None) | Err(Error::Journal { source: JournalError::OtherArray, .. }) => Ok(()),
        Ok(Some(_)) => Err(Error::Unfinished { path: path.to_owned(), journal }),
        Err(error) => Err(error),
    }
}

/// When the array file was made and its number; its length where the filesystem does not say.
fn array_birth(path: &Path, array: &File) -> Result<Vec<u8>> {
    let metadata = array.metadata().map_err(Error::io("inspect", path))?;
    let birth = Birth::of(&metadata).map(Birth::to_bytes);
    Ok(birth.map_or_else(|| metadata.len().to_le_bytes().to_vec(), |b| b.to_vec()))
}

fn head_bytes(head: &JournalHead, birth: Vec<u8>) -> Vec<u8> {
    let mut rest = Vec::new();
    for part in [&birth, head.job.as_bytes(), &head.fitted] {
        rest.extend((part.len() as u64).to_le_bytes());
        rest.extend(part);
    }
    rest.extend(head.record_len.to_le_bytes());
    frame_journal(&rest)
}

/// The number of bytes after the prefix, which a file of `len` bytes has.
fn parse_prefix(prefix: &[u8], len: u64) -> Result<u64, JournalError> {
    let damaged = |what| JournalError::Damaged { what };
    let short = || damaged("it is too short for its head");
    let (magic, rest) = prefix.split_first_chunk::<8>().ok_or_else(short)?;
    if magic != MAGIC {
        return Err(damaged("it does not begin as one"));
    }
    let (version, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(JournalError::Version { found: version });
    }
    let (rest, _) = rest.split_first_chunk().ok_or_else(short)?;
    let rest = u64::from_le_bytes(*rest);
    if rest > len.saturating_sub(PREFIX as u64) {
        return Err(damaged("it is shorter than its head says"));
    }
    Ok(rest)
}

/// What the head says, and of which array.
fn parse_head(bytes: &[u8]) -> Result<(JournalHead, Vec<u8>), JournalError> {
    let damaged = |what| JournalError::Damaged { what };
    let rest = parse_prefix(bytes.get(..PREFIX).unwrap_or(bytes), bytes.len() as u64)?;
    let end = PREFIX + usize::try_from(rest).unwrap_or(usize::MAX - PREFIX);
    let (content, sum) = bytes
        .get(..end)
        .and_then(<[u8]>::split_last_chunk::<8>)
        .ok_or(damaged("it is shorter than its head says"))?;
    if Checksums::of(content).to_le_bytes() != *sum {
        return Err(damaged("the checksum of its head is wrong"));
    }
    let mut rest = content.get(PREFIX..).unwrap_or_default();
    let mut part = || {
        let (len, more) = rest.split_first_chunk()?;
        let (part, more) =
            more.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
        rest = more;
        Some(part.to_vec())
    };
    let parts = (|| Some((part()?, part()?, part()?)))();
    let parts = parts.zip(<[u8; 8]>::try_from(rest).ok());
    let ((birth, job, fitted), record_len) = parts.ok_or(damaged("its head cannot be read"))?;
    let job = String::from_utf8(job).map_err(|_| damaged("its head cannot be read"))?;
    Ok((JournalHead { job, fitted, record_len: u64::from_le_bytes(record_len) }, birth))
}

/// Parses the bytes of the head of a journal, and drops what is in it: for tests that feed it anything.
///
/// # Errors
/// Whatever is wrong with it.
#[doc(hidden)]
pub fn check_journal(bytes: &[u8]) -> Result<(), JournalError> {
    parse_head(bytes).map(drop)
}

/// Puts the right prefix and checksum around what a head says, so that tests reach what is behind
/// them.
#[doc(hidden)]
#[must_use]
pub fn frame_journal(rest: &[u8]) -> Vec<u8> {
    let len = (rest.len() as u64 + 8).to_le_bytes();
    let mut bytes = [MAGIC, &VERSION.to_le_bytes()[..], &len, rest].concat();
    bytes.extend(Checksums::of(&bytes).to_le_bytes());
    bytes
}

fn record_head(number: u64, items: &Range<u64>, data: &[u8]) -> [u8; RECORD_HEAD] {
    let mut head = [0; RECORD_HEAD];
    let fields = [number, items.start, items.end, data.len() as u64];
    for (to, field) in head.chunks_exact_mut(8).zip(fields) {
        to.copy_from_slice(&field.to_le_bytes());
    }
    // Of the head and of the data, so that neither is taken for part of another record.
    let sum = Checksums::of(&head[..32]) ^ Checksums::of(data).rotate_left(1);
    head[32..].copy_from_slice(&sum.to_le_bytes());
    head
}

fn fields(head: &[u8; RECORD_HEAD]) -> [u64; 5] {
    std::array::from_fn(|i| {
        let bytes = head[i * 8..].first_chunk().copied();
        u64::from_le_bytes(bytes.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> JournalHead {
        JournalHead { job: "twice".to_owned(), fitted: vec![1, 2, 3], record_len: 100 }
    }

    fn array() -> (tempfile::TempDir, PathBuf, File) {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        fs::write(&path, b"0123").expect("room");
        let file = File::open(&path).expect("just made");
        (dir, path, file)
    }

    #[test]
    fn the_newest_whole_record_counts() {
        let (_dir, path, file) = array();
        let place = Journal::path_for(&path);
        assert!(Journal::open(&path, &file, true).expect("none").is_none());
        let mut journal = Journal::create(&path, &file, &head()).expect("room");
        let found = || Journal::open(&path, &file, true).expect("whole").expect("there");
        assert!(found().1 == head() && found().2.is_none());
        let record = |items: Range<u64>, byte| {
            let data = vec![byte; 10 * (items.end - items.start) as usize];
            JournalRecord { items, data }
        };
        let records = [record(0..3, 1), record(3..6, 2), record(6..7, 3)];
        for record in &records {
            journal.write(record.items.clone(), &record.data).expect("room");
            assert_eq!(found().2.as_ref(), Some(record));
        }
        // The last one torn: the one before counts.
        let whole = fs::read(&place).expect("there");
        let third = whole.windows(10).position(|data| data == [3; 10]).expect("the third record");
        for at in [third, third + 9, third - 1, third - RECORD_HEAD] {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            fs::write(&place, &torn).expect("written");
            assert_eq!(found().2.as_ref(), Some(&records[1]), "byte {at}");
        }
        // Through a link it is the same journal.
        #[cfg(unix)]
        {
            let link = path.with_file_name("link");
            std::os::unix::fs::symlink(&path, &link).expect("room");
            refuse_unfinished(&link, &file).expect_err("unfinished");
        }
        // It goes on with the next number.
        let (mut journal, _, _) = found();
        journal.write(6..7, &[9; 10]).expect("room");
        assert_eq!(found().2, Some(record(6..7, 9)));
        journal.remove().expect("ours");
        assert!(Journal::open(&path, &file, true).expect("none").is_none());
        refuse_unfinished(&path, &file).expect("finished");
    }

    #[test]
    fn a_note_holds_for_one_job_and_one_state() {
        let (_dir, path, file) = array();
        let done = |job| was_done(&path, &file, job).expect("readable");
        assert!(!done("twice"));
        mark_done(&path, &file, "twice").expect("room");
        assert!(done("twice") && !done("thrice"));
        fs::write(done_path(&path), b"{}").expect("room");
        assert!(!done("twice"));
        mark_done(&path, &file, "twice").expect("room");
        fs::write(&path, b"01234").expect("room");
        assert!(!done("twice"), "somebody wrote to it");
    }

    #[test]
    fn damage_and_other_arrays_are_refused() {
        let (dir, path, file) = array();
        let place = Journal::path_for(&path);
        Journal::create(&path, &file, &head()).expect("room");
        let refused = refuse_unfinished(&path, &file).expect_err("unfinished");
        assert!(matches!(&refused, Error::Unfinished { journal, .. } if *journal == place));
        let whole = fs::read(&place).expect("there");
        let head_len = PREFIX + 3 * 8 + 16 + 5 + 3 + 8 + 8;
        for at in 0..head_len {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            fs::write(&place, &damaged).expect("written");
            let error = Journal::open(&path, &file, true).expect_err("damaged").to_string();
            assert!(error.contains(".x.npy.rowmill-journal"), "byte {at}: {error}");
        }
        for len in [0, 7, PREFIX, head_len - 1] {
            fs::write(&place, &whole[..len]).expect("written");
            Journal::open(&path, &file, true).expect_err("cut off");
        }
        fs::write(&place, &whole).expect("written");
        let other = dir.path().join("other");
        fs::write(&other, b"0123").expect("room");
        fs::rename(&other, &path).expect("replaced");
        let replaced = File::open(&path).expect("there");
        let error = Journal::open(&path, &replaced, true).expect_err("another file");
        assert!(
            matches!(error, Error::Journal { source: JournalError::OtherArray, .. }),
            "{error}"
        );
        refuse_unfinished(&path, &replaced).expect("of another file");
    }
}
