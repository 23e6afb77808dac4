//! The number of distinct elements.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};

use super::frame::room::Room;
use super::frame::{CellPlace, Each, Lanes, Selected, kernel_constructors};
use super::key::Key;
use super::loops::Loops;
use super::{Kernel, Numeric, Reduction};
use crate::error::{Error, Result};
use rowmill_lanes::fold::Cell;

/// The number of distinct elements, exactly. Zeros of both signs count once, and so do all NaN that
/// no policy removes (as in numpy's `unique`).
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Distinct, Engine};
/// let x = SliceSource::new(&[3_u8, 1, 3, 3], [2, 2]).unwrap();
/// let (all, rows) = Engine::new()?.reduce(&x, (Distinct::all(), Distinct::per_row()))?;
/// assert_eq!((all, &rows[..]), (2, &[2, 1][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// A partial takes 8 bytes per distinct element, and the number of partials alive is workers times
/// the logarithm of the number of blocks.
///
/// # Errors
/// The job fails with [`Error::TooManyDistinct`] if a cell exceeds the [limit](Reduction::limit),
/// one million unless set.
#[derive(Clone, Copy, Debug)]
pub struct Distinct {
    limit: usize,
}

kernel_constructors!(Distinct, Self { limit: 1 << 20 });

impl<A, M> Reduction<Each<Distinct>, A, M> {
    /// The most distinct elements of a cell. Default: 1048576, whose partials take 8 MiB.
    pub fn limit(mut self, limit: usize) -> Self {
        self.kernel.0.limit = limit;
        self
    }
}

/// The keys seen, sorted; `None` once they exceed the limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen(Option<Vec<u64>>);

/// Keys are hashed by one multiplication: deliberate collisions only slow down their author's job.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }
    fn write_u64(&mut self, key: u64) {
        let product =
            u128::from(self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

type Keys = HashSet<u64, BuildHasherDefault<Spread>>;

pub(super) fn fold<L: Key>(lanes: &Lanes<'_, L>, cells: &mut [Seen], limit: usize) {
    if lanes.cell == Cell::All {
        let mut keys = Keys::default();
        // Runs of equal elements are common.
        let mut last = None;
        lanes.each(|_, x, _| {
            let key = x.key();
            if last != Some(key) {
                last = Some(key);
                keys.insert(key);
            }
        });
        let mut keys: Vec<u64> = keys.into_iter().collect();
        keys.sort_unstable();
        cells[0] = Seen((keys.len() <= limit).then_some(keys));
        return;
    }
    let mut keys = vec![Vec::new(); cells.len()];
    lanes.each(|cell, x, _| keys[cell].push(x.key()));
    for (cell, mut keys) in cells.iter_mut().zip(keys) {
        keys.sort_unstable();
        keys.dedup();
        *cell = Seen((keys.len() <= limit).then_some(keys));
    }
}

impl<T: Numeric> Kernel<T> for Distinct {
    type Value = u64;
    type State = Seen;

    fn new_state(&self) -> Seen {
        Seen(Some(Vec::new()))
    }
    fn fold(&self, cells: &mut [Seen], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::distinct(&selected.lanes, cells, self.limit);
        Ok(())
    }
    fn merge(&self, state: &mut Seen, next: Seen) {
        state.0 = state.0.take().zip(next.0).and_then(|(mut keys, more)| {
            keys.extend(more);
            // Two sorted runs, which the sort detects.
            keys.sort();
            keys.dedup();
            (keys.len() <= self.limit).then_some(keys)
        });
    }
    fn is_valid(&self, state: &Seen, room: &Room<'_>) -> bool {
        let limit = self.limit as u64;
        let is_key = |&key: &u64| {
            let x = T::Lane::from_key(key);
            x.key() == key && room.takes::<T>(x)
        };
        match &state.0 {
            None => room.elements > limit,
            Some(keys) => {
                let counted = keys.len() as u64 <= limit && room.counts(keys.len() as u64);
                counted && keys.is_sorted_by(|a, b| a < b) && keys.iter().all(is_key)
            }
        }
    }
    fn value(&self, state: &Seen, place: &CellPlace<'_>) -> Result<u64> {
        let too_many = || Error::TooManyDistinct { limit: self.limit, cell: place.index };
        state.0.as_ref().map(|keys| keys.len() as u64).ok_or_else(too_many)
    }
    fn describe(&self) -> Option<String> {
        Some(format!("distinct, limit {}", self.limit))
    }
}
