//! Making cells from lanes: one cell per accumulator, per lane, or for all lanes of several.

use super::{Cells, Counts};
use crate::arch::Simd;
use crate::lanes::{Lane, Lanes, N, Parts, RangePart, SpreadPart, SumPart, higher, lower};

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

impl<L: Lane> Cells<L> {
    /// One cell, from lanes. `count` as in [`with_capacity`](Self::with_capacity).
    #[inline(never)]
    pub fn one<P: Parts<L>>(lanes: &Lanes<L, P>, count: Option<u64>) -> Self {
        let mut cells = Self::with_capacity::<P>(1, count);
        cells.push::<P>(lanes);
        cells
    }

    /// Adds a cell made of all lanes of both.
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

    /// Adds a cell made of all lanes.
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
}
