//! The axes of a row in another order.

use std::borrow::Cow;
use std::ops::Range;

use crate::element::Element;
use crate::element::gather::Runs;
use crate::error::{Result, ViewError};
use crate::identity::Identity;
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer};
use crate::view::{Source, check_ranges};

/// Elements that are requested at a time from a source that has to decode them.
const RUN: usize = 1 << 16;

/// Pieces that are read before they are released together: each may have mapped the pages around
/// it.
const READS: usize = 64;

/// An array with its axes in another order, axis 0 still first: numpy's `transpose`. Made by
/// [`Source::permute_axes`].
///
/// Each row keeps its elements and has them in another order, so that data read at a time stays
/// together. Nothing is copied when it is made: workers reorder a block at a time, in their own
/// buffers.
///
/// ```
/// use rowmill_core::{SliceSource, Source, TileBuffer};
/// let data: Vec<i32> = (0..12).collect();
/// let x = SliceSource::new(&data, [2, 2, 3]).unwrap();
/// let swapped = x.permute_axes(&[0, 2, 1])?;
/// assert_eq!(swapped.shape().dims(), [2, 3, 2]);
/// assert_eq!(Source::rows(&swapped, 0..1, &mut TileBuffer::new())?, [0, 3, 1, 4, 2, 5]);
/// # Ok::<(), rowmill_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "permuted axes are read by a job"]
pub struct Permuted<S> {
    source: S,
    shape: Shape,
    /// The stride of each axis of the result but the first, in a source row; `None` if the order of
    /// elements is unchanged.
    strides: Option<Vec<usize>>,
    order: Vec<usize>,
}

impl<S> Permuted<S> {
    /// The axes of an array in this order.
    ///
    /// # Errors
    /// [`ViewError::AxisOrder`] unless each axis occurs once, axis 0 first.
    pub fn new<T: Element>(source: S, order: &[usize]) -> Result<Self>
    where
        S: Source<T>,
    {
        let shape = source.shape();
        let dims = shape.dims();
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..dims.len()) || order.first().is_some_and(|&axis| axis != 0)
        {
            return Err(ViewError::AxisOrder { order: order.to_vec(), shape: shape.clone() }.into());
        }
        let permuted: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
        let mut strides = vec![1; dims.len()];
        for axis in (1..dims.len().saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1] * dims[axis + 1];
        }
        // The position of axes of length 1 does not matter.
        let real = order.iter().filter(|&&axis| axis > 0 && dims[axis] != 1);
        let same = real.is_sorted();
        let strides = order.iter().skip(1).map(|&axis| strides[axis]).collect();
        let shape = Shape::new(permuted).map_err(|source| ViewError::PartTooLarge { source })?;
        Ok(Self { source, shape, strides: (!same).then_some(strides), order: order.to_vec() })
    }

    /// Reorders some elements of some rows, lent in place or requested from the source; below a
    /// memory ceiling, requested pages are released at once.
    fn gather_from<T: Element>(
        &self,
        strides: &[usize],
        rows: &Range<usize>,
        what: Runs,
        values: &mut [T],
        inner: &mut TileBuffer<T>,
    ) -> Result<()>
    where
        S: Source<T>,
    {
        let below = inner.is_below_ceiling();
        let axes = (self.shape.row_dims(), strides);
        if let Some(all) = self.source.in_place().filter(|_| !below) {
            let row_len = self.shape.row_len();
            return T::gather(axes, rows, what, values, usize::MAX, &mut |rows, run, to| {
                to(&all[rows.start * row_len + run.start..], row_len);
                Ok(())
            });
        }
        if !below {
            return T::gather(axes, rows, what, values, RUN, &mut |rows, run, to| {
                let (from, stride) = self.source.tile(rows, run, inner)?.parts();
                to(from, stride);
                Ok(())
            });
        }
        let mut read: Option<(Range<usize>, Range<usize>)> = None;
        let mut reads = 0;
        let release = |read: &mut Option<(Range<usize>, Range<usize>)>| {
            if let Some((rows, run)) = read.take() {
                self.source.release(rows, run);
            }
        };
        T::gather(axes, rows, what, values, RUN, &mut |rows, run, to| {
            let tile = self.source.tile(rows.clone(), run.clone(), inner)?;
            let (from, stride) = tile.parts();
            to(from, stride);
            let hull = |a: Range<usize>, b: Range<usize>| a.start.min(b.start)..a.end.max(b.end);
            read = Some(match read.take() {
                None => (rows, run),
                Some((before, earlier)) => (hull(before, rows), hull(earlier, run)),
            });
            reads += 1;
            if reads % READS == 0 {
                release(&mut read);
            }
            Ok(())
        })?;
        release(&mut read);
        Ok(())
    }

    fn lend<'a, T: Element>(
        &'a self,
        strides: &[usize],
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>>
    where
        S: Source<T>,
    {
        check_ranges(&self.shape, &rows, &cols)?;
        let (n, width) = (rows.len(), cols.len());
        if n == 0 || width == 0 {
            return Ok(Tile::new(&[], n, width, width));
        }
        let (values, inner) = buffer.nested(n * width);
        self.gather_from(strides, &rows, (0, 0..1, cols), values, inner)?;
        Ok(Tile::new(values, n, width, width))
    }
}

impl<T: Element, S: Source<T>> Source<T> for Permuted<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        match &self.strides {
            None => self.source.tile(rows, cols, buffer),
            Some(strides) => self.lend(strides, rows, cols, buffer),
        }
    }

    fn rows<'a>(&'a self, rows: Range<usize>, buffer: &'a mut TileBuffer<T>) -> Result<&'a [T]> {
        if self.strides.is_none() {
            return self.source.rows(rows, buffer);
        }
        let tile = self.tile(rows, 0..self.shape.row_len(), buffer)?;
        Ok(tile.as_slice().expect("gathered without gaps"))
    }

    fn read_runs(
        &self,
        row: usize,
        (first, step): (Range<usize>, usize),
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        let Some(strides) = &self.strides else {
            return self.source.read_runs(row, (first, step), to, buffer);
        };
        let dims = self.shape.row_dims();
        let (mut split, mut whole) = (dims.len(), 1);
        while whole < step && split > 0 {
            split -= 1;
            whole *= dims[split];
        }
        assert_eq!(whole, step, "runs begin where an axis does");
        let (lead, start) = (first.start / step, first.start % step);
        let lead = lead..lead + to.len() / first.len();
        let what = (split, lead, start..start + first.len());
        self.gather_from(strides, &(row..row + 1), what, to, buffer.nested(0).1)
    }

    fn base(&self) -> Option<&dyn Source<T>> {
        Some(&self.source)
    }

    /// The names of the source, as long as the order of elements is unchanged.
    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        if self.strides.is_some() { None } else { self.source.column_names() }
    }

    /// The identity of the source, with the order of the axes.
    fn identity(&self) -> Option<Identity> {
        Some(
            self.source.identity()?.of_part(
                format!("permuted {:?} of {}", self.order, self.source.shape()).as_bytes(),
            ),
        )
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        // Rows reordered below a ceiling have been released already.
        if self.strides.is_none() {
            self.source.release(rows, cols);
        }
    }

    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        if self.strides.is_some() {
            return None;
        }
        self.source.stored(rows, cols)
    }

    fn in_place(&self) -> Option<&[T]> {
        if self.strides.is_some() { None } else { self.source.in_place() }
    }
}

#[cfg(test)]
mod tests;
