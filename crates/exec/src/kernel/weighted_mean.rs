//! Weighted means.

use std::fmt;
use std::marker::PhantomData;

use rowmill_core::{Outputs, Role, Shape, Source, TileBuffer};
use serde::{Deserialize, Serialize};

use super::frame::axis::for_each_axis;
use super::frame::room::Room;
use super::frame::{CellPlace, Each, Lanes, Selected};
use super::norm::TwoSum;
use super::{Kernel, Numeric};
use crate::engine::grid::Grid;
use crate::error::{Error, Result};
use rowmill_lanes::fold::Cell;
use rowmill_lanes::lanes::Lane;

/// The weighted mean `sum(w * x) / sum(w)` (numpy's `average`), in `f64` with compensated sums.
///
/// Weights are an array of the shape of the elements, or one weight per row (shape `(rows,)` or
/// `(rows, 1, …)`), of any dtype. The weight of an element that is left out is left out as well; a
/// NaN among the other weights makes the mean NaN. The mean is also NaN if the weights add up to
/// zero, as for an empty selection.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, WeightedMean};
/// let x = SliceSource::new(&[1.0_f32, 10.0, 4.0, 40.0], [2, 2]).unwrap();
/// let weights = SliceSource::new(&[1.0, 2.0], [2]).unwrap();
/// let found = Engine::new()?.reduce(&x, WeightedMean::by(&weights).per_column())?;
/// assert_eq!((found[0].mean, found[1].mean), (3.0, 30.0));
/// assert_eq!((found[0].weight, found[0].count), (3.0, 2));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::WeightsShape`] for weights of the wrong shape, and with
/// [`Error::File`] if they cannot be read.
pub struct WeightedMean<'a, W, S> {
    weights: &'a S,
    element: PhantomData<fn() -> W>,
}

impl<W, S> Clone for WeightedMean<'_, W, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W, S> Copy for WeightedMean<'_, W, S> {}

impl<W, S> fmt::Debug for WeightedMean<'_, W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightedMean").finish_non_exhaustive()
    }
}

impl<'a, W: Numeric, S: Source<W>> WeightedMean<'a, W, S> {
    /// With these weights.
    #[must_use]
    pub fn by(weights: &'a S) -> Self {
        Self { weights, element: PhantomData }
    }

    for_each_axis!(Each<Self>, (self), Each(self));

    fn is_per_row(&self, shape: &Shape) -> bool {
        let found = self.weights.shape();
        found.row_len() == 1 && found.rows() == shape.rows() && found != shape
    }
}

/// The result of [`WeightedMean`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighted {
    /// Elements that took part.
    pub count: u64,
    /// The sum of their weights.
    pub weight: f64,
    /// The weighted mean.
    pub mean: f64,
}

/// Sums of weights, and of weighted elements.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Weights {
    count: u64,
    weight: TwoSum,
    product: TwoSum,
}

impl Weights {
    #[inline(always)]
    fn step(&mut self, x: f64, weight: f64) {
        self.count += 1;
        self.weight.add(weight);
        self.product.add(x * weight);
    }
}

impl<T: Numeric, W: Numeric, S: Source<W>> Kernel<T> for WeightedMean<'_, W, S> {
    type Value = Weighted;
    type State = Weights;

    fn check(&self, shape: &Shape, _: &Grid, _: Cell) -> Result<()> {
        let found = self.weights.shape();
        if found == shape || self.is_per_row(shape) {
            return Ok(());
        }
        Err(Error::WeightsShape { found: found.clone(), array: shape.clone() })
    }
    fn new_state(&self) -> Weights {
        Weights::default()
    }
    fn fold(&self, cells: &mut [Weights], selected: &Selected<'_, T>) -> Result<()> {
        let Lanes { tile: x, keep, cell: of, bounds, row_len, releases, .. } = selected.lanes;
        let whole = self.weights.shape().row_len();
        let per_row = whole != row_len;
        let cols = if per_row { 0..whole } else { bounds.cols.clone() };
        let mut buffer = TileBuffer::new().below_ceiling(releases);
        let tile = self.weights.tile(bounds.rows.clone(), cols.clone(), &mut buffer)?;
        let len = bounds.cols.len();
        for (row, x) in x.iter_rows().enumerate() {
            let weights = tile.row(row);
            let keep = keep.map(|keep| &keep[row * len..][..len]);
            for (col, x) in x.iter().enumerate() {
                if keep.is_none_or(|keep| keep[col] != 0) {
                    let cell = match of {
                        Cell::All => 0,
                        Cell::Column => col,
                        Cell::Row => row,
                    };
                    let weight = if per_row { weights[0] } else { weights[col] };
                    cells[cell].step(x.to_f64(), weight.to_f64());
                }
            }
        }
        // A mean with weights past the end of a truncated file is invalid.
        self.weights.check()?;
        if releases {
            self.weights.release(bounds.rows.clone(), cols);
        }
        Ok(())
    }
    fn merge(&self, state: &mut Weights, next: Weights) {
        state.count += next.count;
        state.weight.join(next.weight);
        state.product.join(next.product);
    }
    fn is_valid(&self, state: &Weights, room: &Room<'_>) -> bool {
        let nothing = state.weight.is_zero() && state.product.is_zero();
        room.counts(state.count) && (state.count > 0 || nothing)
    }
    fn value(&self, state: &Weights, _: &CellPlace<'_>) -> Result<Weighted> {
        let weight = state.weight.value();
        let mean = if weight == 0.0 { f64::NAN } else { state.product.value() / weight };
        Ok(Weighted { count: state.count, weight, mean })
    }
    fn describe(&self) -> Option<String> {
        Some(format!("weighted mean by {}", self.weights.identity()?.signature()))
    }
    fn verify(&self) -> Result<()> {
        Ok(self.weights.verify()?)
    }
    fn register(&self, outputs: &mut Outputs) {
        outputs.read_source(Role::Weights, self.weights);
    }
}
