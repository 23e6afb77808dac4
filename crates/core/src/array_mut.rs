//! Arrays open for writing.

use std::fs::{self, File};
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memmap2::MmapMut;

use crate::array::{lends_in_place, open_regular};
use crate::atomic::{lock, sync_directory};
use crate::detect::read_meta;
use crate::map::{InMemory, map_mut};
use crate::sidecar::MAX_SIDECAR_LEN;
use crate::source::{check_ranges, tile_in};
use crate::{
    AtomicFile, ByteOrder, Element, Error, Format, Meta, Order, RawSpec, Result, Shape, Sidecar,
    SidecarError, TileBuffer, WriteBack, npy,
};

/// Knobs for creating an array file.
///
/// ```
/// use rowmill_core::CreateOptions;
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// let mut x = CreateOptions::new().columns(["a", "b"]).create::<f64>(&path, [1000, 2])?;
/// x.rows_mut(0..1)?.copy_from_slice(&[1.0, 2.0]);
/// x.flush_rows(0..1)?; // this row survives a power cut
/// x.close()?;          // and now all of them do
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CreateOptions {
    format: Option<Format>,
    order: Order,
    columns: Option<Vec<String>>,
}

impl CreateOptions {
    /// `.npy` or raw by the name's ending, in C order, without column names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format. Default: [`Format::Npy`] for names that end in `.npy`, else [`Format::Raw`]
    /// with a sidecar.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// The order of the elements. Default: [`Order::C`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Names for the elements of a row, kept in the sidecar. Default: none.
    #[must_use]
    pub fn columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Creates an array of zeros (numpy's mode `w+`), replacing a file of that name. Space is
    /// reserved at once where the filesystem can; the file takes its name complete, with header
    /// and all zeros, and is then filled in place.
    ///
    /// # Errors
    /// [`Error::Locked`] while someone else writes it, [`Error::TooLarge`], [`Error::ColumnNames`],
    /// [`Error::Sidecar`] for names that are too long to be read back, [`Error::Io`] (no room, no
    /// permission).
    pub fn create<T: Element>(
        &self,
        path: impl AsRef<Path>,
        dims: impl Into<Vec<usize>>,
    ) -> Result<ArrayMut<T>> {
        self.stage(path, dims)?.publish_open()
    }

    /// Creates an array of zeros that takes its name only when it is published, with all that was
    /// written to it: for the results of a job.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn stage<T: Element>(
        &self,
        path: impl AsRef<Path>,
        dims: impl Into<Vec<usize>>,
    ) -> Result<StagedArray<T>> {
        let path = path.as_ref();
        let too_large = |e| Error::TooLarge { path: path.to_owned(), source: e };
        let shape = Shape::new(dims).map_err(too_large)?;
        let is_npy = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
        let format = self.format.unwrap_or(if is_npy { Format::Npy } else { Format::Raw });
        let header = match format {
            Format::Npy => npy::write(T::DTYPE, ByteOrder::NATIVE, self.order, &shape),
            Format::Raw => Vec::new(),
        };
        let meta = Meta {
            format,
            dtype: T::DTYPE,
            byte_order: ByteOrder::NATIVE,
            order: self.order,
            shape,
            offset: header.len() as u64,
            columns: self.columns.clone(),
        };
        let bytes = meta.shape.byte_len(T::DTYPE.size()).map_err(too_large)?;
        let len = (header.len() + bytes) as u64;
        meta.check(path, len)?;
        if let Some(json) = sidecar_of(&meta) {
            check_len(&Sidecar::path_for(path), &json)?;
        }
        let file = AtomicFile::create(path)?;
        file.allocate(len)?;
        let mut map = map_mut(path, file.file())?;
        if let Some(map) = &mut map {
            map[..header.len()].copy_from_slice(&header);
        }
        Ok(StagedArray { file, map, meta, path: path.to_owned(), element: PhantomData })
    }
}

/// The text of the sidecar that a new array has, if it has one.
fn sidecar_of(meta: &Meta) -> Option<String> {
    let has_one = meta.format == Format::Raw || meta.columns.is_some();
    has_one.then(|| Sidecar::for_meta(meta).to_json())
}

