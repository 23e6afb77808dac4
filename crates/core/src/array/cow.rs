//! Arrays whose changes never reach the file.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::array::OpenOptions;
use crate::array::array_mut::{read_rows, rows_mut};
use crate::durable::journal::refuse_unfinished;
use crate::element::Element;
use crate::error::Result;
use crate::format::detect::read_meta;
use crate::format::{Meta, RawSpec, expect_dtype};
use crate::map::{FileState, PrivateMap, map_copy};
use crate::shape::Shape;
use crate::tile::TileBuffer;

/// An array file open copy-on-write (numpy's mode `c`).
///
/// **Changes are lost when the value is dropped. They never reach the file.** Each page that is
/// written becomes a private copy in memory. There is no flush, and no way to add one:
///
/// ```compile_fail
/// let mut x = rowmill_core::CowArray::<f32>::open("x.npy").unwrap();
/// x.flush();
/// ```
///
/// To keep changes, open the file with [`ArrayMut`](crate::ArrayMut), or write the rows to a new
/// file.
///
/// ```
/// use rowmill_core::{Array, ArrayMut, CowArray};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// ArrayMut::<f32>::create(&path, [2, 2])?.close()?;
/// let mut x = CowArray::<f32>::open(&path)?;
/// x.rows_mut(0..1)?.fill(7.0);
/// drop(x);
/// assert_eq!(Array::<f32>::open(&path)?.as_slice(), Some(&[0.0; 4][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CowArray<T> {
    path: PathBuf,
    map: Option<PrivateMap>,
    meta: Meta,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> CowArray<T> {
    /// Opens a `.npy` file, or a raw file that has a sidecar.
    ///
    /// # Errors
    /// As [`Array::open`](crate::Array::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new())
    }

    /// Opens a raw file described by `spec`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_raw(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        Self::open_with(path.as_ref(), &OpenOptions::new().spec(spec.clone()))
    }

    pub(crate) fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        let mut file = options.open_file(path)?;
        let seen = FileState::of(path, &file)?;
        let meta = read_meta(path, &mut file, seen.len, options.spec.as_ref())?;
        refuse_unfinished(path, &file)?;
        expect_dtype::<T>(path, &meta)?;
        let map = map_copy(path, &file, seen, options.bus_errors)?;
        Ok(Self { path: path.to_owned(), map, meta, element: PhantomData })
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

    /// Checks that all bytes read and changed so far were accessible. Cheap.
    ///
    /// # Errors
    /// [`Error::Fault`](crate::Error::Fault) if the file was truncated or its device failed; it is
    /// permanent. Unreadable bytes are zero, and changes to them are lost.
    pub fn check(&self) -> Result<()> {
        self.map.as_ref().map_or(Ok(()), |map| map.check(&self.path))
    }

    /// Lends whole rows in place for changes that stay in memory.
    ///
    /// # Errors
    /// As [`ArrayMut::rows_mut`](crate::ArrayMut::rows_mut).
    pub fn rows_mut(&mut self, rows: Range<usize>) -> Result<&mut [T]> {
        self.check()?;
        rows_mut(&self.path, &self.meta, self.map.as_deref_mut(), rows)
    }

    /// Reads whole rows with the changes made so far: in place, or decoded into `buffer`. Call
    /// [`check`](Self::check) before you use results computed from rows lent in place.
    ///
    /// # Errors
    /// [`Error::RowRange`](crate::Error::RowRange), and as [`check`](Self::check).
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
}
