//! Arrays open for reading.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::array::OpenOptions;
use crate::dtype::ByteOrder;
use crate::durable::journal::refuse_unfinished;
use crate::element::Element;
use crate::error::{Error, MetaError, Result, ViewError};
use crate::format::detect::read_meta_of;
use crate::format::{Meta, RawSpec};
use crate::fs::{SourceFile, is_being_written};
use crate::identity::Identity;
use crate::map::{Backend, Bytes, FileState, coalesce};
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer, tile_in};
use crate::view::{Source, check_ranges};

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) meta: Meta,
    bytes: Bytes,
    /// Whether elements can be lent in place.
    in_place: bool,
}

impl Inner {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Arc<Self>> {
        let mut file = options.open_file(path)?;
        // Taken before the header is read, so that the header belongs to the file that is verified
        // later.
        let seen = FileState::of(path, &file)?;
        let asked = (options.spec.as_ref(), options.field.as_deref());
        let meta = read_meta_of(path, &mut file, seen.len, asked)?;
        refuse_unfinished(path, &file)?;
        let bytes = Bytes::new(path, file, seen, options.backend, options.bus_errors)?;
        let in_place = bytes.mapped().is_some_and(|b| lends_in_place(&meta, b));
        Ok(Arc::new(Self { meta, bytes, in_place }))
    }

    /// The byte range of these rows, if they are inside the array, not empty and contiguous.
    fn row_bytes(&self, rows: Range<usize>) -> Option<Range<u64>> {
        let row_len = self.meta.shape.row_len();
        let some = rows.start < rows.end && rows.end <= self.meta.shape.rows() && row_len > 0;
        let at = |row: usize| self.meta.position(row * row_len) as u64;
        (some && self.meta.is_row_major()).then(|| at(rows.start)..at(rows.end))
    }
}

/// Whether the elements of a mapped file are native, aligned and in C order.
pub(crate) fn lends_in_place(meta: &Meta, bytes: &[u8]) -> bool {
    let start = bytes.as_ptr().addr() + meta.offset as usize;
    meta.is_row_major()
        && meta.record.is_none()
        && (meta.byte_order == ByteOrder::NATIVE || meta.dtype.size() == 1)
        && start.is_multiple_of(meta.dtype.word_size())
}

/// An array file open for reading, its elements of type `T`. Cheap to clone: clones share the
/// mapping.
///
/// No method writes:
///
/// ```compile_fail
/// let x = rowmill_core::Array::<f32>::open("x.npy").unwrap();
/// x.rows_mut(0..1);
/// ```
///
/// A file that is truncated or fails under a scan gives an error with path and offset, not SIGBUS:
/// unreadable bytes are zero, and [`check`](Source::check) returns [`Error::Fault`] from then on.
/// Jobs of the engine check after every chunk. Other users of elements lent in place should check
/// before they use the results. [`verify`](Source::verify) also detects a file that was written to.
/// If another file is renamed over it, an open array keeps the old file.
#[derive(Debug)]
pub struct Array<T> {
    inner: Arc<Inner>,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), element: PhantomData }
    }
}

impl<T: Element> Array<T> {
    pub(crate) fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        Self::typed(Inner::open(path, options)?)
    }

    pub(crate) fn typed(inner: Arc<Inner>) -> Result<Self> {
        if inner.meta.dtype != T::DTYPE {
            return Err(Error::DTypeMismatch {
                path: inner.bytes.path().to_owned(),
                expected: T::DTYPE,
                found: inner.meta.dtype,
            });
        }
        Ok(Self { inner, element: PhantomData })
    }

    /// Opens a `.npy` file, or a raw file that has a sidecar.
    ///
    /// # Errors
    /// See [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// Opens a raw file described by `spec`.
    ///
    /// ```
    /// use rowmill_core::{Array, DType, RawSpec, Shape};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.dat");
    /// std::fs::write(&path, [1_u8, 2, 3, 4, 5, 6])?;
    /// let spec = RawSpec::new(DType::U8, Shape::new([3, 2])?);
    /// let x = Array::<u8>::open_raw(&path, &spec)?;
    /// assert_eq!(x.shape().rows(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`OpenOptions::open`].
    pub fn open_raw(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        OpenOptions::new().spec(spec.clone()).open(path)
    }

    /// The metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.inner.meta
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.inner.meta.shape
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.inner.bytes.path()
    }

    /// The actual backend: the one that [`Backend::Auto`] chose, or the replacement of a mapping
    /// that could not be guarded.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.inner.bytes.backend()
    }

    /// Whether a writer has the file open, or is about to replace it, according to locks: those of
    /// this library, in any process, and those of other programs that lock whole files.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// let writer = ArrayMut::<f32>::create(&path, [4, 2])?;
    /// let x = Array::<f32>::open(&path)?;
    /// assert!(x.is_being_written()?);
    /// writer.close()?;
    /// assert!(!x.is_being_written()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not tell.
    pub fn is_being_written(&self) -> Result<bool> {
        is_being_written(self.inner.bytes.file(), self.path())
    }

    /// The array, if it has this shape.
    ///
    /// # Errors
    /// [`MetaError::ShapeMismatch`] if it has another shape.
    pub fn expect_shape(self, dims: &[usize]) -> Result<Self> {
        if self.shape().dims() == dims {
            return Ok(self);
        }
        let path = self.path().to_owned();
        let too_large = |e| Error::TooLarge { path: path.clone(), source: e };
        let expected = Shape::new(dims).map_err(too_large)?;
        Err(MetaError::ShapeMismatch { path, expected, found: self.shape().clone() }.into())
    }

    /// All elements in place, if the layout allows it: mapped, native, aligned, in C order, and not
    /// `bool`. Call [`check`](Source::check) before you use results computed from them.
    #[must_use]
    pub fn as_slice(&self) -> Option<&[T]> {
        let meta = self.meta();
        if meta.shape.is_empty() {
            return Some(&[]);
        }
        if !self.inner.in_place {
            return None;
        }
        T::view(self.all_stored()?)
    }

    /// The bytes of all elements in place, as their stored type.
    fn all_stored(&self) -> Option<&[T::Stored]> {
        let meta = self.meta();
        let bytes = self.inner.bytes.mapped()?.get(meta.offset as usize..)?;
        bytemuck::try_cast_slice(bytes.get(..meta.byte_len())?).ok()
    }

    /// Whether reading this many rows at a time maps more pages than their own. If columns are long
    /// or far apart, a page fault in each maps sixteen pages, only one of which belongs to the
    /// tile. Short columns of a matrix are adjacent, and so are their pages.
    fn maps_more_than_is_read(&self, rows: usize) -> bool {
        let meta = self.meta();
        let column = meta.shape.rows();
        let short = column * meta.dtype.size() <= 4096 || rows >= column / 4;
        !(meta.is_row_major() || (short && meta.shape.ndim() == 2))
    }

    /// The element at this index, with one number per axis.
    ///
    /// # Errors
    /// [`ViewError::Index`] outside the array, and the errors of [`Source::tile`].
    pub fn get(&self, index: &[usize]) -> Result<T> {
        let dims = self.shape().dims();
        if index.len() != dims.len() || index.iter().zip(dims).any(|(&i, &d)| i >= d) {
            return Err(
                ViewError::Index { index: index.to_vec(), shape: self.shape().clone() }.into()
            );
        }
        let col = index.iter().zip(dims).skip(1).fold(0, |col, (&i, &d)| col * d + i);
        let row = index.first().copied().unwrap_or(0);
        let mut buffer = TileBuffer::new();
        let element = self.tile(row..row + 1, col..col + 1, &mut buffer)?.row(0)[0];
        self.check()?;
        Ok(element)
    }
}

