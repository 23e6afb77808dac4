//! Statistics whose states are stored side by side in the cells of `rowmill-lanes`.

use crate::kernel::select::NanPolicy;
use parking_lot::Mutex;
use rowmill_core::{Assembly, Unfilled};

use super::list::{List, check_len};
use super::pieces::encoded;
use super::{CellPlace, JobSelection, TileFold};
use crate::engine::OWN;
use crate::engine::grid::BLOCK_BYTES;
use crate::engine::run::for_each;
use crate::error::{Error, Result};
use crate::kernel::Numeric;
use crate::kernel::frame::room::Room;
use crate::kernel::reduce::{Block, Shared, State};
use rowmill_lanes::fold::{Cell, CellState, Cells, Need};
use rowmill_lanes::lanes::Lane;

/// A kernel whose states are lane cells: sums, squares and ranges, in the loops that all of them
/// share. Implemented by [`Sum`](crate::Sum), [`Mean`](crate::Mean) and the like. For a reduction
/// of your own, implement [`Kernel`](crate::Kernel).
pub trait Statistic<T: Numeric>: Sync {
    /// The value of one cell.
    type Value: Copy + Send + Sync + 'static;

    /// The parts that have to be accumulated.
    fn need(&self) -> Need;

    /// Whether NaN and infinities have to be counted.
    fn special(&self) -> bool;

    /// Name and options.
    fn name(&self) -> String;

    /// The value of cell number `index`.
    fn value(&self, cell: &CellState<T::Lane>, nan: NanPolicy, index: usize)
    -> Result<Self::Value>;

    /// The values of consecutive cells, the first of which has number `first`.
    fn values(
        &self,
        cells: &Cells<T::Lane>,
        nan: NanPolicy,
        first: usize,
        to: &mut Unfilled<'_, Self::Value>,
    ) -> Result<()> {
        let mut index = first;
        cells.try_each(|cell| {
            to.push(self.value(&cell, nan, index)?);
            index += 1;
            Ok(())
        })
    }
}

/// The cells of a block. Not generic over the statistic: `need` and `special` are its
/// [`need`](Statistic::need) and [`special`](Statistic::special).
pub(in crate::kernel) fn fold<T: Numeric>(
    block: &Block<'_, T>,
    selected: &JobSelection<'_, T>,
    (need, special): (Need, bool),
) -> Result<Cells<T::Lane>> {
    let cell = selected.cell;
    if let (Cell::All, Some(selection)) = (cell, selected.mask.fixed())
        && let Some(cells) = T::fold_narrow(block.tile(), block.isa(), need, selection)
    {
        return Ok(cells);
    }
    let tile = block.tile();
    let most = BLOCK_BYTES / size_of::<T::Lane>();
    if tile.len() <= most {
        return fold_lanes(block, selected, (need, special));
    }
    // Widening the whole block would overflow the cache. Only integer types widen this far, and
    // their cells are exact, so they can be merged in any order.
    let mut joined: Option<Cells<T::Lane>> = None;
    let rows = (most / tile.cols().max(1)).max(1);
    for first in (0..tile.rows()).step_by(rows) {
        let part = block.sub_rows(first..tile.rows().min(first + rows));
        let cells = fold_lanes(&part, selected, (need, special))?;
        match (&mut joined, cell) {
            (None, _) => joined = Some(cells),
            (Some(joined), Cell::Row) => joined.append(cells),
            (Some(joined), Cell::All | Cell::Column) => joined.merge(&cells),
        }
    }
    Ok(joined.expect("a block that is too large has rows"))
}

/// The cells of a block, or of some of its rows, computed from lanes.
fn fold_lanes<T: Numeric>(
    block: &Block<'_, T>,
    selected: &JobSelection<'_, T>,
    parts: (Need, bool),
) -> Result<Cells<T::Lane>> {
    T::with_lanes(block.tile(), block.isa(), block.scratch(), |tile| {
        let fold = TileFold::of_lanes(block, tile, selected, parts);
        if fold.is_one_sum()
            && let Some(cells) = selected.mask.sum(&fold)
        {
            return cells;
        }
        let mut cells = None;
        selected.mask.select(&fold, &mut |selection| {
            cells = Some(fold.cells(selection)?);
            Ok(())
        })?;
        Ok(cells.expect("a mask selects once"))
    })
}

