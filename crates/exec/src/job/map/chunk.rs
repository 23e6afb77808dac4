//! Chunks: runs of elements as kernels see them, and how they are cut.

use std::ops::Range;

use parking_lot::Mutex;
use rowmill_core::{Element, Source, TileBuffer};

use crate::engine::plan::Plan;
use crate::error::Result;

/// A run of elements in C order: whole rows, or part of one row for kernels that allow it.
#[derive(Clone, Debug)]
pub struct Chunk<'a, T> {
    data: &'a [T],
    rows: Range<usize>,
    first_col: usize,
    row_len: usize,
}

impl<'a, T> Chunk<'a, T> {
    /// The elements.
    #[must_use]
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// The rows of the array that the chunk holds, or the row that it is part of.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// The position of the first element in its row; 0 if the chunk holds whole rows.
    #[must_use]
    pub fn first_col(&self) -> usize {
        self.first_col
    }

    /// The number of elements per row of the array.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// An iterator over the rows; a single item if the chunk is part of a row.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        let (data, len) = (self.data, self.data.len() / self.rows.len().max(1));
        (0..self.rows.len()).map(move |i| &data[i * len..(i + 1) * len])
    }
}

/// An output in disjoint parts, one per chunk, each taken once. Items have `item_len` elements.
pub(crate) fn parts_of<'a, U>(
    mut output: &'a mut [U],
    plan: &Plan,
    item_len: usize,
) -> Vec<Mutex<&'a mut [U]>> {
    let mut parts = Vec::with_capacity(plan.len());
    for chunk in 0..plan.len() {
        let (part, more) = output.split_at_mut(plan.chunk(chunk).len() * item_len);
        parts.push(Mutex::new(part));
        output = more;
    }
    parts
}

/// The unit in which the range of a chunk is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Rows.
    Rows,
    /// Elements in C order.
    Elements,
}

/// Lends the items `range` to `f`, with the number of the first: at once for whole rows, row by row
/// otherwise. Returns the last result of `f`.
pub(crate) fn each_run<T: Element, R>(
    source: &dyn Source<T>,
    range: Range<usize>,
    unit: Unit,
    buffer: &mut TileBuffer<T>,
    mut f: impl FnMut(Chunk<'_, T>, usize) -> Result<R>,
) -> Result<Option<R>> {
    let row_len = source.shape().row_len();
    let rows = match unit {
        Unit::Rows => range.clone(),
        Unit::Elements
            if range.start.is_multiple_of(row_len) && range.end.is_multiple_of(row_len) =>
        {
            range.start / row_len..range.end / row_len
        }
        Unit::Elements => {
            let mut last = None;
            let mut at = range.start;
            while at < range.end {
                let row = at / row_len;
                let end = range.end.min((row + 1) * row_len);
                let first_col = at - row * row_len;
                let cols = first_col..first_col + (end - at);
                let tile = source.tile(row..row + 1, cols, buffer)?;
                let rows = row..row + 1;
                last = Some(f(Chunk { data: tile.row(0), rows, first_col, row_len }, at)?);
                at = end;
            }
            return Ok(last);
        }
    };
    let data = source.rows(rows.clone(), buffer)?;
    f(Chunk { data, rows, first_col: 0, row_len }, range.start).map(Some)
}
