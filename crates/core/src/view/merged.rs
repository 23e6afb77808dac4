//! Leading axes merged into one, so that rows are any sub-array.

use std::ops::Range;

use crate::element::Element;
use crate::error::{Result, ViewError};
use crate::identity::Identity;
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer, tile_in};
use crate::view::{Source, check_ranges};

/// An array whose leading axes are merged into one: like numpy's `reshape`. Made by
/// [`Source::merge_axes`].
///
/// Results per row are then per element of all merged axes, and results per column are over all of
/// them: for an array of shape (days, stations, hours), two merged axes give the means over hours
/// per row, and the means over days and stations per column. Elements that are in place in C order
/// are not copied.
///
/// ```
/// use rowmill_core::{SliceSource, Source};
/// let data: Vec<i32> = (0..24).collect();
/// let x = SliceSource::new(&data, [2, 3, 4]).unwrap();
/// let flat = x.merge_axes(2)?;
/// assert_eq!(flat.shape().dims(), [6, 4]);
/// # Ok::<(), rowmill_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "merged axes are read by a job"]
pub struct Merged<S> {
    source: S,
    shape: Shape,
    /// The number of rows that a row of the source is cut into.
    each: usize,
}

impl<S> Merged<S> {
    /// The first `axes` axes of an array as one. An array without axes becomes a single row.
    ///
    /// # Errors
    /// [`ViewError::PartAxes`] if the array has fewer axes, or for zero of an array that has some.
    pub fn new<T: Element>(source: S, axes: usize) -> Result<Self>
    where
        S: Source<T>,
    {
        let dims = source.shape().dims();
        if axes > dims.len() || (axes == 0 && !dims.is_empty()) {
            return Err(ViewError::PartAxes { asked: axes, shape: source.shape().clone() }.into());
        }
        let (merged, kept) = dims.split_at(axes);
        let each = merged.iter().skip(1).product();
        let dims: Vec<usize> =
            std::iter::once(merged.iter().product()).chain(kept.iter().copied()).collect();
        let shape = Shape::new(dims).map_err(|source| ViewError::PartTooLarge { source })?;
        Ok(Self { source, shape, each })
    }

    /// The location of a run of rows, if it is within one row of the source: that row, and the
    /// range of its elements.
    fn within_a_row(&self, rows: &Range<usize>) -> Option<(usize, Range<usize>)> {
        let row = rows.start / self.each;
        let first = rows.start - row * self.each;
        let len = self.shape.row_len();
        let fits = rows.start < rows.end && first + rows.len() <= self.each;
        fits.then(|| (row, first * len..(first + rows.len()) * len))
    }

    fn lend<'a, T: Element>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>>
    where
        S: Source<T>,
    {
        check_ranges(&self.shape, &rows, &cols)?;
        let (n, width, row_len) = (rows.len(), cols.len(), self.shape.row_len());
        if n == 0 || width == 0 {
            return Ok(Tile::new(&[], n, width, width));
        }
        if let Some(all) = self.source.in_place() {
            return Ok(tile_in(all, &self.shape, rows, cols));
        }
        let whole = width == row_len;
        if let Some((row, run)) = self.within_a_row(&rows)
            && (whole || n == 1)
        {
            let run = if whole { run } else { run.start + cols.start..run.start + cols.end };
            let tile = self.source.tile(row..row + 1, run, buffer)?;
            return Ok(Tile::new(tile.row(0), n, width, width));
        }
        let (values, inner) = buffer.nested(n * width);
        let (mut next, mut rest) = (rows.start, &mut values[..]);
        while next < rows.end {
            let (row, first) = (next / self.each, next % self.each);
            let in_row = (self.each - first).min(rows.end - next);
            if !whole {
                // Combines runs within the same row of the source.
                let (to, more) = std::mem::take(&mut rest).split_at_mut(in_row * width);
                let start = first * row_len;
                let runs = (start + cols.start..start + cols.end, row_len);
                self.source.read_runs(row, runs, to, inner)?;
                rest = more;
                next += in_row;
                continue;
            }
            // Combines whole rows of the source; otherwise up to the end of one.
            let whole_rows = (rows.end - next) / self.each;
            let (some, run, done) = if first == 0 && whole_rows > 0 {
                (row..row + whole_rows, 0..self.each * row_len, whole_rows * self.each)
            } else {
                (row..row + 1, first * row_len..(first + in_row) * row_len, in_row)
            };
            let tile = self.source.tile(some, run, inner)?;
            for slice in tile.slices() {
                let (to, more) = std::mem::take(&mut rest).split_at_mut(slice.len());
                to.copy_from_slice(slice);
                rest = more;
            }
            next += done;
        }
        Ok(Tile::new(values, n, width, width))
    }
}

impl<T: Element, S: Source<T>> Source<T> for Merged<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        self.lend(rows, cols, buffer)
    }

    fn rows_at_a_time(&self) -> usize {
        self.source.rows_at_a_time().saturating_mul(self.each.max(1))
    }

    fn base(&self) -> Option<&dyn Source<T>> {
        Some(&self.source)
    }

    fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
        rows.start / self.each..rows.end.div_ceil(self.each)
    }

    /// The identity of the source, with the number of merged axes.
    fn identity(&self) -> Option<Identity> {
        Some(
            self.source
                .identity()?
                .of_part(format!("merged {} of {}", self.shape, self.source.shape()).as_bytes()),
        )
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        if check_ranges(&self.shape, &rows, &cols).is_err() || rows.is_empty() || cols.is_empty() {
            return;
        }
        // Elements between were not read by this run, and releasing them does no harm.
        match self.within_a_row(&rows) {
            Some((row, run)) => self.source.release(row..row + 1, run),
            None => {
                let whole = 0..self.each * self.shape.row_len();
                self.source.release(Source::<T>::rows_in_base(self, rows), whole);
            }
        }
    }

    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        check_ranges(&self.shape, &rows, &cols).ok()?;
        let of = self.source.shape();
        let all = self.source.stored(0..of.rows(), 0..of.row_len())?.as_slice()?;
        Some(tile_in(all, &self.shape, rows, cols))
    }

    fn in_place(&self) -> Option<&[T]> {
        self.source.in_place()
    }
}
