//! All common statistics at once.

use super::frame::lane_statistics;
use super::min_max::range;
use super::moments::mean_var;
use super::{NanPolicy, Numeric, Reduction, Statistic};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};

/// Count, NaN, infinities, sum, mean, variance, minimum and maximum in one pass over the data.
///
/// The same bits as [`Sum`](crate::Sum), [`Mean`](crate::Mean), [`Moments`](crate::Moments),
/// [`MinMax`](crate::MinMax) and [`Counts`](crate::Counts) one by one.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, NanPolicy, Stats};
/// let x = SliceSource::new(&[1.0_f32, 10.0, f32::NAN, 20.0], [2, 2]).unwrap();
/// let stats = Engine::new()?.reduce(&x, Stats::per_column().nan(NanPolicy::Skip))?;
/// assert_eq!((stats[0].count, stats[0].nan, stats[0].mean), (1, 1, 1.0));
/// assert_eq!((stats[1].std(), stats[1].min, stats[1].max), (5.0, Some(10.0), Some(20.0)));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    ddof: u64,
}

lane_statistics!(Stats, Self { ddof: 0 });

impl<A, M> Reduction<Stats, A, M> {
    /// Delta degrees of freedom of the variance, as for [`Moments`](crate::Moments). Default: 0.
    pub fn ddof(mut self, ddof: u64) -> Self {
        self.kernel.ddof = ddof;
        self
    }
}

/// The result of [`Stats`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary<T: Numeric> {
    /// Elements that took part: NaN are excluded under [`NanPolicy::Skip`].
    pub count: u64,
    /// NaN among the elements that the mask keeps.
    pub nan: u64,
    /// Infinities among the elements that the mask keeps.
    pub inf: u64,
    /// The sum; 0 for an empty selection.
    pub sum: T::Sum,
    /// The mean; NaN for an empty selection.
    pub mean: f64,
    /// The variance; NaN for an empty selection.
    pub var: f64,
    /// The smallest element, if there is one.
    pub min: Option<T>,
    /// The largest element, if there is one.
    pub max: Option<T>,
}

impl<T: Numeric> Summary<T> {
    /// The standard deviation.
    #[must_use]
    pub fn std(&self) -> f64 {
        self.var.sqrt()
    }
}

impl<T: Numeric> Statistic<T> for Stats {
    type Value = Summary<T>;

    fn need(&self) -> Need {
        Need::Everything
    }
    fn special(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        format!("stats, ddof {}", self.ddof)
    }

    fn value(&self, cell: &CellState<T::Lane>, nan: NanPolicy, _: usize) -> Result<Summary<T>> {
        let moments = mean_var(cell, self.ddof);
        let range = range::<T>(cell, nan);
        Ok(Summary {
            count: cell.count,
            nan: cell.nan,
            inf: cell.inf,
            sum: T::sum(cell.total)?,
            mean: moments.mean,
            var: moments.var,
            min: range.map(|r| r.min),
            max: range.map(|r| r.max),
        })
    }
}
