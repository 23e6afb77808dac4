//! Copying scattered rows to their destinations: shared by [`rows`](crate::rows) and
//! [`batches`](crate::batches).

use parking_lot::Mutex;
use rowmill_core::{Element, Source, TileBuffer};
use rowmill_lanes::arch::prefetch;

use crate::error::Result;

/// The index of a row, and its destination.
pub(crate) type Slot<'o, T> = (usize, &'o mut [T]);

/// Rows that are prefetched at a time: while one lot is copied the next is being read. Two workers
/// keep 512 reads in flight, more than disks take at once.
const AHEAD_ROWS: usize = 256;

/// The same in bytes, for long rows: 4 MiB was no faster.
const AHEAD_BYTES: usize = 1 << 20;

/// Longer rows are left to the readahead of the operating system. Prefetched rows arrive four times
/// as fast, but as small folios of the page cache: later scans of the file took a third longer
/// after rows of 1 MB. Up to 256 KB there was no difference.
const AHEAD_LONGEST_ROW: usize = 512 << 10;

/// Rows of a run whose first is probed to see whether it is in memory.
const SAMPLES: usize = 8;

/// How many rows ahead the processor's caches are prefetched, and how many bytes of a row: the
/// hardware prefetcher takes care of the rest.
const PREFETCH_ROWS: usize = 8;
const PREFETCH_BYTES: usize = 256;

/// Rows that follow each other and cannot be lent in place are decoded together, up to this many
/// bytes.
const RUN_BYTES: usize = 256 << 10;

/// A source to fetch rows from.
pub(crate) struct Gather<'a, T, S> {
    source: &'a S,
    in_place: Option<&'a [T]>,
    row_len: usize,
    /// How many rows are prefetched at a time; 0 for none.
    ahead: usize,
    /// The most adjacent rows that are decoded together.
    run: usize,
}

impl<'a, T: Element, S: Source<T>> Gather<'a, T, S> {
    /// A gather for scattered rows: those that are not in memory are requested ahead.
    pub(crate) fn scattered(source: &'a S) -> Self {
        let neighbours = Self::neighbours(source);
        let row_bytes = (neighbours.row_len * size_of::<T>()).max(1);
        let ahead = if row_bytes <= AHEAD_LONGEST_ROW {
            (AHEAD_BYTES / row_bytes).clamp(1, AHEAD_ROWS)
        } else {
            0
        };
        Self { ahead, ..neighbours }
    }

    /// A gather for long runs of ascending rows, which the operating system reads ahead by itself.
    pub(crate) fn neighbours(source: &'a S) -> Self {
        let row_len = source.shape().row_len();
        let row_bytes = (row_len * size_of::<T>()).max(1);
        let run = source.rows_at_a_time().max(RUN_BYTES / row_bytes).max(1);
        Self { source, in_place: source.in_place(), row_len, ahead: 0, run }
    }

    /// Whether some of these rows, judged by a sample of this size, have to be read from disk.
    pub(crate) fn any_cold(
        &self,
        rows: impl ExactSizeIterator<Item = usize>,
        sample: usize,
    ) -> bool {
        let step = rows.len().div_ceil(sample).max(1);
        self.ahead > 0 && rows.step_by(step).any(|row| !self.source.is_cached(row))
    }

    /// Copies rows to `out`, one after the other. All rows exist and `out` has exactly their
    /// length.
    pub(crate) fn fetch_in_order(
        &self,
        rows: &[usize],
        out: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        match self.in_place {
            Some(all) if !self.any_cold(rows.iter().copied(), SAMPLES) => {
                self.copy_in_order(all, rows, out);
                Ok(())
            }
            _ => self.fetch(&mut slots(rows, out, self.row_len).collect::<Vec<_>>(), buffer),
        }
    }

    /// Copies each row to its destination. All rows exist and all destinations have the length of a
    /// row.
    pub(crate) fn fetch(
        &self,
        slots: &mut [Slot<'_, T>],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        if !self.any_cold(slots.iter().map(|slot| slot.0), SAMPLES) {
            return self.copy(slots, buffer);
        }
        let len = slots.len();
        let lot = |from: usize| from.min(len)..from.saturating_add(self.ahead).min(len);
        self.ask_for(&slots[lot(0)]);
        for from in (0..len).step_by(self.ahead) {
            self.ask_for(&slots[lot(from + self.ahead)]);
            self.copy(&mut slots[lot(from)], buffer)?;
        }
        Ok(())
    }

