//! Several arrays as one: their rows concatenated.

use std::borrow::Cow;
use std::ops::Range;

use crate::element::Element;
use crate::error::{Result, ViewError};
use crate::fs::SourceFile;
use crate::identity::Identity;
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer};
use crate::view::{Source, check_ranges};

/// Arrays of the same dtype and the same row shape as one array: the rows of the first, then those
/// of the second, and so on. numpy's `concatenate` along axis 0, without copying.
///
/// Every job accepts it like a file. Answers are the same, to the bit, as for a single file with
/// all rows: blocks are cut regardless of where files end, and those that cross an end are
/// assembled in the worker's buffer.
///
/// ```
/// use rowmill_core::{Array, ArrayMut, Concat, Source, TileBuffer};
/// # let dir = tempfile::tempdir()?;
/// let paths = ["a.npy", "b.npy"].map(|name| dir.path().join(name));
/// for (i, path) in paths.iter().enumerate() {
///     let mut x = ArrayMut::<f32>::create(path, [2, 1])?;
///     x.write_rows(0, &[i as f32, 0.5])?;
///     x.close()?;
/// }
/// let x: Concat<Array<f32>> = Concat::open(&paths)?;
/// assert_eq!(x.shape().dims(), [4, 1]);
/// assert_eq!(x.rows(1..4, &mut TileBuffer::new())?, [0.5, 1.0, 0.5]);
/// assert_eq!(x.locate(3), Some((1, 1))); // row 3 is row 1 of the second
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Concat<S> {
    sources: Vec<S>,
    /// The first row of each, and the end of the last.
    starts: Vec<usize>,
    shape: Shape,
}

impl<S> Concat<S> {
    /// These arrays, in this order.
    ///
    /// # Errors
    /// [`ViewError::NothingToConcat`] for no arrays, [`ViewError::NotOneArray`] if their row shapes
    /// differ or there are too many rows to count.
    pub fn new<T: Element>(sources: impl IntoIterator<Item = S>) -> Result<Self>
    where
        S: Source<T>,
    {
        Self::named(sources.into_iter().collect(), |i| format!("array number {}", i + 1))
    }

    pub(crate) fn named<T: Element>(sources: Vec<S>, name: impl Fn(usize) -> String) -> Result<Self>
    where
        S: Source<T>,
    {
        let first = sources.first().ok_or(ViewError::NothingToConcat)?.shape().clone();
        let mut starts = Vec::with_capacity(sources.len() + 1);
        let mut rows = 0_usize;
        for (i, source) in sources.iter().enumerate() {
            let differs = |expected: String, found: String| ViewError::NotOneArray {
                what: name(i),
                first: name(0),
                expected,
                found,
            };
            let shape = source.shape();
            // An array without axes has no rows that others could follow.
            if shape.row_dims() != first.row_dims() || (shape.ndim() == 0 && sources.len() > 1) {
                let rows_of = |shape: &Shape| match shape.row_dims() {
                    _ if shape.ndim() == 0 => "no rows, being without axes".to_owned(),
                    [] => "rows of one element".to_owned(),
                    dims => format!("rows of shape {dims:?}"),
                };
                return Err(differs(rows_of(&first), rows_of(shape)).into());
            }
            starts.push(rows);
            let more = || differs("rows that can be counted".to_owned(), "too many".to_owned());
            rows = rows.checked_add(shape.rows()).ok_or_else(more)?;
        }
        starts.push(rows);
        let mut dims = first.dims().to_vec();
        if let Some(all) = dims.first_mut() {
            *all = rows;
        }
        let shape = Shape::new(dims).map_err(|source| ViewError::PartTooLarge { source })?;
        // So that arithmetic on bytes cannot overflow either.
        shape.byte_len(size_of::<T>()).map_err(|source| ViewError::PartTooLarge { source })?;
        Ok(Self { sources, starts, shape })
    }

    /// The arrays.
    #[must_use]
    pub fn sources(&self) -> &[S] {
        &self.sources
    }

    /// The array that has this row, and the row within it; `None` past the last one.
    #[must_use]
    pub fn locate(&self, row: usize) -> Option<(usize, usize)> {
        // An empty array starts at the same row as its successor, which has rows.
        let source = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        (source < self.sources.len()).then(|| (source, row - self.starts[source]))
    }

