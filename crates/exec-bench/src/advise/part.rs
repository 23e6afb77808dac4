//! A run of rows of an array, as an array of its own, for probes.

use std::ops::Range;
use std::sync::Arc;

use rowmill_core::{Element, Result, Shape, Source, Tile, TileBuffer};

/// Some rows of a source. One type for all sources: jobs are compiled for each type.
#[derive(Clone)]
pub(super) struct Part<T: Element> {
    source: Arc<dyn Source<T> + Send>,
    first: usize,
    shape: Shape,
}

impl<T: Element> Part<T> {
    /// Rows `rows` of `source`; all of them where the shape allows no other.
    pub(super) fn new(source: impl Source<T> + Send + 'static, rows: Range<usize>) -> Self {
        let mut dims = source.shape().dims().to_vec();
        if let Some(first) = dims.first_mut() {
            *first = rows.len();
        }
        let (first, shape) = match Shape::new(dims) {
            Ok(shape) => (rows.start, shape),
            Err(_) => (0, source.shape().clone()),
        };
        Self { source: Arc::new(source), first, shape }
    }
}

impl<T: Element> Source<T> for Part<T> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        self.source.tile(self.rows_in_base(rows), cols, buffer)
    }

    fn base(&self) -> Option<&dyn Source<T>> {
        Some(&*self.source)
    }

    fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
        self.first + rows.start..self.first + rows.end
    }

    fn in_place(&self) -> Option<&[T]> {
        let row_len = self.shape.row_len();
        let first = self.first * row_len;
        self.source.in_place()?.get(first..first + self.shape.len())
    }

    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<()> {
        self.source.read_rows(self.rows_in_base(rows), to, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowmill_core::SliceSource;
    use rowmill_exec::{Engine, Sum};

    #[test]
    fn a_part_is_an_array() {
        let numbers: Vec<i32> = (0..3000).collect();
        let expected = numbers[30..330].to_vec();
        let x = SliceSource::new(&*numbers.leak(), [1000, 3]).expect("whole rows");
        let part = Part::new(x, 10..110);
        assert_eq!(part.shape().dims(), [100, 3]);
        assert_eq!(part.in_place(), Some(&*expected));
        let sum = Engine::new().expect("threads").reduce(&part, Sum::all()).expect("small");
        assert_eq!(sum, (30..330).sum::<i64>());
        let mut row = [0; 3];
        part.read_rows(99..100, &mut row, &mut TileBuffer::new()).expect("inside");
        assert_eq!(row, [327, 328, 329]);
    }
}