    /// Requests rows ahead, adjacent ones as one range.
    fn ask_for(&self, slots: &[Slot<'_, T>]) {
        for run in slots.chunk_by(|(a, _), (b, _)| a == b || a + 1 == *b) {
            if let ([(first, _), ..], [.., (last, _)]) = (run, run) {
                self.source.prefetch(*first..last + 1);
            }
        }
    }

    fn copy(&self, slots: &mut [Slot<'_, T>], buffer: &mut TileBuffer<T>) -> Result<()> {
        let Some(all) = self.in_place else { return self.decode(slots, buffer) };
        for i in 0..slots.len() {
            if let Some((row, _)) = slots.get(i + PREFETCH_ROWS) {
                self.announce(all, *row);
            }
            let (row, to) = &mut slots[i];
            to.copy_from_slice(&all[*row * self.row_len..][..self.row_len]);
        }
        Ok(())
    }

    fn copy_in_order(&self, all: &[T], rows: &[usize], out: &mut [T]) {
        if self.row_len == 1 {
            // The processor prefetches these by itself.
            for (to, &row) in out.iter_mut().zip(rows) {
                *to = all[row];
            }
            return;
        }
        for (i, (to, &row)) in out.chunks_exact_mut(self.row_len.max(1)).zip(rows).enumerate() {
            if let Some(&row) = rows.get(i + PREFETCH_ROWS) {
                self.announce(all, row);
            }
            to.copy_from_slice(&all[row * self.row_len..][..self.row_len]);
        }
    }

    /// Prefetches a row into the processor's caches.
    #[inline]
    fn announce(&self, all: &[T], row: usize) {
        let start = all.as_ptr().wrapping_add(row * self.row_len);
        for at in (0..PREFETCH_BYTES.min(self.row_len * size_of::<T>())).step_by(64) {
            prefetch(start.wrapping_byte_add(at));
        }
    }

    fn decode(&self, mut slots: &mut [Slot<'_, T>], buffer: &mut TileBuffer<T>) -> Result<()> {
        while let Some(&(first, _)) = slots.first() {
            let next_to = |(a, b): &(usize, usize)| a == b || a + 1 == *b;
            let rows = slots.iter().map(|slot| slot.0);
            let follow = rows.clone().zip(rows.skip(1)).take_while(next_to);
            let n = 1 + follow.take_while(|(_, b)| b - first < self.run).count();
            let (run, rest) = slots.split_at_mut(n);
            match run {
                [(row, to)] => self.source.read_rows(*row..*row + 1, to, buffer)?,
                [.., (last, _)] => {
                    let tile = self.source.tile(first..*last + 1, 0..self.row_len, buffer)?;
                    for (row, to) in run {
                        to.copy_from_slice(tile.row(*row - first));
                    }
                }
                [] => {}
            }
            slots = rest;
        }
        Ok(())
    }
}

/// Consecutive slots of `out`, one per row. None if rows are empty.
pub(crate) fn slots<'o, T>(
    rows: &[usize],
    out: &'o mut [T],
    row_len: usize,
) -> impl ExactSizeIterator<Item = Slot<'o, T>> {
    rows.iter().copied().zip(out.chunks_exact_mut(row_len.max(1)))
}

/// Disjoint parts of a slice, each taken by one worker.
pub(crate) fn cut<T>(
    mut rest: &mut [T],
    lengths: impl Iterator<Item = usize>,
) -> Vec<Mutex<&mut [T]>> {
    let mut parts = Vec::with_capacity(lengths.size_hint().0);
    for length in lengths {
        let (part, more) = rest.split_at_mut(length);
        parts.push(Mutex::new(part));
        rest = more;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rowmill_core::{Shape, SliceSource, Tile};

    use super::*;

    /// Rows that are never in memory and never lent in place, with counts of the calls.
    struct Far<'a> {
        rows: SliceSource<'a, u16>,
        log: Mutex<Vec<(&'static str, Range<usize>)>>,
        looks: AtomicUsize,
    }

    impl Source<u16> for Far<'_> {
        fn shape(&self) -> &Shape {
            self.rows.shape()
        }
        fn tile<'a>(
            &'a self,
            rows: Range<usize>,
            cols: Range<usize>,
            buffer: &'a mut TileBuffer<u16>,
        ) -> rowmill_core::Result<Tile<'a, u16>> {
            self.log.lock().push(("read", rows.clone()));
            self.rows.tile(rows, cols, buffer)
        }
        fn is_cached(&self, _: usize) -> bool {
            self.looks.fetch_add(1, Ordering::Relaxed);
            false
        }
        fn prefetch(&self, rows: Range<usize>) {
            self.log.lock().push(("ask", rows));
        }
    }

    fn fetch(rows: &[usize]) -> (Vec<(&'static str, Range<usize>)>, usize) {
        let data: Vec<u16> = (0..2000).collect();
        let source = Far {
            rows: SliceSource::new(&data, [1000, 2]).expect("two a row"),
            log: Mutex::default(),
            looks: AtomicUsize::new(0),
        };
        let mut out = vec![0; rows.len() * 2];
        let mut slots: Vec<_> = slots(rows, &mut out, 2).collect();
        Gather::scattered(&source).fetch(&mut slots, &mut TileBuffer::new()).expect("inside");
        let expected: Vec<u16> =
            rows.iter().flat_map(|&r| [data[2 * r], data[2 * r + 1]]).collect();
        assert_eq!(out, expected);
        (source.log.into_inner(), source.looks.into_inner())
    }

    #[test]
    fn neighbours_and_repeats_are_asked_for_and_read_together() {
        let (log, _) = fetch(&[5, 6, 6, 7, 9, 3, 4]);
        let runs = [5..8, 9..10, 3..5];
        let ask = runs.clone().map(|run| ("ask", run));
        let read = runs.map(|run| ("read", run));
        assert_eq!(log, [ask, read].concat());
    }

    #[test]
    fn the_next_lot_is_asked_for_before_one_is_read() {
        let rows: Vec<usize> = (0..1000).rev().collect();
        let (log, looks) = fetch(&rows);
        assert_eq!(log.len(), 2000);
        assert!(log[..2 * AHEAD_ROWS].iter().all(|(what, _)| *what == "ask"));
        assert_eq!(log[2 * AHEAD_ROWS], ("read", 999..1000));
        assert_eq!(looks, 1, "the first that is cold settles it");
    }

    #[test]
    fn nothing() {
        assert_eq!(fetch(&[]), (vec![], 0));
    }
}