/// Refuses a sidecar that would not be read back.
fn check_len(path: &Path, json: &str) -> Result<()> {
    let found = json.len() as u64;
    if found > MAX_SIDECAR_LEN {
        let source = SidecarError::TooLong { found };
        return Err(Error::Sidecar { path: path.to_owned(), source });
    }
    Ok(())
}

/// An array that does not have its name yet: see [`CreateOptions::stage`]. Dropped unpublished,
/// nothing is left of it.
#[derive(Debug)]
pub struct StagedArray<T> {
    file: AtomicFile,
    map: Option<MmapMut>,
    meta: Meta,
    path: PathBuf,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> StagedArray<T> {
    /// The metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// All elements, in C order; zero where not written yet.
    ///
    /// # Errors
    /// [`Error::NotAddressable`] for arrays created in Fortran order with more than one long axis.
    pub fn as_mut_slice(&mut self) -> Result<&mut [T]> {
        Ok(self.parts()?.0)
    }

    /// All elements, as [`as_mut_slice`](Self::as_mut_slice), and what starts writing finished ones
    /// to disk.
    ///
    /// # Errors
    /// As [`as_mut_slice`](Self::as_mut_slice).
    pub fn parts(&mut self) -> Result<(&mut [T], WriteBack<'_>)> {
        if !self.meta.is_row_major() {
            return Err(Error::NotAddressable {
                path: self.path.clone(),
                reason: "it is in Fortran order",
                instead: "create in C order",
            });
        }
        let write_back =
            WriteBack::new(self.file.file(), &self.path, self.map.as_ref(), self.meta.offset);
        let Some(map) = &mut self.map else { return Ok((&mut [], write_back)) };
        let stored = elements_mut::<T>(&mut map[self.meta.offset as usize..]);
        if T::DTYPE != crate::DType::Bool {
            return Ok((T::view_mut(stored).unwrap_or_default(), write_back));
        }
        let (pointer, len) = (stored.as_mut_ptr(), stored.len());
        // SAFETY: `T` is `bool` and `T::Stored` is `u8`: same size, same alignment. The bytes were
        // zeroed by the kernel when the file was made, the file has no name that others know and
        // is locked, and through this slice only valid bools can be written.
        Ok((unsafe { std::slice::from_raw_parts_mut(pointer.cast::<T>(), len) }, write_back))
    }

    /// Makes everything durable and gives the file its name, replacing a file of that name.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing is published then.
    pub fn publish(self) -> Result<()> {
        self.publish_open()?;
        Ok(())
    }

    fn publish_open(self) -> Result<ArrayMut<T>> {
        if let Some(map) = &self.map {
            map.flush().map_err(Error::io("flush", &self.path))?;
        }
        let sidecar = sidecar_of(&self.meta);
        let target = self.file.target().to_owned();
        let sidecar_path = Sidecar::path_for(&target);
        // A sidecar that belongs to the old file must never stand beside the new one: it goes
        // first, and the new one comes last. In between, a raw file does not open.
        let mut stale = vec![sidecar_path.clone()];
        if self.meta.format == Format::Raw {
            stale.push(Sidecar::handmade_path_for(&target));
        }
        for old in stale {
            let text = fs::read_to_string(&old);
            if text.is_ok() && text.as_deref().ok() != sidecar.as_deref() {
                fs::remove_file(&old).map_err(Error::io("replace", &old))?;
                sync_directory(&old)?;
            }
        }
        let file = self.file.publish()?;
        if let Some(json) = sidecar {
            let new = AtomicFile::create(&sidecar_path)?;
            std::io::Write::write_all(&mut new.file(), json.as_bytes())
                .map_err(Error::io("write", &sidecar_path))?;
            new.publish()?;
        }
        Ok(ArrayMut {
            path: target,
            _lock: file,
            map: self.map,
            meta: self.meta,
            poison: OnceLock::new(),
            element: PhantomData,
        })
    }
}

/// An array file open for reading and writing, its elements of type `T`.
///
/// Writes go to the mapping; they survive a power cut once [`flush`](Self::flush) or
/// [`flush_rows`](Self::flush_rows) returned `Ok`. The handle holds the writer's advisory lock:
/// a second one is refused. Dropping it without [`close`](Self::close) leaves the writing back to
/// the operating system, and nobody learns of a failure.
#[derive(Debug)]
pub struct ArrayMut<T> {
    path: PathBuf,
    /// Open as long as the mapping, so that write errors have a place to be reported.
    _lock: File,
    map: Option<MmapMut>,
    meta: Meta,
    /// What the first failed flush said.
    poison: OnceLock<String>,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> ArrayMut<T> {
    /// Opens an existing array for reading and writing (numpy's mode `r+`).
    ///
    /// # Errors
    /// As [`Array::open`](crate::Array::open); [`Error::Locked`] while someone else writes it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), None)
    }

