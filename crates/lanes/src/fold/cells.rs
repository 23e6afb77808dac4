//! The cells of a partial: what is known of one cell, side by side for many.

use serde::{Deserialize, Serialize};

use super::{Limits, Need, short};
use crate::arch::{Isa, Job, Simd};
use crate::lanes::{Lane, Lanes, N, Parts, RangePart, SpreadPart, SumPart, higher, lower};

/// The mergeable state of some cells. Vectors of parts that a kernel does not need stay empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")] // a lane can be kept
pub struct Cells<L: Lane> {
    /// What merging is compiled for.
    #[serde(skip, default = "baseline")]
    pub(super) isa: Isa,
    len: usize,
    count: Counts,
    /// How many elements are NaN, and infinite; nothing as long as there is none.
    special: Option<Special>,
    total: Vec<L::Total>,
    spread: Vec<L::Spread>,
    min: Vec<L>,
    max: Vec<L>,
    /// Whether a NaN was seen while looking for the range.
    nan_seen: bool,
}

fn baseline() -> Isa {
    Isa::BASELINE
}

/// How many elements took part.
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

/// Numbers of NaN and infinities, cell by cell.
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
    /// A cell that no element went into.
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

/// Adds up lanes in a fixed tree.
#[inline(always)]
fn across<V: Copy>(mut lanes: [V; N], join: impl Fn(V, V) -> V) -> V {
    let mut half = N / 2;
    while half > 0 {
        for j in 0..half {
            lanes[j] = join(lanes[j], lanes[j + half]);
        }
        half /= 2;
    }
    lanes[0]
}

fn add_all(to: &mut [u64], from: &[u64]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a += b;
    }
}

impl<L: Lane> Cells<L> {
    /// No cells yet, `len` to come. `count` is the number of elements of each; without it they are
    /// counted in lanes.
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

    /// Cells that no element went into.
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

    /// One cell, from lanes. `count` as in [`with_capacity`](Self::with_capacity).
    #[inline(never)]
    pub fn one<P: Parts<L>>(lanes: &Lanes<L, P>, count: Option<u64>) -> Self {
        let mut cells = Self::with_capacity::<P>(1, count);
        cells.push::<P>(lanes);
        cells
    }

    /// Adds a cell that all lanes of both belong to.
    #[inline(always)]
    pub fn push_both<P: Parts<L>, V: Simd>(
        &mut self,
        _: V,
        even: &mut Lanes<L, P>,
        odd: &Lanes<L, P>,
    ) {
        match V::CALLS {
            true => self.push_both_called(even, odd),
            false => self.push_both_inlined(even, odd),
        }
    }

    #[inline(never)]
    fn push_both_called<P: Parts<L>>(&mut self, even: &mut Lanes<L, P>, odd: &Lanes<L, P>) {
        self.push_both_inlined(even, odd);
    }

    #[inline(always)]
    fn push_both_inlined<P: Parts<L>>(&mut self, even: &mut Lanes<L, P>, odd: &Lanes<L, P>) {
        even.join(odd);
        self.push(even);
    }

    /// Adds a cell that all lanes belong to.
    #[inline(always)]
    pub fn push<P: Parts<L>>(&mut self, lanes: &Lanes<L, P>) {
        if let Counts::Each(counts) = &mut self.count {
            counts.push(lanes.count.iter().map(|&n| u64::from(n)).sum());
        }
        if P::SUM {
            self.total.push(across(lanes.sum.totals(), L::join_totals));
        }
        if P::SPREAD {
            self.spread.push(across(lanes.spread.squares(), L::add_squares));
        }
        if P::RANGE {
            self.min.push(across(lanes.range.mins(), lower));
            self.max.push(across(lanes.range.maxs(), higher));
            self.nan_seen |= lanes.range.nans().contains(&true);
        }
        self.len += 1;
    }

    /// Adds a cell for each of the first `n` lanes.
    #[inline(always)]
    pub fn extend<P: Parts<L>, V: Simd>(&mut self, _: V, lanes: &Lanes<L, P>, n: usize) {
        match V::CALLS {
            true => self.extend_called(lanes, n),
            false => self.extend_inlined(lanes, n),
        }
    }

    #[inline(never)]
    fn extend_called<P: Parts<L>>(&mut self, lanes: &Lanes<L, P>, n: usize) {
        self.extend_inlined(lanes, n);
    }

