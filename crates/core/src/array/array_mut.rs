//! Arrays open for writing.

use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::array::array::lends_in_place;
use crate::array::{CreateOptions, OpenOptions};
use crate::durable::flush::{Flusher, Ledger};
use crate::durable::journal::refuse_unfinished;
use crate::durable::{FlushPolicy, append, forget_checksums, publish};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::format::detect::read_meta;
use crate::format::{Meta, RawSpec, expect_dtype};
use crate::fs::{Held, open_locked};
use crate::map::{Claim, FileState, InMemory, MappedFile, SharedMut, WriteMap, map_mut};
use crate::shape::Shape;
use crate::tile::{TileBuffer, tile_in};
use crate::view::check_ranges;

/// An array file open for reading and writing, its elements of type `T`.
///
/// Writes go to the mapping. They survive a power cut once [`flush`](Self::flush) or
/// [`flush_rows`](Self::flush_rows) has returned `Ok`, or a [`FlushPolicy`] has synced them:
/// [`durable_rows`](Self::durable_rows) reports the progress. The handle holds the writer's
/// advisory lock: a second writer is refused. The file is mapped on every filesystem. On network
/// and FUSE filesystems others see writes once they are flushed, and a server that disappears
/// causes [`Error::Fault`] or a failed flush. Dropping the handle without [`close`](Self::close)
/// leaves writing back to the operating system, and failures go unreported.
///
/// After a failed sync the handle is **poisoned**: the kernel drops pages that it could not write,
/// so a later sync would succeed without having written them. Every later write or flush, `close`
/// included, returns [`Error::Poisoned`] with the message of the first failure.
///
#[doc = include_str!("two_handles.md")]
#[derive(Debug)]
pub struct ArrayMut<T> {
    path: PathBuf,
    /// Open as long as the mapping, so that write errors can be reported. Locked.
    file: Arc<Held>,
    /// The state of the file when it was mapped.
    seen: FileState,
    map: Option<SharedMut>,
    meta: Meta,
    /// Keeps the file and its lock open.
    flusher: Flusher,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> ArrayMut<T> {
    /// Opens an existing array for reading and writing (numpy's mode `r+`). Checksums of its rows,
    /// which the writes will invalidate, are dropped from its sidecar. Its rows do not count as
    /// [durable](Self::durable_rows) until they are written and synced through this handle.
    ///
    /// # Errors
    /// As [`Array::open`](crate::Array::open); [`Error::Locked`] while another writer has it,
    /// [`Error::AlsoMapped`] while this process has it mapped, [`Error::TooManyMappings`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new(), refuse_unfinished)
    }

