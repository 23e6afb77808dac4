//! The axes that a reduction keeps, as a value, and the kinds of answers.

use std::ops::Deref;

use rowmill_core::Shape;

use crate::engine::grid::{Bounds, Grid};
use crate::error::{Error, Result};
use rowmill_lanes::fold::Cell;

mod sealed {
    use super::Kept;

    pub trait Sealed {
        /// The axes that are kept.
        fn kept(&self) -> Kept<'_>;
    }
}

/// The kinds of answers: [`All`] gives one value, [`Columns`], [`Rows`] and [`Axes`] give
/// [`Values`].
///
/// Only the type of the answer depends on it. The axes themselves are a value.
pub trait Axis: sealed::Sealed + Copy + std::fmt::Debug + Send + Sync {
    /// One value, or many with their shape.
    type Output<V: Send>: Send;

    /// The answer for these values.
    fn output<V: Send>(values: Values<V>) -> Self::Output<V>;
}

/// The axes that a reduction keeps, as a value.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The kind of cell: all elements, a column or a row.
    pub(crate) cell: Cell,
    /// Over a set of axes: the shape of the view that has them, and that of the answer.
    view: Option<(&'a Shape, &'a [usize])>,
}

impl Kept<'_> {
    /// Cells of the array in its own shape.
    pub(crate) const fn of(cell: Cell) -> Self {
        Self { cell, view: None }
    }

    /// A description for that of a job.
    pub(crate) fn name(&self) -> &'static str {
        match self.cell {
            Cell::All => "all",
            Cell::Column => "columns",
            Cell::Row => "rows",
        }
    }

    /// Whether an array of this shape has these axes.
    pub(crate) fn check(&self, shape: &Shape) -> Result<()> {
        match self.view {
            Some((view, _)) if view != shape => {
                Err(Error::AxesShape { expected: view.clone(), found: shape.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The piece of the answer that a block contributes to.
    pub(crate) fn piece(&self, bounds: &Bounds) -> usize {
        piece(self.cell, bounds)
    }

    /// If no two blocks share a piece, the number of cells of the answer and of a piece.
    pub(crate) fn disjoint(&self, shape: &Shape, grid: &Grid) -> Option<(usize, usize)> {
        match self.cell {
            Cell::All => None,
            Cell::Column => (grid.bands() == 1).then(|| (shape.row_len(), grid.tile_cols())),
            Cell::Row => (grid.tiles() == 1).then(|| (shape.rows(), grid.band_rows())),
        }
    }

    /// The index of the first cell of a block, within the answer.
    pub(crate) fn first(&self, bounds: &Bounds) -> usize {
        match self.cell {
            Cell::All => 0,
            Cell::Column => bounds.cols.start,
            Cell::Row => bounds.rows.start,
        }
    }

    /// The shape of the answer.
    pub(crate) fn output_dims(&self, shape: &Shape) -> Vec<usize> {
        match (self.view, self.cell) {
            (Some((_, dims)), _) => dims.to_vec(),
            (None, Cell::All) => Vec::new(),
            (None, Cell::Column) => shape.row_dims().to_vec(),
            (None, Cell::Row) => vec![shape.rows()],
        }
    }
}

/// The piece that a block contributes to, for this kind of cell.
pub(crate) fn piece(cell: Cell, bounds: &Bounds) -> usize {
    match cell {
        Cell::All => 0,
        Cell::Column => bounds.tile,
        Cell::Row => bounds.band,
    }
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

/// Over a set of axes of an array, through a view of it. Made by [`Over`](crate::Over).
#[derive(Clone, Copy, Debug)]
pub struct Axes<'a> {
    pub(crate) cell: Cell,
    /// The shape of the view.
    pub(crate) shape: &'a Shape,
    /// The dimensions of the answer.
    pub(crate) dims: &'a [usize],
}

impl Axes<'_> {
    /// Whether an array of this shape has these axes.
    pub(crate) fn check(&self, shape: &Shape) -> Result<()> {
        sealed::Sealed::kept(self).check(shape)
    }
}

/// One of the axes above, chosen at run time. The answer has its shape with it: empty over
/// everything.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{AnyAxis, Engine, Mean};
/// let x = SliceSource::new(&[1.0_f32, 2.0, 3.0, 6.0], [2, 2]).unwrap();
/// for (axis, dims) in [(AnyAxis::All, &[][..]), (AnyAxis::Columns, &[2]), (AnyAxis::Rows, &[2])] {
///     assert_eq!(Engine::new()?.reduce(&x, Mean::along(axis))?.dims(), dims);
/// }
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnyAxis {
    /// Over everything: one value.
    All,
    /// Per column: axis 0 is reduced, all others are kept.
    Columns,
    /// Per row: axis 0 is kept, all others are reduced.
    Rows,
}

impl sealed::Sealed for AnyAxis {
    fn kept(&self) -> Kept<'_> {
        Kept::of(match self {
            Self::All => Cell::All,
            Self::Columns => Cell::Column,
            Self::Rows => Cell::Row,
        })
    }
}

impl Axis for AnyAxis {
    type Output<V: Send> = Values<V>;

    fn output<V: Send>(values: Values<V>) -> Values<V> {
        values
    }
}

impl sealed::Sealed for All {
    fn kept(&self) -> Kept<'_> {
        Kept::of(Cell::All)
    }
}

impl sealed::Sealed for Columns {
    fn kept(&self) -> Kept<'_> {
        Kept::of(Cell::Column)
    }
}

