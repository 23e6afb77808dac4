//! The interface that all elements are read through, whatever their layout.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::element::Element;
use crate::error::{Error, Result};
use crate::fs::SourceFile;
use crate::identity::Identity;
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer};
use crate::view::{Merged, Part, Permuted};

/// A source of rows of elements for workers: an array file, a slice, a view, or your own type.
///
/// Native, aligned, contiguous elements are lent in place; all others are decoded into the worker's
/// buffer. A kernel cannot tell the difference.
///
/// A source has a [`shape`](Self::shape) and lends a [`tile`](Self::tile). A **view**, a source
/// made from another one, returns that as its [`base`](Self::base), and the location of its rows as
/// [`rows_in_base`](Self::rows_in_base): checks, files, identity, names, read-ahead and release
/// then pass through it. Everything else has a default, which is worth overriding if the source can
/// do better.
///
/// ```
/// use rowmill_core::{Element, Result, Shape, SliceSource, Source, Tile, TileBuffer};
/// use std::ops::Range;
///
/// /// The rows in reverse.
/// struct Reversed<S>(S);
///
/// impl<T: Element, S: Source<T>> Source<T> for Reversed<S> {
///     fn shape(&self) -> &Shape {
///         self.0.shape()
///     }
///     fn tile<'a>(
///         &'a self,
///         rows: Range<usize>,
///         cols: Range<usize>,
///         buffer: &'a mut TileBuffer<T>,
///     ) -> Result<Tile<'a, T>> {
///         let (n, width) = (rows.len(), cols.len());
///         let (values, inner) = buffer.nested(n * width);
///         let tile = self.0.tile(self.rows_in_base(rows), cols, inner)?;
///         for (to, i) in values.chunks_exact_mut(width.max(1)).zip((0..n).rev()) {
///             to.copy_from_slice(tile.row(i));
///         }
///         Ok(Tile::new(values, n, width, width))
///     }
///     fn base(&self) -> Option<&dyn Source<T>> {
///         Some(&self.0)
///     }
///     fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
///         let all = self.0.shape().rows();
///         all.saturating_sub(rows.end)..all.saturating_sub(rows.start)
///     }
/// }
///
/// let x = Reversed(SliceSource::new(&[1, 2, 3, 4, 5, 6], [3, 2]).unwrap());
/// assert_eq!(Source::rows(&x, 0..2, &mut TileBuffer::new())?, [5, 6, 3, 4]);
/// # Ok::<(), rowmill_core::Error>(())
/// ```
pub trait Source<T: Element>: Sync {
    /// The shape of the array.
    fn shape(&self) -> &Shape;

    /// Lends elements `cols` of each of the rows `rows`; `cols` counts within a row, whatever the
    /// number of its axes.
    ///
    /// # Errors
    /// [`Error::RowRange`] outside the array, [`Error::Fault`] if bytes cannot be read. Elements
    /// lent in place are read by the caller, who then has to call [`check`](Self::check).
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>>;

    /// The source that this is a view of. It provides every method that the view does not override.
    /// Default: none, for a source that owns its elements.
    fn base(&self) -> Option<&dyn Source<T>> {
        None
    }

