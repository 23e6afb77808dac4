//! [`Appender`]: appends rows to an array file, all or none of them.

use std::fs::File;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::describe::Description;
use super::journal_file::JournalFile;
use super::{take_back_rest, truncate};
use crate::durable::journal::refuse_unfinished;
use crate::durable::{forget_checksums, publish};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::format::append_journal::Journal;
use crate::format::detect::read_meta;
use crate::format::{Meta, append_journal, expect_dtype};
use crate::fs::{Held, open_locked, write_all_at};
use crate::map::{Claim, FileState};
use crate::shape::Shape;
use crate::tile::TileBuffer;
use crate::view::Source;

/// An array file open for appending rows: a `.npy` file whose header has room (rowmill and recent
/// versions of NumPy leave some), or a raw file with a sidecar.
///
/// Appended rows become part of the array when [`commit`](Self::commit) returns, all rows since the
/// last commit at once, and survive power loss from then on. **After a crash at any moment the
/// array has the rows of some commit, complete**: uncommitted rows are rolled back by the next
/// appender, and ignored by readers until then. The same happens if the appender is dropped without
/// a commit.
///
/// Readers may open the file at any time and get the rows of the last commit. Their data stays
/// valid while more is appended. But a job's final check that its input is unchanged cannot tell,
/// and returns [`Error::Changed`]: open the array after the last commit, or read from a copy. The
/// handle holds the writer's advisory lock: a second writer is refused.
///
/// A commit takes two or three syncs, whatever it holds: many rows per commit are fast, one row per
/// commit costs the latency of the disk.
///
/// ```
/// use rowmill_core::{Appender, Array, ArrayMut};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// ArrayMut::<f32>::create(&path, [0, 3])?.close()?;
/// let mut x = Appender::<f32>::open(&path)?;
/// x.append_rows(&[1.0, 2.0, 3.0])?;
/// x.append_rows(&[4.0, 5.0, 6.0, 7.0, 8.0, 9.0])?;
/// assert_eq!(Array::<f32>::open(&path)?.shape().rows(), 0);
/// x.commit()?; // three rows, durable
/// assert_eq!(Array::<f32>::open(&path)?.shape().rows(), 3);
/// x.append_rows(&[0.0; 3])?;
/// x.close()?; // and a fourth
/// # assert_eq!(Array::<f32>::open(&path)?.shape().rows(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Appender<T> {
    path: PathBuf,
    file: Held,
    /// The metadata in the file, with the rows of the last commit.
    meta: Meta,
    description: Description,
    journal: JournalFile,
    /// The shape with the uncommitted rows.
    shape: Shape,
    /// Encoded rows that are not written yet, and their offset.
    buffer: Vec<u8>,
    at: u64,
    /// The journal describes the last commit, so bytes may be written behind it.
    begun: bool,
    /// The first failure.
    poison: Option<String>,
    /// The shape on disk may be the old or the new one, so the bytes behind the old end must stay.
    undecided: bool,
    #[cfg(test)]
    pub(super) stop_after: Option<Step>,
    /// Dropped after the uncommitted rows were taken back.
    _claim: Claim,
    element: PhantomData<fn() -> T>,
}

/// The completed steps. All are durable except [`Written`](Self::Written) and
/// [`Described`](Self::Described).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Journalled,
    Written,
    Synced,
    Described,
    Committed,
}

/// How much is encoded before it is written.
const BUFFER: usize = 1 << 20;

/// How much of a source is read at a time, in bytes.
const PIECE: usize = 4 << 20;