impl sealed::Sealed for Rows {
    fn kept(&self) -> Kept<'_> {
        Kept::of(Cell::Row)
    }
}

impl sealed::Sealed for Axes<'_> {
    fn kept(&self) -> Kept<'_> {
        Kept { cell: self.cell, view: Some((self.shape, self.dims)) }
    }
}

impl Axis for All {
    type Output<V: Send> = V;

    fn output<V: Send>(values: Values<V>) -> V {
        values.into_vec().pop().expect("a reduction over everything has one cell")
    }
}

impl Axis for Columns {
    type Output<V: Send> = Values<V>;

    fn output<V: Send>(values: Values<V>) -> Values<V> {
        values
    }
}

impl Axis for Rows {
    type Output<V: Send> = Values<V>;

    fn output<V: Send>(values: Values<V>) -> Values<V> {
        values
    }
}

impl Axis for Axes<'_> {
    type Output<V: Send> = Values<V>;

    fn output<V: Send>(values: Values<V>) -> Values<V> {
        values
    }
}

/// The constructors of a reduction, one for each kind of answer: within an `impl`, without `self`
/// or with it. `$kernel` is the type of the kernel within the reduction.
macro_rules! for_each_axis {
    ($kernel:ty, ($($this:ident)?), $value:expr) => {
        /// Over everything: one value.
        pub fn all($($this)?) -> $crate::kernel::Reduction<$kernel, $crate::kernel::All> {
            $crate::kernel::Reduction::new($value, $crate::kernel::All)
        }

        /// Per column: axis 0 is reduced, the others are kept (numpy's `axis=0`).
        pub fn per_column($($this)?) -> $crate::kernel::Reduction<$kernel, $crate::kernel::Columns> {
            $crate::kernel::Reduction::new($value, $crate::kernel::Columns)
        }

        /// Per row: axis 0 is kept, the others are reduced.
        pub fn per_row($($this)?) -> $crate::kernel::Reduction<$kernel, $crate::kernel::Rows> {
            $crate::kernel::Reduction::new($value, $crate::kernel::Rows)
        }

        /// Along an axis chosen at run time.
        pub fn along(
            $($this,)?
            axis: $crate::kernel::AnyAxis,
        ) -> $crate::kernel::Reduction<$kernel, $crate::kernel::AnyAxis> {
            $crate::kernel::Reduction::new($value, axis)
        }

        /// Over a set of axes: see [`Over`]($crate::Over).
        pub fn over(
            $($this,)?
            axes: $crate::kernel::Axes<'_>,
        ) -> $crate::kernel::Reduction<$kernel, $crate::kernel::Axes<'_>> {
            $crate::kernel::Reduction::new($value, axes)
        }
    };
}
pub(crate) use for_each_axis;

/// The values of the cells of a result, in C order, with their shape. Dereferences to a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Values<V> {
    values: Vec<V>,
    dims: Vec<usize>,
}

impl<V> Values<V> {
    /// As many values as `dims` has cells.
    pub(crate) fn new(values: Vec<V>, dims: Vec<usize>) -> Self {
        Self { values, dims }
    }

    /// The shape: all axes but 0 for columns, axis 0 for rows, the kept axes for [`Axes`].
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
