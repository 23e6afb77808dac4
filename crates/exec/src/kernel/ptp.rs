//! The peak-to-peak range.

use super::frame::lane_statistics;
use super::key::Key;
use super::min_max::range;
use super::{NanPolicy, Numeric, Statistic};
use crate::error::{Error, Result};
use rowmill_lanes::fold::{CellState, Need};

/// The largest element minus the smallest (numpy's `ptp`), in the result types of sums (see
/// [`Numeric`]): exact for integers, where numpy's wraps.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Ptp};
/// let x = SliceSource::new(&[100_i8, -100, 5], [3]).unwrap();
/// assert_eq!(Engine::new()?.reduce(&x, Ptp::all())?, 200);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::NoElements`] if a cell has none, and with [`Error::SumOverflow`] for
/// `i64` elements whose distance exceeds `i64`.
#[derive(Clone, Copy, Debug)]
pub struct Ptp;

lane_statistics!(Ptp, Self);

impl<T: Numeric> Statistic<T> for Ptp {
    type Value = T::Sum;

    fn need(&self) -> Need {
        Need::Range
    }
    fn special(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        "ptp".to_owned()
    }

    fn value(&self, cell: &CellState<T::Lane>, nan: NanPolicy, index: usize) -> Result<T::Sum> {
        let none = Error::NoElements { what: "range", cell: index };
        let found = range::<T>(cell, nan).ok_or(none)?;
        // `range` has already handled NaN.
        let difference = found.max.to_f64() - found.min.to_f64();
        T::sum(T::Lane::total(difference, cell.max.integer().wrapping_sub(cell.min.integer())))
    }
}
