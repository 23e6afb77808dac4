//! A block before folding: the selection applied, NaN removed, special values counted.

use crate::kernel::select::NanPolicy;
use rowmill_core::Tile;

use super::JobSelection;
use crate::engine::grid::Bounds;
use crate::engine::scratch::Scratch;
use crate::error::{Error, Result};
use crate::kernel::Numeric;
use crate::kernel::reduce::Block;
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::{Cell, Cells, FoldOrder, Need, Selection, Special};
use rowmill_lanes::lanes::Lane;

/// A block that is being folded into cells.
#[derive(Debug)]
pub struct TileFold<'a, T: Numeric> {
    block: &'a Block<'a, T>,
    tile: Tile<'a, T::Lane>,
    cell: Cell,
    nan: NanPolicy,
    need: Need,
    /// Whether NaN and infinities matter.
    wanted: bool,
}

impl<'a, T: Numeric> TileFold<'a, T> {
    pub(in crate::kernel) fn releases(&self) -> bool {
        self.block.releases()
    }

    pub(in crate::kernel) fn isa(&self) -> Isa {
        self.block.isa()
    }

    pub(in crate::kernel) fn scratch(&self) -> &'a Scratch {
        self.block.scratch()
    }

    /// The number of elements.
    pub(in crate::kernel) fn len(&self) -> usize {
        self.tile.len()
    }

    /// The bounds of the block, and the row length of the array.
    pub(in crate::kernel) fn place(&self) -> (&Bounds, usize) {
        (self.block.bounds(), self.block.row_len())
    }

    fn order<'b>(&self, selection: Selection<'b, T::Lane>) -> FoldOrder<'b, T::Lane>
    where
        'a: 'b,
    {
        FoldOrder {
            isa: self.block.isa(),
            cell: self.cell,
            need: self.need,
            whole_rows: self.block.cols().len() == self.block.row_len(),
            tile: self.tile,
            selection,
        }
    }

    /// The cells of a selection, by the loops over lanes.
    fn select(&self, selection: Selection<'_, T::Lane>) -> Cells<T::Lane> {
        T::Lane::fold(&self.order(selection))
    }

    /// Whether only sums are needed, in a single cell.
    pub(in crate::kernel) fn is_one_sum(&self) -> bool {
        self.need == Need::Sum && self.cell == Cell::All
    }

    /// The cell of the elements that satisfy a predicate, by separate loops; a single sum only.
    pub(in crate::kernel) fn sum_of(
        &self,
        predicate: &(impl Fn(T::Lane) -> bool + Sync),
    ) -> Cells<T::Lane> {
        self.order(Selection::Every).sum_of(predicate)
    }

    /// Writes the decisions of a predicate, a byte per element.
    pub(in crate::kernel) fn decide_by(
        &self,
        keep: &mut [u8],
        predicate: &impl Fn(T::Lane) -> bool,
    ) {
        for (keep, x) in keep.iter_mut().zip(elements(&self.tile)) {
            *keep = u8::from(predicate(x));
        }
    }

    /// Writes which elements are selected, a byte per element.
    pub(in crate::kernel) fn decide(&self, selection: Selection<'_, T::Lane>, keep: &mut [u8]) {
        match selection {
            Selection::Every => keep.fill(1),
            Selection::Kept(bytes) => keep.copy_from_slice(bytes),
            Selection::Within(interval) => self.decide_by(keep, &|x| interval.contains(x)),
        }
    }

    /// The cells of a selection, with NaN and infinities counted if wanted.
    pub(in crate::kernel) fn cells(
        &self,
        selection: Selection<'_, T::Lane>,
    ) -> Result<Cells<T::Lane>> {
        if matches!(selection, Selection::Within(_)) && self.need != Need::Sum {
            // Decided first: only a sum merits separate loops.
            let mut keep = self.scratch().take::<u8>(self.tile.len());
            self.decide(selection, &mut keep);
            return self.cells(Selection::Kept(&keep));
        }
        self.checked(self.select(selection), |keep| self.decide(selection, keep))
    }

    /// Blocks without NaN and infinities, which show in the sums, take one pass through the loops;
    /// the others are scanned. `decide` writes which elements were selected.
    pub(in crate::kernel) fn checked(
        &self,
        mut cells: Cells<T::Lane>,
        decide: impl FnOnce(&mut [u8]),
    ) -> Result<Cells<T::Lane>> {
        if !T::Lane::FLOAT || !self.wanted || cells.is_clean() {
            return Ok(cells);
        }
        let tile = &self.tile;
        let mut keep = self.scratch().take::<u8>(tile.len());
        decide(&mut keep);
        let special = count_special(self.cell, tile, &keep);
        if special.nan.iter().any(|&n| n > 0) && self.nan != NanPolicy::Propagate {
            self.take_out_nan(&mut keep)?;
            cells = self.select(Selection::Kept(&keep));
        }
        cells.set_special(special);
        Ok(cells)
    }
}

