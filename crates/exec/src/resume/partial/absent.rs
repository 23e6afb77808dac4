//! [`Absent`]

use std::ops::Range;

use rowmill_core::{Element, Error, Shape, Source, Tile, TileBuffer};

/// An array known by its shape only: see [`Partial::absent`](crate::Partial::absent).
#[derive(Clone, Debug)]
pub struct Absent(pub(super) Shape);

impl<T: Element> Source<T> for Absent {
    fn shape(&self) -> &Shape {
        &self.0
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        _: Range<usize>,
        _: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>, Error> {
        let Range { start, end } = rows;
        Err(Error::RowRange { start, end, rows: 0 })
    }
}
