//! The search for the elements at some positions of the sorted array, without sorting it.
//!
//! Each position lies in a range of keys, at first the range of all keys. A read counts the
//! elements in each of many equal parts of a range; the part that holds the position is the range
//! of the next read. Once all elements in the ranges fit in memory, they are collected and sorted
//! instead.

use super::table::{Range, Ranges, Table};
use super::{between_elements, places};
use crate::error::{Error, Result};
use crate::kernel::key::Key;
use rowmill_lanes::fold::Cell;

/// The most parts of a range: their counts fit a second-level cache.
const MOST_PARTS: u64 = 1 << 16;

/// The fewest parts that make a read worthwhile.
const LEAST_PARTS: u64 = 4;

/// Positions that lie in a range of keys of a cell.
#[derive(Clone, Debug)]
struct Open {
    range: Range,
    /// Elements of the cell that are below the range.
    below: u64,
    /// Elements in the range; unknown at first.
    count: Option<u64>,
    places: Vec<u64>,
}

/// A search for the elements at some positions of each cell.
#[derive(Debug)]
pub struct Search<'a> {
    at: &'a [f64],
    open: Vec<Open>,
    /// Per cell: elements that are not NaN.
    counts: Vec<u64>,
    /// Per cell: NaN.
    nan: Vec<u64>,
    /// Cell, position, key: sorted when the search is over.
    found: Vec<(usize, u64, u64)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(cells: usize, at: &'a [f64], (low, high): (u64, u64)) -> Self {
        let open = |cell| Open {
            range: Range { cell, low, high },
            below: 0,
            count: None,
            places: Vec::new(),
        };
        let open = if at.is_empty() { Vec::new() } else { (0..cells).map(open).collect() };
        Self { at, open, counts: vec![0; cells], nan: vec![0; cells], found: Vec::new() }
    }

    /// Reads an array of `len` elements until every element is found.
    pub(crate) fn run(
        &mut self,
        (cell, len): (Cell, usize),
        workers: usize,
        memory: u64,
        read: &dyn Fn(&Ranges) -> Result<Table>,
    ) -> Result<()> {
        while !self.open.is_empty() {
            let ranges: Vec<Range> = self.open.iter().map(|open| open.range).collect();
            let first = self.open.iter().any(|open| open.count.is_none());
            let candidates: u64 = self.open.iter().filter_map(|open| open.count).sum();
            // The capacity of a growing vector can be twice its length.
            let fits = if first { len as u64 } else { candidates }.saturating_mul(16) <= memory;
            let parts = if fits { None } else { Some(parts(&ranges, workers, memory)?) };
            let ranges = Ranges::new(cell, self.counts.len(), ranges, parts);
            let table = read(&ranges)?;
            if first {
                self.start(&table);
            }
            self.narrow(&ranges, table);
        }
        self.found.sort_unstable();
        Ok(())
    }

    /// Computes the positions, once the numbers of elements are known.
    fn start(&mut self, table: &Table) {
        for (open, &count) in self.open.iter_mut().zip(&table.totals) {
            let cell = open.range.cell;
            self.counts[cell] = count;
            self.nan[cell] = table.nan[cell];
            if count == 0 || table.nan[cell] > 0 {
                continue;
            }
            for &q in self.at {
                let (low, high, part) = places(q, count);
                open.places.push(low);
                if part > 0.0 {
                    open.places.push(high);
                }
            }
            open.places.sort_unstable();
            open.places.dedup();
        }
        // One range per cell, with its total.
        debug_assert_eq!(self.open.len(), table.totals.len());
    }

    /// Moves the positions to their new ranges.
    fn narrow(&mut self, ranges: &Ranges, mut table: Table) {
        let open = std::mem::take(&mut self.open);
        for (i, Open { range, below, places, .. }) in open.into_iter().enumerate() {
            let Range { cell, low, high } = range;
            let Some(shift) = ranges.shift(i) else {
                let keys = &mut table.collected[i];
                keys.sort_unstable();
                let key = |place: u64| (cell, place, keys[(place - below) as usize]);
                self.found.extend(places.into_iter().map(key));
                continue;
            };
            let (least, most) = table.extremes[i];
            let counts = ranges.counts(i, &table);
            let (mut part, mut before) = (0, below);
            for place in places {
                while before + counts[part] <= place {
                    before += counts[part];
                    part += 1;
                }
                let start = low + ((part as u64) << shift);
                let end = (start + ((1 << shift) - 1)).min(high);
                let range = Range { cell, low: start.max(least), high: end.min(most) };
                if range.low == range.high {
                    self.found.push((cell, place, range.low));
                    continue;
                }
                match self.open.last_mut() {
                    Some(last) if last.range == range => last.places.push(place),
                    _ => self.open.push(Open {
                        range,
                        below: before,
                        count: Some(counts[part]),
                        places: vec![place],
                    }),
                }
            }
        }
    }

    /// The quantiles of a cell.
    pub(crate) fn values<L: Key>(&self, cell: usize) -> Vec<f64> {
        let count = self.counts[cell];
        if count == 0 || self.nan[cell] > 0 {
            return vec![f64::NAN; self.at.len()];
        }
        let element = |place: u64| {
            let at = self.found.partition_point(|&(c, p, _)| (c, p) < (cell, place));
            L::from_key(self.found[at].2)
        };
        let value = |&q: &f64| {
            let (low, high, part) = places(q, count);
            let low = element(low);
            between_elements(low, if part > 0.0 { element(high) } else { low }, part)
        };
        self.at.iter().map(value).collect()
    }
}

/// The number of parts per range that keeps the tables of all workers within the memory.
fn parts(ranges: &[Range], workers: usize, memory: u64) -> Result<u64> {
    let each = memory / 8 / (workers as u64 + 1) / ranges.len() as u64;
    if each < LEAST_PARTS {
        return Err(Error::BadOption {
            knob: "the memory for quantiles",
            value: format!("{memory} bytes for {} ranges of values", ranges.len()),
            expected: "expected at least 32 for each range and worker; allow more memory, or take fewer \
                       columns, rows or quantiles at a time",
        });
    }
    Ok((1 << each.ilog2()).min(MOST_PARTS))
}
