//! [`SliceSource`]: a slice in memory as a source.

use std::ops::Range;

use crate::element::Element;
use crate::error::{Result, ViewError};
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer, tile_in};
use crate::view::{Source, check_ranges};

/// A slice in memory as a source, in C order.
///
/// ```
/// use rowmill_core::{SliceSource, Source, TileBuffer};
/// let x = SliceSource::new(&[1, 2, 3, 4, 5, 6], [3, 2]).unwrap();
/// assert_eq!(x.rows(1..3, &mut TileBuffer::new()).unwrap(), [3, 4, 5, 6]);
/// ```
#[derive(Clone, Debug)]
pub struct SliceSource<'a, T> {
    data: &'a [T],
    shape: Shape,
}

impl<'a, T: Element> SliceSource<'a, T> {
    /// The elements of `data` as an array of shape `dims`.
    ///
    /// # Errors
    /// [`ViewError::Shape`] if the dimensions are not a valid [`Shape`],
    /// [`ViewError::ElementCount`] if the shape has another number of elements.
    pub fn new(data: &'a [T], dims: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = Shape::new(dims).map_err(|source| ViewError::Shape { source })?;
        if shape.len() == data.len() {
            return Ok(Self { data, shape });
        }
        Err(ViewError::ElementCount { shape, found: data.len() }.into())
    }
}

impl<T: Element> Source<T> for SliceSource<'_, T> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        _: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        check_ranges(&self.shape, &rows, &cols)?;
        Ok(tile_in(self.data, &self.shape, rows, cols))
    }

    fn in_place(&self) -> Option<&[T]> {
        Some(self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_every_kind() {
        let data: Vec<i32> = (0..24).collect();
        let x = SliceSource::new(&data, [4, 2, 3]).expect("24 elements");
        let mut buffer = TileBuffer::new();
        let tile = x.tile(1..3, 2..5, &mut buffer).expect("inside");
        assert_eq!(tile.as_slice(), None);
        assert_eq!(tile.slices().collect::<Vec<_>>(), [&[8, 9, 10][..], &[14, 15, 16]]);
        assert_eq!(tile.sub_rows(1..2).as_slice(), Some(&[14, 15, 16][..]));
        let whole = x.tile(1..3, 0..6, &mut buffer).expect("inside");
        assert_eq!(whole.as_slice(), Some(&data[6..18]));
        assert_eq!(whole.slices().count(), 1);
        assert!(x.tile(4..4, 0..6, &mut buffer).expect("empty").is_empty());
        assert!(x.tile(3..5, 0..6, &mut buffer).is_err());
        assert!(x.tile(0..1, 5..7, &mut buffer).is_err());
        assert!(SliceSource::new(&data, [5, 5]).is_err());
    }
}
