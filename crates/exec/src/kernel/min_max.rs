//! Smallest and largest elements.

use super::frame::lane_statistics;
use super::{NanPolicy, Numeric, Statistic};
use crate::error::{Error, Result};
use rowmill_lanes::fold::{CellState, Need};
use rowmill_lanes::lanes::Lane;

/// The smallest and the largest element, in the type of the elements.
///
/// Under [`NanPolicy::Propagate`] both are NaN if there is a NaN.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, MinMax};
/// let x = SliceSource::new(&[3_i16, -7, 5, 0], [4]).unwrap();
/// let range = Engine::new()?.reduce(&x, MinMax::all())?;
/// assert_eq!((range.min, range.max), (-7, 5));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::NoElements`] if a cell has none.
#[derive(Clone, Copy, Debug)]
pub struct MinMax;

lane_statistics!(MinMax, Self);

/// [`MinMax`] of cells that may be empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaybeMinMax;

lane_statistics!(MaybeMinMax);

/// The result of [`MinMax`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange<T> {
    /// The smallest element.
    pub min: T,
    /// The largest element.
    pub max: T,
}

impl<T: Numeric> Statistic<T> for MinMax {
    type Value = ValueRange<T>;

    fn need(&self) -> Need {
        Need::Range
    }
    fn special(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        "min and max".to_owned()
    }

    fn value(
        &self,
        cell: &CellState<T::Lane>,
        nan: NanPolicy,
        index: usize,
    ) -> Result<ValueRange<T>> {
        range(cell, nan).ok_or(Error::NoElements { what: "minimum or maximum", cell: index })
    }
}

/// The range of a cell; `None` if it is empty.
pub(crate) fn range<T: Numeric>(
    cell: &CellState<T::Lane>,
    nan: NanPolicy,
) -> Option<ValueRange<T>> {
    let of = |min, max| ValueRange { min: T::from_lane(min), max: T::from_lane(max) };
    if cell.count == 0 {
        None
    } else if cell.nan > 0 && nan == NanPolicy::Propagate {
        Some(of(T::Lane::NAN, T::Lane::NAN))
    } else {
        Some(of(cell.min, cell.max))
    }
}
