//! The largest, or the smallest, elements.

use serde::{Deserialize, Serialize};

use super::frame::axis::for_each_axis;
use super::frame::room::Room;
use super::frame::{CellPlace, Each, Lanes, Run, Selected};
use super::key::Key;
use super::loops::Loops;
use super::{Extremum, Kernel, Numeric};
use crate::error::{Error, Result};
use rowmill_lanes::arch::{Job, Simd};
use rowmill_lanes::lanes::Lane;

/// The `k` largest or smallest elements and their positions, best first; of equal elements the
/// earlier ones. All of them if there are fewer.
///
/// NaN that no policy removes come before all others, in order of position: they are not hidden.
/// Zeros of both signs are equal, and reported as zero.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, TopK};
/// let x = SliceSource::new(&[3_i32, 9, 4, 9, 1], [5]).unwrap();
/// let top = Engine::new()?.reduce(&x, TopK::largest(3)?.all())?;
/// let found: Vec<_> = top.iter().map(|t| (t.index, t.value)).collect();
/// assert_eq!(found, [(1, 9), (3, 9), (2, 4)]);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "all(), per_column() or per_row() make a reduction of it"]
pub struct TopK {
    k: usize,
    largest: bool,
}

/// The most elements that are kept per cell.
const MOST: usize = 1 << 20;

impl TopK {
    /// The `k` largest.
    ///
    /// # Errors
    /// [`Error::BadOption`] for more than a million, whose partials would take too much memory.
    pub fn largest(k: usize) -> Result<Self> {
        Self::new(k, true)
    }

    /// The `k` smallest.
    ///
    /// # Errors
    /// As [`largest`](Self::largest).
    pub fn smallest(k: usize) -> Result<Self> {
        Self::new(k, false)
    }

    fn new(k: usize, largest: bool) -> Result<Self> {
        if k > MOST {
            return Err(Error::BadOption {
                knob: "the number of the largest or smallest elements",
                value: k.to_string(),
                expected: "expected at most 1048576",
            });
        }
        Ok(Self { k, largest })
    }

    for_each_axis!(Each<Self>, (self), Each(self));

    /// The rank, smallest for the best element; NaN has the smallest of all.
    #[inline(always)]
    fn rank<L: Key>(self, x: L) -> u64 {
        if L::FLOAT && x.is_nan() {
            0
        } else if self.largest {
            !x.key()
        } else {
            x.key()
        }
    }

    fn element<L: Key>(self, rank: u64) -> L {
        if L::FLOAT && rank == 0 {
            L::NAN
        } else {
            L::from_key(if self.largest { !rank } else { rank })
        }
    }
}

/// The best elements: rank and position. Sorted, except while a block is folded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ranks(Vec<(u64, u64)>);

impl Ranks {
    /// Drops all but the best `k`.
    fn prune(&mut self, k: usize) {
        if self.0.len() > k {
            self.0.select_nth_unstable(k);
            self.0.truncate(k);
        }
    }
}

/// Elements that are tested together: usually none of them is among the best.
const PIECE: usize = 256;

/// Whether an element may be as good as `bar`; a NaN always may.
struct Reaches<'a, L> {
    x: &'a [L],
    bar: L,
    largest: bool,
}

impl<L: Lane> Job for Reaches<'_, L> {
    type Output = bool;

    #[inline(always)]
    fn run(self, _: impl Simd) -> bool {
        let Self { x, bar, largest } = self;
        let worse = |x: L| if largest { x < bar } else { x > bar };
        x.iter().fold(0, |any, &x| any | u32::from(!worse(x))) != 0
    }
}

pub(super) fn fold<L: Key>(lanes: &Lanes<'_, L>, cells: &mut [Ranks], top: TopK) {
    let k = top.k;
    // The rank that the next element of a cell has to beat, once there are enough.
    let mut bars = vec![u64::MAX; cells.len()];
    let mut take = |cell: usize, x: L, at: u64| {
        let rank = top.rank(x);
        if rank <= bars[cell] {
            let ranks = &mut cells[cell];
            ranks.0.push((rank, at));
            if ranks.0.len() >= 2 * k + 16 {
                ranks.prune(k);
                bars[cell] = ranks.0.iter().map(|&(rank, _)| rank).max().unwrap_or(0);
            }
        }
        bars[cell]
    };
    lanes.runs(|run| {
        if run.across {
            run.each(|cell, x, at| _ = take(cell, x, at));
            return;
        }
        let mut bar = u64::MAX;
        for (i, piece) in run.x.chunks(PIECE).enumerate() {
            let first = i * PIECE;
            if bar != u64::MAX {
                let (bar, largest) = (top.element(bar), top.largest);
                if !lanes.isa.run(Reaches { x: piece, bar, largest }) {
                    continue;
                }
            }
            let keep = run.keep.map(|keep| &keep[first..][..piece.len()]);
            let at = run.at + first as u64;
            let run = Run { x: piece, keep, at, ..*run };
            run.each(|cell, x, at| bar = take(cell, x, at));
        }
    });
    for ranks in cells {
        ranks.prune(k);
        ranks.0.sort_unstable();
    }
}

impl<T: Numeric> Kernel<T> for TopK {
    type Value = Vec<Extremum<T>>;
    type State = Ranks;

    fn new_state(&self) -> Ranks {
        Ranks(Vec::new())
    }
    fn fold(&self, cells: &mut [Ranks], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::top_k(&selected.lanes, cells, *self);
        Ok(())
    }
    fn merge(&self, state: &mut Ranks, next: Ranks) {
        state.0.extend(next.0);
        // Two sorted runs, which the sort detects.
        state.0.sort();
        state.0.truncate(self.k);
    }
    fn is_valid(&self, state: &Ranks, room: &Room<'_>) -> bool {
        let fits = |&(rank, at): &(u64, u64)| {
            let x = self.element::<T::Lane>(rank);
            self.rank(x) == rank && room.takes::<T>(x) && room.holds(at)
        };
        let mut positions: Vec<u64> = state.0.iter().map(|&(_, at)| at).collect();
        positions.sort_unstable();
        state.0.len() <= self.k
            && room.counts(state.0.len() as u64)
            && state.0.is_sorted()
            && positions.is_sorted_by(|a, b| a < b)
            && state.0.iter().all(fits)
    }
    fn value(&self, state: &Ranks, place: &CellPlace<'_>) -> Result<Vec<Extremum<T>>> {
        let found = |&(rank, at): &(u64, u64)| Extremum {
            index: place.within(at),
            value: T::from_lane(self.element(rank)),
        };
        Ok(state.0.iter().map(found).collect())
    }
    fn describe(&self) -> Option<String> {
        Some(format!("top k, {} {}", self.k, if self.largest { "largest" } else { "smallest" }))
    }
}