    #[inline(always)]
    fn extend_inlined<P: Parts<L>>(&mut self, lanes: &Lanes<L, P>, n: usize) {
        if let Counts::Each(counts) = &mut self.count {
            counts.extend(lanes.count[..n].iter().map(|&n| u64::from(n)));
        }
        if P::SUM {
            self.total.extend_from_slice(&lanes.sum.totals()[..n]);
        }
        if P::SPREAD {
            self.spread.extend_from_slice(&lanes.spread.squares()[..n]);
        }
        if P::RANGE {
            self.min.extend_from_slice(&lanes.range.mins()[..n]);
            self.max.extend_from_slice(&lanes.range.maxs()[..n]);
            self.nan_seen |= lanes.range.nans()[..n].contains(&true);
        }
        self.len += n;
    }

    /// Folds groups of `cols` cells onto the first group. Spreads are still squares about the same
    /// shift. `count` is the number of elements of each cell, if it was not counted.
    #[inline(never)]
    pub fn folded(mut self, cols: usize, count: Option<u64>) -> Self {
        for start in (cols..self.len).step_by(cols) {
            for c in 0..cols {
                if !self.total.is_empty() {
                    self.total[c] = L::join_totals(self.total[c], self.total[start + c]);
                }
                if !self.spread.is_empty() {
                    self.spread[c] = L::add_squares(self.spread[c], self.spread[start + c]);
                }
                if !self.min.is_empty() {
                    self.min[c] = lower(self.min[c], self.min[start + c]);
                    self.max[c] = higher(self.max[c], self.max[start + c]);
                }
            }
            if let Counts::Each(counts) = &mut self.count {
                let (first, rest) = counts.split_at_mut(start);
                add_all(&mut first[..cols], &rest[..cols]);
            }
        }
        match (count, &mut self.count) {
            (Some(n), count) => *count = Counts::Same(n),
            (None, Counts::Each(counts)) => counts.truncate(cols),
            (None, Counts::Same(_)) => {}
        }
        self.total.truncate(cols);
        self.spread.truncate(cols);
        self.min.truncate(cols);
        self.max.truncate(cols);
        self.len = cols;
        self
    }

    /// Turns squares about `shift` into spreads about the mean. Gives the cells in which that
    /// cancelled too many digits.
    pub fn settle(&mut self, shift: &[f64]) -> Vec<usize> {
        let isa = self.isa;
        isa.run(Settle { cells: self, shift })
    }