    /// Opens an existing raw file for reading and writing, of which `spec` says what it holds.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_raw(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        Self::open_with(path.as_ref(), Some(spec))
    }

    /// Creates an array of zeros (numpy's mode `w+`): [`CreateOptions`] with its defaults.
    ///
    /// # Errors
    /// See [`CreateOptions::create`].
    pub fn create(path: impl AsRef<Path>, dims: impl Into<Vec<usize>>) -> Result<Self> {
        CreateOptions::new().create(path, dims)
    }

    fn open_with(path: &Path, spec: Option<&RawSpec>) -> Result<Self> {
        let mut file = open_regular(path, fs::OpenOptions::new().read(true).write(true))?;
        lock(&file, path)?;
        let len = file.metadata().map_err(Error::io("inspect", path))?.len();
        let meta = read_meta(path, &mut file, len, spec)?;
        expect_dtype::<T>(path, &meta)?;
        let map = map_mut(path, &file)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: file,
            map,
            meta,
            poison: OnceLock::new(),
            element: PhantomData,
        })
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
    /// # Errors
    /// [`Error::RowRange`]; [`Error::NotAddressable`] for foreign byte order, misaligned offsets,
    /// Fortran order and `bool`, which [`write_rows`](Self::write_rows) can write.
    pub fn rows_mut(&mut self, rows: Range<usize>) -> Result<&mut [T]> {
        rows_mut(&self.path, &self.meta, self.map.as_mut(), rows)
    }

    /// Writes whole rows, `values` in C order, starting at row `first`, in any layout.
    ///
    /// # Errors
    /// [`Error::PartialRow`] when `values` is not a whole number of rows, [`Error::RowRange`].
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
        if let Some(map) = &mut self.map {
            self.meta.encode(first, values, |at, bytes| {
                map[at..at + bytes.len()].copy_from_slice(bytes);
            });
        }
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

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// [`Error::Io`]. After one failure the kernel forgets which pages were not written, so every
    /// later flush gives [`Error::Poisoned`] with what the first one said.
    pub fn flush(&self) -> Result<()> {
        let len = self.map.as_ref().map_or(0, |m| m.len());
        self.flush_bytes(0..len)
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
        self.flush_bytes(at(rows.start)..at(rows.end))
    }

    fn flush_bytes(&self, bytes: Range<usize>) -> Result<()> {
        if let Some(first) = self.poison.get() {
            return Err(Error::Poisoned { path: self.path.clone(), first: first.clone() });
        }
        let Some(map) = &self.map else { return Ok(()) };
        map.flush_range(bytes.start, bytes.len()).map_err(|e| {
            let _ = self.poison.set(e.to_string());
            Error::io("flush", &self.path)(e)
        })
    }

    /// Makes everything durable and closes the file.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn close(self) -> Result<()> {
        self.flush()
    }
}

pub(crate) fn expect_dtype<T: Element>(path: &Path, meta: &Meta) -> Result<()> {
    if meta.dtype == T::DTYPE {
        return Ok(());
    }
    Err(Error::DTypeMismatch { path: path.to_owned(), expected: T::DTYPE, found: meta.dtype })
}

/// As many elements as these bytes hold; none when they are misaligned.
fn elements_mut<T: Element>(bytes: &mut [u8]) -> &mut [T::Stored] {
    bytemuck::try_cast_slice_mut(bytes).unwrap_or_default()
}

pub(crate) fn rows_mut<'a, T: Element>(
    path: &Path,
    meta: &Meta,
    map: Option<&'a mut MmapMut>,
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
