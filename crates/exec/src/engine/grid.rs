//! The grid: how an array is cut into blocks, the fixed units of arithmetic.
//!
//! The bounds of a block depend only on the length of a row and the size of an element. The last
//! block may be shorter; appended rows lengthen it.
//!
//! ```text
//!  rows of up to 16 KiB                 longer rows
//!  one band = one block                 one band = a row of tiles of 128 rows x 4 KiB
//!  +------------------+                 +------+------+------+---+
//!  | 0                |  512 KiB        | 0    | 1    | 2    | 3 |
//!  +------------------+                 +------+------+------+---+
//!  | 1                |                 | 4    | 5    | 6    | 7 |
//!  +------------------+                 +------+------+------+---+
//! ```
//!
//! Why tiles: the partial of a per-column reduction is as wide as the block. If the blocks of a
//! wide array were a few whole rows, the partials would be as large as the data. With tiles many
//! rows deep they are a few percent of it, and the rows of a tile double as the interleaved streams
//! that a block is read by.

use std::ops::Range;

use rowmill_core::Shape;

/// The approximate size of a block: it fits a second-level cache of 1 MiB together with
/// accumulators, and is large enough to amortize the cost per block and column (settling, merging).
pub(crate) const BLOCK_BYTES: usize = 512 << 10;

/// The longest row, in bytes, that is never cut: 32 rows of it make a block.
const LONGEST_WHOLE_ROW: usize = 16 << 10;

/// The bytes that an element takes up in a block. `f16` is widened to four bytes, a whole block at
/// once, since its additions follow the block's order. One-byte integers are widened piece by
/// piece.
fn size_in_block(element_size: usize) -> usize {
    if element_size == 2 { 4 } else { element_size }
}

/// The bytes of one row of a tile: a page.
const TILE_ROW_BYTES: usize = 4 << 10;

/// The blocks of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    rows: usize,
    row_len: usize,
    element_size: usize,
    /// Rows of a block.
    band_rows: usize,
    /// Elements of a row of a block.
    tile_cols: usize,
}

/// One block of a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The number of its band: its run of rows.
    pub(crate) band: usize,
    /// The number of its tile: its run of columns.
    pub(crate) tile: usize,
    pub(crate) rows: Range<usize>,
    pub(crate) cols: Range<usize>,
}

impl Grid {
    /// The blocks of an array of elements `T`.
    pub(crate) fn of<T>(shape: &Shape) -> Self {
        Self::new(shape.rows(), shape.row_len(), size_of::<T>())
    }

    pub(crate) fn new(rows: usize, row_len: usize, element_size: usize) -> Self {
        let size = size_in_block(element_size);
        let row_bytes = row_len.saturating_mul(size).max(1);
        let (band_rows, tile_cols) = if row_bytes <= LONGEST_WHOLE_ROW {
            let rows = BLOCK_BYTES / row_bytes;
            // Rows are taken eight at a time.
            (if rows > 8 { rows / 8 * 8 } else { rows }, row_len)
        } else {
            (BLOCK_BYTES / TILE_ROW_BYTES, TILE_ROW_BYTES / size)
        };
        Self { rows, row_len, element_size, band_rows, tile_cols }
    }

    /// Rows of a block.
    pub(crate) fn band_rows(&self) -> usize {
        self.band_rows
    }

    /// The number of blocks side by side.
    pub(crate) fn tiles(&self) -> usize {
        if self.row_len == 0 { 0 } else { self.row_len.div_ceil(self.tile_cols) }
    }

    /// The number of bands.
    pub(crate) fn bands(&self) -> usize {
        self.rows.div_ceil(self.band_rows)
    }

    /// Elements of a row of a block.
    pub(crate) fn tile_cols(&self) -> usize {
        self.tile_cols
    }

