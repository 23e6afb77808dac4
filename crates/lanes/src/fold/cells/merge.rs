//! Merging cells: with others of the same array, or with each other, and settling their spreads.

use super::{Cells, Counts, Special};
use crate::arch::{Job, Simd};
use crate::lanes::{Lane, higher, lower};

fn add_all(to: &mut [u64], from: &[u64]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a += b;
    }
}

impl<L: Lane> Cells<L> {
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

    /// Turns squares about `shift` into spreads about the mean. Returns the cells that lost too
    /// many digits by cancellation.
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

    /// Appends other cells with the same parts.
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

    /// Merges the same cells of the elements that follow.
    pub fn merge(&mut self, next: &Self) {
        let isa = self.isa;
        isa.run(Merge { cells: self, next });
    }

    #[inline(always)]
    fn merge_here(&mut self, next: &Self) {
        debug_assert_eq!(self.len, next.len);
        let n = self.spread.len();
        if let (Counts::Same(a), Counts::Same(b)) = (&self.count, &next.count) {
            // The common case, in a form that is vectorized.
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
