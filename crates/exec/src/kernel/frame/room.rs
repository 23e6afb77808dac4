//! The room of a cell: how much of an array can have gone into it. All states from files are
//! checked against it in one place: [`Pieces::are_valid`](super::frame::pieces::Pieces::are_valid).

use std::ops::Range;

use crate::engine::grid::Grid;
use crate::kernel::{NanPolicy, Numeric};
use rowmill_lanes::fold::{Cell, Limits};
use rowmill_lanes::lanes::Lane;

/// An upper bound on the elements of the cells of a piece, or of one of them.
///
/// It follows from the grid, the axis and the blocks alone. States within it can be merged and
/// finished without overflow: counts fit `i64`, and sums of integers fit `i128` with headroom.
#[derive(Clone, Debug)]
pub struct Room<'a> {
    /// The number of cells.
    pub(in crate::kernel) cells: usize,
    /// The most elements per cell, at least one.
    pub(in crate::kernel) elements: u64,
    nan: NanPolicy,
    cell: Cell,
    rows: Range<usize>,
    cols: Range<usize>,
    grid: &'a Grid,
    blocks: Range<usize>,
}

impl<'a> Room<'a> {
    /// The number of pieces of some blocks, and the pieces in order, each with its room. `None` for
    /// blocks outside the grid, and for a grid that is larger than any file.
    pub(in crate::kernel) fn of_pieces(
        cell: Cell,
        nan: NanPolicy,
        grid: &'a Grid,
        blocks: Range<usize>,
    ) -> Option<(usize, impl Iterator<Item = (usize, Self)>)> {
        let inside = grid.fits_a_file() && blocks.start <= blocks.end && blocks.end <= grid.len();
        if !inside {
            return None;
        }
        let (bands, [tiles, more_tiles]) = (grid.bands_of(&blocks), grid.tiles_of(&blocks));
        let (pieces, more) = match cell {
            Cell::All => (0..usize::from(!blocks.is_empty()), 0..0),
            Cell::Column => (tiles, more_tiles),
            Cell::Row => (bands, 0..0),
        };
        let room = move |piece: usize| {
            let (rows, cols, cells, elements) = match cell {
                Cell::All => {
                    let (rows, cols) = (grid.rows_of(grid.bands_of(&blocks)), 0..grid.row_len());
                    (rows, cols, 1, grid.elements_of(&blocks))
                }
                Cell::Column => {
                    let rows = grid.rows_of(grid.bands_below(piece, &blocks));
                    let (cols, len) = (grid.cols_of(piece..piece + 1), rows.len());
                    (rows, cols.clone(), cols.len(), len)
                }
                Cell::Row => {
                    let cols = grid.cols_of(grid.tiles_beside(piece, &blocks));
                    let (rows, len) = (grid.rows_of(piece..piece + 1), cols.len());
                    (rows.clone(), cols, rows.len(), len)
                }
            };
            let (elements, blocks) = (elements as u64, blocks.clone());
            (piece, Room { cells, elements, nan, cell, rows, cols, grid, blocks })
        };
        Some((pieces.len() + more.len(), pieces.chain(more).map(room)))
    }

    /// The room of a single cell.
    pub(in crate::kernel) fn of_cell(&self, i: usize) -> Self {
        let mut room = Self { cells: 1, ..self.clone() };
        match self.cell {
            Cell::All => {}
            Cell::Column => room.cols = self.cols.start + i..self.cols.start + i + 1,
            Cell::Row => room.rows = self.rows.start + i..self.rows.start + i + 1,
        }
        room
    }

    /// The number of cells.
    pub(in crate::kernel) fn cells(&self) -> usize {
        self.cells
    }

    /// The number of elements of a row of the array.
    pub(in crate::kernel) fn row_len(&self) -> usize {
        self.grid.row_len()
    }

    /// Whether a cell can hold this many rows.
    pub(in crate::kernel) fn counts_rows(&self, rows: u64) -> bool {
        rows <= self.rows.len() as u64
    }

    /// Whether a cell can hold this many elements.
    #[must_use]
    pub fn counts(&self, elements: u64) -> bool {
        elements <= self.elements
    }

    /// Whether a cell can hold the sum of these numbers of elements.
    pub(in crate::kernel) fn counts_all(&self, elements: impl IntoIterator<Item = u64>) -> bool {
        let total = elements.into_iter().try_fold(0_u64, u64::checked_add);
        total.is_some_and(|total| self.counts(total))
    }

    /// Whether a cell can hold the element at this position of the array, in C order.
    #[must_use]
    pub fn holds(&self, at: u64) -> bool {
        let (Ok(at), row_len) = (usize::try_from(at), self.grid.row_len()) else { return false };
        let (row, col) = (at / row_len.max(1), at % row_len.max(1));
        self.rows.contains(&row)
            && self.cols.contains(&col)
            && self.blocks.contains(&self.grid.block_at(row, col))
    }

