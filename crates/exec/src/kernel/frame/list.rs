//! The values of an answer as they are assembled: lists whose type only their kernel and their
//! reduction know.

use std::any::Any;
use std::collections::BTreeMap;

use parking_lot::Mutex;
use rowmill_core::Shape;

use super::CellPlace;
use super::axis::Values;
use crate::engine::OWN;
use crate::error::{Error, Result};
use crate::kernel::reduce::{Answer, Shared, State};

/// The most cells of a result whose cells are all empty.
const MOST_EMPTY_CELLS: usize = 1 << 24;

/// The values of some cells, type-erased.
pub trait List: Any + Send {
    /// The number of values.
    fn count(&self) -> usize;

    /// Reserves memory for `len` values in all; returns whether that succeeded.
    fn reserve(&mut self, len: usize) -> bool;

    /// Appends the values of the following cells.
    fn append(&mut self, next: Box<dyn List>);

    /// The answer: [`Values`] of these dimensions.
    fn into_answer(self: Box<Self>, dims: Vec<usize>) -> Answer;
}

impl<V: Send + 'static> List for Vec<V> {
    fn count(&self) -> usize {
        self.len()
    }
    fn reserve(&mut self, len: usize) -> bool {
        self.try_reserve_exact(len).is_ok()
    }
    fn append(&mut self, next: Box<dyn List>) {
        let next: Box<dyn Any> = next;
        self.append(&mut next.downcast::<Self>().expect(OWN));
    }
    fn into_answer(self: Box<Self>, dims: Vec<usize>) -> Answer {
        Box::new(Values::new(*self, dims))
    }
}

/// The list that a kernel made, with its type.
pub(super) fn own<V: 'static>(list: &mut dyn List) -> &mut Vec<V> {
    (list as &mut dyn Any).downcast_mut().expect(OWN)
}

/// A kernel that makes the values of its cells one after another.
pub(super) trait Lists {
    /// An empty list.
    fn list(&self) -> Box<dyn List>;

    /// Adds the values of cells, the first of which is at a place; `None` is a cell without
    /// elements.
    fn extend(&self, list: &mut dyn List, cells: Option<&State>, at: &CellPlace<'_>) -> Result<()>;
}

/// Values that are computed block by block, where no two blocks share a cell: by piece.
type Made = Mutex<BTreeMap<usize, Box<dyn List>>>;

/// The shared output that lists are written to.
pub(super) fn share() -> Shared {
    Shared::new(Made::default())
}

/// Writes the values of a piece to their places.
pub(super) fn place(
    kernel: &dyn Lists,
    shared: &Shared,
    (piece, cells): (usize, State),
    at: &CellPlace<'_>,
) -> Result<()> {
    let mut values = kernel.list();
    kernel.extend(&mut *values, Some(&cells), at)?;
    let made: &Made = shared.get().expect(OWN);
    made.lock().insert(piece, values);
    Ok(())
}

/// The assembled values.
pub(super) fn placed(
    kernel: &dyn Lists,
    shared: Shared,
    shape: &Shape,
    len: usize,
) -> Result<Box<dyn List>> {
    let made: Made = shared.into_inner().expect(OWN);
    let mut values = room_for(kernel, shape, len)?;
    made.into_inner().into_values().for_each(|list| values.append(list));
    if values.count() == len { Ok(values) } else { Err(Error::TooManyCells { cells: len }) }
}

/// The values of all cells of an answer. Arrays without elements have empty cells.
pub(super) fn values(
    kernel: &dyn Lists,
    pieces: &[(usize, State)],
    len: usize,
    at: &CellPlace<'_>,
) -> Result<Box<dyn List>> {
    let mut values = room_for(kernel, at.shape, len)?;
    for (_, cells) in pieces {
        let at = at.plus(values.count());
        kernel.extend(&mut *values, Some(cells), &at)?;
    }
    while values.count() < len {
        let at = at.plus(values.count());
        kernel.extend(&mut *values, None, &at)?;
    }
    Ok(values)
}

/// Checks that an answer of `len` cells may be made from an array.
///
/// # Errors
/// [`Error::TooManyCells`]. A header of 128 bytes can claim an empty array with any number of
/// cells: memory without data behind it is limited, and every other allocation is checked.
pub(crate) fn check_len(shape: &Shape, len: usize) -> Result<()> {
    let too_many = shape.is_empty() && len > MOST_EMPTY_CELLS;
    if too_many { Err(Error::TooManyCells { cells: len }) } else { Ok(()) }
}

fn room_for(kernel: &dyn Lists, shape: &Shape, len: usize) -> Result<Box<dyn List>> {
    check_len(shape, len)?;
    let mut list = kernel.list();
    if list.reserve(len) { Ok(list) } else { Err(Error::TooManyCells { cells: len }) }
}
