//! Histograms.

use std::sync::Arc;

use rowmill_core::Shape;
use serde::{Deserialize, Serialize};

use crate::engine::grid::Grid;
use crate::error::{Error, Result};
use crate::kernel::frame::axis::for_each_axis;
use crate::kernel::frame::room::Room;
use crate::kernel::frame::{CellPlace, Each, Lanes, Selected};
use crate::kernel::loops::Loops;
use crate::kernel::{Kernel, Numeric};
use rowmill_lanes::fold::Cell;
use rowmill_lanes::lanes::Lane;

/// The number of elements in each bin: numpy's `histogram`.
///
/// Bin `i` holds the elements `edges[i] <= x < edges[i + 1]`; the last one includes its upper edge.
/// Elements outside are counted separately, and so are NaN that no policy removed. Edges are `f64`;
/// integers beyond 2^53 are rounded to `f64` for the comparison, as in numpy.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Histogram};
/// let x = SliceSource::new(&[0.5_f32, 1.0, 2.0, 3.0, 9.0, -1.0], [6]).unwrap();
/// let histogram = Histogram::uniform(3, 0.0, 3.0)?;
/// let found = Engine::new()?.reduce(&x, histogram.all())?;
/// assert_eq!(found.counts, [1, 1, 2]);
/// assert_eq!(found.edges[..], [0.0, 1.0, 2.0, 3.0]);
/// assert_eq!((found.below, found.above), (1, 1));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::BadOption`] if the bins of one block of the array would take more
/// than 32 MiB: many bins in each of many cells.
#[derive(Clone, Debug)]
#[must_use = "all(), per_column() or per_row() make a reduction of it"]
pub struct Histogram {
    edges: Arc<[f64]>,
    /// Bins per unit, if all have the same width.
    per_unit: Option<f64>,
}

/// The most bins.
pub(crate) const MOST_BINS: usize = 1 << 20;

/// The most bins of all cells of a block combined.
const MOST_COUNTS: usize = 1 << 22;

fn bad<T>(value: String, expected: &'static str) -> Result<T> {
    Err(Error::BadOption { knob: "the bins of a histogram", value, expected })
}

impl Histogram {
    /// A number of bins of equal width from `low` to `high`. If both are the same, from half below
    /// to half above, as in numpy.
    ///
    /// # Errors
    /// [`Error::BadOption`] for zero bins or more than a million, and for a range that is infinite
    /// or reversed.
    pub fn uniform(bins: usize, low: f64, high: f64) -> Result<Self> {
        if bins == 0 || bins > MOST_BINS {
            return bad(bins.to_string(), "expected 1 to 1048576 bins");
        }
        if !(low <= high && (high - low).is_finite()) {
            return bad(format!("{low} to {high}"), "expected finite numbers, the lower one first");
        }
        let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
        // As numpy's `linspace`.
        let step = (high - low) / bins as f64;
        let mut edges: Vec<f64> = (0..=bins).map(|i| i as f64 * step + low).collect();
        edges[bins] = high;
        let per_unit = (bins as f64 / (high - low)).is_finite().then(|| bins as f64 / (high - low));
        Ok(Self { edges: edges.into(), per_unit })
    }

    /// Bins between these edges, which must not decrease.
    ///
    /// # Errors
    /// [`Error::BadOption`] for fewer than two edges or more than a million, for decreasing edges,
    /// and for NaN.
    pub fn with_edges(edges: impl Into<Vec<f64>>) -> Result<Self> {
        let edges = edges.into();
        if edges.len() < 2 || edges.len() > MOST_BINS + 1 {
            return bad(format!("{} edges", edges.len()), "expected 2 to 1048577 edges");
        }
        if let Some(i) = (1..edges.len())
            .find(|&i| !matches!(edges[i - 1].partial_cmp(&edges[i]), Some(o) if o.is_le()))
        {
            let found = format!("{:?} and then {:?}", edges[i - 1], edges[i]);
            return bad(found, "expected edges that rise, without NaN");
        }
        Ok(Self { edges: edges.into(), per_unit: None })
    }

    /// The edges: one more than there are bins.
    #[must_use]
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    for_each_axis!(Each<Self>, (self), Each(self));

