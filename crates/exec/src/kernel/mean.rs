//! Means.

use super::frame::lane_statistics;
use super::{NanPolicy, Numeric, Statistic};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};
use rowmill_lanes::lanes::Lane;

/// The arithmetic mean, in `f64`; for integers from the exact sum, rounded once. NaN for an empty
/// selection.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Mean, NanPolicy};
/// let x = SliceSource::new(&[1.0_f32, f32::NAN, 3.0, 4.0], [2, 2]).unwrap();
/// let engine = Engine::new()?;
/// assert_eq!(*engine.reduce(&x, Mean::per_row().nan(NanPolicy::Skip))?, [1.0, 3.5]);
/// assert!(engine.reduce(&x, Mean::all())?.is_nan());
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mean;

lane_statistics!(Mean, Self);

impl<T: Numeric> Statistic<T> for Mean {
    type Value = f64;

    fn need(&self) -> Need {
        Need::Sum
    }
    fn special(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "mean".to_owned()
    }

    fn value(&self, cell: &CellState<T::Lane>, _: NanPolicy, _: usize) -> Result<f64> {
        Ok(T::Lane::mean(cell.total, cell.count))
    }
}
