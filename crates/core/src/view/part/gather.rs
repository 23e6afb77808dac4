//! A part as a source: lent in place if possible, otherwise gathered.

use std::borrow::Cow;
use std::ops::Range;

use super::Part;
use crate::element::Element;
use crate::error::Result;
use crate::identity::Identity;
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer};
use crate::view::{Source, check_ranges};

/// Gaps of up to this length between two runs of bytes are read with them: a system call, or a pass
/// through the decoder, takes about as long.
const GAP_BYTES: usize = 1 << 10;

/// The same between rows of a column, in a column-major source: less than a page.
const COLUMN_GAP_BYTES: usize = 4 << 10;

/// The most bytes that are read at once, if there is a choice.
const MOST_BYTES: usize = 1 << 20;

/// Rows that are this far apart are released one by one.
const RELEASE_GAP_BYTES: usize = 64 << 10;

/// The smallest run that holds both, if the gap between them is at most `gap` and its length at
/// most `most`.
fn joined(a: &Range<usize>, b: &Range<usize>, gap: usize, most: usize) -> Option<Range<usize>> {
    let both = a.start.min(b.start)..a.end.max(b.end);
    let between = both.len().saturating_sub(a.len() + b.len());
    (between <= gap && both.len() <= most).then_some(both)
}

/// Copies runs of a row from `from`, which begins at element `at`, to `to`.
fn copy_runs<T: Copy>(from: &[T], at: usize, runs: &[Range<usize>], to: &mut [T]) {
    let mut rest = to;
    for run in runs {
        let (here, more) = rest.split_at_mut(run.len());
        match here {
            // Single elements are frequent, and a call to copy them is not free.
            [one] => *one = from[run.start - at],
            here => here.copy_from_slice(&from[run.start - at..][..run.len()]),
        }
        rest = more;
    }
}

/// Runs of a row that are read together.
struct Group {
    /// From the first to the last element, including gaps.
    hull: Range<usize>,
    /// The numbers of these runs.
    runs: Range<usize>,
    /// Their position in a row of the part, and the number of their elements.
    to: Range<usize>,
}

impl<S> Part<S> {
    fn groups<T: Element>(runs: &[Range<usize>], by_columns: bool) -> Vec<Group> {
        let size = size_of::<T>();
        let gap = if by_columns { 0 } else { GAP_BYTES / size };
        let most = MOST_BYTES / size;
        let mut groups: Vec<Group> = Vec::new();
        for (i, run) in runs.iter().enumerate() {
            if let Some(last) = groups.last_mut()
                && let Some(hull) = joined(&last.hull, run, gap, most)
            {
                *last = Group {
                    hull,
                    runs: last.runs.start..i + 1,
                    to: last.to.start..last.to.end + run.len(),
                };
            } else {
                let start = groups.last().map_or(0, |last| last.to.end);
                groups.push(Group {
                    hull: run.clone(),
                    runs: i..i + 1,
                    to: start..start + run.len(),
                });
            }
        }
        groups
    }

    /// Passes runs of the rows to `f`, with the source rows from the first to the last of each.
    fn each_run(
        &self,
        rows: Range<usize>,
        gap: usize,
        most: usize,
        mut f: impl FnMut(Range<usize>, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let one = |i: usize| self.rows.at(i)..self.rows.at(i) + 1;
        let mut first = rows.start;
        while first < rows.end {
            let (mut hull, mut next) = (one(first), first + 1);
            while next < rows.end
                && let Some(both) = joined(&hull, &one(next), gap, most)
            {
                (hull, next) = (both, next + 1);
            }
            f(first..next, hull)?;
            first = next;
        }
        Ok(())
    }

    /// Copies a section of the part to `to`, in row-major order.
    fn copy<T: Element>(
        &self,
        rows: Range<usize>,
        cols: Range<usize>,
        to: &mut [T],
        inner: &mut TileBuffer<T>,
    ) -> Result<()>
    where
        S: Source<T>,
    {
        let (first, width) = (rows.start, cols.len());
        if rows.is_empty() || width == 0 {
            return Ok(());
        }
        let runs = self.columns.runs(cols);
        if let Some(all) = self.source.in_place() {
            let row_len = self.source.shape().row_len();
            for (i, to) in rows.zip(to.chunks_exact_mut(width)) {
                copy_runs(&all[self.rows.at(i) * row_len..][..row_len], 0, &runs, to);
            }
            return Ok(());
        }
        let at_a_time = self.source.rows_at_a_time();
        let by_columns = at_a_time > 1;
        for group in Self::groups::<T>(&runs, by_columns) {
            let size = size_of::<T>();
            let gap = match by_columns {
                true => COLUMN_GAP_BYTES / size,
                false => GAP_BYTES / (self.source.shape().row_len() * size),
            };
            let most = (MOST_BYTES / (group.hull.len() * size)).max(at_a_time);
            self.each_run(rows.clone(), gap, most, |some, hull| {
                let cols = group.hull.clone();
                let start = hull.start;
                let tile = self.source.tile(hull, cols, inner)?;
                for i in some {
                    let to = &mut to[(i - first) * width..][group.to.clone()];
                    let from = tile.row(self.rows.at(i) - start);
                    copy_runs(from, group.hull.start, &runs[group.runs.clone()], to);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// A section of the part, gathered.
    fn gathered<'a, T: Element>(
        &self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<&'a [T]>
    where
        S: Source<T>,
    {
        let (values, inner) = buffer.nested(rows.len() * cols.len());
        self.copy(rows, cols, values, inner)?;
        Ok(values)
    }

    fn lend<'a, T: Element>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>>
    where
        S: Source<T>,
    {
        check_ranges(&self.shape, &rows, &cols)?;
        let (n, width) = (rows.len(), cols.len());
        if n == 0 || width == 0 {
            return Ok(Tile::new(&[], n, width, width));
        }
        if let Some((rows, cols)) = self.as_tile(&rows, &cols) {
            return self.source.tile(rows, cols, buffer);
        }
        if let Some(all) = self.source.in_place()
            && let Some(tile) = self.stepped(all, self.source.shape().row_len(), &rows, &cols)
        {
            return Ok(tile);
        }
        Ok(Tile::new(self.gathered(rows, cols, buffer)?, n, width, width))
    }

    /// Rows at a regular step of elements in place, with rows `stride` apart; not empty.
    fn stepped<'a, V>(
        &self,
        all: &'a [V],
        stride: usize,
        rows: &Range<usize>,
        cols: &Range<usize>,
    ) -> Option<Tile<'a, V>> {
        let (step, cols) = (self.rows.rising_step()?, self.columns.consecutive(cols)?);
        let start = self.rows.at(rows.start) * stride + cols.start;
        Some(Tile::new(&all[start..], rows.len(), cols.len(), step * stride))
    }
}

impl<T: Element, S: Source<T>> Source<T> for Part<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        self.lend(rows, cols, buffer)
    }

    fn rows<'a>(&'a self, rows: Range<usize>, buffer: &'a mut TileBuffer<T>) -> Result<&'a [T]> {
        let cols = 0..self.shape.row_len();
        check_ranges(&self.shape, &rows, &cols)?;
        match self.whole_rows(&rows) {
            Some(rows) => self.source.rows(rows, buffer),
            None => self.gathered(rows, cols, buffer),
        }
    }

    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        let cols = 0..self.shape.row_len();
        check_ranges(&self.shape, &rows, &cols)?;
        assert_eq!(to.len(), rows.len() * cols.len(), "room for exactly these rows");
        match self.whole_rows(&rows) {
            Some(rows) => self.source.read_rows(rows, to, buffer),
            None => self.copy(rows, cols, to, buffer),
        }
    }

    fn base(&self) -> Option<&dyn Source<T>> {
        Some(&self.source)
    }

    /// The names of the selected elements.
    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        let all = self.source.column_names()?;
        if self.columns.is_all() {
            return Some(all);
        }
        Some((0..self.columns.len()).map(|col| all[self.columns.at(col)].clone()).collect())
    }