    /// Whether the policy lets NaN into a cell.
    pub(in crate::kernel) fn takes_nan<L: Lane>(&self) -> bool {
        L::FLOAT && self.nan == NanPolicy::Propagate
    }

    /// Whether a cell can hold the element that a lane stands for.
    pub(in crate::kernel) fn takes<T: Numeric>(&self, lane: T::Lane) -> bool {
        if lane.is_nan() {
            return self.takes_nan::<T::Lane>();
        }
        // A value that no element has does not survive the round trip.
        T::to_f64(T::from_lane(lane)) == lane.to_f64()
    }

    /// The same bounds for cells of sums, squares and ranges.
    pub(in crate::kernel) fn limits<T: Numeric>(&self) -> Limits<T::Lane> {
        Limits {
            elements: self.elements,
            least: T::LEAST,
            most: T::MOST,
            takes_nan: self.takes_nan::<T::Lane>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::frame::axis::piece;

    /// The pieces of blocks, element by element: cells, elements of each cell, positions.
    fn naive(cell: Cell, grid: &Grid, blocks: Range<usize>) -> BTreeMap<usize, Vec<Vec<u64>>> {
        let mut pieces = BTreeMap::<usize, Vec<Vec<u64>>>::new();
        for block in blocks.map(|i| grid.block(i)) {
            let cells = match cell {
                Cell::All => 1,
                Cell::Column => block.cols.len(),
                Cell::Row => block.rows.len(),
            };
            let piece = pieces.entry(piece(cell, &block)).or_default();
            piece.resize(cells, Vec::new());
            for row in block.rows.clone() {
                for col in block.cols.clone() {
                    let at = match cell {
                        Cell::All => 0,
                        Cell::Column => col - block.cols.start,
                        Cell::Row => row - block.rows.start,
                    };
                    piece[at].push((row * grid.row_len() + col) as u64);
                }
            }
        }
        pieces
    }

    fn agrees(cell: Cell, grid: &Grid, blocks: Range<usize>) {
        let (len, rooms) =
            Room::of_pieces(cell, NanPolicy::Propagate, grid, blocks.clone()).expect("fits");
        let (rooms, expected) = (rooms.collect::<Vec<_>>(), naive(cell, grid, blocks.clone()));
        assert_eq!((rooms.len(), len), (expected.len(), expected.len()));
        for ((piece, room), (expected, cells)) in rooms.iter().zip(expected) {
            assert_eq!((*piece, room.cells), (expected, cells.len()), "{cell:?} {blocks:?}");
            for (i, positions) in cells.iter().enumerate().step_by(cells.len() / 5 + 1) {
                assert_eq!(room.elements, positions.len() as u64, "{cell:?} {blocks:?}");
                let room = room.of_cell(i);
                let (first, last) = (positions[0], positions[positions.len() - 1]);
                for at in [first.saturating_sub(1), first, first + 1, last, last + 1, u64::MAX] {
                    assert_eq!(room.holds(at), positions.contains(&at), "{cell:?} {blocks:?} {at}");
                }
            }
        }
    }

    #[test]
    fn rooms_hold_the_elements_of_the_blocks_cells() {
        // One tile, several of them, a narrow last one, a short last band.
        let grids = [(70_000, 1, 8), (300, 5000, 4), (130, 4097, 4), (40, 4096, 4)];
        for (rows, row_len, size) in grids {
            let grid = Grid::new(rows, row_len, size);
            let n = grid.len();
            for blocks in [0..0, 0..1, 0..n, n - 1..n, 1..n.min(4), n / 2..n, n / 3..n - 1, n..n] {
                agrees(Cell::All, &grid, blocks.clone());
                agrees(Cell::Column, &grid, blocks.clone());
                agrees(Cell::Row, &grid, blocks);
            }
        }
    }

    #[test]
    fn blocks_outside_have_no_room() {
        let none = |grid: &Grid, blocks| {
            [Cell::All, Cell::Column, Cell::Row].into_iter().all(|cell| {
                Room::of_pieces(cell, NanPolicy::Skip, grid, Range::clone(&blocks)).is_none()
            })
        };
        let grid = Grid::new(3000, 7, 4);
        assert!(!none(&grid, 0..1));
        assert!(none(&grid, 0..grid.len() + 1) && none(&grid, usize::MAX - 1..usize::MAX));
        #[expect(clippy::reversed_empty_ranges, reason = "a file may claim anything")]
        let backwards = 1..0;
        assert!(none(&grid, backwards));
        // No columns, no blocks; and more bytes than the address space.
        assert!(none(&Grid::new(10, 0, 4), 0..1));
        assert!(none(&Grid::new(1 << 62, 1, 8), 0..1));
        // Too many blocks to iterate over.
        let huge = Grid::new(1 << 40, 1 << 20, 4);
        let (pieces, mut rooms) =
            Room::of_pieces(Cell::All, NanPolicy::Skip, &huge, 0..huge.len()).expect("fits");
        assert_eq!((pieces, rooms.next().map(|room| room.1.elements)), (1, Some(1 << 60)));
    }
}
