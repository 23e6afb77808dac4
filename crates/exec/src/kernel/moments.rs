//! Mean and variance.

use super::frame::lane_statistics;
use super::{NanPolicy, Numeric, Reduction, Statistic};
use crate::error::Result;
use rowmill_lanes::fold::{CellState, Need};
use rowmill_lanes::lanes::Lane;

/// Count, mean and variance.
///
/// The variance is never computed as E\[x²\] - E\[x\]²: a block sums squared distances from a shift
/// near its mean. Blocks are merged by the pairwise formula of Chan, Golub and LeVeque (1983). For
/// integers the variance is exact, rounded once.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Moments};
/// let x = SliceSource::new(&[1e9_f64 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0], [4]).unwrap();
/// let engine = Engine::new()?;
/// let moments = engine.reduce(&x, Moments::all().ddof(1))?;
/// assert_eq!((moments.count, moments.mean, moments.var), (4, 1e9 + 10.0, 30.0));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    ddof: u64,
}

lane_statistics!(Moments, Self { ddof: 0 });

impl Moments {
    pub(crate) fn population() -> Self {
        Self { ddof: 0 }
    }
}

impl<A, M> Reduction<Moments, A, M> {
    /// Delta degrees of freedom: the variance is divided by `count - ddof`, and is NaN if that is
    /// not positive. Default: 0, the population variance.
    pub fn ddof(mut self, ddof: u64) -> Self {
        self.kernel.ddof = ddof;
        self
    }
}

/// The result of [`Moments`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanVar {
    /// Elements that took part.
    pub count: u64,
    /// Their mean; NaN if there are none.
    pub mean: f64,
    /// Their variance.
    pub var: f64,
}

impl MeanVar {
    /// The standard deviation.
    #[must_use]
    pub fn std(&self) -> f64 {
        self.var.sqrt()
    }
}

impl<T: Numeric> Statistic<T> for Moments {
    type Value = MeanVar;

    fn need(&self) -> Need {
        Need::SumAndSpread
    }
    fn special(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        format!("moments, ddof {}", self.ddof)
    }

    fn value(&self, cell: &CellState<T::Lane>, _: NanPolicy, _: usize) -> Result<MeanVar> {
        Ok(mean_var(cell, self.ddof))
    }
}

pub(crate) fn mean_var<L: Lane>(cell: &CellState<L>, ddof: u64) -> MeanVar {
    let mean = L::mean(cell.total, cell.count);
    // An infinity has no finite deviation.
    let finite = mean.is_finite() || !L::FLOAT;
    let var = if finite { L::centred(cell.spread, cell.total, cell.count, ddof) } else { f64::NAN };
    MeanVar { count: cell.count, mean, var }
}
