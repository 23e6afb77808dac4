//! Sums, squares and ranges of a cell, from which statistics are derived one by one.

use super::frame::lane_statistics;
use super::key::Key;
use super::min_max::range;
use super::moments::mean_var;
use super::{MeanVar, NanPolicy, Numeric, Statistic, ValueRange};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};
use rowmill_lanes::lanes::Lane;

/// Sum, mean, variance, range and counts in one state, each derived independently at the end: for
/// lists of statistics chosen at run time. A sum that overflows its type does not affect the
/// others.
///
/// The same bits as [`Sum`](crate::Sum), [`Mean`](crate::Mean), [`Moments`](crate::Moments),
/// [`MinMax`](crate::MinMax), [`Ptp`](crate::Ptp) and [`Counts`](crate::Counts) one by one.
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
    /// Omits squares and ranges, for sums, means and counts alone: it is faster. Default:
    /// everything is accumulated.
    pub fn sums_only(mut self) -> Self {
        self.kernel.need = Need::Sum;
        self
    }

    /// Omits ranges, for variances without minima and maxima. Default: everything is accumulated.
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
    /// Elements that took part: NaN are excluded under [`NanPolicy::Skip`].
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cell.count
    }

    /// NaN among the elements that the mask keeps.
    #[must_use]
    pub fn nan(&self) -> u64 {
        self.cell.nan
    }

    /// Infinities among the elements that the mask keeps.
    #[must_use]
    pub fn inf(&self) -> u64 {
        self.cell.inf
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Error::SumOverflow`](crate::Error::SumOverflow) if a sum of integers does not fit its
    /// type.
    pub fn sum(&self) -> Result<T::Sum> {
        T::sum(self.cell.total)
    }

    /// The exact sum of integers, even if it overflows their sum type; `None` for floats.
    #[must_use]
    pub fn exact_sum(&self) -> Option<i128> {
        T::Lane::exact(self.cell.total)
    }

    /// The mean; NaN for an empty selection.
    #[must_use]
    pub fn mean(&self) -> f64 {
        T::Lane::mean(self.cell.total, self.cell.count)
    }

    /// Mean and variance; the variance is divided by `count - ddof`.
    #[must_use]
    pub fn moments(&self, ddof: u64) -> MeanVar {
        mean_var(&self.cell, ddof)
    }

    /// The smallest and the largest element; `None` for an empty selection.
    #[must_use]
    pub fn range(&self) -> Option<ValueRange<T>> {
        range(&self.cell, self.nan)
    }

    /// The largest element minus the smallest; `None` for an empty selection.
    ///
    /// # Errors
    /// [`Error::SumOverflow`](crate::Error::SumOverflow) for integers whose distance exceeds their
    /// sum type.
    pub fn ptp(&self) -> Option<Result<T::Sum>> {
        let found = self.range()?;
        let difference = found.max.to_f64() - found.min.to_f64();
        let exact = self.cell.max.integer().wrapping_sub(self.cell.min.integer());
        Some(T::sum(T::Lane::total(difference, exact)))
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
