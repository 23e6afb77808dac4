//! The cells of a partial: the statistics of many cells, side by side.

mod merge;
mod push;

use serde::{Deserialize, Serialize};

use super::{Limits, Need, short};
use crate::arch::Isa;
use crate::lanes::{Lane, Parts};

/// The mergeable state of some cells. Vectors of parts that a kernel does not need stay empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")] // a lane can be kept
pub struct Cells<L: Lane> {
    /// The instruction set that merging is compiled for.
    #[serde(skip, default = "baseline")]
    pub(super) isa: Isa,
    len: usize,
    count: Counts,
    /// NaN and infinity counts; `None` as long as there are none.
    special: Option<Special>,
    total: Vec<L::Total>,
    spread: Vec<L::Spread>,
    min: Vec<L>,
    max: Vec<L>,
    /// Whether a NaN was seen by the accumulators of the range.
    nan_seen: bool,
}

fn baseline() -> Isa {
    Isa::BASELINE
}

/// Element counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Counts {
    /// The same number in every cell.
    Same(u64),
    /// A number for each cell.
    Each(Vec<u64>),
}

impl Counts {
    fn at(&self, i: usize) -> u64 {
        match self {
            Self::Same(n) => *n,
            Self::Each(counts) => counts[i],
        }
    }
}

/// NaN and infinity counts, cell by cell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Special {
    /// NaN.
    pub nan: Vec<u64>,
    /// Infinities.
    pub inf: Vec<u64>,
}

/// One cell.
#[derive(Clone, Copy, Debug)]
pub struct CellState<L: Lane> {
    /// Elements that took part.
    pub count: u64,
    /// NaN among those that were selected.
    pub nan: u64,
    /// Infinities among those that were selected.
    pub inf: u64,
    /// Their sum.
    pub total: L::Total,
    /// Their spread.
    pub spread: L::Spread,
    /// The smallest, NaN left out.
    pub min: L,
    /// The largest, NaN left out.
    pub max: L,
}

impl<L: Lane> CellState<L> {
    /// An empty cell.
    pub fn empty() -> Self {
        Self {
            count: 0,
            nan: 0,
            inf: 0,
            total: L::Total::default(),
            spread: L::Spread::default(),
            min: L::HIGHEST,
            max: L::LOWEST,
        }
    }
}

impl<L: Lane> Cells<L> {
    /// No cells yet, with capacity for `len`. `count` is the number of elements of each; without it
    /// they are counted in lanes.
    #[inline(never)]
    pub fn with_capacity<P: Parts<L>>(len: usize, count: Option<u64>) -> Self {
        let room = |wanted: bool| if wanted { len } else { 0 };
        Self {
            isa: Isa::BASELINE,
            len: 0,
            count: count.map_or_else(|| Counts::Each(Vec::with_capacity(len)), Counts::Same),
            special: None,
            total: Vec::with_capacity(room(P::SUM)),
            spread: Vec::with_capacity(room(P::SPREAD)),
            min: Vec::with_capacity(room(P::RANGE)),
            max: Vec::with_capacity(room(P::RANGE)),
            nan_seen: false,
        }
    }

    /// Empty cells.
    pub fn empty<P: Parts<L>>(isa: Isa, len: usize) -> Self {
        let mut cells = Self::with_capacity::<P>(len, Some(0));
        cells.isa = isa;
        cells.len = len;
        if P::SUM {
            cells.total.resize(len, L::Total::default());
        }
        if P::SPREAD {
            cells.spread.resize(len, L::Spread::default());
        }
        if P::RANGE {
            cells.min.resize(len, L::HIGHEST);
            cells.max.resize(len, L::LOWEST);
        }
        cells
    }

    /// One cell that was folded elsewhere.
    pub(crate) fn single(isa: Isa, need: Need, cell: &CellState<L>) -> Self {
        Self {
            isa,
            len: 1,
            count: Counts::Same(cell.count),
            special: None,
            total: vec![cell.total],
            spread: vec![cell.spread],
            min: vec![cell.min],
            max: vec![cell.max],
            nan_seen: false,
        }
        .only(need)
    }