    /// The number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.bands() * self.tiles()
    }

    /// The bytes of a full block.
    pub(crate) fn block_bytes(&self) -> usize {
        (self.band_rows.min(self.rows) * self.tile_cols * self.element_size).max(1)
    }

    /// The bounds of block `index`.
    pub(crate) fn block(&self, index: usize) -> Bounds {
        let (band, tile) = (index / self.tiles(), index % self.tiles());
        let (row, col) = (band * self.band_rows, tile * self.tile_cols);
        Bounds {
            band,
            tile,
            rows: row..self.rows.min(row + self.band_rows),
            cols: col..self.row_len.min(col + self.tile_cols),
        }
    }

    /// Elements of a row.
    pub(crate) fn row_len(&self) -> usize {
        self.row_len
    }

    /// Whether the byte length of such an array fits the address space, so that such a file can
    /// exist.
    pub(crate) fn fits_a_file(&self) -> bool {
        let elements = self.rows.checked_mul(self.row_len);
        let bytes = elements.and_then(|elements| elements.checked_mul(self.element_size));
        bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
    }

    /// The block of an element of the array.
    pub(crate) fn block_at(&self, row: usize, col: usize) -> usize {
        row / self.band_rows * self.tiles() + col / self.tile_cols
    }

    /// The bands that these blocks lie in.
    pub(crate) fn bands_of(&self, blocks: &Range<usize>) -> Range<usize> {
        if blocks.is_empty() {
            return 0..0;
        }
        blocks.start / self.tiles()..blocks.end.div_ceil(self.tiles())
    }

    /// The tiles that these blocks lie in, in order: blocks that continue in a next band may lack
    /// some in the middle.
    pub(crate) fn tiles_of(&self, blocks: &Range<usize>) -> [Range<usize>; 2] {
        let tiles = self.tiles();
        if blocks.len() >= tiles {
            return [0..tiles, 0..0];
        }
        let (first, len) = (blocks.start % tiles, blocks.len());
        if first + len <= tiles {
            [first..first + len, 0..0]
        } else {
            [0..first + len - tiles, first..tiles]
        }
    }

    /// The bands in which these blocks include this tile.
    pub(crate) fn bands_below(&self, tile: usize, blocks: &Range<usize>) -> Range<usize> {
        let band = |block: usize| block.saturating_sub(tile).div_ceil(self.tiles());
        band(blocks.start)..band(blocks.end)
    }

    /// The tiles of this band that these blocks include.
    pub(crate) fn tiles_beside(&self, band: usize, blocks: &Range<usize>) -> Range<usize> {
        let (first, tiles) = (band * self.tiles(), self.tiles());
        blocks.start.saturating_sub(first).min(tiles)..blocks.end.saturating_sub(first).min(tiles)
    }

    /// The rows of these bands.
    pub(crate) fn rows_of(&self, bands: Range<usize>) -> Range<usize> {
        let row = |band: usize| self.rows.min(band * self.band_rows);
        row(bands.start)..row(bands.end)
    }

    /// The columns of these tiles.
    pub(crate) fn cols_of(&self, tiles: Range<usize>) -> Range<usize> {
        let col = |tile: usize| self.row_len.min(tile * self.tile_cols);
        col(tiles.start)..col(tiles.end)
    }

    /// The number of elements of these blocks.
    pub(crate) fn elements_of(&self, blocks: &Range<usize>) -> usize {
        let before = |block: usize| {
            let (band, tile) = (block / self.tiles(), block % self.tiles());
            let rows = self.rows_of(band..band + 1);
            rows.start * self.row_len + rows.len() * self.cols_of(0..tile).len()
        };
        if blocks.is_empty() { 0 } else { before(blocks.end) - before(blocks.start) }
    }

    /// The rows and columns of these blocks: one rectangle per band, or a single one if each band
    /// is one block.
    pub(crate) fn regions(
        &self,
        blocks: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<'_> {
        let mut next = blocks.start;
        std::iter::from_fn(move || {
            if next >= blocks.end {
                return None;
            }
            let band_end = (next / self.tiles() + 1) * self.tiles();
            let end = if self.tiles() == 1 { blocks.end } else { band_end.min(blocks.end) };
            let (first, last) = (self.block(next), self.block(end - 1));
            next = end;
            Some((first.rows.start..last.rows.end, first.cols.start..last.cols.end))
        })
    }

    /// The bytes of these blocks.
    pub(crate) fn bytes(&self, blocks: Range<usize>) -> u64 {
        self.regions(blocks)
            .map(|(rows, cols)| (rows.len() * cols.len() * self.element_size) as u64)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_typical_chunks() {
        let regions = |grid: &Grid, blocks| grid.regions(blocks).collect::<Vec<_>>();
        let narrow = Grid::new(10_000, 1000, 4); // bands of 128 rows, one block each
        assert_eq!(regions(&narrow, 2..5), [(256..640, 0..1000)]);
        assert_eq!(regions(&narrow, 78..79), [(9984..10_000, 0..1000)]);
        let wide = Grid::new(300, 10_000, 4); // bands of 128 rows, ten tiles of 1024 columns each
        assert_eq!(regions(&wide, 3..5), [(0..128, 3072..5120)]);
        let three_bands = [(0..128, 8192..10_000), (128..256, 0..10_000), (256..300, 0..1024)];
        assert_eq!(regions(&wide, 8..21), three_bands);
        for grid in [narrow, wide, Grid::new(5, 0, 4), Grid::new(0, 5, 4)] {
            assert_eq!(regions(&grid, 0..0), []);
        }
    }

    #[test]
    fn regions_cover_their_blocks_and_nothing_else() {
        for (rows, row_len) in [(300, 7000), (1, 20_000), (3000, 300), (129, 4097)] {
            let grid = Grid::new(rows, row_len, 4);
            for step in [1, 2, 3, 7, 100] {
                let mut seen = vec![0_u8; rows * row_len];
                for start in (0..grid.len()).step_by(step) {
                    let blocks = start..grid.len().min(start + step);
                    let mut elements = 0;
                    for (rows, cols) in grid.regions(blocks.clone()) {
                        elements += rows.len() * cols.len();
                        for row in rows {
                            seen[row * row_len..][cols.clone()].iter_mut().for_each(|n| *n += 1);
                        }
                    }
                    assert_eq!(grid.bytes(blocks), 4 * elements as u64);
                }
                assert!(seen.iter().all(|&n| n == 1), "{rows} x {row_len}, {step} blocks");
            }
        }
    }

    #[test]
    fn blocks_of_typical_shapes() {
        // rows, row_len, size -> band_rows, tiles, blocks
        let cases = [
            ((1_000_000, 1024, 4), (128, 1, 7813)),
            ((1_000_000, 1, 8), (65_536, 1, 16)),
            ((1, 1, 4), (131_072, 1, 1)),
            ((0, 1024, 4), (128, 1, 0)),
            ((10, 0, 4), (524_288, 0, 0)),
            ((1000, 1000, 4), (128, 1, 8)),
            ((1_000_000, 1, 1), (524_288, 1, 2)),
            ((1_000_000, 1, 2), (131_072, 1, 8)),
            ((100, 4096, 4), (32, 1, 4)),
            ((100, 4097, 4), (128, 5, 5)),
            ((8, 1_000_000, 8), (128, 1954, 1954)),
            ((3, 100_000, 1), (128, 25, 25)),
        ];
        for ((rows, row_len, size), (band_rows, tiles, blocks)) in cases {
            let grid = Grid::new(rows, row_len, size);
            assert_eq!((grid.band_rows(), grid.tiles(), grid.len()), (band_rows, tiles, blocks));
        }
    }

    #[test]
    fn blocks_cover_each_element_once() {
        for (rows, row_len, size) in [(200, 7, 8), (65, 5000, 8), (130, 4097, 4), (1, 9, 1)] {
            let grid = Grid::new(rows, row_len, size);
            let mut seen = vec![0_u8; rows * row_len];
            for i in 0..grid.len() {
                let block = grid.block(i);
                for r in block.rows {
                    for c in block.cols.clone() {
                        seen[r * row_len + c] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&n| n == 1));
            assert_eq!(grid.bytes(0..grid.len()), (rows * row_len * size) as u64);
        }
    }

    #[test]
    fn more_rows_leave_earlier_blocks_alone() {
        let (short, long) = (Grid::new(1000, 100, 4), Grid::new(5000, 100, 4));
        for i in 0..short.len() - 1 {
            assert_eq!(short.block(i), long.block(i));
        }
    }
}
