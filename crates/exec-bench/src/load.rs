//! A whole array in memory, the alternative to a mapping.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rowmill_core::{Element, Shape, Source, Tile, TileBuffer, zeros};
use rowmill_exec::Engine;

use crate::{Error, Result};

/// The bytes that a thread reads at a time.
const PART: usize = 1 << 20;

/// A shared array in memory.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    data: Arc<Vec<T>>,
    shape: Shape,
}

impl<T: Element> Loaded<T> {
    /// Reads rows of an array on `threads` threads.
    ///
    /// # Errors
    /// [`Error::NoMemory`], and those of reading.
    pub fn read(source: &impl Source<T>, rows: Range<usize>, threads: usize) -> Result<Self> {
        let row_len = source.shape().row_len();
        let len = rows.len() * row_len;
        let mut data: Vec<T> =
            zeros(len).ok_or(Error::NoMemory { bytes: (len * size_of::<T>()) as u64 })?;
        let step = (PART / (row_len * size_of::<T>()).max(1)).max(1).max(source.rows_at_a_time());
        let parts = Mutex::new(data.chunks_mut((step * row_len).max(1)).enumerate());
        let take = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || -> Result<()> {
            let mut buffer = TileBuffer::new();
            while let Some((i, part)) = take() {
                let first = rows.start + i * step;
                source.read_rows(first..first + part.len() / row_len, part, &mut buffer)?;
            }
            Ok(())
        };
        join(threads, work)?;
        source.check()?;
        let mut dims = source.shape().dims().to_vec();
        if let Some(first) = dims.first_mut() {
            *first = rows.len();
        }
        let shape = Shape::new(dims).map_err(rowmill_exec::Error::kernel)?;
        Ok(Self { data: Arc::new(data), shape })
    }

    /// As [`read`](Self::read): all rows, on the workers of an engine.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn all(source: &impl Source<T>, engine: &Engine) -> Result<Self> {
        Self::read(source, 0..source.shape().rows(), engine.workers())
    }

    /// The elements, for writing; `None` while others hold them.
    pub fn elements_mut(&mut self) -> Option<&mut [T]> {
        Arc::get_mut(&mut self.data).map(Vec::as_mut_slice)
    }

    /// The elements.
    #[must_use]
    pub fn elements(&self) -> &[T] {
        &self.data
    }
}

impl<T: Element> Source<T> for Loaded<T> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        _: &'a mut TileBuffer<T>,
    ) -> rowmill_core::Result<Tile<'a, T>> {
        let (all, row_len) = (self.shape.rows(), self.shape.row_len());
        if rows.start > rows.end || rows.end > all {
            return Err(rowmill_core::Error::RowRange {
                start: rows.start,
                end: rows.end,
                rows: all,
            });
        }
        if cols.start > cols.end || cols.end > row_len {
            let (start, end) = (cols.start, cols.end);
            return Err(rowmill_core::Error::RowRange { start, end, rows: row_len });
        }
        let first = (rows.start * row_len + cols.start).min(self.data.len());
        Ok(Tile::new(&self.data[first..], rows.len(), cols.len(), row_len))
    }

    fn in_place(&self) -> Option<&[T]> {
        Some(&self.data)
    }
}

/// Runs the same work on some threads, this one among them; returns the first error.
pub(crate) fn join(threads: usize, work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&work)).collect();
        let mine = work();
        let panicked = |_| Err(Error::WorkerPanicked);
        others.into_iter().fold(mine, |all, other| all.and(other.join().unwrap_or_else(panicked)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowmill_core::SliceSource;
    use rowmill_exec::Sum;

    #[test]
    fn what_is_loaded_is_what_was_there() {
        let numbers: Vec<u16> = (0..60_000).collect();
        let x = SliceSource::new(&numbers, [20_000, 3]).expect("whole rows");
        let all = Loaded::read(&x, 0..20_000, 3).expect("memory");
        assert_eq!(all.elements(), numbers);
        let mut some = Loaded::read(&x, 7..9, 1).expect("memory");
        assert_eq!((some.shape().dims(), some.elements()), (&[2, 3][..], &numbers[21..27]));
        assert!(some.elements_mut().is_some());
        let engine = Engine::new().expect("threads");
        let sums = [engine.reduce(&all, Sum::all()), engine.reduce(&x, Sum::all())];
        let sums = sums.map(|sum| sum.expect("no overflow"));
        assert_eq!(sums[0], sums[1]);
        let mut buffer = TileBuffer::new();
        let tile = all.tile(1..3, 1..3, &mut buffer).expect("inside");
        assert_eq!((tile.row(0), tile.row(1)), (&[4, 5][..], &[7, 8][..]));
        assert!(all.tile(0..20_001, 0..3, &mut buffer).is_err());
        assert!(all.tile(0..1, 0..4, &mut buffer).is_err());
    }

    #[test]
    fn nothing_can_be_loaded_too() {
        let x = SliceSource::<f32>::new(&[], [0, 3]).expect("no rows");
        assert_eq!(Loaded::read(&x, 0..0, 2).expect("memory").elements(), [0.0; 0]);
        let x = SliceSource::<f32>::new(&[], [5, 0]).expect("no columns");
        assert_eq!(Loaded::read(&x, 0..5, 2).expect("memory").shape().dims(), [5, 0]);
    }
}
