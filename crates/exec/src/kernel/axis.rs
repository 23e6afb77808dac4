//! What a reduction keeps: nothing, the columns, or the rows.

use std::ops::Deref;

use rowmill_core::Shape;

use crate::grid::{Bounds, Grid};
use crate::{Error, Result};
use rowmill_lanes::fold::Cell;

mod sealed {
    pub trait Sealed {}
}

/// What a reduction keeps: [`All`], [`Columns`], [`Rows`], or what a set of axes leaves: [`Axes`].
pub trait Axis: sealed::Sealed + Copy + std::fmt::Debug + Send + Sync {
    /// One value, or many with their shape.
    type Output<V: Send>: Send;

    #[doc(hidden)]
    fn cell(self) -> Cell;

    /// Whether an array of this shape has these axes.
    #[doc(hidden)]
    fn check(self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// Which piece of the result a block contributes to.
    #[doc(hidden)]
    fn piece(self, bounds: &Bounds) -> usize;

    /// The number of cells of the result and of a piece of it, where no two blocks share a piece.
    #[doc(hidden)]
    fn apart(self, shape: &Shape, grid: &Grid) -> Option<(usize, usize)> {
        let _ = (shape, grid);
        None
    }

    /// The number of the first cell of a block, counted within the result.
    #[doc(hidden)]
    fn first(self, bounds: &Bounds) -> usize {
        let _ = bounds;
        0
    }

    /// The shape of the result.
    #[doc(hidden)]
    fn output_dims(self, shape: &Shape) -> Vec<usize>;

    #[doc(hidden)]
    fn output<V: Send>(self, values: Vec<V>, dims: Vec<usize>) -> Self::Output<V>;

    /// The values of a result and its shape.
    #[doc(hidden)]
    fn into_values<V: Send>(output: Self::Output<V>) -> (Vec<V>, Vec<usize>);
}

/// Over everything: one value.
#[derive(Clone, Copy, Debug, Default)]
pub struct All;

/// Per column: axis 0 is reduced, all others are kept (numpy's `axis=0`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns;

/// Per row: axis 0 is kept, all others are reduced.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rows;

impl sealed::Sealed for All {}
impl sealed::Sealed for Columns {}
impl sealed::Sealed for Rows {}
impl sealed::Sealed for Axes<'_> {}

impl Axis for All {
    type Output<V: Send> = V;

    fn cell(self) -> Cell {
        Cell::All
    }
    fn piece(self, _: &Bounds) -> usize {
        0
    }
    fn output_dims(self, _: &Shape) -> Vec<usize> {
        Vec::new()
    }
    fn output<V: Send>(self, mut values: Vec<V>, _: Vec<usize>) -> V {
        values.pop().expect("a reduction over everything has one cell")
    }
    fn into_values<V: Send>(output: V) -> (Vec<V>, Vec<usize>) {
        (vec![output], Vec::new())
    }
}

impl Axis for Columns {
    type Output<V: Send> = Values<V>;

    fn cell(self) -> Cell {
        Cell::Column
    }
    fn piece(self, bounds: &Bounds) -> usize {
        bounds.tile
    }
    fn apart(self, shape: &Shape, grid: &Grid) -> Option<(usize, usize)> {
        (grid.bands() == 1).then(|| (shape.row_len(), grid.tile_cols()))
    }
    fn first(self, bounds: &Bounds) -> usize {
        bounds.cols.start
    }
    fn output_dims(self, shape: &Shape) -> Vec<usize> {
        shape.row_dims().to_vec()
    }
    fn output<V: Send>(self, values: Vec<V>, dims: Vec<usize>) -> Values<V> {
        Values { values, dims }
    }
    fn into_values<V: Send>(output: Values<V>) -> (Vec<V>, Vec<usize>) {
        (output.values, output.dims)
    }
}

impl Axis for Rows {
    type Output<V: Send> = Values<V>;

