//! [`Computed`]: a source whose elements are a chain of functions of another's elements.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use rowmill_core::{
    Error as FileError, Identity, Result, Shape, Source, SourceFile, Tile, TileBuffer,
};

use super::{AT_ONCE, Cast, CastElement, Elementwise};
use crate::kernel::Numeric;

/// A source whose elements are computed from those of another, a block at a time. Made by
/// [`Elementwise::of`].
pub struct Computed<'a, T, S, U> {
    chain: &'a Elementwise,
    source: &'a S,
    cast: Cast,
    elements: PhantomData<fn(T) -> U>,
}

impl<T, S, U> fmt::Debug for Computed<'_, T, S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed").field("chain", self.chain).finish_non_exhaustive()
    }
}

impl<'a, T, S> Computed<'a, T, S, f64> {
    pub(super) fn new(chain: &'a Elementwise, source: &'a S) -> Self {
        Self { chain, source, cast: Cast::Saturating, elements: PhantomData }
    }
}

impl<'a, T, S, U> Computed<'a, T, S, U> {
    /// The same source with another element type. Default: `f64`.
    pub fn cast<V: CastElement>(self, cast: Cast) -> Computed<'a, T, S, V> {
        Computed { chain: self.chain, source: self.source, cast, elements: PhantomData }
    }
}

impl<T: Numeric, S: Source<T>, U: CastElement> Computed<'_, T, S, U> {
    /// Computes a tile that begins at this row and column.
    fn compute<'a>(
        &self,
        tile: Tile<'_, T>,
        (row, col): (usize, usize),
        buffer: &'a mut TileBuffer<U>,
    ) -> Result<Tile<'a, U>> {
        let (rows, cols) = (tile.rows(), tile.cols());
        let out = buffer.room(rows * cols);
        let mut values = [0.0; AT_ONCE];
        let mut done = 0;
        for slice in tile.slices() {
            for part in slice.chunks(AT_ONCE) {
                let values = &mut values[..part.len()];
                values.iter_mut().zip(part).for_each(|(to, &x)| *to = T::to_f64(x));
                self.chain.apply(values);
                let out = &mut out[done..done + part.len()];
                let mut held = true;
                for (to, &value) in out.iter_mut().zip(&*values) {
                    let (cast, fits) = U::cast_from(value);
                    *to = cast;
                    held &= fits;
                }
                if !held && self.cast == Cast::Checked {
                    let lost = values.iter().position(|&value| !U::cast_from(value).1);
                    let at = lost.unwrap_or_default();
                    return Err(FileError::Narrowing {
                        row: row + (done + at) / cols,
                        element: col + (done + at) % cols,
                        value: values[at],
                        dtype: U::DTYPE,
                    });
                }
                done += part.len();
            }
        }
        Ok(Tile::new(&*out, rows, cols, cols))
    }
}

impl<T: Numeric, S: Source<T>, U: CastElement> Source<U> for Computed<'_, T, S, U> {
    fn shape(&self) -> &Shape {
        self.source.shape()
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<U>,
    ) -> Result<Tile<'a, U>> {
        let at = (rows.start, cols.start);
        let mut inner = TileBuffer::new().below_ceiling(buffer.is_below_ceiling());
        self.compute(self.source.tile(rows, cols, &mut inner)?, at, buffer)
    }

    fn rows_at_a_time(&self) -> usize {
        self.source.rows_at_a_time()
    }

    fn check(&self) -> Result<()> {
        self.source.check()
    }

    fn verify(&self) -> Result<()> {
        self.source.verify()
    }

    fn files(&self) -> Vec<SourceFile> {
        self.source.files()
    }

    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        self.source.column_names()
    }

    /// None: the elements are not those of the file, and checkpoints need an unmodified file.
    fn identity(&self) -> Option<Identity> {
        None
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        self.source.release(rows, cols);
    }

    fn is_cached(&self, row: usize) -> bool {
        self.source.is_cached(row)
    }

    fn prefetch(&self, rows: Range<usize>) {
        self.source.prefetch(rows);
    }
}