    /// Passes the arrays that have some of these rows to `f`, with the rows within each.
    fn each<'a>(
        &'a self,
        rows: Range<usize>,
        mut f: impl FnMut(&'a S, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let mut next = rows.start;
        while next < rows.end
            && let Some((source, row)) = self.locate(next)
        {
            let end = rows.end.min(self.starts[source + 1]);
            f(&self.sources[source], row..row + (end - next))?;
            next = end;
        }
        Ok(())
    }

    /// The array that has all of these rows, if there is one, and the rows within it.
    fn only(&self, rows: &Range<usize>) -> Option<(&S, Range<usize>)> {
        let (source, row) = self.locate(rows.start)?;
        let fits = rows.start < rows.end && rows.end <= self.starts[source + 1];
        fits.then(|| (&self.sources[source], row..row + rows.len()))
    }
}

impl<T: Element, S: Source<T>> Source<T> for Concat<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        check_ranges(&self.shape, &rows, &cols)?;
        if let Some((source, rows)) = self.only(&rows) {
            return source.tile(rows, cols, buffer);
        }
        let (n, width) = (rows.len(), cols.len());
        let (values, inner) = buffer.nested(n * width);
        let mut rest = &mut values[..];
        self.each(rows, |source, rows| {
            let tile = source.tile(rows, cols.clone(), inner)?;
            for slice in tile.slices() {
                let (to, more) = std::mem::take(&mut rest).split_at_mut(slice.len());
                to.copy_from_slice(slice);
                rest = more;
            }
            Ok(())
        })?;
        Ok(Tile::new(values, n, width, width))
    }

    fn rows<'a>(&'a self, rows: Range<usize>, buffer: &'a mut TileBuffer<T>) -> Result<&'a [T]> {
        if let Some((source, rows)) = self.only(&rows) {
            return source.rows(rows, buffer);
        }
        let row_len = self.shape.row_len();
        let tile = self.tile(rows, 0..row_len, buffer)?;
        Ok(tile.as_slice().expect("put together without gaps"))
    }

    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        let row_len = self.shape.row_len();
        check_ranges(&self.shape, &rows, &(0..row_len))?;
        assert_eq!(to.len(), rows.len() * row_len, "room for exactly these rows");
        let mut rest = to;
        self.each(rows, |source, rows| {
            let (to, more) = std::mem::take(&mut rest).split_at_mut(rows.len() * row_len);
            rest = more;
            source.read_rows(rows, to, buffer)
        })
    }

    /// The largest that any of them wants.
    fn rows_at_a_time(&self) -> usize {
        self.sources.iter().map(S::rows_at_a_time).max().unwrap_or(1)
    }

    fn check(&self) -> Result<()> {
        self.sources.iter().try_for_each(S::check)
    }

    fn verify(&self) -> Result<()> {
        self.sources.iter().try_for_each(S::verify)
    }

    /// The files of all.
    fn files(&self) -> Vec<SourceFile> {
        self.sources.iter().flat_map(S::files).collect()
    }

    /// The names of the first, if all have the same.
    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        let (first, rest) = self.sources.split_first()?;
        let names = first.column_names()?;
        let same = |source: &S| source.column_names().as_ref() == Some(&names);
        rest.iter().all(same).then_some(names)
    }

    /// The identity of all.
    fn identity(&self) -> Option<Identity> {
        let all: Option<Vec<Identity>> = self.sources.iter().map(S::identity).collect();
        Identity::of_many(&all?)
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        let _ = self.each(rows, |source, rows| {
            source.release(rows, cols.clone());
            Ok(())
        });
    }

    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        let (source, rows) = self.only(&rows)?;
        source.stored(rows, cols)
    }

    fn in_place(&self) -> Option<&[T]> {
        let (source, rows) = self.only(&(0..self.shape.rows()))?;
        source.in_place().filter(|_| rows.len() == source.shape().rows())
    }

    fn is_cached(&self, row: usize) -> bool {
        self.locate(row).is_none_or(|(source, row)| self.sources[source].is_cached(row))
    }

    fn prefetch(&self, rows: Range<usize>) {
        let _ = self.each(rows, |source, rows| {
            source.prefetch(rows);
            Ok(())
        });
    }
}
