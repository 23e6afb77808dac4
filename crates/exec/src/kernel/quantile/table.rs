//! One read of a quantile search: counts the elements in each part of some ranges of keys, or
//! collects them.
//!
//! Each worker counts in a table of its own: counts do not depend on the order, and a table per
//! block would be larger than the block.

use parking_lot::Mutex;
use rowmill_core::Shape;

use crate::error::{Error, Result};
use crate::kernel::frame::{JobSelection, Lanes};
use crate::kernel::key::Key;
use crate::kernel::loops::Loops;
use crate::kernel::reduce::{Answer, Answers, Block, Reduce, Reducer, Shared, State};
use crate::kernel::{NanPolicy, Numeric};
use rowmill_lanes::fold::Cell;

/// Keys from `low` to `high`, both included, of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) cell: usize,
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// The results of one read.
#[derive(Debug, Default)]
pub struct Table {
    /// The number of elements in each part of each range.
    counts: Vec<u64>,
    /// All elements of each range, if they are collected.
    pub(crate) collected: Vec<Vec<u64>>,
    /// The number of elements in each range.
    pub(crate) totals: Vec<u64>,
    /// The smallest and the largest key in each range.
    pub(crate) extremes: Vec<(u64, u64)>,
    /// The number of NaN in each cell.
    pub(crate) nan: Vec<u64>,
}

/// Ranges whose elements are counted or collected.
#[derive(Debug)]
pub struct Ranges {
    cell: Cell,
    cells: usize,
    /// In order of cells, and of keys within a cell.
    ranges: Vec<Range>,
    /// The first range of each cell, and the end of the last.
    starts: Vec<usize>,
    /// Parts per range; `None` to collect elements.
    parts: Option<u64>,
}

impl Ranges {
    /// The ranges of `cells` cells of one kind, in order of cells.
    pub(crate) fn new(cell: Cell, cells: usize, ranges: Vec<Range>, parts: Option<u64>) -> Self {
        let mut starts = vec![0; cells + 1];
        for range in &ranges {
            starts[range.cell + 1] += 1;
        }
        for i in 0..cells {
            starts[i + 1] += starts[i];
        }
        Self { cell, cells, ranges, starts, parts }
    }

    /// The shift that turns a key of a range into the number of its part, in bits; `None` if
    /// elements are collected.
    pub(crate) fn shift(&self, range: usize) -> Option<u32> {
        let Range { low, high, .. } = self.ranges[range];
        // Large enough that the last key is still in the last part.
        self.parts
            .map(|parts| (u64::BITS - (high - low).leading_zeros()).saturating_sub(parts.ilog2()))
    }

    /// The counts of the parts of a range.
    pub(crate) fn counts<'t>(&self, range: usize, table: &'t Table) -> &'t [u64] {
        let parts = self.parts.unwrap_or(0) as usize;
        &table.counts[range * parts..][..parts]
    }

    fn new_table(&self) -> Result<Table> {
        let ranges = self.ranges.len();
        let counts = self.parts.unwrap_or(0) as usize * ranges;
        let mut table = Table::default();
        let no_memory = |_| Error::TooManyCells { cells: self.cells };
        table.counts.try_reserve_exact(counts).map_err(no_memory)?;
        table.counts.resize(counts, 0);
        table.collected.resize(if self.parts.is_some() { 0 } else { ranges }, Vec::new());
        table.totals.resize(ranges, 0);
        table.extremes.resize(ranges, (u64::MAX, 0));
        table.nan.resize(self.cells, 0);
        Ok(table)
    }

    /// Adds up the tables of all workers.
    fn total(&self, tables: Vec<Table>) -> Result<Table> {
        let mut tables = tables.into_iter();
        let mut all = tables.next().map_or_else(|| self.new_table(), Ok)?;
        for mut table in tables {
            let sums = all.counts.iter_mut().zip(&table.counts);
            let totals = all.totals.iter_mut().zip(&table.totals);
            let nan = all.nan.iter_mut().zip(&table.nan);
            sums.chain(totals).chain(nan).for_each(|(a, b)| *a += b);
            for (a, b) in all.extremes.iter_mut().zip(&table.extremes) {
                *a = (a.0.min(b.0), a.1.max(b.1));
            }
            for (a, b) in all.collected.iter_mut().zip(&mut table.collected) {
                a.append(b);
            }
        }
        Ok(all)
    }
}