    /// The rows of the [`base`](Self::base) that contain the elements of these rows: at least all
    /// rows from the first to the last one. Called only with a nonempty range of rows of the array.
    /// Default: the same rows.
    fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
        rows
    }

    /// The least number of rows to request at a time for good speed. Fewer are correct, but slow: a
    /// column-major file keeps the elements of one row far apart.
    fn rows_at_a_time(&self) -> usize {
        self.base().map_or(1, |base| base.rows_at_a_time())
    }

    /// Checks that all bytes read so far were accessible. Called after every chunk, before its
    /// result is used, so it has to be cheap: for a mapped file it is one load.
    ///
    /// # Errors
    /// [`Error::Fault`] if the file was truncated or its device failed under a mapping; it is
    /// permanent.
    fn check(&self) -> Result<()> {
        self.base().map_or(Ok(()), |base| base.check())
    }

    /// Checks that all bytes read were accessible, as [`check`](Self::check), and that the source
    /// is unchanged since it was opened. Called at the end of a job.
    ///
    /// # Errors
    /// [`Error::Changed`] if the file was changed meanwhile, and as [`check`](Self::check).
    fn verify(&self) -> Result<()> {
        self.base().map_or(Ok(()), |base| base.verify())
    }

    /// The identity of the files that the elements come from, in the state in which they were
    /// opened: a job that resumes later recognises the same array by it. Default: none, for arrays
    /// in memory; for a view that of its base with the shape. Different views of one base have to
    /// distinguish themselves.
    fn identity(&self) -> Option<Identity> {
        let whole = self.base()?.identity()?;
        Some(whole.of_part(format!("view {}", self.shape()).as_bytes()))
    }

    /// The files that the elements come from, so that no output of a job replaces one of them. A
    /// source that reads from several others returns the files of all. Default: none, for arrays in
    /// memory.
    fn files(&self) -> Vec<SourceFile> {
        self.base().map_or_else(Vec::new, |base| base.files())
    }

    /// The names of the columns, one for each element of a row, if they have some. Default: those
    /// of the base, if its rows have the same length.
    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        let base = self.base()?;
        (base.shape().row_len() == self.shape().row_len()).then(|| base.column_names())?
    }

    /// Releases the memory of elements `cols` of each of these rows, which will not be read again
    /// soon. They can be read again: a mapped file returns its pages to the page cache. Only a
    /// hint; indices outside the array are ignored. Default: for a view, whole rows of its base.
    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        if let Some(base) = self.base()
            && check_ranges(self.shape(), &rows, &cols).is_ok()
            && !(rows.is_empty() || cols.is_empty())
        {
            let row_len = base.shape().row_len();
            let same = row_len == self.shape().row_len();
            base.release(self.rows_in_base(rows), if same { cols } else { 0..row_len });
        }
    }

    /// Lends a tile as it is stored, in place; `None` if elements have to be decoded. For `bool`,
    /// which a mapped file cannot lend as such: a nonzero byte is true.
    #[doc(hidden)]
    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        let _ = (rows, cols);
        None
    }

    /// All elements in C order, if the source can lend them in place.
    fn in_place(&self) -> Option<&[T]> {
        None
    }

    /// Copies whole rows to `to`: without the detour through `buffer` if the layout allows it.
    ///
    /// # Errors
    /// As [`tile`](Self::tile).
    ///
    /// # Panics
    /// If `to` does not have the length of these rows.
    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        to.copy_from_slice(self.rows(rows, buffer)?);
        Ok(())
    }

    /// Copies runs of elements of one row to `to`: the first run, and those that begin `step`
    /// elements after each other, as many as fit.
    #[doc(hidden)]
    fn read_runs(
        &self,
        row: usize,
        (first, step): (Range<usize>, usize),
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        for (i, to) in to.chunks_exact_mut(first.len()).enumerate() {
            let run = first.start + i * step..first.end + i * step;
            to.copy_from_slice(self.tile(row..row + 1, run, buffer)?.row(0));
        }
        Ok(())
    }

    /// Whether reading this row would not wait for a disk, as far as can be told without waiting.
    /// `true` if [`prefetch`](Self::prefetch) does nothing.
    fn is_cached(&self, row: usize) -> bool {
        let Some(base) = self.base() else { return true };
        row >= self.shape().rows() || self.rows_in_base(row..row + 1).all(|row| base.is_cached(row))
    }

    /// Starts reading these rows into the operating system's cache, without waiting for them. Only
    /// a hint; rows outside the array are ignored.
    fn prefetch(&self, rows: Range<usize>) {
        if let Some(base) = self.base()
            && rows.start < rows.end
            && rows.end <= self.shape().rows()
        {
            base.prefetch(self.rows_in_base(rows));
        }
    }

    /// Lends whole rows as one slice. A source whose tiles of whole rows may have gaps between the
    /// rows has to override it.
    ///
    /// # Errors
    /// As [`tile`](Self::tile).
    ///
    /// # Panics
    /// If there are gaps nevertheless.
    fn rows<'a>(&'a self, rows: Range<usize>, buffer: &'a mut TileBuffer<T>) -> Result<&'a [T]> {
        let row_len = self.shape().row_len();
        let tile = self.tile(rows, 0..row_len, buffer)?;
        Ok(tile.as_slice().expect("whole rows without gaps"))
    }

    /// A part of it, as a source of its own: the whole to begin with.
    ///
    /// ```
    /// use rowmill_core::{SliceSource, Source};
    /// let x = SliceSource::new(&[1, 2, 3, 4, 5, 6], [3, 2]).unwrap();
    /// let second = x.part().columns(1)?;
    /// assert_eq!(second.shape().dims(), [3, 1]);
    /// # Ok::<(), rowmill_core::Error>(())
    /// ```
    fn part(&self) -> Part<&Self>
    where
        Self: Sized,
    {
        Part::new(self)
    }

    /// The same array with its first `axes` axes merged into that of its rows.
    ///
    /// # Errors
    /// [`ViewError::PartAxes`](crate::ViewError::PartAxes) if it has fewer, or for none.
    fn merge_axes(&self, axes: usize) -> Result<Merged<&Self>>
    where
        Self: Sized,
    {
        Merged::new(self, axes)
    }

    /// The same array with its axes in another order, axis 0 first (numpy's `transpose`).
    ///
    /// # Errors
    /// [`ViewError::AxisOrder`](crate::ViewError::AxisOrder) unless each axis occurs once, axis 0
    /// first.
    fn permute_axes(&self, order: &[usize]) -> Result<Permuted<&Self>>
    where
        Self: Sized,
    {
        Permuted::new(self, order)
    }
}

