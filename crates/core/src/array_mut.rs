//! Arrays open for writing.

use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::MmapMut;

use crate::array::lends_in_place;
use crate::atomic::open_locked;
use crate::detect::read_meta;
use crate::flush::Flusher;
use crate::map::{InMemory, MappedFile, SharedMut, map_mut};
use crate::source::{check_ranges, tile_in};
use crate::{
    CreateOptions, Element, Error, FlushPolicy, Meta, OpenOptions, RawSpec, Result, Shape,
    TileBuffer,
};

/// An array file open for reading and writing, its elements of type `T`.
///
/// Writes go to the mapping; they survive a power cut once [`flush`](Self::flush) or
/// [`flush_rows`](Self::flush_rows) returned `Ok`, or a [`FlushPolicy`] had them synced:
/// [`durable_rows`](Self::durable_rows) says how far that has come. The handle holds the writer's
/// advisory lock: a second one is refused. Dropping it without [`close`](Self::close) leaves the
/// writing back to the operating system, and nobody learns of a failure.
///
/// After a sync that failed the handle is **poisoned**: the kernel forgets which pages it could not
/// write, so a later sync would succeed without having written them. Every later call that writes
/// or flushes, `close` included, gives [`Error::Poisoned`] with what the first failure said.
#[derive(Debug)]
pub struct ArrayMut<T> {
    path: PathBuf,
    map: Option<SharedMut>,
    meta: Meta,
    /// Keeps the file open, and with it the lock.
    flusher: Flusher,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> ArrayMut<T> {
    /// Opens an existing array for reading and writing (numpy's mode `r+`).
    ///
    /// # Errors
    /// As [`Array::open`](crate::Array::open); [`Error::Locked`] while someone else writes it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new())
    }

