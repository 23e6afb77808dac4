//! Decodes elements that cannot be lent in place: foreign byte order, misaligned offsets, Fortran
//! order, and files that are read instead of mapped.

use std::ops::Range;

use bytemuck::Zeroable;

use crate::dtype::ByteOrder;
use crate::element::Element;
use crate::error::Result;
use crate::format::Meta;
use crate::format::npy::Record;
use crate::shape::Order;
use crate::tile::TileBuffer;
use crate::tile::decode::{Columns, MOST_COLUMNS, side_by_side, swap, swap_from};

/// The bytes of a file.
pub(crate) trait Fetch {
    /// The bytes in place, if the file is mapped.
    fn in_place(&self, offset: usize, len: usize) -> Option<&[u8]>;

    /// Copies the bytes at `offset` to `to`.
    fn copy(&self, offset: usize, to: &mut [u8]) -> Result<()>;
}

impl Meta {
    /// Whether the elements of a row, and the rows, are contiguous in the file. A Fortran-order
    /// array with one axis longer than 1 is in C order as well.
    pub(crate) fn is_row_major(&self) -> bool {
        self.order == Order::C || self.shape.dims().iter().filter(|&&d| d > 1).count() <= 1
    }

    /// The best number of rows to read at a time: a page of each column.
    pub(crate) fn rows_at_a_time(&self) -> usize {
        if self.is_row_major() { 1 } else { 4096 / self.dtype.size() }
    }

    /// Decodes a tile into `buffer.stored`, in row-major order without gaps. The ranges have been
    /// checked against the shape, and the shape against the file.
    pub(crate) fn decode<T: Element>(
        &self,
        bytes: &impl Fetch,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        buffer.stored.resize(rows.len() * cols.len(), T::Stored::zeroed());
        self.decode_into::<T>(bytes, rows, cols, &mut buffer.stored)
    }