    /// The identity of the source, with the selection.
    fn identity(&self) -> Option<Identity> {
        let whole = self.source.identity()?;
        if self.rows.is_all(self.source.shape().rows()) && self.columns.is_all() {
            return Some(whole);
        }
        let mut part = Vec::new();
        self.rows.describe(&mut part);
        self.columns.describe(&mut part);
        Some(whole.of_part(&part))
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        if check_ranges(&self.shape, &rows, &cols).is_err() || rows.is_empty() || cols.is_empty() {
            return;
        }
        let runs = self.columns.runs(cols);
        let start = runs.iter().map(|run| run.start).min().unwrap_or(0);
        let end = runs.iter().map(|run| run.end).max().unwrap_or(0);
        let row_bytes = (self.source.shape().row_len() * size_of::<T>()).max(1);
        // Bytes in between were not read by this part: releasing them does no harm.
        let _ = self.each_run(rows, RELEASE_GAP_BYTES / row_bytes, usize::MAX, |_, hull| {
            self.source.release(hull, start..end);
            Ok(())
        });
    }

    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        check_ranges(&self.shape, &rows, &cols).ok()?;
        if rows.is_empty() || cols.is_empty() {
            return None;
        }
        if let Some((rows, cols)) = self.as_tile(&rows, &cols) {
            return self.source.stored(rows, cols);
        }
        let (step, cols) = (self.rows.rising_step()?, self.columns.consecutive(&cols)?);
        let hull = self.rows.at(rows.start)..self.rows.at(rows.end - 1) + 1;
        let tile = self.source.stored(hull, cols)?;
        let (data, stride) = tile.parts();
        Some(Tile::new(data, rows.len(), tile.cols(), step * stride))
    }

    fn in_place(&self) -> Option<&[T]> {
        let all = self.source.in_place()?;
        if self.shape.is_empty() {
            return Some(&[]);
        }
        let row_len = self.source.shape().row_len();
        let (rows, cols) = self.as_tile(&(0..self.shape.rows()), &(0..self.shape.row_len()))?;
        let follow = cols.len() == row_len || rows.len() == 1;
        follow.then(|| &all[rows.start * row_len + cols.start..][..self.shape.len()])
    }

    fn is_cached(&self, row: usize) -> bool {
        row >= self.rows.len()
            || !self.reads_most_of_rows()
            || self.source.is_cached(self.rows.at(row))
    }

    fn prefetch(&self, rows: Range<usize>) {
        if rows.start < rows.end && rows.end <= self.rows.len() && self.reads_most_of_rows() {
            let _ = self.each_run(rows, 0, usize::MAX, |_, hull| {
                self.source.prefetch(hull);
                Ok(())
            });
        }
    }
}

impl<S> Part<S> {
    /// The source rows of these rows, if they are contiguous and whole.
    fn whole_rows(&self, rows: &Range<usize>) -> Option<Range<usize>> {
        self.rows.consecutive(rows).filter(|_| self.columns.is_all())
    }

    /// Whether to prefetch whole rows of the source: otherwise little of them would be used.
    fn reads_most_of_rows(&self) -> bool {
        self.columns.len() >= self.columns.of().div_ceil(2)
    }
}