    /// Opens an existing raw file for reading and writing, of which `spec` says what it holds.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_raw(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new().spec(spec.clone()))
    }

    /// Creates an array of zeros (numpy's mode `w+`): [`CreateOptions`] with its defaults.
    ///
    /// # Errors
    /// See [`CreateOptions::create`].
    pub fn create(path: impl AsRef<Path>, dims: impl Into<Vec<usize>>) -> Result<Self> {
        CreateOptions::new().create(path, dims)
    }

    pub(crate) fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        let mut file = open_locked(path)?;
        let len = file.metadata().map_err(Error::io("inspect", path))?.len();
        let meta = read_meta(path, &mut file, len, options.spec.as_ref())?;
        expect_dtype::<T>(path, &meta)?;
        let map = map_mut(path, &file)?;
        let all = 0..meta.shape.rows();
        Self::assemble(path.to_owned(), file, map, meta, options.flush, all)
    }

    /// An open file and its mapping as an array, of which the rows `complete` are written.
    pub(crate) fn assemble(
        path: PathBuf,
        file: File,
        map: Option<MmapMut>,
        meta: Meta,
        policy: FlushPolicy,
        complete: Range<usize>,
    ) -> Result<Self> {
        let map = map.map(SharedMut::new);
        let disk = MappedFile::new(&path, file, map.as_ref());
        // Rows without elements have nothing that could be lost.
        let complete = if meta.shape.row_len() == 0 { 0..meta.shape.rows() } else { complete };
        let flusher = Flusher::start(&path, Box::new(disk), policy, complete)?;
        Ok(Self { path, map, meta, flusher, element: PhantomData })
    }

    /// The same array with another place for its syncs to go.
    #[cfg(test)]
    pub(crate) fn with_disk(self, disk: Box<dyn crate::flush::Disk>, policy: FlushPolicy) -> Self {
        let flusher = Flusher::start(&self.path, disk, policy, 0..0).expect("a thread");
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

    /// Lends whole rows in place for writing, in C order.
    ///
    /// They count as written when they are handed back, which the next call of any method shows.
    /// Until then [`FlushPolicy::Every`] syncs them again and again, and
    /// [`durable_rows`](Self::durable_rows) leaves them out.
    ///
    /// # Errors
    /// [`Error::RowRange`]; [`Error::NotAddressable`] for foreign byte order, misaligned offsets,
    /// Fortran order and `bool`, which [`write_rows`](Self::write_rows) can write;
    /// [`Error::Poisoned`].
    pub fn rows_mut(&mut self, rows: Range<usize>) -> Result<&mut [T]> {
        let lent = rows_mut(&self.path, &self.meta, self.map.as_deref_mut(), rows.clone())?;
        self.flusher.lend(rows)?;
        Ok(lent)
    }

    /// Writes whole rows, `values` in C order, starting at row `first`, in any layout.
    ///
    /// # Errors
    /// [`Error::PartialRow`] when `values` is not a whole number of rows, [`Error::RowRange`],
    /// [`Error::Poisoned`].
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
        self.flusher.begin(first..end)?;
        if let Some(map) = &mut self.map {
            self.meta.encode(first, values, |at, bytes| {
                map[at..at + bytes.len()].copy_from_slice(bytes);
            });
        }
        self.flusher.end(first..end);
        Ok(())
    }

    /// Reads whole rows, in C order, whatever the layout: in place, or decoded into `buffer`.
    ///
    /// # Errors
    /// [`Error::RowRange`].
    pub fn rows<'a>(
        &'a self,
        rows: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<&'a [T]> {
        read_rows(&self.meta, self.map.as_deref(), rows, buffer)
    }

    /// Makes everything written so far durable. Waits for a sync that is under way, and then for one
    /// of its own.
    ///
    /// # Errors
    /// [`Error::Io`], then [`Error::Poisoned`] for good.
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
            return self.flush(); // rows are all over the file
        }
        let at = |row: usize| self.meta.position(row * row_len);
        let bytes = at(rows.start)..at(rows.end);
        self.flusher.flush(Some((rows, bytes)))
    }

    /// How many rows, from row 0 on, are known to survive a power cut as they are now: each was
    /// written completely (or was there when the array was opened), and a sync that began after
    /// that has returned.
    ///
    /// It moves on only when a sync has returned `Ok`: one of the [`FlushPolicy`], or of
    /// [`flush`](Self::flush) and [`flush_rows`](Self::flush_rows). It goes back to a row that is
    /// written again, because of such a row the disk may have some bytes of each kind. 0 for an
    /// array just created, whose zeros nobody wrote, and for one just opened, of which nobody knows
    /// whether it was ever synced. Of rows written in more than 65,536 separate runs the last may be
    /// left out until they are written and synced again.
    #[must_use]
    pub fn durable_rows(&self) -> usize {
        self.flusher.durable_rows()
    }

    /// Makes everything durable and closes the file, under every [`FlushPolicy`].
    ///
    /// # Errors
    /// As [`flush`](Self::flush): also what a sync in the background said that failed.
    pub fn close(self) -> Result<()> {
        self.flusher.close()
    }
}

pub(crate) fn expect_dtype<T: Element>(path: &Path, meta: &Meta) -> Result<()> {
    if meta.dtype == T::DTYPE {
        return Ok(());
    }
    Err(Error::DTypeMismatch { path: path.to_owned(), expected: T::DTYPE, found: meta.dtype })
}

/// As many elements as these bytes hold; none when they are misaligned.
pub(crate) fn elements_mut<T: Element>(bytes: &mut [u8]) -> &mut [T::Stored] {
    bytemuck::try_cast_slice_mut(bytes).unwrap_or_default()
}

pub(crate) fn rows_mut<'a, T: Element>(
    path: &Path,
    meta: &Meta,
    map: Option<&'a mut [u8]>,
    rows: Range<usize>,
) -> Result<&'a mut [T]> {
    let row_len = meta.shape.row_len();
    check_ranges(&meta.shape, &rows, &(0..row_len))?;
    let refuse = |reason| {
        Err(Error::NotAddressable { path: path.to_owned(), reason, instead: "write_rows" })
    };
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