impl<T: Element> Source<T> for Array<T> {
    fn shape(&self) -> &Shape {
        &self.inner.meta.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        let meta = &self.inner.meta;
        check_ranges(&meta.shape, &rows, &cols)?;
        if let Some(all) = self.as_slice() {
            return Ok(tile_in(all, &meta.shape, rows, cols));
        }
        let (n, width) = (rows.len(), cols.len());
        if buffer.is_below_ceiling() && self.maps_more_than_is_read(n) {
            meta.decode(&self.inner.bytes.unmapped(), rows, cols, buffer)?;
        } else {
            meta.decode(&self.inner.bytes, rows, cols, buffer)?;
            self.check()?;
        }
        Ok(Tile::new(buffer.loaded(), n, width, width))
    }

    fn rows_at_a_time(&self) -> usize {
        self.meta().rows_at_a_time()
    }

    #[inline]
    fn check(&self) -> Result<()> {
        self.inner.bytes.check()
    }

    fn verify(&self) -> Result<()> {
        self.inner.bytes.verify()
    }

    fn files(&self) -> Vec<SourceFile> {
        vec![SourceFile::opened(self.path(), self.inner.bytes.number())]
    }

    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        self.meta().column_names()
    }

    fn identity(&self) -> Option<Identity> {
        let whole = self.inner.bytes.identity();
        match self.meta().record {
            None => Some(whole),
            Some(record) => Some(whole.of_part(format!("{record:?} {}", T::DTYPE).as_bytes())),
        }
    }

    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        let meta = self.meta();
        check_ranges(&meta.shape, &rows, &cols).ok()?;
        if !self.inner.in_place {
            return None;
        }
        Some(tile_in(self.all_stored()?, &meta.shape, rows, cols))
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        let Inner { meta, bytes, .. } = &*self.inner;
        let end = match bytes.mapped() {
            Some(bytes) if check_ranges(&meta.shape, &rows, &cols).is_ok() => bytes.len(),
            _ => return,
        };
        let row_len = meta.shape.row_len();
        // The file may end right behind the last field of the last record.
        let at = |index: usize| meta.position(index).min(end);
        let run = |first: usize, len: usize| at(first)..at(first + len);
        if !meta.is_row_major() {
            // A row is scattered; a column of a matrix is contiguous.
            let cols = if meta.shape.ndim() == 2 { cols } else { 0..row_len };
            let column = meta.shape.rows();
            bytes.release(run(cols.start * column, cols.len() * column));
        } else if cols.len() == row_len {
            bytes.release(run(rows.start * row_len, rows.len() * row_len));
        } else {
            let runs = rows.map(|row| run(row * row_len + cols.start, cols.len()));
            coalesce(runs, |run| bytes.release(run));
        }
    }

    fn in_place(&self) -> Option<&[T]> {
        self.as_slice()
    }

    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        let meta = &self.inner.meta;
        let row_len = meta.shape.row_len();
        check_ranges(&meta.shape, &rows, &(0..row_len))?;
        let as_stored = !self.inner.in_place && to.len() == rows.len() * row_len;
        match T::stored_mut(to).filter(|_| as_stored) {
            Some(stored) => {
                meta.decode_into::<T>(&self.inner.bytes, rows, 0..row_len, stored)?;
            }
            None => to.copy_from_slice(self.rows(rows, buffer)?),
        }
        self.check()
    }

    fn is_cached(&self, row: usize) -> bool {
        self.inner
            .row_bytes(row..row.saturating_add(1))
            .is_none_or(|b| self.inner.bytes.is_cached(b.start))
    }

    fn prefetch(&self, rows: Range<usize>) {
        if let Some(bytes) = self.inner.row_bytes(rows) {
            self.inner.bytes.prefetch(bytes);
        }
    }
}