impl<T: Element> Appender<T> {
    /// Opens an array file for appending, and rolls back uncommitted rows of an earlier appender.
    ///
    /// # Errors
    /// [`Error::Locked`] while another writer has it; [`Error::AlsoMapped`] while this process has
    /// uncommitted rows of an earlier appender mapped; [`Error::CannotAppend`] for arrays that
    /// cannot grow in place: in Fortran order, without axes, with empty rows, with a header without
    /// room, described by a hand-made sidecar; otherwise as [`Array::open`](crate::Array::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut file = open_locked(path)?;
        refuse_unfinished(path, &file)?;
        let seen = FileState::of(path, &file)?;
        let meta = read_meta(path, &mut file, seen.len, None)?;
        expect_dtype::<T>(path, &meta)?;
        let claim = Claim::append(path, &seen, meta.end() < seen.len)?;
        publish::settle(path, &file)?;
        forget_checksums(path)?;
        let description = Description::find(path, &mut file, &meta)?;
        take_back_rest(path, &file, meta.end(), seen.len)?;
        let mut journal = JournalFile::new(append_journal::path_for(path));
        journal.remove();
        Ok(Self {
            path: path.to_owned(),
            file: Held(file),
            description,
            journal,
            shape: meta.shape.clone(),
            buffer: Vec::new(),
            at: meta.end(),
            meta,
            begun: false,
            poison: None,
            undecided: false,
            #[cfg(test)]
            stop_after: None,
            _claim: claim,
            element: PhantomData,
        })
    }

    /// The metadata, with the rows of the last commit.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of rows after the next commit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.rows()
    }

    /// The number of rows that are part of the array and survive power loss: those of the last
    /// commit.
    #[must_use]
    pub fn durable_rows(&self) -> usize {
        self.meta.shape.rows()
    }

    /// Appends whole rows, `values` in C order. They become part of the array with the next
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`Error::PartialRow`] if `values` is not a whole number of rows, [`Error::TooLarge`],
    /// [`Error::CannotAppend`] if the header has no room for the number of rows: nothing is
    /// appended then. After [`Error::Io`] (for instance a full disk) every later call returns
    /// [`Error::AppendFailed`].
    pub fn append_rows(&mut self, values: &[T]) -> Result<()> {
        self.check()?;
        let row_len = self.shape.row_len();
        if !values.len().is_multiple_of(row_len) {
            return Err(Error::PartialRow { found: values.len(), row_len });
        }
        if values.is_empty() {
            return Ok(());
        }
        let first = self.shape.rows();
        let shape = self.longer(values.len() / row_len)?;
        self.description.check(&self.path, &self.meta, &shape)?;
        let done = self.write(first, values);
        self.or_poison(done)?;
        self.shape = shape;
        Ok(())
    }

    /// Appends all rows of another array, a few megabytes at a time, and returns their number.
    ///
    /// # Errors
    /// [`Error::RowShape`] if its rows have another shape, errors of reading it ([`Error::Changed`]
    /// if it changed meanwhile), and as [`append_rows`](Self::append_rows). If reading it fails
    /// halfway, every later call returns [`Error::AppendFailed`].
    pub fn append_source(&mut self, source: &impl Source<T>) -> Result<usize> {
        self.check()?;
        let (rows, dims) = (source.shape().rows(), source.shape().row_dims());
        if source.shape().ndim() == 0 || dims != self.shape.row_dims() {
            let path = self.path.clone();
            let too_large = |source| Error::TooLarge { path: path.clone(), source };
            return Err(Error::RowShape {
                expected: Shape::new(self.shape.row_dims()).map_err(too_large)?,
                found: Shape::new(dims).map_err(too_large)?,
                path: path.clone(),
            });
        }
        // Rows that do not fit are refused before the first one is read.
        let shape = self.longer(rows)?;
        self.description.check(&self.path, &self.meta, &shape)?;
        let done = self.copy(source, rows);
        self.or_poison(done)?;
        Ok(rows)
    }

    fn copy(&mut self, source: &impl Source<T>, rows: usize) -> Result<()> {
        let step = (PIECE / (self.shape.row_len() * size_of::<T>())).max(1);
        let mut buffer = TileBuffer::new();
        for start in (0..rows).step_by(step) {
            let end = rows.min(start.saturating_add(step));
            self.append_rows(source.rows(start..end, &mut buffer)?)?;
        }
        source.verify()
    }

    /// The shape with this many more rows.
    fn longer(&self, rows: usize) -> Result<Shape> {
        let mut dims = self.shape.dims().to_vec();
        dims[0] = dims[0].saturating_add(rows);
        let shape = Shape::new(dims).and_then(|s| s.byte_len(size_of::<T>()).map(|_| s));
        shape.map_err(|source| Error::TooLarge { path: self.path.clone(), source })
    }

    fn write(&mut self, first: usize, values: &[T]) -> Result<()> {
        if !self.begun {
            if self.journal.is_new() {
                // The journal identifies the file by bytes that a crash cannot undo.
                self.file.sync_data().map_err(Error::io("flush", &self.path))?;
            }
            let journal = Journal::new(&self.file, self.meta.end());
            self.journal.write(journal.map_err(Error::io("inspect", &self.path))?)?;
            self.begun = true;
            self.reached(Step::Journalled)?;
        }
        let Self { meta, file, path, buffer, at, .. } = self;
        let mut failed = Ok(());
        meta.encode(first, values, |_, bytes| {
            if failed.is_ok() && buffer.len() + bytes.len() > BUFFER {
                failed = write_out(file, path, buffer, at);
            }
            if failed.is_err() {
            } else if bytes.len() > BUFFER {
                failed = write_on(file, path, bytes, at);
            } else {
                buffer.extend_from_slice(bytes);
            }
        });
        failed
    }

    /// Makes all rows appended so far part of the array, atomically, and durable. Does nothing if
    /// there are none.
    ///
    /// # Errors
    /// [`Error::Io`]: the file then has the rows of the last commit, or those of this one. Every
    /// later call returns [`Error::AppendFailed`].
    pub fn commit(&mut self) -> Result<()> {
        self.check()?;
        if self.shape == self.meta.shape {
            return Ok(());
        }
        let done = self.commit_steps();
        self.or_poison(done)
    }

    fn commit_steps(&mut self) -> Result<()> {
        write_out(&self.file, &self.path, &mut self.buffer, &mut self.at)?;
        self.reached(Step::Written)?;
        self.file.sync_data().map_err(Error::io("flush", &self.path))?;
        self.reached(Step::Synced)?;
        self.undecided = true;
        self.description.update(&self.path, &self.file, &self.meta, &self.shape)?;
        self.reached(Step::Described)?;
        self.file.sync_data().map_err(Error::io("flush", &self.path))?;
        self.meta.shape = self.shape.clone();
        (self.undecided, self.begun) = (false, false);
        self.reached(Step::Committed)
    }

    /// Commits and closes the file.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn close(mut self) -> Result<()> {
        self.commit()
    }

    fn check(&self) -> Result<()> {
        match &self.poison {
            Some(first) => {
                Err(Error::AppendFailed { path: self.path.clone(), first: first.clone() })
            }
            None => Ok(()),
        }
    }

    fn or_poison(&mut self, done: Result<()>) -> Result<()> {
        done.inspect_err(|e| {
            self.poison.get_or_insert_with(|| e.to_string());
        })
    }

    /// Tests stop here, like a crash.
    #[cfg(test)]
    fn reached(&mut self, step: Step) -> Result<()> {
        if self.stop_after == Some(step) {
            self.undecided = true; // and nothing is cleaned up
            return Err(Error::io("continue", &self.path)(std::io::Error::other("stopped")));
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests stop here")]
    fn reached(&mut self, _: Step) -> Result<()> {
        Ok(())
    }
}

impl<T> Drop for Appender<T> {
    /// Rolls back uncommitted rows. If that fails, the next appender does it.
    fn drop(&mut self) {
        if self.undecided {
            return; // the journal stays for readers of the old description
        }
        if self.begun && truncate(&self.file, &self.path, self.meta.end()).is_err() {
            return;
        }
        self.journal.remove();
    }
}

fn write_out(file: &File, path: &Path, buffer: &mut Vec<u8>, at: &mut u64) -> Result<()> {
    write_on(file, path, buffer, at)?;
    buffer.clear();
    Ok(())
}

fn write_on(file: &File, path: &Path, bytes: &[u8], at: &mut u64) -> Result<()> {
    write_all_at(file, bytes, *at).map_err(Error::io("write", path))?;
    *at += bytes.len() as u64;
    Ok(())
}
