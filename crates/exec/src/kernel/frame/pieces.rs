//! The cells of a partial, by the piece of the result that they belong to: what all reductions over
//! an axis share.

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

/// The states of cells by the piece of the result that they belong to, pieces in order. Over
/// everything there is one piece; of long rows, columns come in one piece for each tile; rows in
/// one for each band.
#[derive(Default)]
pub(crate) struct Pieces(pub(in crate::kernel) Vec<(usize, State)>);

/// How the states of some cells take in those of the same cells of other elements.
type Join<'a> = &'a dyn Fn(&mut State, State);

/// How the states of some cells are put behind bytes.
type Save<'a> = &'a dyn Fn(&State, Vec<u8>) -> Result<Vec<u8>>;

/// How the states of some cells are taken off the beginning of bytes.
type Load<'a> = &'a dyn for<'b> Fn(&'b [u8]) -> Option<(State, &'b [u8])>;

impl Pieces {
    /// The pieces of a state that was made of them.
    pub(in crate::kernel) fn of(state: State) -> Self {
        *state.downcast().expect(OWN)
    }

    /// Takes in the pieces of the blocks that follow.
    pub(in crate::kernel) fn merge(&mut self, next: Self, join: Join<'_>) {
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

    /// As bytes, those of the states by `save`: how serde has a list of pairs.
    pub(in crate::kernel) fn save(&self, save: Save<'_>) -> Result<Vec<u8>> {
        let mut bytes = encoded(&self.0.len(), Vec::new())?;
        for (piece, cells) in &self.0 {
            bytes = save(cells, encoded(piece, bytes)?)?;
        }
        Ok(bytes)
    }

    /// The pieces that bytes stand for, all of them; `load` takes a state off their beginning.
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

    /// Whether these are the pieces of some blocks, each with cells that `is_valid` accepts by
    /// their room: bytes read from a file may be anything.
    ///
    /// Every state of every kernel over an axis comes through here; a kernel gets to see no room
    /// but the one that the grid gives.
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
        // Only as many rooms are made as there are pieces.
        self.0.len() == len && self.0.iter().zip(rooms).all(matches)
    }
}

/// Results of so many cells are made in place, or by all workers.
pub(in crate::kernel) const MANY_CELLS: usize = 1 << 16;

/// A value behind bytes that are there.
///
/// # Errors
/// [`Error::Unsaved`] for what serde has no form for.
pub(crate) fn encoded(value: &impl Serialize, bytes: Vec<u8>) -> Result<Vec<u8>> {
    postcard::to_extend(value, bytes).map_err(|e| Error::Unsaved { what: e.to_string() })
}

/// A state at the beginning of bytes, and the bytes behind it.
pub(in crate::kernel) fn taken<C: DeserializeOwned + Send + 'static>(
    bytes: &[u8],
) -> Option<(State, &[u8])> {
    let (cells, rest) = postcard::take_from_bytes::<C>(bytes).ok()?;
    Some((Box::new(cells), rest))
}
