//! A part of an array as an array: some rows, some columns, a box.
//!
//! ```text
//!   contiguous rows and columns              ->  a tile of the source, in place
//!   rows at a regular step, in place         ->  the same with a longer stride
//!   anything else                            ->  gathered into the worker's buffer
//! ```

mod columns;
mod gather;
mod indices;
mod pick;
mod slice;

use std::ops::Range;

use crate::element::Element;
use crate::error::{Result, ViewError};
use crate::shape::Shape;
use crate::view::Source;
use columns::{ColumnAxis, Columns};
use indices::Indices;
pub use pick::Pick;
pub use slice::{ParseSliceError, Slice};

/// A part of an array, as an array of its own: rows, columns, or a box in any number of axes. Made
/// by [`Source::part`].
///
/// Nothing is copied when it is made, and only the part is read: a box of 100 x 100 in a file of a
/// terabyte takes 100 runs of bytes. Elements with the layout of a tile are lent in place; all
/// others are gathered by the worker, a block at a time. Answers are the same, to the bit, as for a
/// file that holds only the part.
///
/// ```
/// use rowmill_core::{Slice, SliceSource, Source, TileBuffer};
/// let data: Vec<i32> = (0..20).collect();
/// let x = SliceSource::new(&data, [5, 4]).unwrap();
/// // x[1:3, [3, 0]]
/// let some = x.part().rows(1..3)?.columns([3, 0])?;
/// assert_eq!(some.shape().dims(), [2, 2]);
/// assert_eq!(Source::rows(&some, 0..2, &mut TileBuffer::new())?, [7, 4, 11, 8]);
/// // x[::-2, 1:]
/// let some = x.part().slices(["::-2".parse::<Slice>()?, "1:".parse()?])?;
/// assert_eq!(Source::rows(&some, 0..1, &mut TileBuffer::new())?, [17, 18, 19]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a part reads nothing until a job works on it"]
pub struct Part<S> {
    source: S,
    rows: Indices,
    columns: Columns,
    shape: Shape,
    /// An array without axes, all of which is its one row.
    is_scalar: bool,
}

impl<S> Part<S> {
    /// The whole array, to begin with.
    pub fn new<T: Element>(source: S) -> Self
    where
        S: Source<T>,
    {
        let shape = source.shape().clone();
        let (rows, columns) = (Indices::all(shape.rows()), Columns::all(shape.row_dims()));
        let is_scalar = shape.ndim() == 0;
        Self { source, rows, columns, shape, is_scalar }
    }

    /// The source that it is a part of.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Selects rows: a range, a range with a step, a list in any order, one row, or numpy's slice.
    ///
    /// # Errors
    /// [`ViewError::PartRange`] for rows that do not exist.
    pub fn rows(self, pick: impl Into<Pick>) -> Result<Self> {
        let pick = pick.into();
        let found = pick.clone().resolve(self.shape.rows());
        let picked = found.ok_or_else(|| self.refused("row", self.shape.rows(), &pick))?;
        Self { rows: self.rows.compose(&picked), ..self }.shaped()
    }

    /// Selects elements of each row, counted within the row: the same choices as for rows. The part
    /// then has two axes, rows and columns.
    ///
    /// # Errors
    /// [`ViewError::PartRange`] for columns that do not exist.
    pub fn columns(self, pick: impl Into<Pick>) -> Result<Self> {
        let (pick, len) = (pick.into(), self.shape.row_len());
        let picked = pick.clone().resolve(len).ok_or_else(|| self.refused("column", len, &pick))?;
        let indices = self.columns.flat().compose(&picked);
        let columns = Columns::new(vec![ColumnAxis { of: self.columns.of(), indices }]);
        Self { columns, is_scalar: false, ..self }.shaped()
    }

    /// Selects a box: the indices of each axis, the outermost first; axes not listed are kept
    /// whole. No axis is removed, even if a single index is picked.
    ///
    /// # Errors
    /// [`ViewError::PartAxes`] for more axes than the array has, [`ViewError::PartRange`] for
    /// indices that do not exist.
    pub fn slices<P: Into<Pick>>(self, picks: impl IntoIterator<Item = P>) -> Result<Self> {
        let picks: Vec<Pick> = picks.into_iter().map(Into::into).collect();
        if picks.len() > self.shape.ndim() {
            return Err(ViewError::PartAxes { asked: picks.len(), shape: self.shape }.into());
        }
        let mut part = self;
        for (axis, pick) in picks.into_iter().enumerate() {
            part = part.axis(axis, pick)?;
        }
        Ok(part)
    }

    /// Selects some of the indices of one axis.
    ///
    /// # Errors
    /// As [`slices`](Self::slices).
    pub fn axis(self, axis: usize, pick: impl Into<Pick>) -> Result<Self> {
        let pick = pick.into();
        let Some(&len) = self.shape.dims().get(axis) else {
            return Err(
                ViewError::PartAxes { asked: axis.saturating_add(1), shape: self.shape }.into()
            );
        };
        let picked = pick.clone().resolve(len);
        let picked =
            picked.ok_or_else(|| self.refused(&format!("axis {axis}, index"), len, &pick))?;
        if axis == 0 {
            return Self { rows: self.rows.compose(&picked), ..self }.shaped();
        }
        let mut axes = self.columns.axes().to_vec();
        let one = &mut axes[axis - 1];
        one.indices = one.indices.compose(&picked);
        Self { columns: Columns::new(axes), ..self }.shaped()
    }

    fn refused(&self, what: &str, len: usize, pick: &Pick) -> ViewError {
        let (what, asked) = (what.to_owned(), pick.to_string());
        ViewError::PartRange { what, asked, len, shape: self.shape.clone() }
    }

    /// The same with the shape of the selection.
    fn shaped(self) -> Result<Self> {
        // The one row of an array without axes stays an array without axes.
        let is_scalar = self.is_scalar && self.rows.len() == 1;
        let axes = self.columns.axes().iter().map(|axis| axis.indices.len());
        let dims: Vec<usize> = std::iter::once(self.rows.len()).chain(axes).collect();
        let shape = Shape::new(if is_scalar { vec![] } else { dims });
        // Indices may be repeated, so that a part can be larger than the array.
        let shape = shape.map_err(|source| ViewError::PartTooLarge { source })?;
        Ok(Self { shape, is_scalar, ..self })
    }

    /// Whether all rows and columns are contiguous in the source, and their ranges.
    fn as_tile(
        &self,
        rows: &Range<usize>,
        cols: &Range<usize>,
    ) -> Option<(Range<usize>, Range<usize>)> {
        Some((self.rows.consecutive(rows)?, self.columns.consecutive(cols)?))
    }
}
