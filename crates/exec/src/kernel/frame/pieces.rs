//! The cells of a partial, by the piece of the result that they belong to: common to all reductions
//! over an axis.

use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::OWN;
use crate::engine::grid::Grid;
use crate::error::{Error, Result};
use crate::kernel::NanPolicy;
use crate::kernel::frame::room::Room;
use crate::kernel::reduce::State;
use rowmill_lanes::fold::Cell;

/// The states of cells by the piece of the result that they belong to, in order. Over everything
/// there is one piece; columns of long rows have one per tile; rows have one per band.
#[derive(Default)]
pub(crate) struct Pieces(pub(in crate::kernel) Vec<(usize, State)>);

/// Merges the states of the same cells of other elements.
type Join<'a> = &'a dyn Fn(&mut State, State);

/// Appends the serialized states of some cells to bytes.
type Save<'a> = &'a dyn Fn(&State, Vec<u8>) -> Result<Vec<u8>>;

/// Deserializes the states of some cells from the start of bytes.
type Load<'a> = &'a dyn for<'b> Fn(&'b [u8]) -> Option<(State, &'b [u8])>;

impl Pieces {
    /// Downcasts a state that was made from pieces.
    pub(in crate::kernel) fn of(state: State) -> Self {
        *state.downcast().expect(OWN)
    }

    /// Merges the pieces of the blocks that follow.
    pub(in crate::kernel) fn merge(&mut self, next: Self, join: Join<'_>) {
        let mut next = next.0.into_iter().peekable();
        // The common cases, in place: the same piece, or pieces that follow.
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

    fn interleave(&mut self, next: impl Iterator<Item = (usize, State)>, join: Join<'_>) {
        let mut merged: Vec<(usize, State)> = Vec::with_capacity(self.0.len());
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

    /// Serializes the pieces, each state by `save`, like a list of pairs in serde.
    pub(in crate::kernel) fn save(&self, save: Save<'_>) -> Result<Vec<u8>> {
        let mut bytes = encoded(&self.0.len(), Vec::new())?;
        for (piece, cells) in &self.0 {
            bytes = save(cells, encoded(piece, bytes)?)?;
        }
        Ok(bytes)
    }

    /// Deserializes all of the bytes; `load` takes a state off their beginning.
    pub(in crate::kernel) fn load(bytes: &[u8], load: Load<'_>) -> Option<Self> {
        let (len, mut rest) = postcard::take_from_bytes::<usize>(bytes).ok()?;
        let mut pieces = Vec::new();
        for _ in 0..len {
            let (piece, of_cells) = postcard::take_from_bytes(rest).ok()?;
            let (cells, more) = load(of_cells)?;
            pieces.push((piece, cells));
            rest = more;
        }
        rest.is_empty().then_some(Self(pieces))
    }

    /// Whether these are exactly the pieces of these blocks, each with cells that `is_valid`
    /// accepts for their room: bytes read from a file may be anything.
    ///
    /// Every state of every kernel over an axis is checked here; a kernel never sees a room that
    /// the grid did not give.
    pub(in crate::kernel) fn are_valid(
        &self,
        cell: Cell,
        nan: NanPolicy,
        grid: &Grid,
        blocks: Range<usize>,
        is_valid: &dyn Fn(&State, &Room<'_>) -> bool,
    ) -> bool {
        let Some((len, rooms)) = Room::of_pieces(cell, nan, grid, blocks) else {
            return false;
        };
        let matches = |((piece, cells), (expected, room)): (&(usize, State), (usize, Room<'_>))| {
            *piece == expected && is_valid(cells, &room)
        };
        // Rooms are computed only as long as there are pieces.
        self.0.len() == len && self.0.iter().zip(rooms).all(matches)
    }
}

/// Answers with this many cells are assembled in place, or by all workers.
pub(in crate::kernel) const MANY_CELLS: usize = 1 << 16;

/// Appends a serialized value to bytes.
///
/// # Errors
/// [`Error::Unsaved`] if serde cannot serialize it.
pub(crate) fn encoded(value: &impl Serialize, bytes: Vec<u8>) -> Result<Vec<u8>> {
    postcard::to_extend(value, bytes).map_err(|e| Error::Unsaved { what: e.to_string() })
}

/// Deserializes a state from the start of bytes, and returns the rest.
pub(in crate::kernel) fn taken<C: DeserializeOwned + Send + 'static>(
    bytes: &[u8],
) -> Option<(State, &[u8])> {
    let (cells, rest) = postcard::take_from_bytes::<C>(bytes).ok()?;
    Some((Box::new(cells), rest))
}