/// Adds the elements within the ranges to a table.
pub(crate) fn count<L: Key>(lanes: &Lanes<'_, L>, ranges: &Ranges, table: &mut Table) {
    if let (Cell::All, [range], Some(shift)) = (ranges.cell, &ranges.ranges[..], ranges.shift(0)) {
        return count_one(lanes, range, shift, table);
    }
    let first = match ranges.cell {
        Cell::All => 0,
        Cell::Column => lanes.bounds.cols.start,
        Cell::Row => lanes.bounds.rows.start,
    };
    let shifts: Vec<Option<u32>> = (0..ranges.ranges.len()).map(|i| ranges.shift(i)).collect();
    let parts = ranges.parts.unwrap_or(0) as usize;
    lanes.each(|cell, x, _| {
        let cell = first + cell;
        if x.is_nan() {
            table.nan[cell] += 1;
            return;
        }
        let key = x.key();
        let start = ranges.starts[cell];
        let own = &ranges.ranges[start..ranges.starts[cell + 1]];
        let i = own.partition_point(|range| range.high < key);
        let Some(range) = own.get(i).filter(|range| range.low <= key) else { return };
        let i = start + i;
        table.totals[i] += 1;
        match shifts[i] {
            Some(shift) => {
                table.counts[i * parts + ((key - range.low) >> shift) as usize] += 1;
                let (least, most) = table.extremes[i];
                table.extremes[i] = (least.min(key), most.max(key));
            }
            None => table.collected[i].push(key),
        }
    });
}

/// The common first read, with one range for everything.
fn count_one<L: Key>(lanes: &Lanes<'_, L>, range: &Range, shift: u32, table: &mut Table) {
    let Range { low, high, .. } = *range;
    let (mut least, mut most) = table.extremes[0];
    let (mut total, mut nan) = (0, 0);
    let counts = &mut table.counts[..];
    lanes.each(|_, x, _| {
        let key = x.key();
        let is_nan = x.is_nan();
        nan += u64::from(is_nan);
        if !is_nan && key >= low && key <= high {
            counts[((key - low) >> shift) as usize] += 1;
            total += 1;
            least = least.min(key);
            most = most.max(key);
        }
    });
    table.totals[0] += total;
    table.nan[0] += nan;
    table.extremes[0] = (least, most);
}

/// A read that counts the elements within ranges.
pub(crate) struct Counting<'a, T> {
    pub(crate) selected: JobSelection<'a, T>,
    pub(crate) ranges: &'a Ranges,
    pub(crate) tables: Mutex<Vec<Table>>,
}

impl<T: Numeric> Reduce<T> for Counting<'_, T> {
    type Output = Table;

    fn reducers<'a>(&'a self, _: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        to.push(Box::new(self));
    }
    fn output(&self, answers: &mut Answers) -> Table {
        answers.take()
    }
}

/// Counts do not depend on the order in which they are added, so nothing goes through the merge
/// tree.
impl<T: Numeric> Reducer<T> for &Counting<'_, T> {
    fn check(&self, shape: &Shape) -> Result<()> {
        self.selected.mask.check(shape)
    }

    fn fold(&self, _: &Shared, block: &Block<'_, T>) -> Result<Option<State>> {
        let table = self.tables.lock().pop();
        let mut table = table.map_or_else(|| self.ranges.new_table(), Ok)?;
        T::pick(block, &self.selected, &mut |selected| {
            T::Lane::count(&selected.lanes, self.ranges, &mut table);
            Ok(())
        })?;
        self.tables.lock().push(table);
        Ok(None)
    }

    fn merge(&self, _: &mut State, _: State) {}

    fn finish(&self, _: Shared, _: Option<State>, _: &Shape) -> Result<Answer> {
        self.selected.mask.verify()?;
        let tables = std::mem::take(&mut *self.tables.lock());
        Ok(Box::new(self.ranges.total(tables)?))
    }

    fn save(&self, _: &State) -> Result<Vec<u8>> {
        Err(Error::Unsaved { what: "counts of a search for quantiles are not kept".to_owned() })
    }

    fn load(&self, _: &[u8], _: &Shape, _: std::ops::Range<usize>) -> Option<State> {
        None
    }
}