/// The cells of a piece.
fn cells_of<L: Lane>(cells: &State) -> &Cells<L> {
    cells.downcast_ref().expect(OWN)
}

/// The values of all cells, computed by all workers if there are many.
pub(in crate::kernel) fn values<T: Numeric, S: Statistic<T>>(
    statistic: &S,
    pieces: &[(usize, State)],
    len: usize,
    at: &CellPlace<'_>,
) -> Result<Box<dyn List>> {
    let pieces: Vec<&Cells<T::Lane>> = pieces.iter().map(|(_, cells)| cells_of(cells)).collect();
    let made: usize = pieces.iter().map(|cells| cells.len()).sum();
    if made >= super::MANY_CELLS && made == len && rayon::current_thread_index().is_some() {
        return Ok(Box::new(many_values(statistic, &pieces, len, at)?));
    }
    check_len(at.shape, len)?;
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| Error::TooManyCells { cells: len })?;
    for cells in pieces {
        cells.try_each(|cell| {
            values.push(statistic.value(&cell, at.nan, values.len())?);
            Ok::<_, Error>(())
        })?;
    }
    let empty = CellState::<T::Lane>::empty();
    while values.len() < len {
        values.push(statistic.value(&empty, at.nan, values.len())?);
    }
    Ok(Box::new(values))
}

fn many_values<T: Numeric, S: Statistic<T>>(
    statistic: &S,
    pieces: &[&Cells<T::Lane>],
    len: usize,
    at: &CellPlace<'_>,
) -> Result<Vec<S::Value>> {
    // All pieces but the last have the same number of cells.
    let piece_len = pieces.first().map_or(0, |cells| cells.len());
    let values = Assembly::new(len, piece_len).ok_or(Error::TooManyCells { cells: len })?;
    let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    for_each(pieces.len(), &|i| {
        let (cells, first) = (pieces[i], i * piece_len);
        let made = values.fill(i, |to| statistic.values(cells, at.nan, first, to));
        if let Err(error) = made {
            let mut earliest = failure.lock();
            if earliest.as_ref().is_none_or(|(earlier, _)| i < *earlier) {
                *earliest = Some((i, error));
            }
        }
    });
    match failure.into_inner() {
        Some((_, error)) => Err(error),
        None => Ok(values.into_vec().expect("every piece filled its part")),
    }
}

/// The shared output that values are written to.
pub(in crate::kernel) fn share<V: Copy + Send + Sync + 'static>(
    len: usize,
    of_block: usize,
) -> Result<Shared> {
    Assembly::<V>::new(len, of_block).map(Shared::new).ok_or(Error::TooManyCells { cells: len })
}

/// Writes the values of a piece to their places.
pub(in crate::kernel) fn place<T: Numeric, S: Statistic<T>>(
    statistic: &S,
    shared: &Shared,
    (piece, cells): (usize, State),
    at: &CellPlace<'_>,
) -> Result<()> {
    let answer: &Assembly<S::Value> = shared.get().expect(OWN);
    answer.fill(piece, |to| statistic.values(cells_of(&cells), at.nan, at.index, to))
}

/// The assembled values.
pub(in crate::kernel) fn placed<V: Copy + Send + Sync + 'static>(shared: Shared) -> Box<dyn List> {
    let answer: Assembly<V> = shared.into_inner().expect(OWN);
    Box::new(answer.into_vec().expect("every block filled its part"))
}

/// As [`Cellular::join`](super::Cellular::join).
pub(in crate::kernel) fn join<L: Lane>(cells: &mut State, next: &State) {
    let cells: &mut Cells<L> = cells.downcast_mut().expect(OWN);
    cells.merge(cells_of(next));
}