    fn cell(self) -> Cell {
        Cell::Row
    }
    fn piece(self, bounds: &Bounds) -> usize {
        bounds.band
    }
    fn apart(self, shape: &Shape, grid: &Grid) -> Option<(usize, usize)> {
        (grid.tiles() == 1).then(|| (shape.rows(), grid.band_rows()))
    }
    fn first(self, bounds: &Bounds) -> usize {
        bounds.rows.start
    }
    fn output_dims(self, shape: &Shape) -> Vec<usize> {
        vec![shape.rows()]
    }
    fn output<V: Send>(self, values: Vec<V>, dims: Vec<usize>) -> Values<V> {
        Values { values, dims }
    }
    fn into_values<V: Send>(output: Values<V>) -> (Vec<V>, Vec<usize>) {
        (output.values, output.dims)
    }
}

/// Over a set of axes of an array, by way of a view of it. Made by [`Over`](crate::Over).
#[derive(Clone, Copy, Debug)]
pub struct Axes<'a> {
    pub(super) cell: Cell,
    /// Of the view.
    pub(super) shape: &'a Shape,
    /// Of the result.
    pub(super) dims: &'a [usize],
}

impl Axis for Axes<'_> {
    type Output<V: Send> = Values<V>;

    fn cell(self) -> Cell {
        self.cell
    }
    fn check(self, shape: &Shape) -> Result<()> {
        if shape == self.shape {
            return Ok(());
        }
        Err(Error::AxesShape { expected: self.shape.clone(), found: shape.clone() })
    }
    fn piece(self, bounds: &Bounds) -> usize {
        match self.cell {
            Cell::All => All.piece(bounds),
            Cell::Column => Columns.piece(bounds),
            Cell::Row => Rows.piece(bounds),
        }
    }
    fn apart(self, shape: &Shape, grid: &Grid) -> Option<(usize, usize)> {
        match self.cell {
            Cell::All => All.apart(shape, grid),
            Cell::Column => Columns.apart(shape, grid),
            Cell::Row => Rows.apart(shape, grid),
        }
    }
    fn first(self, bounds: &Bounds) -> usize {
        match self.cell {
            Cell::All => All.first(bounds),
            Cell::Column => Columns.first(bounds),
            Cell::Row => Rows.first(bounds),
        }
    }
    fn output_dims(self, _: &Shape) -> Vec<usize> {
        self.dims.to_vec()
    }
    fn output<V: Send>(self, values: Vec<V>, dims: Vec<usize>) -> Values<V> {
        Values { values, dims }
    }
    fn into_values<V: Send>(output: Values<V>) -> (Vec<V>, Vec<usize>) {
        (output.values, output.dims)
    }
}

/// The functions that make a reduction, one for each axis: within an `impl`, of a `Reduction` or a `Folding`,
/// without `self` or of it.
macro_rules! for_each_axis {
    ($frame:ident, ($($this:ident)?), $value:expr) => {
        /// Over everything: one value.
        pub fn all($($this)?) -> $crate::$frame<Self, $crate::All> {
            $crate::$frame::new($value, $crate::All)
        }

        /// Per column: axis 0 is reduced, the others are kept (numpy's `axis=0`).
        pub fn per_column($($this)?) -> $crate::$frame<Self, $crate::Columns> {
            $crate::$frame::new($value, $crate::Columns)
        }

        /// Per row: axis 0 is kept, the others are reduced.
        pub fn per_row($($this)?) -> $crate::$frame<Self, $crate::Rows> {
            $crate::$frame::new($value, $crate::Rows)
        }

        /// Over a set of axes: see [`Over`]($crate::Over).
        pub fn over($($this,)? axes: $crate::Axes<'_>) -> $crate::$frame<Self, $crate::Axes<'_>> {
            $crate::$frame::new($value, axes)
        }
    };
}
pub(super) use for_each_axis;

/// The values of the cells of a result, in C order, with their shape. A slice otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Values<V> {
    values: Vec<V>,
    dims: Vec<usize>,
}

impl<V> Values<V> {
    /// The shape: all axes but 0 for columns, axis 0 for rows, those that were not reduced for [`Axes`].
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The values alone.
    #[must_use]
    pub fn into_vec(self) -> Vec<V> {
        self.values
    }
}

impl<V> Deref for Values<V> {
    type Target = [V];

    fn deref(&self) -> &[V] {
        &self.values
    }
}

impl<V> IntoIterator for Values<V> {
    type Item = V;
    type IntoIter = std::vec::IntoIter<V>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Values<V> {
    type Item = &'a V;
    type IntoIter = std::slice::Iter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}
