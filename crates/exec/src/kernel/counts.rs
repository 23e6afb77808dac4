//! NaN and infinity counts.

use super::frame::lane_statistics;
use super::{NanPolicy, Numeric, Statistic};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};

/// Counts of all, NaN and infinite elements. Free on clean data: only blocks whose sum is not
/// finite are scanned.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Counts, Engine};
/// let x = SliceSource::new(&[1.0, f64::NAN, f64::INFINITY, 2.0], [4]).unwrap();
/// let tally = Engine::new()?.reduce(&x, Counts::all())?;
/// assert_eq!((tally.count, tally.nan, tally.inf), (4, 1, 1));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Counts;

lane_statistics!(Counts, Self);

/// The result of [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Elements that took part: NaN are excluded under [`NanPolicy::Skip`].
    pub count: u64,
    /// NaN among the elements that the mask keeps.
    pub nan: u64,
    /// Infinities among the elements that the mask keeps.
    pub inf: u64,
}

impl<T: Numeric> Statistic<T> for Counts {
    type Value = Tally;

    fn need(&self) -> Need {
        Need::Sum
    }
    fn special(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        "counts".to_owned()
    }

    fn value(&self, cell: &CellState<T::Lane>, _: NanPolicy, _: usize) -> Result<Tally> {
        Ok(Tally { count: cell.count, nan: cell.nan, inf: cell.inf })
    }
}
