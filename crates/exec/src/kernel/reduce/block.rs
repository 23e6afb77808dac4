//! [`Block`]: the elements that a reduction sees at a time, and their position in the array.

use std::ops::Range;

use rowmill_core::Tile;
use rowmill_lanes::arch::Isa;

use crate::engine::grid::Bounds;
use crate::engine::scratch::Scratch;

/// One block of an array: some rows, or a run of elements of long rows.
///
/// The bounds of blocks depend on the shape and the dtype alone, never on workers or chunks.
/// Otherwise they are an implementation detail: a kernel must accept any.
#[derive(Debug)]
pub struct Block<'a, T> {
    tile: Tile<'a, T>,
    bounds: Bounds,
    row_len: usize,
    isa: Isa,
    scratch: &'a Scratch,
    releases: bool,
}

impl<'a, T> Block<'a, T> {
    pub(crate) fn new(
        tile: Tile<'a, T>,
        bounds: Bounds,
        row_len: usize,
        isa: Isa,
        scratch: &'a Scratch,
    ) -> Self {
        Self { tile, bounds, row_len, isa, scratch, releases: false }
    }

    /// Whether inputs that a kernel reads beside the block, like a mask, are released afterwards.
    pub(crate) fn releasing(self, releases: bool) -> Self {
        Self { releases, ..self }
    }

    pub(crate) fn releases(&self) -> bool {
        self.releases
    }

    /// Some rows of the block.
    pub(crate) fn sub_rows(&self, range: Range<usize>) -> Self {
        let first = self.bounds.rows.start;
        let rows = first + range.start..first + range.end;
        let bounds = Bounds { rows, cols: self.bounds.cols.clone(), ..self.bounds };
        Self { tile: self.tile.sub_rows(range), bounds, ..*self }
    }

    /// The elements.
    #[must_use]
    pub fn tile(&self) -> Tile<'a, T> {
        self.tile
    }

    /// The rows of the array that the block holds.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.bounds.rows.clone()
    }

    /// The elements of each row that the block holds, in C order within the row.
    #[must_use]
    pub fn cols(&self) -> Range<usize> {
        self.bounds.cols.clone()
    }

    /// The number of elements of a whole row of the array.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// The elements as slices, in order: one if they are contiguous, else one per row.
    pub fn slices(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        self.tile.slices()
    }

    /// The instruction set that the job runs on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn scratch(&self) -> &'a Scratch {
        self.scratch
    }
}
