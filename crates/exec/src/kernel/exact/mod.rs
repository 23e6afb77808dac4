//! Correctly rounded sums and means: computed exactly, and rounded once.
//!
//! ```text
//!   elements --fast--> vectors anchored at a power of two, no digit lost --\
//!            --slow--> one by one ----------------------------------------> Wide --> Digits
//! ```
//!
//! [`Wide`](wide::Wide) is the small superaccumulator of Radford Neal ("Fast exact summation using
//! small and large superaccumulators", arXiv:1505.05571, 2015). The fast path splits elements by
//! adding them to anchors, as Demmel and Nguyen ("Parallel reproducible summation", IEEE
//! Transactions on Computers 64, 2015) do, and checks that no remainder is left.

mod digits;
mod fast;
mod wide;

use serde::{Deserialize, Serialize};

use self::digits::Digits;
pub(super) use self::fast::add_floats;
pub(super) use self::wide::Wide;
use super::frame::room::Room;
use super::frame::{CellPlace, Each, Lanes, Selected};
use super::key::Key;
use super::loops::Loops;
use super::{Kernel, Mean, Numeric, Reduction, Sum};
use crate::error::Result;
use rowmill_lanes::lanes::Lane;

/// The correctly rounded sum: see [`Reduction::exact`](crate::Reduction::exact).
#[derive(Clone, Copy, Debug)]
pub struct ExactSum;

/// The correctly rounded mean: see [`Reduction::exact`](crate::Reduction::exact).
#[derive(Clone, Copy, Debug)]
pub struct ExactMean;

impl<A, M> Reduction<Sum, A, M> {
    /// The correctly rounded sum: the exact sum of all elements, rounded once to `f64` (to nearest,
    /// ties to even), whatever their order. Sums of integers are exact anyway.
    ///
    /// NaN if there is a NaN or infinities of both signs; infinite if there are infinities of one
    /// sign, or if the exact sum exceeds the range of `f64`: never because of an intermediate
    /// overflow.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{Engine, Sum};
    /// let x = SliceSource::new(&[1e300, 1.0, 1e-300, -1e300, -1.0], [5]).unwrap();
    /// let sum: f64 = Engine::new()?.reduce(&x, Sum::all().exact())?;
    /// assert_eq!(sum, 1e-300);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn exact(self) -> Reduction<Each<ExactSum>, A, M> {
        self.with_kernel(Each(ExactSum))
    }
}

impl<A, M> Reduction<Mean, A, M> {
    /// The correctly rounded mean: the exact sum divided by the number of elements, rounded once.
    /// NaN for an empty selection; otherwise as the exact sum.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{Engine, Mean};
    /// let x = SliceSource::new(&[f64::MAX, f64::MAX], [2]).unwrap();
    /// assert_eq!(Engine::new()?.reduce(&x, Mean::all().exact())?, f64::MAX);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn exact(self) -> Reduction<Each<ExactMean>, A, M> {
        self.with_kernel(Each(ExactMean))
    }
}

/// An exact sum: as digits for floats, as one number for integers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactTotal {
    count: u64,
    integer: i128,
    digits: Digits,
}

pub(super) fn fold<L: Key>(lanes: &Lanes<'_, L>, cells: &mut [ExactTotal]) {
    if !L::FLOAT {
        lanes.each(|cell, x, _| {
            cells[cell].count += 1;
            cells[cell].integer += x.integer();
        });
        return;
    }
    let isa = lanes.isa;
    let mut wide = Wide::new();
    let straight = lanes.keep.is_none() && lanes.cell != rowmill_lanes::fold::Cell::Column;
    if straight {
        // Elements without masks or policies.
        let mut last = 0;
        lanes.runs(|run| {
            if run.cell != last {
                cells[last].digits = wide.take();
                last = run.cell;
            }
            cells[run.cell].count += run.x.len() as u64;
            L::add_exactly(isa, run.x, &mut wide);
        });
        if let Some(cell) = cells.get_mut(last) {
            cell.digits = wide.take();
        }
        return;
    }
    lanes.gathered(|cell, values| {
        add_floats(isa, values, &mut wide);
        cells[cell].count = values.len() as u64;
        cells[cell].digits = wide.take();
    });
}

fn is_valid<T: Numeric>(state: &ExactTotal, room: &Room<'_>) -> bool {
    let ExactTotal { count, integer, digits } = state;
    if !room.counts(*count) {
        return false;
    }
    if !T::Lane::FLOAT {
        let n = i128::from(*count); // at most 2^63, so that products fit
        let bounds = n * T::LEAST.integer()..=n * T::MOST.integer();
        return bounds.contains(integer) && *digits == Digits::default();
    }
    *integer == 0
        && digits.is_valid_sum(*count, Lane::to_f64(T::MOST))
        && (!digits.has_nan() || room.takes_nan::<T::Lane>())
}

impl ExactTotal {
    fn join(&mut self, next: &Self) {
        self.count += next.count;
        self.integer = self.integer.saturating_add(next.integer); // never saturates within a room
        self.digits.add(&next.digits);
    }
}

macro_rules! exact {
    ($kernel:ty, $name:literal, $value:ty, |$state:ident| $make:expr) => {
        impl<T: Numeric> Kernel<T> for $kernel {
            type Value = $value;
            type State = ExactTotal;

            fn new_state(&self) -> ExactTotal {
                ExactTotal::default()
            }
            fn fold(&self, cells: &mut [ExactTotal], selected: &Selected<'_, T>) -> Result<()> {
                T::Lane::exact_total(&selected.lanes, cells);
                Ok(())
            }
            fn merge(&self, state: &mut ExactTotal, next: ExactTotal) {
                state.join(&next);
            }
            fn is_valid(&self, state: &ExactTotal, room: &Room<'_>) -> bool {
                is_valid::<T>(state, room)
            }
            fn value(&self, $state: &ExactTotal, _: &CellPlace<'_>) -> Result<$value> {
                $make
            }
            fn describe(&self) -> Option<String> {
                Some($name.to_owned())
            }
        }
    };
}
exact!(ExactSum, "exact sum", T::Sum, |state| {
    let float = if T::Lane::FLOAT { state.digits.rounded() } else { 0.0 };
    T::sum(T::Lane::total(float, state.integer))
});
exact!(ExactMean, "exact mean", f64, |state| {
    Ok(if state.count == 0 {
        f64::NAN
    } else if T::Lane::FLOAT {
        state.digits.divided(state.count)
    } else {
        T::Lane::mean(T::Lane::total(0.0, state.integer), state.count)
    })
});
