//! Boxed states: these functions are compiled once per kind of state, which many kernels and
//! elements share.

use serde::Serialize;

use super::CellPlace;
use super::pieces::encoded;
use crate::engine::OWN;
use crate::error::Result;
use crate::kernel::frame::room::Room;
use crate::kernel::reduce::State;

pub(super) fn join<S: 'static>(cells: &mut State, next: State, merge: &dyn Fn(&mut S, S)) {
    let cells: &mut Vec<S> = cells.downcast_mut().expect(OWN);
    let next: Vec<S> = *next.downcast().expect(OWN);
    for (state, next) in cells.iter_mut().zip(next) {
        merge(state, next);
    }
}

pub(super) fn are_valid<S: 'static>(
    cells: &State,
    room: &Room<'_>,
    is_valid: &dyn Fn(&S, &Room<'_>) -> bool,
) -> bool {
    let cells: &Vec<S> = cells.downcast_ref().expect(OWN);
    let mut numbered = cells.iter().enumerate();
    cells.len() == room.cells() && numbered.all(|(i, state)| is_valid(state, &room.of_cell(i)))
}

pub(super) fn save<S: Serialize + 'static>(cells: &State, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let cells: &Vec<S> = cells.downcast_ref().expect(OWN);
    encoded(cells, bytes)
}

/// Adds the values of cells, the first of which is at a place; the value of a new state if there
/// are none.
pub(super) fn values<S: 'static, V>(
    values: &mut Vec<V>,
    cells: Option<&State>,
    new: &dyn Fn() -> S,
    at: &CellPlace<'_>,
    value: &dyn Fn(&S, &CellPlace<'_>) -> Result<V>,
) -> Result<()> {
    let Some(cells) = cells else {
        values.push(value(&new(), at)?);
        return Ok(());
    };
    let cells: &Vec<S> = cells.downcast_ref().expect(OWN);
    let mut at = *at;
    for state in cells {
        values.push(value(state, &at)?);
        at.index += 1;
    }
    Ok(())
}