    /// As [`open`](Self::open), even if an in-place job on the array was interrupted: to finish it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_to_finish(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new(), |_, _| Ok(()))
    }

    /// Opens an existing raw file, described by `spec`, for reading and writing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_raw(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new().spec(spec.clone()), refuse_unfinished)
    }

    /// As [`open_raw`](Self::open_raw), even if an in-place job on the array was interrupted: to
    /// finish it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_raw_to_finish(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new().spec(spec.clone()), |_, _| Ok(()))
    }

    /// Creates an array of zeros (numpy's mode `w+`) at an unused path: [`CreateOptions`] with its
    /// defaults. Those can also replace a file.
    ///
    /// # Errors
    /// See [`CreateOptions::create`].
    pub fn create(path: impl AsRef<Path>, dims: impl Into<Vec<usize>>) -> Result<Self> {
        CreateOptions::new().create(path, dims)
    }

    pub(crate) fn open_with(
        path: &Path,
        options: &OpenOptions,
        check: impl FnOnce(&Path, &File) -> Result<()>,
    ) -> Result<Self> {
        let mut file = open_locked(path)?;
        check(path, &file)?;
        let mut seen = FileState::of(path, &file)?;
        let claim = Claim::write(path, &seen)?;
        let meta = read_meta(path, &mut file, seen.len, options.spec.as_ref())?;
        expect_dtype::<T>(path, &meta)?;
        if append::take_back_rest(path, &file, meta.end(), seen.len)? {
            seen = FileState::of(path, &file)?;
            meta.check(path, seen.len)?;
        }
        publish::settle(path, &file)?;
        forget_checksums(path)?;
        let map = map_mut(path, &file, seen, claim, options.bus_errors)?;
        Self::assemble(path.to_owned(), (file, seen), map, meta, options.flush)
    }

    /// An open file with its state when it was mapped, and the mapping, as an array.
    pub(crate) fn assemble(
        path: PathBuf,
        (file, seen): (File, FileState),
        map: Option<WriteMap>,
        meta: Meta,
        policy: FlushPolicy,
    ) -> Result<Self> {
        let map = map.map(SharedMut::new);
        let file = Arc::new(Held(file));
        let disk = MappedFile::new(&path, Arc::clone(&file), seen, map.as_ref());
        let ledger = match meta.shape.row_len() {
            0 => Ledger::of_empty_rows(meta.shape.rows()),
            _ => Ledger::default(),
        };
        let flusher = Flusher::start(&path, Box::new(disk), policy, ledger)?;
        Ok(Self { path, file, seen, map, meta, flusher, element: PhantomData })
    }

    /// The same array with another flush target.
    #[cfg(test)]
    pub(crate) fn with_disk(self, disk: Box<dyn crate::map::Disk>, policy: FlushPolicy) -> Self {
        let ledger = Ledger::default();
        let flusher = Flusher::start(&self.path, disk, policy, ledger).expect("a thread");
        Self { flusher, ..self }
    }

    /// The metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.meta.shape
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that all reads and writes so far reached the file. Cheap; every method that returns a
    /// result checks as well. For rows lent by [`rows_mut`](Self::rows_mut), [`flush`](Self::flush)
    /// does.
    ///
    /// # Errors
    /// [`Error::Fault`] if the file was truncated, its device failed or the disk is full; it is
    /// permanent.
    pub fn check(&self) -> Result<()> {
        self.map.as_ref().map_or(Ok(()), |map| map.check(&self.path))
    }

    /// As [`check`](Self::check), and that the file still has its length and a name.
    pub(crate) fn verify_written(&self) -> Result<()> {
        self.check()?;
        self.seen.verify_written(&self.path, &self.file)
    }

    /// The bytes of the file.
    pub(crate) fn mapped(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// All elements in place, if the layout allows it.
    pub(crate) fn lent(&self) -> Option<&[T]> {
        let meta = &self.meta;
        if meta.shape.is_empty() {
            return Some(&[]);
        }
        let bytes = self.mapped();
        if !lends_in_place(meta, bytes) {
            return None;
        }
        let stored = bytes.get(meta.position(0)..meta.position(meta.shape.len()))?;
        T::view(bytemuck::try_cast_slice(stored).ok()?)
    }

    /// Whether [`rows_mut`](Self::rows_mut) can lend rows.
    #[must_use]
    pub fn is_addressable(&self) -> bool {
        self.lent().is_some()
    }

    /// Lends whole rows in place for writing, in C order.
    ///
    /// They count as written when they are returned, which the next call of any method shows. Until
    /// then [`FlushPolicy::Every`] syncs them repeatedly, and [`durable_rows`](Self::durable_rows)
    /// excludes them.
    ///
    /// # Errors
    /// [`Error::RowRange`]; [`Error::NotAddressable`] for foreign byte order, misaligned offsets,
    /// Fortran order and `bool`, which [`write_rows`](Self::write_rows) can write;
    /// [`Error::Poisoned`]; [`Error::Fault`], as [`check`](Self::check).
    pub fn rows_mut(&mut self, rows: Range<usize>) -> Result<&mut [T]> {
        self.check()?;
        let lent = rows_mut(&self.path, &self.meta, self.map.as_deref_mut(), rows.clone())?;
        self.flusher.lend(rows)?;
        Ok(lent)
    }

    /// Writes whole rows, `values` in C order, starting at row `first`, in any layout.
    ///
    /// # Errors
    /// [`Error::PartialRow`] if `values` is not a whole number of rows, [`Error::RowRange`],
    /// [`Error::Poisoned`]; [`Error::Fault`] if some of it did not reach the file.
    pub fn write_rows(&mut self, first: usize, values: &[T]) -> Result<()> {
        let row_len = self.meta.shape.row_len();
        if row_len == 0 || !values.len().is_multiple_of(row_len) {
            if values.is_empty() {
                return Ok(());
            }
            return Err(Error::PartialRow { found: values.len(), row_len });
        }
        let end = first.saturating_add(values.len() / row_len);
        check_ranges(&self.meta.shape, &(first..end), &(0..row_len))?;
        self.check()?;
        self.flusher.begin(first..end)?;
        if let Some(map) = &mut self.map {
            self.meta.encode(first, values, |at, bytes| {
                map[at..at + bytes.len()].copy_from_slice(bytes);
            });
        }
        self.check()?;
        self.flusher.end(first..end);
        Ok(())
    }

    /// Reads whole rows in C order, whatever the layout: in place, or decoded into `buffer`. Call
    /// [`check`](Self::check) before you use results computed from rows lent in place.
    ///
    /// # Errors
    /// [`Error::RowRange`]; [`Error::Fault`], as [`check`](Self::check).
    pub fn rows<'a>(
        &'a self,
        rows: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<&'a [T]> {
        self.check()?;
        let rows = read_rows(&self.meta, self.map.as_deref(), rows, buffer)?;
        self.check()?;
        Ok(rows)
    }

    /// Makes everything written so far durable. Waits for a sync in progress, and then for one of
    /// its own.
    ///
    /// # Errors
    /// [`Error::Io`], then [`Error::Poisoned`] permanently. [`Error::Fault`], [`Error::Resized`]
    /// and [`Error::Removed`] if some writes did not reach the file.
    pub fn flush(&self) -> Result<()> {
        self.flusher.flush(None)
    }

    /// Makes these rows durable.
    ///
    /// # Errors
    /// [`Error::RowRange`], and as [`flush`](Self::flush).
    pub fn flush_rows(&self, rows: Range<usize>) -> Result<()> {
        let row_len = self.meta.shape.row_len();
        check_ranges(&self.meta.shape, &rows, &(0..row_len))?;
        if !self.meta.is_row_major() {
            return self.flush(); // rows are scattered over the file
        }
        let at = |row: usize| self.meta.position(row * row_len);
        let bytes = at(rows.start)..at(rows.end);
        self.flusher.flush(Some((rows, bytes)))
    }

    /// The length of the prefix of rows that this handle has written and synced: each row of
    /// `0..durable_rows()` was written completely **through this handle**, and a sync that began
    /// after that has returned `Ok`. Such rows survive a power cut as they are now.
    ///
    /// It counts rows, not bytes, and does not depend on the order of writes: while row 5 is
    /// missing, it stays at 5. It grows only when a sync has returned `Ok`: one of the
    /// [`FlushPolicy`], or of [`flush`](Self::flush) and [`flush_rows`](Self::flush_rows).
    /// Rewriting a row takes it back to that row until the next sync, because the disk may hold
    /// some bytes of each version. Rows without elements count from the first sync on. If rows are
    /// written in more than 65,536 separate runs, the last ones may be excluded until they are
    /// written and synced again.
    ///
    /// It is 0 for every array just created or opened. Rows that were in the file before do not
    /// count, flushed or not: it is unknown which of them were ever written. A program that
    /// continues an array calls [`durable_from`](Self::durable_from).
    #[must_use]
    pub fn durable_rows(&self) -> usize {
        self.durable_from(0).end
    }

    /// The durable rows from `row` on, up to the first that is not: `row..end`, which is empty
    /// (`row..row`) if row `row` itself is not durable or is past the end of the array. Durable is
    /// defined as for [`durable_rows`](Self::durable_rows), which is `durable_from(0).end`.
    ///
    #[doc = include_str!("../durable/flush/restart.md")]
    #[must_use]
    pub fn durable_from(&self, row: usize) -> Range<usize> {
        self.flusher.durable_from(row)
    }

    /// Makes everything durable and closes the file, under every [`FlushPolicy`].
    ///
    /// # Errors
    /// As [`flush`](Self::flush), including the failure of an earlier sync in the background.
    pub fn close(self) -> Result<()> {
        self.flusher.close()
    }
}