    /// Takes the spreads of some cells from another fold of the same elements.
    pub fn take_spreads(&mut self, cells: &[usize], from: &Self) {
        for &i in cells {
            self.spread[i] = from.spread[i];
        }
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
                // The sums knew.
                self.nan_seen |= !self.is_clean();
                self.total.clear();
                self.spread.clear();
            }
        }
        self
    }

    /// Whether these are `len` cells with exactly the parts that are needed, each of elements within
    /// these limits: what was read from a file may be anything.
    pub fn are(&self, need: Need, len: usize, limits: &Limits<L>) -> bool {
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
            // A NaN is looked for by itself only where no sum shows it, and is counted then.
            && (!self.nan_seen || (need == Need::Range && special.is_some()))
            && (0..len).all(|i| limits.fit(&self.state(i), [sum, spread, range]))
    }

    /// Whether as many elements are in the same cells of the others.
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

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every cell, in order, until one fails.
    ///
    /// # Errors
    /// The first.
    #[inline]
    pub fn try_each<E>(&self, mut f: impl FnMut(CellState<L>) -> Result<(), E>) -> Result<(), E> {
        if let (Counts::Same(count), None) = (&self.count, &self.special)
            && self.total.len() == self.len
            && self.spread.is_empty()
            && self.min.is_empty()
        {
            // Sums alone, as of most results with many cells.
            let cell = CellState { count: *count, ..CellState::empty() };
            return self.total.iter().try_for_each(|&total| f(CellState { total, ..cell }));
        }
        (0..self.len).try_for_each(|i| f(self.state(i)))
    }

    /// Whether nothing hints at a NaN, or at an infinity as far as sums are there to show it.
    pub fn is_clean(&self) -> bool {
        !self.nan_seen && self.total.iter().all(|&total| L::is_clean(total))
    }

    /// Says how many of the elements are NaN and infinite.
    pub fn set_special(&mut self, special: Special) {
        self.special = Some(special);
    }

    /// Puts other cells of the same parts behind these.
    pub fn append(&mut self, next: Self) {
        let counts = |cells: &Self| (0..cells.len).map(|i| cells.count.at(i)).collect::<Vec<_>>();
        match (&mut self.count, &next.count) {
            (Counts::Same(a), Counts::Same(b)) if a == b => {}
            (Counts::Each(a), _) => a.extend(counts(&next)),
            (Counts::Same(_), _) => {
                let each = [counts(self), counts(&next)].concat();
                self.count = Counts::Each(each);
            }
        }
        if self.special.is_some() || next.special.is_some() {
            let nothing = |len| Special { nan: vec![0; len], inf: vec![0; len] };
            let mut special = self.special.take().unwrap_or_else(|| nothing(self.len));
            let more = next.special.unwrap_or_else(|| nothing(next.len));
            special.nan.extend(more.nan);
            special.inf.extend(more.inf);
            self.special = Some(special);
        }
        self.len += next.len;
        self.total.extend(next.total);
        self.spread.extend(next.spread);
        self.min.extend(next.min);
        self.max.extend(next.max);
        self.nan_seen |= next.nan_seen;
    }

    /// Takes in the same cells of the elements that follow.
    pub fn merge(&mut self, next: &Self) {
        let isa = self.isa;
        isa.run(Merge { cells: self, next });
    }

    #[inline(always)]
    fn merge_here(&mut self, next: &Self) {
        debug_assert_eq!(self.len, next.len);
        let n = self.spread.len();
        if let (Counts::Same(a), Counts::Same(b)) = (&self.count, &next.count) {
            // The usual case, in a form that is vectorised.
            let (total, spread) = (&self.total[..n], &mut self.spread[..n]);
            let (next_total, next_spread) = (&next.total[..n], &next.spread[..n]);
            for i in 0..n {
                spread[i] =
                    L::join_spreads((*a, total[i], spread[i]), (*b, next_total[i], next_spread[i]));
            }
        } else {
            for i in 0..n {
                self.spread[i] = L::join_spreads(
                    (self.count.at(i), self.total[i], self.spread[i]),
                    (next.count.at(i), next.total[i], next.spread[i]),
                );
            }
        }
        for (a, &b) in self.total.iter_mut().zip(&next.total) {
            *a = L::join_totals(*a, b);
        }
        for (a, &b) in self.min.iter_mut().zip(&next.min) {
            *a = lower(*a, b);
        }
        for (a, &b) in self.max.iter_mut().zip(&next.max) {
            *a = higher(*a, b);
        }
        match (&mut self.count, &next.count) {
            (Counts::Same(a), Counts::Same(b)) => *a += b,
            (Counts::Each(a), b) => {
                for (i, a) in a.iter_mut().enumerate() {
                    *a += b.at(i);
                }
            }
            (Counts::Same(a), Counts::Each(b)) => {
                let a = *a;
                self.count = Counts::Each(b.iter().map(|b| a + b).collect());
            }
        }
        match (&mut self.special, &next.special) {
            (Some(a), Some(b)) => {
                add_all(&mut a.nan, &b.nan);
                add_all(&mut a.inf, &b.inf);
            }
            (a @ None, Some(b)) => *a = Some(b.clone()),
            (_, None) => {}
        }
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

struct Settle<'a, L: Lane> {
    cells: &'a mut Cells<L>,
    shift: &'a [f64],
}

impl<L: Lane> Job for Settle<'_, L> {
    type Output = Vec<usize>;

    #[inline(always)]
    fn run(self, _: impl Simd) -> Vec<usize> {
        let Self { cells, shift } = self;
        let n = cells.spread.len().min(shift.len());
        let (spread, total, shift) = (&mut cells.spread[..n], &cells.total[..n], &shift[..n]);
        let mut cancelled = vec![false; n];
        if let Counts::Same(count) = cells.count {
            for i in 0..n {
                (spread[i], cancelled[i]) = L::settle(spread[i], total[i], count, shift[i]);
            }
        } else {
            for i in 0..n {
                let count = cells.count.at(i);
                (spread[i], cancelled[i]) = L::settle(spread[i], total[i], count, shift[i]);
            }
        }
        cancelled.iter().enumerate().filter_map(|(i, &c)| c.then_some(i)).collect()
    }
}

struct Merge<'a, L: Lane> {
    cells: &'a mut Cells<L>,
    next: &'a Cells<L>,
}

impl<L: Lane> Job for Merge<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Simd) {
        self.cells.merge_here(self.next);
    }
}