    /// Decodes a tile into `out`, which has the length of the tile.
    pub(crate) fn decode_into<T: Element>(
        &self,
        bytes: &impl Fetch,
        rows: Range<usize>,
        cols: Range<usize>,
        out: &mut [T::Stored],
    ) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        if let Some(record) = self.record {
            let out = bytemuck::must_cast_slice_mut(out);
            self.decode_records(record, bytes, rows, cols, out)
        } else if self.is_row_major() {
            self.decode_rows::<T>(bytes, rows, cols, out)
        } else {
            self.gather(bytes, rows, cols, bytemuck::must_cast_slice_mut(out))
        }
    }

    fn decode_rows<T: Element>(
        &self,
        bytes: &impl Fetch,
        rows: Range<usize>,
        cols: Range<usize>,
        out: &mut [T::Stored],
    ) -> Result<()> {
        let row_len = self.shape.row_len();
        // Whole rows are one run.
        let run = if cols.len() == row_len { out.len() } else { cols.len() };
        for (i, part) in out.chunks_mut(run).enumerate() {
            let at = self.position((rows.start + i) * row_len + cols.start);
            let part: &mut [u8] = bytemuck::must_cast_slice_mut(part);
            if self.byte_order == ByteOrder::NATIVE {
                bytes.copy(at, part)?;
            } else if let Some(from) = bytes.in_place(at, part.len()) {
                swap_from(from, part, self.dtype.word_size());
            } else {
                bytes.copy(at, part)?;
                swap(part, self.dtype.word_size());
            }
        }
        Ok(())
    }

    /// One field of records: the records are read a piece at a time.
    fn decode_records(
        &self,
        record: Record,
        bytes: &impl Fetch,
        rows: Range<usize>,
        cols: Range<usize>,
        out: &mut [u8],
    ) -> Result<()> {
        const PIECE: usize = 64 << 10;
        let (size, row_len) = (self.dtype.size(), self.shape.row_len());
        let mut piece = Vec::new();
        // Whole rows are one run.
        let run = if cols.len() == row_len { out.len() / size } else { cols.len() };
        for (i, mut to) in out.chunks_mut(run * size).enumerate() {
            let mut next = (rows.start + i) * row_len + cols.start;
            while !to.is_empty() {
                // To the end of a record, or several whole ones.
                let within = next % record.len;
                let left = to.len() / size;
                let most = (PIECE / record.size).max(1) * record.len;
                let n = if within > 0 { record.len - within } else { most }.min(left);
                let (at, end) = (self.position(next), self.position(next + n - 1) + size);
                let from = match bytes.in_place(at, end - at) {
                    Some(from) => from,
                    None => {
                        piece.resize(end - at, 0);
                        bytes.copy(at, &mut piece)?;
                        &piece[..]
                    }
                };
                let (here, rest) = to.split_at_mut(n * size);
                let field = record.len * size;
                for (to, from) in here.chunks_mut(field).zip(from.chunks(record.size)) {
                    to.copy_from_slice(&from[..to.len()]);
                }
                (to, next) = (rest, next + n);
            }
        }
        if self.byte_order != ByteOrder::NATIVE {
            swap(out, self.dtype.word_size());
        }
        Ok(())
    }

    /// Fortran order: for each element of a row, the rows are contiguous in the file. Columns are
    /// transposed side by side, enough for each cache line of a row to be written once, and the
    /// next ones are prefetched meanwhile.
    fn gather(
        &self,
        bytes: &impl Fetch,
        rows: Range<usize>,
        cols: Range<usize>,
        out: &mut [u8],
    ) -> Result<()> {
        let size = self.dtype.size();
        let (width, len) = (cols.len(), rows.len() * size);
        let at_once = side_by_side(size).min(width);
        let at = |c: usize| self.position(self.fortran_index(rows.start, cols.start + c));
        // The last columns are transposed together with some that were done before.
        let groups = width.div_ceil(at_once);
        let first = |group: usize| (group * at_once).min(width - at_once);
        let mapped = bytes.in_place(self.position(0), 0).is_some();
        let in_place = |group: usize| {
            let mut lines: [&[u8]; MOST_COLUMNS] = [&[]; MOST_COLUMNS];
            if mapped && group < groups {
                for (c, line) in lines[..at_once].iter_mut().enumerate() {
                    *line = bytes.in_place(at(first(group) + c), len).unwrap_or_default();
                }
            }
            lines
        };
        let foreign = self.byte_order != ByteOrder::NATIVE;
        let mut copies = vec![0; if mapped { 0 } else { at_once * len }];
        let mut next = in_place(0);
        for group in 0..groups {
            let mut lines = next;
            next = in_place(group + 1);
            if !mapped {
                for (c, copy) in copies.chunks_exact_mut(len).enumerate() {
                    bytes.copy(at(first(group) + c), copy)?;
                }
                for (line, copy) in lines.iter_mut().zip(copies.chunks_exact(len)) {
                    *line = copy;
                }
            }
            let ahead = if mapped && group + 1 < groups { at_once } else { 0 };
            let swap = foreign && !self.dtype.is_complex();
            Columns { lines: &lines[..at_once], next: &next[..ahead], size, swap }
                .turn(&mut out[first(group) * size..], width * size);
        }
        if foreign && self.dtype.is_complex() {
            // Elements are moved as a whole, and then their halves are swapped one by one.
            swap(out, self.dtype.word_size());
        }
        Ok(())
    }

    /// Encodes whole rows into the file's layout, passing `(offset, bytes)` runs to `put`.
    pub(crate) fn encode<T: Element>(
        &self,
        first_row: usize,
        values: &[T],
        mut put: impl FnMut(usize, &[u8]),
    ) {
        let row_len = self.shape.row_len();
        let fix = |v: T| {
            let stored = v.store();
            if self.byte_order == ByteOrder::NATIVE { stored } else { T::swap(stored) }
        };
        if values.is_empty() {
            return;
        }
        if self.is_row_major() {
            let at = self.position(first_row * row_len);
            if self.byte_order == ByteOrder::NATIVE {
                put(at, T::bytes(values));
                return;
            }
            const PIECE: usize = 4096;
            let mut piece = Vec::with_capacity(PIECE.min(values.len()));
            for (i, part) in values.chunks(PIECE).enumerate() {
                piece.clear();
                piece.extend(part.iter().map(|&v| fix(v)));
                put(at + i * PIECE * size_of::<T>(), bytemuck::must_cast_slice(&piece));
            }
            return;
        }
        let mut line = Vec::with_capacity(values.len() / row_len);
        for c in 0..row_len {
            line.clear();
            line.extend(values[c..].iter().step_by(row_len).map(|&v| fix(v)));
            let at = self.position(self.fortran_index(first_row, c));
            put(at, bytemuck::must_cast_slice(&line));
        }
    }

    /// The byte offset of the element at `index` in file order.
    pub(crate) fn position(&self, index: usize) -> usize {
        let size = self.dtype.size();
        let from_start = match self.record {
            None => index * size,
            Some(record) if record.len == 0 => 0,
            Some(record) => index / record.len * record.size + index % record.len * size,
        };
        self.offset as usize + from_start
    }

    /// The position in Fortran order of element `col` (counted in C order within a row) of a row.
    fn fortran_index(&self, row: usize, col: usize) -> usize {
        let dims = self.shape.dims();
        let mut rest = col;
        let mut index = 0;
        // Horner's scheme from the last axis (slowest in Fortran order) cannot be used directly,
        // because the last axis is the fastest of the C-order index: digits come out in the
        // order in which they are needed.
        for &d in dims.iter().skip(1).rev() {
            index = index * d + rest % d;
            rest /= d;
        }
        index * self.shape.rows() + row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::format::Format;
    use crate::shape::Shape;

    #[test]
    fn fortran_indices_follow_numpy() {
        let meta = Meta {
            format: Format::Raw,
            dtype: DType::U8,
            byte_order: ByteOrder::NATIVE,
            order: Order::F,
            shape: Shape::new([2, 3, 4]).expect("small"),
            offset: 0,
            columns: None,
            record: None,
        };
        // strides in Fortran order: 1, 2, 6
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    assert_eq!(meta.fortran_index(i, j * 4 + k), i + 2 * j + 6 * k);
                }
            }
        }
        assert!(!meta.is_row_major());
        let flat = Meta { shape: Shape::new([1, 5, 1]).expect("small"), ..meta };
        assert!(flat.is_row_major());
    }
}
