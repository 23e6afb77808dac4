//! Reductions over any set of axes.

use rowmill_core::{Element, Merged, Permuted, Shape, Source};

use crate::error::Result;
use crate::kernel::{AnyAxis, Axes};
use rowmill_lanes::fold::Cell;

/// A view of an array in which a set of its axes can be reduced, with the axes to reduce.
///
/// ```text
///   all are reduced:    the array itself
///   axis 0 is reduced:  the reduced axes first, merged; then per column
///   axis 0 is kept:     the kept axes first, merged; then per row
/// ```
///
/// Axis 0 stays first, and runs that are read together stay together. If axes have to be permuted,
/// each block is reordered in the cache; otherwise elements are lent in place. All reductions
/// accept such [`axes`](Self::axes), and several still share one read.
///
/// View masks and weights of the same shape in the same way first. Positions in answers
/// ([`ArgMin`](crate::ArgMin)) count in C order of the reduced axes; the row of an
/// [`Error::NanFound`](crate::Error::NanFound) is one of the view.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, MinMax, Over, Sum};
/// let data: Vec<f32> = (0..12).map(|i| i as f32).collect();
/// let x = SliceSource::new(&data, [2, 3, 2]).unwrap();
/// // numpy: x.sum(axis=(0, 2)), x.min(axis=(0, 2)) ...
/// let over = Over::new(&x, &[0, -1])?;
/// let (sums, ranges) = Engine::new()?
///     .reduce(over.view(), (Sum::over(over.axes()), MinMax::over(over.axes())))?;
/// assert_eq!((sums.dims(), &sums[..]), (&[3][..], &[14.0, 22.0, 30.0][..]));
/// assert_eq!((ranges[0].min, ranges[0].max), (0.0, 7.0));
/// // numpy: x.sum(axis=1, keepdims=True)
/// let over = Over::new(&x, &[1])?.keepdims();
/// let sums = Engine::new()?.reduce(over.view(), Sum::over(over.axes()))?;
/// assert_eq!((sums.dims(), &sums[..]), (&[2, 1, 2][..], &[6.0, 9.0, 24.0, 27.0][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "an engine reduces the view over the axes"]
pub struct Over<S> {
    view: Merged<Permuted<S>>,
    shape: Shape,
    cell: Cell,
    dims: Vec<usize>,
    /// The shape with ones for the reduced axes.
    keepdims: Vec<usize>,
}

impl<S> Over<S> {
    /// Reduces these axes; negative ones count from the end. With no axes, each element is a cell
    /// of its own.
    ///
    /// # Errors
    /// [`AxisRange`](rowmill_core::ViewError::AxisRange) for an axis that does not exist,
    /// [`AxisTwice`](rowmill_core::ViewError::AxisTwice) for a repeated one.
    pub fn new<T: Element>(source: S, axes: &[isize]) -> Result<Self>
    where
        S: Source<T>,
    {
        let dims = source.shape().dims().to_vec();
        let reduced = source.shape().axes(axes)?;
        let kept: Vec<usize> = (0..dims.len()).filter(|axis| !reduced.contains(axis)).collect();
        let (cell, first, then) = if kept.is_empty() {
            (Cell::All, &reduced, &kept)
        } else if reduced.first() == Some(&0) {
            (Cell::Column, &reduced, &kept)
        } else {
            (Cell::Row, &kept, &reduced)
        };
        let order: Vec<usize> = first.iter().chain(then).copied().collect();
        // Over everything, rows and blocks stay the same.
        let merged = if cell == Cell::All { dims.len().min(1) } else { first.len() };
        let view = Merged::new(Permuted::new(source, &order)?, merged)?;
        let shape = view.shape().clone();
        let keepdims =
            (0..dims.len()).map(|axis| if kept.contains(&axis) { dims[axis] } else { 1 });
        let keepdims = keepdims.collect();
        let dims = kept.iter().map(|&axis| dims[axis]).collect();
        Ok(Self { view, shape, cell, dims, keepdims })
    }

    /// Reduced axes stay in the result, with length 1.
    pub fn keepdims(mut self) -> Self {
        self.dims.clone_from(&self.keepdims);
        self
    }

    /// The view that an engine reduces.
    pub fn view(&self) -> &Merged<Permuted<S>> {
        &self.view
    }

    /// The view alone, without the axes.
    pub fn into_view(self) -> Merged<Permuted<S>> {
        self.view
    }

    /// The axes to make a reduction with: `Sum::over(axes)`.
    pub fn axes(&self) -> Axes<'_> {
        Axes { cell: self.cell, shape: &self.shape, dims: &self.dims }
    }

    /// The axis of the view to reduce: `Sum::along(over.along())` of [`view`](Self::view) has the
    /// values, and [`dims`](Self::dims) is their shape.
    #[must_use]
    pub fn along(&self) -> AnyAxis {
        match self.cell {
            Cell::All => AnyAxis::All,
            Cell::Column => AnyAxis::Columns,
            Cell::Row => AnyAxis::Rows,
        }
    }

    /// The shape of a result.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }
}
