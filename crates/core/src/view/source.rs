//! The one door that elements come through, whatever their layout.

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

/// Something that lends rows of elements to workers: an array file, a slice, and whatever comes.
///
/// Native, aligned, contiguous elements are lent in place; everything else is decoded into the
/// worker's buffer. A kernel cannot tell the difference.
///
/// A source says its [`shape`](Self::shape) and lends a [`tile`](Self::tile). A **view**, a source
/// made of another one, says with [`base`](Self::base) which, and with
/// [`rows_in_base`](Self::rows_in_base) where its rows are in it: checks, files, identity, names,
/// read-ahead and release then pass through it. What else there is has a default, and is worth a
/// method of one's own where it can be done better.
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
    /// [`Error::RowRange`] outside the array, [`Error::Fault`] when bytes cannot be read. Elements
    /// that are lent in place are read by the caller, who has to ask [`check`](Self::check) then.
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>>;

    /// The source that this is a view of. It answers all questions that the view has no answer of
    /// its own to. Default: none, as for a source that owns its elements.
    fn base(&self) -> Option<&dyn Source<T>> {
        None
    }

    /// The rows of the [`base`](Self::base) in which the elements of these rows are: all that lie
    /// between the first and the last one, at least. Called for rows of the array only, and for
    /// some. Default: the same.
    fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
        rows
    }

    /// How many rows a reader should ask for at a time, at least, for the layout to be read well.
    /// Fewer are correct, but slow: a column-major file keeps the elements of one row far apart.
    fn rows_at_a_time(&self) -> usize {
        self.base().map_or(1, |base| base.rows_at_a_time())
    }

    /// Checks that what was read so far was there. Called after every chunk, before its result is
    /// used, and so it has to be cheap: for a mapped file it is one load.
    ///
    /// # Errors
    /// [`Error::Fault`] when the file was cut short or its device failed under a mapping, from then
    /// on for good.
    fn check(&self) -> Result<()> {
        self.base().map_or(Ok(()), |base| base.check())
    }

    /// Checks that what was read was there, as [`check`](Self::check), and is still what was
    /// opened. Called at the end of a job.
    ///
    /// # Errors
    /// [`Error::Changed`] when the file was changed meanwhile, and as [`check`](Self::check).
    fn verify(&self) -> Result<()> {
        self.base().map_or(Ok(()), |base| base.verify())
    }

    /// Which file the elements come from, in the state in which it was opened: what tells a job
    /// that goes on later that it still is the same array. Default: none, as for what is in memory;
    /// of a view that of its base with the shape. Views that are made in several ways of one base
    /// have to tell them apart.
    fn identity(&self) -> Option<Identity> {
        let whole = self.base()?.identity()?;
        Some(whole.of_part(format!("view {}", self.shape()).as_bytes()))
    }

    /// The files that the elements come from, so that no output of a job replaces one of them. A
    /// source that reads from several others gives those of all. Default: none, as for what is in
    /// memory.
    fn files(&self) -> Vec<SourceFile> {
        self.base().map_or_else(Vec::new, |base| base.files())
    }

    /// The names of the columns, one for each element of a row, where they have some. Default:
    /// those of the base, if its rows are as long.
    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        let base = self.base()?;
        (base.shape().row_len() == self.shape().row_len()).then(|| base.column_names())?
    }

    /// Lets go of the memory that stands for elements `cols` of each of these rows, which will not
    /// be read again soon. They can be: a mapped file gives its pages back to the page cache. Only
    /// ever a hint; what is outside the array is ignored. Default: of a view whole rows of its
    /// base.
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

    /// Lends a tile as it is stored, in place; `None` where elements have to be decoded. For
    /// `bool`, which a mapped file cannot lend as such: a byte that is not zero is true.
    #[doc(hidden)]
    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        let _ = (rows, cols);
        None
    }

    /// All elements in C order, if the source can lend them in place.
    fn in_place(&self) -> Option<&[T]> {
        None
    }

    /// Copies whole rows to `to`: without the way through `buffer` where the layout allows it.
    ///
    /// # Errors
    /// As [`tile`](Self::tile).
    ///
    /// # Panics
    /// When `to` does not hold exactly these rows.
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
    /// elements after each other, as many as there is room for.
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
    /// `true` where [`prefetch`](Self::prefetch) does nothing.
    fn is_cached(&self, row: usize) -> bool {
        let Some(base) = self.base() else { return true };
        row >= self.shape().rows() || self.rows_in_base(row..row + 1).all(|row| base.is_cached(row))
    }

    /// Starts to read these rows into the operating system's cache, without waiting for them. Only
    /// ever a hint; rows outside the array are ignored.
    fn prefetch(&self, rows: Range<usize>) {
        if let Some(base) = self.base()
            && rows.start < rows.end
            && rows.end <= self.shape().rows()
        {
            base.prefetch(self.rows_in_base(rows));
        }
    }

    /// Lends whole rows as one slice. A source whose tiles of whole rows may have gaps between the
    /// rows has to say how.
    ///
    /// # Errors
    /// As [`tile`](Self::tile).
    ///
    /// # Panics
    /// When there are gaps all the same.
    fn rows<'a>(&'a self, rows: Range<usize>, buffer: &'a mut TileBuffer<T>) -> Result<&'a [T]> {
        let row_len = self.shape().row_len();
        let tile = self.tile(rows, 0..row_len, buffer)?;
        Ok(tile.as_slice().expect("whole rows without gaps"))
    }

    /// A part of it, as a source of its own: all of it to begin with.
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

    /// The same array with its first `axes` taken as one, that of its rows.
    ///
    /// # Errors
    /// [`ViewError::PartAxes`](crate::ViewError::PartAxes) when it has fewer, or for none at all.
    fn merge_axes(&self, axes: usize) -> Result<Merged<&Self>>
    where
        Self: Sized,
    {
        Merged::new(self, axes)
    }

    /// The same array with its axes in another order, axis 0 first (numpy's `transpose`).
    ///
    /// # Errors
    /// [`ViewError::AxisOrder`](crate::ViewError::AxisOrder) unless each axis is named once, axis 0
    /// first.
    fn permute_axes(&self, order: &[usize]) -> Result<Permuted<&Self>>
    where
        Self: Sized,
    {
        Permuted::new(self, order)
    }
}

/// Passes everything on to what a pointer points to.
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

/// Checks a request against a shape: what [`Source::tile`] owes for a bad range.
pub(crate) fn check_ranges(shape: &Shape, rows: &Range<usize>, cols: &Range<usize>) -> Result<()> {
    if rows.start > rows.end || rows.end > shape.rows() {
        return Err(Error::RowRange { start: rows.start, end: rows.end, rows: shape.rows() });
    }
    if cols.start > cols.end || cols.end > shape.row_len() {
        return Err(Error::RowRange { start: cols.start, end: cols.end, rows: shape.row_len() });
    }
    Ok(())
}
