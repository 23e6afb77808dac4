//! Sets of rows, and the record of durable rows.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of rows, stored as runs. Beyond [`MOST_RUNS`] runs the last are forgotten: in every set of
/// a [`Ledger`] a forgotten row merely counts as not durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowSet {
    /// From the start of each run to its end; runs neither overlap nor touch.
    runs: BTreeMap<usize, usize>,
}

/// Limits the memory for rows that are scattered over the array to a few megabytes.
pub(super) const MOST_RUNS: usize = 1 << 16;

impl RowSet {
    pub(super) fn of(rows: Range<usize>) -> Self {
        let mut set = Self::default();
        set.insert(rows);
        set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn insert(&mut self, rows: Range<usize>) {
        if rows.is_empty() {
            return;
        }
        let Range { mut start, mut end } = rows;
        if let Some((&first, &last)) = self.runs.range(..=start).next_back()
            && last >= start
        {
            start = first;
            end = end.max(last);
        }
        while let Some((&first, &last)) = self.runs.range(start..=end).next() {
            self.runs.remove(&first);
            end = end.max(last);
        }
        self.runs.insert(start, end);
        self.forget();
    }

    pub(super) fn remove(&mut self, rows: Range<usize>) {
        self.take(rows);
    }

    /// Removes these rows and returns those that were in the set.
    pub(super) fn take(&mut self, rows: Range<usize>) -> Self {
        let mut taken = BTreeMap::new();
        if rows.is_empty() {
            return Self { runs: taken };
        }
        if let Some((&first, &last)) = self.runs.range(..rows.start).next_back()
            && last > rows.start
        {
            self.runs.insert(first, rows.start);
            // The next loop finds the rest of it.
            self.runs.insert(rows.start, last);
        }
        while let Some((&first, &last)) = self.runs.range(rows.clone()).next() {
            self.runs.remove(&first);
            if last > rows.end {
                self.runs.insert(rows.end, last);
            }
            taken.insert(first, last.min(rows.end));
        }
        self.forget();
        Self { runs: taken }
    }

    pub(super) fn extend(&mut self, other: Self) {
        for (start, end) in other.runs {
            self.insert(start..end);
        }
    }

    /// The rows from `row` on, up to the first that is not in the set.
    pub(super) fn run_from(&self, row: usize) -> Range<usize> {
        let run = self.runs.range(..=row).next_back();
        row..run.map_or(row, |(_, &end)| end.max(row))
    }

    fn forget(&mut self) {
        while self.runs.len() > MOST_RUNS {
            self.runs.pop_last();
        }
    }
}

/// The rows that are written completely, being synced, and durable. It uses no clock, no thread and
/// no file.
///
/// ```text
///   begin          end            start_sync        end_sync
///     --> (writing) --> complete ----------> syncing -------> durable
///     <------------------------- begin ------------------------
/// ```
///
/// A rewritten row leaves every set: a sync in progress may write the old row, the new one, or a
/// mix. Several writes may overlap; such a row is complete when the last of them has ended.
///
/// Every set starts empty: a row that is in the file when it is opened may never have been written,
/// or be torn, or have failed to reach the disk in an earlier run. Only a constructor that takes a
/// known durable prefix could start with more.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// One entry per write in progress.
    writing: Vec<Range<usize>>,
    complete: RowSet,
    syncing: RowSet,
    durable: RowSet,
}

impl Ledger {
    /// Empty rows: there is nothing to write, so all of them are complete.
    pub(crate) fn of_empty_rows(rows: usize) -> Self {
        Self { complete: RowSet::of(0..rows), ..Self::default() }
    }

    /// A write of these rows begins.
    pub(super) fn begin(&mut self, rows: Range<usize>) {
        for set in [&mut self.complete, &mut self.syncing, &mut self.durable] {
            set.remove(rows.clone());
        }
        if !rows.is_empty() {
            self.writing.push(rows);
        }
    }

    /// A write of these rows, begun before, has completed.
    pub(super) fn end(&mut self, rows: Range<usize>) {
        let Some(begun) = self.writing.iter().position(|begun| *begun == rows) else { return };
        self.writing.swap_remove(begun);
        self.complete.insert(rows);
        for others in &self.writing {
            self.complete.remove(others.clone());
        }
    }

    /// A sync of these rows begins.
    pub(super) fn start_sync(&mut self, rows: Range<usize>) {
        self.syncing = self.complete.take(rows);
    }

    /// The sync that began last has ended.
    pub(super) fn end_sync(&mut self, ok: bool) {
        let synced = std::mem::take(&mut self.syncing);
        if ok {
            self.durable.extend(synced);
        }
    }

    /// Whether complete rows wait for a sync.
    pub(super) fn is_waiting(&self) -> bool {
        !self.complete.is_empty()
    }

    /// The durable rows from `row` on, up to the first that is not.
    pub(super) fn durable_from(&self, row: usize) -> Range<usize> {
        self.durable.run_from(row)
    }
}

#[cfg(test)]
mod tests;