/// As [`Cellular::is_valid`](super::Cellular::is_valid).
pub(in crate::kernel) fn is_valid<T: Numeric>(need: Need, cells: &State, room: &Room<'_>) -> bool {
    cells_of::<T::Lane>(cells).are_valid(need, room.cells(), &room.limits::<T>())
}

/// As [`Cellular::counts_agree`](super::Cellular::counts_agree).
pub(in crate::kernel) fn counts_agree<L: Lane>(cells: &State, others: &State) -> bool {
    cells_of::<L>(cells).counts_agree(cells_of(others))
}

/// As [`Cellular::save`](super::Cellular::save).
pub(in crate::kernel) fn save<L: Lane>(cells: &State, bytes: Vec<u8>) -> Result<Vec<u8>> {
    encoded(cells_of::<L>(cells), bytes)
}

/// Makes statistics kernels of the frame: their constructors, and their states in the lanes' cells.
macro_rules! lane_statistics {
    ($name:ident, $value:expr) => {
        impl $name {
            $crate::kernel::frame::axis::for_each_axis!(Self, (), $value);
        }
        $crate::kernel::frame::lane_statistics!($name);
    };
    ($name:ident) => {
        impl<T: $crate::kernel::Numeric> $crate::kernel::frame::Valued<T> for $name {
            type Value = <Self as $crate::kernel::Statistic<T>>::Value;
        }

        const _: () = {
            use rowmill_lanes::fold::Cells;

            use $crate::kernel::Statistic;
            use $crate::kernel::frame::room::Room;
            use $crate::kernel::frame::{CellPlace, Cellular, JobSelection, List, lanes, pieces};
            use $crate::kernel::reduce::{Shared, State};
            use $crate::{Block, Numeric, Result};

            impl<T: Numeric> Cellular<T> for $name {
                fn fold(
                    &self,
                    block: &Block<'_, T>,
                    selected: &JobSelection<'_, T>,
                ) -> Result<State> {
                    let parts = (Statistic::<T>::need(self), Statistic::<T>::special(self));
                    Ok(Box::new(T::cells(block, selected, parts)?))
                }
                fn join(&self, cells: &mut State, next: State) {
                    lanes::join::<T::Lane>(cells, &next);
                }
                fn is_valid(&self, cells: &State, room: &Room<'_>) -> bool {
                    lanes::is_valid::<T>(Statistic::<T>::need(self), cells, room)
                }
                fn counts_agree(&self, cells: &State, others: &State) -> bool {
                    lanes::counts_agree::<T::Lane>(cells, others)
                }
                fn save(&self, cells: &State, bytes: Vec<u8>) -> Result<Vec<u8>> {
                    lanes::save::<T::Lane>(cells, bytes)
                }
                fn load<'b>(&self, bytes: &'b [u8]) -> Option<(State, &'b [u8])> {
                    pieces::taken::<Cells<T::Lane>>(bytes)
                }
                fn values(
                    &self,
                    pieces: &[(usize, State)],
                    len: usize,
                    at: &CellPlace<'_>,
                ) -> Result<Box<dyn List>> {
                    lanes::values::<T, _>(self, pieces, len, at)
                }
                fn share(&self, len: usize, of_block: usize) -> Result<Shared> {
                    lanes::share::<<Self as Statistic<T>>::Value>(len, of_block)
                }
                fn place(
                    &self,
                    shared: &Shared,
                    piece: (usize, State),
                    at: &CellPlace<'_>,
                ) -> Result<()> {
                    lanes::place::<T, _>(self, shared, piece, at)
                }
                fn placed(
                    &self,
                    shared: Shared,
                    _: &rowmill_core::Shape,
                    _: usize,
                ) -> Result<Box<dyn List>> {
                    Ok(lanes::placed::<<Self as Statistic<T>>::Value>(shared))
                }
                fn describe(&self) -> Option<String> {
                    Some(Statistic::<T>::name(self))
                }
            }
        };
    };
}
pub(in crate::kernel) use lane_statistics;
