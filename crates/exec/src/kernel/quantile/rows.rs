//! Quantiles per row, for rows that a block holds whole: computed in place.

use super::{between_elements, places};
use crate::error::Result;
use crate::kernel::frame::room::Room;
use crate::kernel::frame::{CellPlace, Lanes, Selected};
use crate::kernel::key::Key;
use crate::kernel::loops::Loops;
use crate::kernel::{Kernel, Numeric};

/// The quantiles of each row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfRows<'a> {
    pub(crate) at: &'a [f64],
}

pub(crate) fn fold<L: Key>(lanes: &Lanes<'_, L>, cells: &mut [Vec<f64>], at: &[f64]) {
    let mut keys = Vec::new();
    lanes.runs(|run| {
        keys.clear();
        let mut nan = false;
        run.each(|_, x, _| {
            nan |= x.is_nan();
            keys.push(x.key());
        });
        let nothing = nan || keys.is_empty();
        cells[run.cell] = if nothing {
            vec![f64::NAN; at.len()]
        } else {
            at.iter().map(|&q| quantile::<L>(&mut keys, q)).collect()
        };
    });
}

impl<T: Numeric> Kernel<T> for OfRows<'_> {
    type Value = Vec<f64>;
    /// The quantiles; empty until a block is added.
    type State = Vec<f64>;

    fn new_state(&self) -> Vec<f64> {
        Vec::new()
    }
    fn fold(&self, cells: &mut [Vec<f64>], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::row_quantiles(&selected.lanes, cells, self.at);
        Ok(())
    }
    fn merge(&self, state: &mut Vec<f64>, next: Vec<f64>) {
        // If a row is whole in one block, the other state is empty.
        if state.is_empty() {
            *state = next;
        }
    }
    fn is_valid(&self, state: &Vec<f64>, _: &Room<'_>) -> bool {
        // NaN if the whole row is left out.
        state.is_empty() || state.len() == self.at.len()
    }
    fn value(&self, state: &Vec<f64>, _: &CellPlace<'_>) -> Result<Vec<f64>> {
        Ok(if state.is_empty() { vec![f64::NAN; self.at.len()] } else { state.clone() })
    }
    fn describe(&self) -> Option<String> {
        Some(format!("quantiles {:?} of rows", self.at))
    }
}

/// A quantile of at least one key; the keys are reordered.
fn quantile<L: Key>(keys: &mut [u64], q: f64) -> f64 {
    let (low, _, part) = places(q, keys.len() as u64);
    let (_, &mut at, above) = keys.select_nth_unstable(low as usize);
    let next = if part > 0.0 { above.iter().copied().min().unwrap_or(at) } else { at };
    let [low, high] = [at, next].map(L::from_key);
    between_elements::<L>(low, high, part)
}