impl<'a, T: Numeric> TileFold<'a, T> {
    /// A block to be folded into cells with these parts; `special` says that NaN and infinities are
    /// counted.
    pub(in crate::kernel) fn of_lanes(
        block: &'a Block<'a, T>,
        tile: Tile<'a, T::Lane>,
        selected: &JobSelection<'_, T>,
        (need, special): (Need, bool),
    ) -> Self {
        let JobSelection { cell, nan, .. } = *selected;
        let wanted = special || nan != NanPolicy::Propagate;
        Self { block, tile, cell, nan, need, wanted }
    }

    /// A block whose cells are computed without the loops over lanes.
    pub(in crate::kernel) fn new(
        block: &'a Block<'a, T>,
        tile: Tile<'a, T::Lane>,
        cell: Cell,
        nan: NanPolicy,
    ) -> Self {
        Self { block, tile, cell, nan, need: Need::Sum, wanted: nan != NanPolicy::Propagate }
    }

    /// Applies the NaN policy to the selected elements; returns whether `keep` was changed.
    pub(in crate::kernel) fn take_out_nan(&self, keep: &mut [u8]) -> Result<bool> {
        if !T::Lane::FLOAT || self.nan == NanPolicy::Propagate {
            return Ok(false);
        }
        let (block, cols) = (self.block, self.tile.cols());
        let mut changed = false;
        for (i, (keep, x)) in keep.iter_mut().zip(elements(&self.tile)).enumerate() {
            if *keep != 0 && x.is_nan() {
                if self.nan == NanPolicy::Error {
                    return Err(Error::NanFound {
                        row: block.rows().start + i / cols,
                        element: block.cols().start + i % cols,
                    });
                }
                *keep = 0;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Whether there is a NaN, kept or not.
    pub(in crate::kernel) fn any_nan(&self) -> bool {
        // Slice by slice, in loops without an early exit, which are vectorized.
        let nan = |x: &[T::Lane]| x.iter().fold(false, |nan, x| nan | x.is_nan());
        T::Lane::FLOAT && self.tile.slices().any(|x| x.chunks(1 << 12).any(nan))
    }
}

/// The elements of a tile in row-major order.
fn elements<'a, L: Lane>(tile: &Tile<'a, L>) -> impl Iterator<Item = L> + use<'a, L> {
    tile.slices().flatten().copied()
}

/// Counts NaN and infinities among the selected elements.
fn count_special<L: Lane>(cell: Cell, tile: &Tile<'_, L>, keep: &[u8]) -> Special {
    let cells = cell.count(tile);
    let mut special = Special { nan: vec![0; cells], inf: vec![0; cells] };
    let cols = tile.cols();
    for (row, (x, keep)) in tile.iter_rows().zip(keep.chunks(cols.max(1))).enumerate() {
        let mut count = |cell: usize, x: L, keep: u8| {
            special.nan[cell] += u64::from(keep != 0 && x.is_nan());
            special.inf[cell] += u64::from(keep != 0 && x.is_infinite());
        };
        for (col, (&x, &keep)) in x.iter().zip(keep).enumerate() {
            match cell {
                Cell::All => count(0, x, keep),
                Cell::Column => count(col, x, keep),
                Cell::Row => count(row, x, keep),
            }
        }
    }
    special
}