/// As many elements as these bytes hold; `None` if they are misaligned.
pub(crate) fn elements_mut<T: Element>(bytes: &mut [u8]) -> &mut [T::Stored] {
    bytemuck::try_cast_slice_mut(bytes).unwrap_or_default()
}

pub(super) fn not_addressable(path: &Path, reason: &'static str, instead: &'static str) -> Error {
    Error::NotAddressable { path: path.to_owned(), reason, instead }
}

pub(crate) fn rows_mut<'a, T: Element>(
    path: &Path,
    meta: &Meta,
    map: Option<&'a mut [u8]>,
    rows: Range<usize>,
) -> Result<&'a mut [T]> {
    let row_len = meta.shape.row_len();
    check_ranges(&meta.shape, &rows, &(0..row_len))?;
    let refuse = |reason| Err(not_addressable(path, reason, "write_rows"));
    let Some(map) = map.filter(|_| !meta.shape.is_empty()) else { return Ok(&mut []) };
    if !lends_in_place(meta, map) {
        return refuse("it is in foreign byte order, misaligned or in Fortran order");
    }
    let bytes = &mut map[meta.position(0)..meta.position(meta.shape.len())];
    match T::view_mut(elements_mut::<T>(bytes)) {
        Some(all) => Ok(&mut all[rows.start * row_len..rows.end * row_len]),
        None => refuse("its bools may be any non-zero byte"),
    }
}

pub(crate) fn read_rows<'a, T: Element>(
    meta: &Meta,
    map: Option<&'a [u8]>,
    rows: Range<usize>,
    buffer: &'a mut TileBuffer<T>,
) -> Result<&'a [T]> {
    let row_len = meta.shape.row_len();
    check_ranges(&meta.shape, &rows, &(0..row_len))?;
    let Some(map) = map.filter(|_| !meta.shape.is_empty()) else { return Ok(&[]) };
    if lends_in_place(meta, map)
        && let Ok(stored) =
            bytemuck::try_cast_slice(&map[meta.position(0)..meta.position(meta.shape.len())])
        && let Some(all) = T::view(stored)
    {
        return Ok(tile_in(all, &meta.shape, rows, 0..row_len).as_slice().unwrap_or_default());
    }
    meta.decode(&InMemory(map), rows, 0..row_len, buffer)?;
    Ok(buffer.loaded())
}
