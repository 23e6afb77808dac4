//! Arrays whose changes never reach the file.

use std::fs;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::MmapMut;

use crate::array::open_regular;
use crate::array_mut::{expect_dtype, read_rows, rows_mut};
use crate::detect::read_meta;
use crate::map::map_copy;
use crate::{Element, Error, Meta, RawSpec, Result, Shape, TileBuffer};

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
    map: Option<MmapMut>,
    meta: Meta,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> CowArray<T> {
    /// Opens a `.npy` file, or a raw file that has a sidecar.
    ///
    /// # Errors
    /// As [`Array::open`](crate::Array::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), None)
    }

    /// Opens a raw file of which `spec` says what it holds.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_raw(path: impl AsRef<Path>, spec: &RawSpec) -> Result<Self> {
        Self::open_with(path.as_ref(), Some(spec))
    }

    fn open_with(path: &Path, spec: Option<&RawSpec>) -> Result<Self> {
        let mut file = open_regular(path, fs::OpenOptions::new().read(true))?;
        let len = file.metadata().map_err(Error::io("inspect", path))?.len();
        let meta = read_meta(path, &mut file, len, spec)?;
        expect_dtype::<T>(path, &meta)?;
        let map = map_copy(path, &file)?;
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

    /// Lends whole rows in place for changes that stay in memory.
    ///
    /// # Errors
    /// As [`ArrayMut::rows_mut`](crate::ArrayMut::rows_mut).
    pub fn rows_mut(&mut self, rows: Range<usize>) -> Result<&mut [T]> {
        rows_mut(&self.path, &self.meta, self.map.as_deref_mut(), rows)
    }

    /// Reads whole rows with the changes made so far: in place, or decoded into `buffer`.
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
}