    fn bins(&self) -> usize {
        self.edges.len() - 1
    }

    /// The bin of a number between the first and the last edge.
    #[inline(always)]
    fn bin(&self, x: f64) -> usize {
        let edges = &self.edges[..];
        let last = edges.len() - 2;
        let Some(per_unit) = self.per_unit else {
            return edges.partition_point(|&edge| edge <= x).saturating_sub(1).min(last);
        };
        // A first guess that is seldom off, and then by one; more only if edges are so close that
        // they are rounded to each other.
        let mut bin = (((x - edges[0]) * per_unit) as usize).min(last);
        while x < edges[bin] {
            bin -= 1;
        }
        while bin < last && x >= edges[bin + 1] {
            bin += 1;
        }
        bin
    }
}

/// The result of [`Histogram`].
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramCounts {
    /// The number of elements in each bin.
    pub counts: Vec<u64>,
    /// The edges of the bins: one more than there are bins.
    pub edges: Arc<[f64]>,
    /// Elements below the first edge.
    pub below: u64,
    /// Elements above the last edge.
    pub above: u64,
    /// NaN that no policy removed.
    pub nan: u64,
}

/// Element counts: of each bin, and outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bins {
    counts: Vec<u64>,
    below: u64,
    above: u64,
    nan: u64,
}

pub(super) fn fold<L: Lane>(lanes: &Lanes<'_, L>, cells: &mut [Bins], histogram: &Histogram) {
    let (first, last) = (histogram.edges[0], histogram.edges[histogram.bins()]);
    lanes.each(|cell, x, _| {
        let x = x.to_f64();
        let state = &mut cells[cell];
        if x >= first && x <= last {
            state.counts[histogram.bin(x)] += 1;
        } else if x < first {
            state.below += 1;
        } else if x > last {
            state.above += 1;
        } else {
            state.nan += 1;
        }
    });
}

impl<T: Numeric> Kernel<T> for Histogram {
    type Value = HistogramCounts;
    type State = Bins;

    fn check(&self, shape: &Shape, grid: &Grid, cell: Cell) -> Result<()> {
        // Blocks are limited to the array.
        let cells = match cell {
            Cell::All => 1,
            Cell::Column => grid.tile_cols().min(shape.row_len()),
            Cell::Row => grid.band_rows().min(shape.rows()),
        };
        if self.bins().saturating_mul(cells) > MOST_COUNTS {
            let found = format!("{} in each of {cells} cells of a block", self.bins());
            return bad(found, "expected at most 4194304 in all cells of a block; take fewer bins");
        }
        Ok(())
    }
    fn new_state(&self) -> Bins {
        Bins { counts: vec![0; self.bins()], below: 0, above: 0, nan: 0 }
    }
    fn fold(&self, cells: &mut [Bins], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::histogram(&selected.lanes, cells, self);
        Ok(())
    }
    fn merge(&self, state: &mut Bins, next: Bins) {
        for (count, next) in state.counts.iter_mut().zip(&next.counts) {
            *count += next;
        }
        state.below += next.below;
        state.above += next.above;
        state.nan += next.nan;
    }
    fn is_valid(&self, state: &Bins, room: &Room<'_>) -> bool {
        let others = [state.below, state.above, state.nan];
        state.counts.len() == self.bins()
            && room.counts_all(others.into_iter().chain(state.counts.iter().copied()))
            && (state.nan == 0 || room.takes_nan::<T::Lane>())
    }
    fn value(&self, state: &Bins, _: &CellPlace<'_>) -> Result<HistogramCounts> {
        let Bins { counts, below, above, nan } = state.clone();
        Ok(HistogramCounts { counts, edges: self.edges.clone(), below, above, nan })
    }
    fn describe(&self) -> Option<String> {
        // The bits of the edges, so that different edges give different descriptions.
        let hash = self.edges.iter().fold(0_u64, |hash, edge| {
            (hash ^ edge.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        let (bins, first, last) = (self.bins(), self.edges[0], self.edges[self.bins()]);
        Some(format!("histogram of {bins} bins from {first:?} to {last:?} ({hash:x})"))
    }
}