    /// Drops the parts that are not needed.
    pub fn only(mut self, need: Need) -> Self {
        match need {
            Need::Everything => {}
            Need::Sum | Need::SumAndSpread => {
                if need == Need::Sum {
                    self.spread.clear();
                }
                self.min.clear();
                self.max.clear();
                self.nan_seen = false;
            }
            Need::Range => {
                // The sums showed it.
                self.nan_seen |= !self.is_clean();
                self.total.clear();
                self.spread.clear();
            }
        }
        self
    }

    /// Whether these are `len` cells with exactly the needed parts, each of elements within these
    /// limits: bytes read from a file may be anything.
    pub fn are_valid(&self, need: Need, len: usize, limits: &Limits<L>) -> bool {
        let (sum, spread, range) = match need {
            Need::Sum => (true, false, false),
            Need::SumAndSpread => (true, true, false),
            Need::Range => (false, false, true),
            Need::Everything => (true, true, true),
        };
        let part = |there: usize, wanted: bool| there == if wanted { len } else { 0 };
        let counted = match &self.count {
            Counts::Same(_) => true,
            Counts::Each(counts) => counts.len() == len,
        };
        let special = self.special.as_ref();
        self.len == len
            && counted
            && special.is_none_or(|s| L::FLOAT && s.nan.len() == len && s.inf.len() == len)
            && part(self.total.len(), sum)
            && part(self.spread.len(), spread)
            && part(self.min.len(), range)
            && part(self.max.len(), range)
            // NaN are tracked separately only if no sum shows them; they are then counted.
            && (!self.nan_seen || (need == Need::Range && special.is_some()))
            && (0..len).all(|i| limits.allow(&self.state(i), [sum, spread, range]))
    }

    /// Whether the cells have the same element counts as the others.
    pub fn counts_agree(&self, other: &Self) -> bool {
        self.len == other.len && (0..self.len).all(|i| self.count.at(i) == other.count.at(i))
    }

    /// The mean of each cell, as a shift.
    pub fn means(&self) -> Vec<f64> {
        self.full_means().into_iter().map(short).collect()
    }

    /// The mean of each cell.
    pub fn full_means(&self) -> Vec<f64> {
        let mean = |(i, &total)| L::mean(total, self.count.at(i));
        self.total.iter().enumerate().map(mean).collect()
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Calls `f` for every cell, in order, until one fails.
    ///
    /// # Errors
    /// The first error of `f`.
    #[inline]
    pub fn try_each<E>(&self, mut f: impl FnMut(CellState<L>) -> Result<(), E>) -> Result<(), E> {
        if let (Counts::Same(count), None) = (&self.count, &self.special)
            && self.total.len() == self.len
            && self.spread.is_empty()
            && self.min.is_empty()
        {
            // Sums alone, like most results with many cells.
            let cell = CellState { count: *count, ..CellState::empty() };
            return self.total.iter().try_for_each(|&total| f(CellState { total, ..cell }));
        }
        (0..self.len).try_for_each(|i| f(self.state(i)))
    }

    /// Whether nothing hints at a NaN, or at an infinity if there are sums to show it.
    pub fn is_clean(&self) -> bool {
        !self.nan_seen && self.total.iter().all(|&total| L::is_clean(total))
    }

    /// Sets the NaN and infinity counts.
    pub fn set_special(&mut self, special: Special) {
        self.special = Some(special);
    }

    /// Cell `i`.
    pub fn state(&self, i: usize) -> CellState<L> {
        let special =
            |pick: fn(&Special) -> &Vec<u64>| self.special.as_ref().map_or(0, |s| pick(s)[i]);
        CellState {
            count: self.count.at(i),
            nan: special(|s| &s.nan),
            inf: special(|s| &s.inf),
            total: self.total.get(i).copied().unwrap_or_default(),
            spread: self.spread.get(i).copied().unwrap_or_default(),
            min: self.min.get(i).copied().unwrap_or(L::HIGHEST),
            max: self.max.get(i).copied().unwrap_or(L::LOWEST),
        }
    }
}
