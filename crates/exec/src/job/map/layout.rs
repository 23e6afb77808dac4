//! The layout of an output relative to its input.

use std::ops::Range;

use rowmill_core::Element;

use super::chunk::Unit;
use super::fill::Fill;
use crate::engine::Engine;
use crate::engine::input::Input;
use crate::engine::plan::Plan;

/// Output that is computed in the cache at a time, in bytes.
const STAGE: usize = 128 << 10;

/// Smaller chunks of a map are combined, in bytes: each one has bookkeeping costs.
const SMALLEST_CHUNK: usize = 64 << 10;

/// The layout of an output relative to its input: the unit of its chunks, and the size of an item
/// in both.
pub(super) struct Layout {
    pub(super) unit: Unit,
    /// The dimensions of the output.
    pub(super) dims: Vec<usize>,
    /// The number of items.
    pub(super) items: usize,
    /// The elements of a row of input.
    row_len: usize,
    /// The bytes of an item of the input.
    pub(super) in_bytes: usize,
    /// The elements of an item of the output.
    pub(super) out_item: usize,
    /// The bytes of an element of the output.
    pub(super) size: usize,
}

impl Layout {
    pub(super) fn new<U: Element>(fill: &dyn Fill<U>) -> Self {
        Self::of(fill.input(), &fill.row_dims(), fill.within_rows(), size_of::<U>())
    }

    fn of(input: &dyn Input, row_dims: &[usize], within_rows: bool, size: usize) -> Self {
        let (shape, in_size) = (input.shape(), input.dtype().size());
        let row_len = shape.row_len();
        let mut dims = shape.dims().get(..1).unwrap_or(&[]).to_vec();
        dims.extend(row_dims);
        // Sizes beyond any file are refused when the output is created.
        let out_row = dims.get(1..).unwrap_or_default().iter();
        let out_len = out_row.fold(1, |n: usize, d| n.saturating_mul(*d));
        if within_rows && row_len == out_len && row_len > 0 {
            let (unit, items) = (Unit::Elements, shape.len());
            return Self { unit, dims, items, row_len, in_bytes: in_size, out_item: 1, size };
        }
        let (unit, items, in_bytes) = (Unit::Rows, shape.rows(), row_len * in_size);
        Self { unit, dims, items, row_len, in_bytes, out_item: out_len, size }
    }

    /// The byte ranges of items in the output.
    pub(super) fn bytes(&self, items: &Range<usize>) -> Range<u64> {
        let at = |item: usize| (item * self.out_item * self.size) as u64;
        at(items.start)..at(items.end)
    }

    pub(super) fn plan(&self, engine: &Engine, input_len: usize, output_len: usize) -> Plan {
        let (most, workers) = (engine.most_chunk_bytes(), engine.workers());
        match self.unit {
            Unit::Elements => {
                let most = whole_rows(most / self.in_bytes.max(self.size), self.row_len);
                Plan::elements(self.items, self.in_bytes, engine.chunk, self.row_len, workers)
                    .finer(most)
            }
            Unit::Rows => {
                // Empty input and output need no chunks, whatever the row count.
                let rows = if input_len == 0 && output_len == 0 { 0 } else { self.items };
                let row_bytes = self.in_bytes.max(self.out_item * self.size);
                Plan::rows(rows, row_bytes, engine.chunk, workers)
                    .coarser(SMALLEST_CHUNK / row_bytes.max(1))
                    .finer(most / row_bytes.max(1))
            }
        }
    }

    /// The number of items whose output is computed in the cache, to be written past it. None if a
    /// row is too long for that, or if the source is read well only many rows at a time.
    pub(super) fn in_cache(&self, input: &dyn Input) -> usize {
        match self.unit {
            _ if input.rows_at_a_time() > 1 => 0,
            Unit::Elements => whole_rows(STAGE / self.size, self.row_len),
            Unit::Rows => STAGE / (self.out_item * self.size).max(1),
        }
    }
}

/// This many elements, rounded down to whole rows if at least one fits.
fn whole_rows(elements: usize, row_len: usize) -> usize {
    if row_len <= elements { elements / row_len.max(1) * row_len } else { elements }
}
