//! Sums, squares and ranges of a cell, from which statistics are derived one by one.

use super::frame::lane_statistics;
use super::key::Key;
use super::min_max::range;
use super::moments::mean_var;
use super::{MeanVar, NanPolicy, Numeric, Statistic, ValueRange};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};
use rowmill_lanes::lanes::Lane;

/// Sum, mean, variance, range and counts in one state, each derived by itself at the end: for lists
/// of statistics that are known at run time only. A sum that does not fit its type spoils no other.
///
/// The same bits as [`Sum`](crate::Sum), [`Mean`](crate::Mean), [`Moments`](crate::Moments),
/// [`MinMax`](crate::MinMax), [`Ptp`](crate::Ptp) and [`Counts`](crate::Counts) give one by one.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Totals};
/// let x = SliceSource::new(&[i64::MAX, 1, 4], [3]).unwrap();
/// let totals = Engine::new()?.reduce(&x, Totals::all())?;
/// assert!(totals.sum().is_err());
/// assert_eq!(totals.exact_sum(), Some(i128::from(i64::MAX) + 5));
/// assert_eq!(totals.range().map(|range| (range.min, range.max)), Some((1, i64::MAX)));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    need: Need,
}

lane_statistics!(Totals, Self { need: Need::Everything });

impl<A, M> crate::kernel::Reduction<Totals, A, M> {
    /// Accumulates no squares and no range, where only sums, means and counts are asked for: it is
    /// faster. Default: everything.
    pub fn sums_only(mut self) -> Self {
        self.kernel.need = Need::Sum;
        self
    }

    /// Accumulates no range, where variances are asked for but neither minima nor maxima. Default:
    /// everything.
    pub fn without_range(mut self) -> Self {
        self.kernel.need = Need::SumAndSpread;
        self
    }
}

/// The result of [`Totals`] for a cell.
#[derive(Clone, Copy, Debug)]
pub struct CellTotals<T: Numeric> {
    cell: CellState<T::Lane>,
    nan: NanPolicy,
}

impl<T: Numeric> CellTotals<T> {
    /// Elements that took part: without the NaN under [`NanPolicy::Skip`].
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cell.count
    }

    /// NaN among those that the mask keeps.
    #[must_use]
    pub fn nan(&self) -> u64 {
        self.cell.nan
    }

    /// Infinities among those that the mask keeps.
    #[must_use]
    pub fn inf(&self) -> u64 {
        self.cell.inf
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Error::SumOverflow`](crate::Error::SumOverflow) for a sum of integers that does not fit
    /// its type.
    pub fn sum(&self) -> Result<T::Sum> {
        T::sum(self.cell.total)
    }

    /// The sum of integers, whether it fits their type of sums or not; `None` of floats.
    #[must_use]
    pub fn exact_sum(&self) -> Option<i128> {
        T::Lane::exact(self.cell.total)
    }

    /// The mean; NaN of nothing.
    #[must_use]
    pub fn mean(&self) -> f64 {
        T::Lane::mean(self.cell.total, self.cell.count)
    }

    /// Mean and variance; the variance is divided by `count - ddof`.
    #[must_use]
    pub fn moments(&self, ddof: u64) -> MeanVar {
        mean_var(&self.cell, ddof)
    }

    /// The smallest and the largest element; `None` of nothing.
    #[must_use]
    pub fn range(&self) -> Option<ValueRange<T>> {
        range(&self.cell, self.nan)
    }

    /// The largest element less the smallest; `None` of nothing.
    ///
    /// # Errors
    /// [`Error::SumOverflow`](crate::Error::SumOverflow) for integers that are further apart than
    /// their type of sums reaches.
    pub fn ptp(&self) -> Option<Result<T::Sum>> {
        let found = self.range()?;
        let apart = found.max.to_f64() - found.min.to_f64();
        let exact = self.cell.max.integer().wrapping_sub(self.cell.min.integer());
        Some(T::sum(T::Lane::total(apart, exact)))
    }
}

impl<T: Numeric> Statistic<T> for Totals {
    type Value = CellTotals<T>;

    fn need(&self) -> Need {
        self.need
    }
    fn special(&self) -> bool {
        true
    }
    fn name(&self) -> String {
        match self.need {
            Need::Sum => "totals of sums",
            Need::SumAndSpread => "totals of sums and squares",
            Need::Range => "totals of ranges",
            Need::Everything => "totals",
        }
        .to_owned()
    }
    fn value(&self, cell: &CellState<T::Lane>, nan: NanPolicy, _: usize) -> Result<CellTotals<T>> {
        Ok(CellTotals { cell: *cell, nan })
    }
}
