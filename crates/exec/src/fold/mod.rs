//! From a tile of elements to the cells of a partial: the loops that everything is computed by.
//!
//! ```text
//!   Tile<L>  --first shift-->  fold (all | columns | rows)  -->  Cells, squares about the shift
//!                                    ^        |
//!                                    |        v
//!                                    +--- settle: squares about the mean; once more if cancelled
//! ```
//!
//! Which elements meet in which accumulator depends on the shape of the tile alone.

mod all;
mod cells;
mod columns;
mod rows;
mod select;

pub(crate) use cells::CellState;
pub(crate) use cells::{Cells, Special};
pub(crate) use select::MaskKind;
pub(crate) use select::{Bytes, Every, Select, Value};

use rowmill_core::Tile;

use crate::arch::{Isa, Job};
use crate::lanes::{Lane, Lanes, N, Parts};

/// What a cell of the result is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// One cell for the whole tile.
    All,
    /// One for each column of the tile.
    Column,
    /// One for each row of the tile.
    Row,
}

impl Cell {
    /// The number of cells of a tile.
    pub(crate) fn count<L>(self, tile: &Tile<'_, L>) -> usize {
        match self {
            Self::All => 1,
            Self::Column => tile.cols(),
            Self::Row => tile.rows(),
        }
    }
}

/// Folds a tile: sums, spreads and ranges, as far as `P` asks for them, of what `select` keeps.
pub(crate) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
    isa: Isa,
    cell: Cell,
    tile: Tile<'_, L>,
    select: S,
) -> Cells<L> {
    if tile.is_empty() {
        return Cells::empty::<P>(cell.count(&tile));
    }
    let once = |shift: &[f64]| match cell {
        Cell::All => one::<L, P, S>(isa, tile, select, shift),
        Cell::Column => columns::<L, P, S>(isa, tile, select, shift),
        Cell::Row => rows::<L, P, S>(isa, tile, select, shift),
    };
    if !(P::SPREAD && L::FLOAT) {
        return once(&[]);
    }
    let shift = first_shift(cell, &tile);
    let mut cells = once(&shift);
    let cancelled = cells.settle(&shift);
    if !cancelled.is_empty() {
        // Only where it was needed: a cell must not depend on its neighbours.
        let shift = cells.means();
        let mut again = once(&shift);
        again.settle(&shift);
        cells.take_spreads(&cancelled, &again);
    }
    cells
}

/// A guess at the mean of each cell from a few elements of the tile. Zero where that is not finite.
fn first_shift<L: Lane>(cell: Cell, tile: &Tile<'_, L>) -> Vec<f64> {
    const SAMPLES: usize = 4;
    let finite = |sum: f64, n: usize| {
        let mean = sum / n as f64;
        if mean.is_finite() { mean } else { 0.0 }
    };
    let samples = SAMPLES.min(tile.rows());
    // Spread over the rows of the tile.
    let sampled = |i: usize| tile.row(i * tile.rows() / samples);
    match cell {
        Cell::All => {
            let sum: f64 = (0..samples).map(|i| sampled(i)[tile.cols() / 2].to_f64()).sum();
            vec![finite(sum, samples)]
        }
        Cell::Column => {
            let mut sums = vec![0.0; tile.cols()];
            for i in 0..samples {
                for (sum, x) in sums.iter_mut().zip(sampled(i)) {
                    *sum += x.to_f64();
                }
            }
            sums.into_iter().map(|sum| finite(sum, samples)).collect()
        }
        Cell::Row => {
            let few = |row: &[L]| {
                let some = &row[..SAMPLES.min(row.len())];
                finite(some.iter().map(|x| x.to_f64()).sum(), some.len())
            };
            tile.iter_rows().map(few).collect()
        }
    }
}

macro_rules! jobs {
    ($($name:ident: $job:ident, $body:path;)*) => {$(
        struct $job<'a, L, P, S> {
            tile: Tile<'a, L>,
            select: S,
            shift: &'a [f64],
            parts: std::marker::PhantomData<P>,
        }

        impl<L: Lane, P: Parts<L>, S: Select<L>> Job for $job<'_, L, P, S> {
            type Output = Cells<L>;
            #[inline(always)]
            fn run(self) -> Cells<L> {
                $body(self.tile, self.select, self.shift, Lanes::<L, P>::NEW)
            }
        }

        // Not inlined, so that kernels that need the same parts share one copy of the loops.
        #[inline(never)]
        fn $name<L: Lane, P: Parts<L>, S: Select<L>>(
            isa: Isa,
            tile: Tile<'_, L>,
            select: S,
            shift: &[f64],
        ) -> Cells<L> {
            isa.run($job::<L, P, S> { tile, select, shift, parts: std::marker::PhantomData })
        }
    )*};
}
jobs! {
    one: AllJob, all::fold;
    columns: ColumnsJob, columns::fold;
    rows: RowsJob, rows::fold;
}

/// Fewer than [`N`] elements as a vector, and which lanes they are in.
#[inline(always)]
fn padded<L: Lane>(x: &[L]) -> ([L; N], usize) {
    let mut lanes = [L::default(); N];
    let n = x.len().min(N);
    lanes[..n].copy_from_slice(&x[..n]);
    (lanes, n)
}
