//! The cells of a partial, by the piece of the result that they belong to: what all reductions over
//! an axis share.

use std::ops::Range;

use rowmill_core::Shape;
use serde::{Deserialize, Serialize};

use crate::grid::Grid;
use crate::kernel::NanPolicy;
use crate::kernel::room::Room;
use crate::{Error, Result};
use rowmill_lanes::fold::Cell;

/// Cells by the piece of the result that they belong to, pieces in order. Over everything there is
/// one piece; of long rows, columns come in one piece for each tile; rows in one for each band.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pieces<C>(pub(in crate::kernel) Vec<(usize, C)>);

impl<C> Default for Pieces<C> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<C> Pieces<C> {
    /// Takes in the pieces of the blocks that follow.
    pub(in crate::kernel) fn merge(&mut self, next: Self, join: impl Fn(&mut C, C)) {
        let mut next = next.0.into_iter().peekable();
        // The usual cases, in place: the same piece, or pieces that follow.
        if let (Some((last, cells)), Some(first)) = (self.0.last_mut(), next.peek().map(|n| n.0)) {
            if *last > first {
                return self.interleave(next, join);
            }
            if let Some((_, more)) = next.next_if(|_| *last == first) {
                join(cells, more);
            }
        }
        self.0.extend(next);
    }

    fn interleave(&mut self, next: impl Iterator<Item = (usize, C)>, join: impl Fn(&mut C, C)) {
        let mut merged: Vec<(usize, C)> = Vec::with_capacity(self.0.len());
        let mut mine = std::mem::take(&mut self.0).into_iter().peekable();
        for (piece, cells) in next {
            while let Some(earlier) = mine.next_if(|(p, _)| *p < piece) {
                merged.push(earlier);
            }
            if let Some((_, mut own)) = mine.next_if(|(p, _)| *p == piece) {
                join(&mut own, cells);
                merged.push((piece, own));
            } else {
                merged.push((piece, cells));
            }
        }
        merged.extend(mine);
        self.0 = merged;
    }

    /// Whether these are the pieces of some blocks, each with cells that `fits` accepts, by the room that
    /// they have: what was read from a file may be anything.
    ///
    /// Every state of every kernel over an axis comes through here; a kernel gets to see no room but the
    /// one that the grid gives.
    pub(in crate::kernel) fn are(
        &self,
        cell: Cell,
        nan: NanPolicy,
        grid: &Grid,
        blocks: Range<usize>,
        fits: impl Fn(&C, &Room<'_>) -> bool,
    ) -> bool {
        let Some((len, rooms)) = Room::of_pieces(cell, nan, grid, blocks) else {
            return false;
        };
        let fits = |((piece, cells), (expected, room)): (&(usize, C), (usize, Room<'_>))| {
            *piece == expected && fits(cells, &room)
        };
        // Only as many rooms are made as there are pieces.
        self.0.len() == len && self.0.iter().zip(rooms).all(fits)
    }
}

/// Results of so many cells are made in place, or by all workers.
pub(in crate::kernel) const MANY_CELLS: usize = 1 << 16;

/// The most cells of a result that no element went into.
const MOST_EMPTY_CELLS: usize = 1 << 24;

/// Room for the values of a result of `len` cells.
///
/// # Errors
/// [`Error::TooManyCells`]. A header of 128 bytes can claim an array without elements that has any
/// number of cells: memory that no data stands behind is not asked for, and no other without a check.
pub(in crate::kernel) fn room_for<V>(shape: &Shape, len: usize) -> Result<Vec<V>> {
    let mut values = Vec::new();
    if shape.is_empty() && len > MOST_EMPTY_CELLS {
        return Err(Error::TooManyCells { cells: len });
    }
    values.try_reserve_exact(len).map_err(|_| Error::TooManyCells { cells: len })?;
    Ok(values)
}