/// Forwards everything to the target of a pointer.
macro_rules! through_pointers {
    ($($pointer:ty $(: $bound:ident)?),*) => {$(
        impl<T: Element, S: Source<T> $(+ $bound)? + ?Sized> Source<T> for $pointer {
            fn shape(&self) -> &Shape {
                (**self).shape()
            }
            fn tile<'a>(
                &'a self,
                rows: Range<usize>,
                cols: Range<usize>,
                buffer: &'a mut TileBuffer<T>,
            ) -> Result<Tile<'a, T>> {
                (**self).tile(rows, cols, buffer)
            }
            fn base(&self) -> Option<&dyn Source<T>> {
                (**self).base()
            }
            fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
                (**self).rows_in_base(rows)
            }
            fn rows_at_a_time(&self) -> usize {
                (**self).rows_at_a_time()
            }
            fn check(&self) -> Result<()> {
                (**self).check()
            }
            fn verify(&self) -> Result<()> {
                (**self).verify()
            }
            fn identity(&self) -> Option<Identity> {
                (**self).identity()
            }
            fn files(&self) -> Vec<SourceFile> {
                (**self).files()
            }
            fn column_names(&self) -> Option<Cow<'_, [String]>> {
                (**self).column_names()
            }
            fn release(&self, rows: Range<usize>, cols: Range<usize>) {
                (**self).release(rows, cols);
            }
            fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
                (**self).stored(rows, cols)
            }
            fn in_place(&self) -> Option<&[T]> {
                (**self).in_place()
            }
            fn read_rows(
                &self,
                rows: Range<usize>,
                to: &mut [T],
                buffer: &mut TileBuffer<T>,
            ) -> Result<()> {
                (**self).read_rows(rows, to, buffer)
            }
            fn read_runs(
                &self,
                row: usize,
                runs: (Range<usize>, usize),
                to: &mut [T],
                buffer: &mut TileBuffer<T>,
            ) -> Result<()> {
                (**self).read_runs(row, runs, to, buffer)
            }
            fn is_cached(&self, row: usize) -> bool {
                (**self).is_cached(row)
            }
            fn prefetch(&self, rows: Range<usize>) {
                (**self).prefetch(rows);
            }
            fn rows<'a>(
                &'a self,
                rows: Range<usize>,
                buffer: &'a mut TileBuffer<T>,
            ) -> Result<&'a [T]> {
                (**self).rows(rows, buffer)
            }
        }
    )*};
}
through_pointers!(&S, Box<S>, Arc<S>: Send);

/// Checks a request against a shape: the error of [`Source::tile`] for a bad range.
pub(crate) fn check_ranges(shape: &Shape, rows: &Range<usize>, cols: &Range<usize>) -> Result<()> {
    if rows.start > rows.end || rows.end > shape.rows() {
        return Err(Error::RowRange { start: rows.start, end: rows.end, rows: shape.rows() });
    }
    if cols.start > cols.end || cols.end > shape.row_len() {
        return Err(Error::RowRange { start: cols.start, end: cols.end, rows: shape.row_len() });
    }
    Ok(())
}
