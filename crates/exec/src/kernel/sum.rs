//! Sums.

use super::frame::lane_statistics;
use super::{NanPolicy, Numeric, Statistic};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};

/// The sum: exact for integers, accumulated in `f64` for `f16` and `f32`, compensated for `f64`.
/// See [`Numeric`] for the result types. The sum of an empty selection is 0.
///
/// Sums whose partial sums leave the range of `f64` become infinite or NaN, as in numpy.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Sum};
/// let x = SliceSource::new(&[100_u8, 200, 250, 6], [2, 2]).unwrap();
/// let (all, columns) = Engine::new()?.reduce(&x, (Sum::all(), Sum::per_column()))?;
/// assert_eq!(all, 556_u64);
/// assert_eq!(*columns, [350, 206]);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::SumOverflow`](crate::Error::SumOverflow) if an integer sum does not
/// fit its result type.
#[derive(Clone, Copy, Debug)]
pub struct Sum;

lane_statistics!(Sum, Self);

impl<T: Numeric> Statistic<T> for Sum {
    type Value = T::Sum;

    fn need(&self) -> Need {
        Need::Sum
    }
    fn special(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "sum".to_owned()
    }

    fn value(&self, cell: &CellState<T::Lane>, _: NanPolicy, _: usize) -> Result<T::Sum> {
        T::sum(cell.total)
    }
}
