//! From a tile of elements to the cells of a partial: the loops that compute everything.
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
mod limits;
mod rows;
mod select;

pub use cells::{CellState, Cells, Special};
pub use limits::Limits;
pub use select::{Bytes, Every, Select, Value, Within};

use rowmill_core::Tile;

use crate::arch::{Interval, Isa, Job, Simd};
use crate::lanes::{Everything, Lane, Lanes, N, Parts, RangeOnly, SumAndSpread, SumOnly};

/// The part of a tile that becomes one cell of the result.
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
    pub fn count<L>(self, tile: &Tile<'_, L>) -> usize {
        match self {
            Self::All => 1,
            Self::Column => tile.cols(),
            Self::Row => tile.rows(),
        }
    }
}

/// The parts that have to be accumulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Sums.
    Sum,
    /// Minima and maxima.
    Range,
    /// Sums and squares.
    SumAndSpread,
    /// All of them.
    Everything,
}

/// The selections for which this crate compiles loops.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a, L> {
    /// All.
    Every,
    /// Elements with a nonzero byte, one for each element.
    Kept(&'a [u8]),
    /// Elements in a closed interval, or in its complement.
    Within(Interval<L>),
}

/// One tile to be folded.
#[derive(Clone, Copy, Debug)]
pub struct FoldOrder<'a, L> {
    /// The instruction set.
    pub isa: Isa,
    /// The part of the tile that becomes a cell.
    pub cell: Cell,
    /// The needed parts.
    pub need: Need,
    /// Whether the tile holds whole rows of the array. This selects the loops, not how the tile
    /// happens to lie in memory, which differs between backends.
    pub whole_rows: bool,
    /// The elements.
    pub tile: Tile<'a, L>,
    /// The selection.
    pub selection: Selection<'a, L>,
}

impl<L: Lane> FoldOrder<'_, L> {
    /// Folds a tile of floats.
    pub fn run_float(&self) -> Cells<L> {
        match (self.selection, self.need) {
            (Selection::Every, Need::Range) => self.fold::<RangeOnly, _>(Every),
            (Selection::Every, Need::SumAndSpread) => self.fold::<SumAndSpread, _>(Every),
            _ => self.run_common(),
        }
    }

    /// Folds a tile of integers.
    pub fn run_integer(&self) -> Cells<L> {
        match (self.selection, self.need) {
            (Selection::Every, Need::Range) => self.fold::<RangeOnly, _>(Every),
            _ => self.run_common(),
        }
    }

    /// Fewer loops for rare cases: everything is accumulated, and unneeded parts are dropped.
    fn run_common(&self) -> Cells<L> {
        match (self.selection, self.need) {
            (Selection::Every, Need::Sum) => self.fold::<SumOnly, _>(Every),
            (Selection::Every, need) => self.fold::<Everything, _>(Every).only(need),
            (Selection::Kept(keep), Need::Sum) => self.fold::<SumOnly, _>(Bytes(keep)),
            (Selection::Kept(keep), need) => self.fold::<Everything, _>(Bytes(keep)).only(need),
            (Selection::Within(within), _) => self.fold::<SumOnly, _>(Within(within)),
        }
    }

    /// Sums all elements of the tile that satisfy a predicate, whatever cell and parts are
    /// requested. These loops are compiled for each predicate, so there are none for columns and
    /// rows.
    pub fn sum_of(&self, predicate: &(impl Fn(L) -> bool + Sync)) -> Cells<L> {
        let Self { isa, whole_rows, tile, .. } = *self;
        if tile.is_empty() {
            return Cells::empty::<SumOnly>(isa, 1);
        }
        one::<L, SumOnly, _>(isa, whole_rows, tile, Value(predicate), &[])
    }

    fn fold<P: Parts<L>, S: Select<L>>(&self, select: S) -> Cells<L> {
        let Self { isa, cell, whole_rows, tile, .. } = *self;
        if tile.is_empty() {
            return Cells::empty::<P>(isa, cell.count(&tile));
        }
        let once = |shift: &[f64]| match cell {
            Cell::All => one::<L, P, S>(isa, whole_rows, tile, select, shift),
            Cell::Column => columns::<L, P, S>(isa, whole_rows, tile, select, shift),
            Cell::Row => rows::<L, P, S>(isa, whole_rows, tile, select, shift),
        };
        if !(P::SPREAD && L::FLOAT) {
            return once(&[]);
        }
        let shift = isa.run(FirstShift { cell, tile });
        let mut cells = once(&shift);
        let cancelled = cells.settle(&shift);
        if !cancelled.is_empty() {
            // Only for cells that need it: a cell must not depend on its neighbours.
            let shift = cells.means();
            let mut second = once(&shift);
            if !second.settle(&shift).is_empty() {
                // Elements so large that their squares overflow even close to the mean.
                let shift = cells.full_means();
                second = once(&shift);
                second.settle(&shift);
            }
            cells.take_spreads(&cancelled, &second);
        }
        cells
    }
}

/// A shift of at most 35 bits: its product with the number of elements of a block is exact, so that
/// squares about it can be corrected without loss. Zero if it is not finite.
pub fn short(shift: f64) -> f64 {
    const BITS: u32 = 18;
    if shift.is_finite() { f64::from_bits(shift.to_bits() >> BITS << BITS) } else { 0.0 }
}

/// An estimate of each cell's mean from a few elements of the tile. Zero if it is not finite.
struct FirstShift<'a, L> {
    cell: Cell,
    tile: Tile<'a, L>,
}

impl<L: Lane> Job for FirstShift<'_, L> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self, _: impl Simd) -> Vec<f64> {
        const SAMPLES: usize = 4;
        let Self { cell, tile } = self;
        let finite = |sum: f64, n: usize| short(sum / n as f64);
        let samples = SAMPLES.min(tile.rows());
        // Sampled over the rows of the tile.
        let sampled = |i: usize| tile.row(i * tile.rows() / samples);
        match cell {
            Cell::All => {
                let sum: f64 = (0..samples).map(|i| sampled(i)[tile.cols() / 2].to_f64()).sum();
                vec![finite(sum, samples)]
            }
            Cell::Column => {
                let mut shift = vec![0.0; tile.cols()];
                for i in 0..samples {
                    for (sum, x) in shift.iter_mut().zip(sampled(i)) {
                        *sum += x.to_f64();
                    }
                }
                for sum in &mut shift {
                    *sum = finite(*sum, samples);
                }
                shift
            }
            // In a row of few elements each of them is near the mean, relative to the spread.
            Cell::Row if tile.cols() < 2 * SAMPLES => {
                tile.iter_rows().map(|row| finite(row[0].to_f64(), 1)).collect()
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
}

macro_rules! jobs {
    ($($name:ident: $job:ident, $body:path;)*) => {$(
        struct $job<'a, L, P, S> {
            isa: Isa,
            whole_rows: bool,
            tile: Tile<'a, L>,
            select: S,
            shift: &'a [f64],
            parts: std::marker::PhantomData<P>,
        }

        impl<L: Lane, P: Parts<L>, S: Select<L>> Job for $job<'_, L, P, S> {
            type Output = Cells<L>;
            #[inline(always)]
            fn run(self, simd: impl Simd) -> Cells<L> {
                let mut cells =
                    $body(simd, self.whole_rows, self.tile, self.select, self.shift, Lanes::<L, P>::NEW);
                cells.isa = self.isa;
                cells
            }
        }

        // Not inlined, so that kernels that need the same parts share one copy of the loops.
        #[inline(never)]
        fn $name<L: Lane, P: Parts<L>, S: Select<L>>(
            isa: Isa,
            whole_rows: bool,
            tile: Tile<'_, L>,
            select: S,
            shift: &[f64],
        ) -> Cells<L> {
            let parts = std::marker::PhantomData;
            isa.run($job::<L, P, S> { isa, whole_rows, tile, select, shift, parts })
        }
    )*};
}
jobs! {
    one: AllJob, all::fold;
    columns: ColumnsJob, columns::fold;
    rows: RowsJob, rows::fold;
}

/// Steps of a stream before the next one, if they take turns.
const STEPS: usize = 16;

/// The prefetch distance of a stream, in bytes.
pub(crate) const AHEAD: usize = 1 << 10;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Four streams of `n` pairs of vectors side by side, each vector of a pair with its own
/// accumulator. The data that follows each stream is `jump` bytes past its end.
///
/// If the accumulators exceed the registers, each stream takes a few steps before the next: memory
/// still sees four streams, and each element meets the same accumulator.
macro_rules! four_by_two {
    (
        $select:ident, $parts:ident, $lane:ident, $simd:expr, $n:expr, $run:ident, $jump:expr,
        |$stream:ident| $shift:expr;
        $($v:ident $k:literal $a:ident $b:ident);*
    ) => {
        let (n, jump, pair_bytes) = ($n, $jump, size_of::<[[$lane; N]; 2]>());
        macro_rules! fetch {
            ($i:expr, $w:ident) => {
                let ahead = $i * pair_bytes + crate::fold::AHEAD;
                let ahead = if ahead < n * pair_bytes { ahead } else { ahead.wrapping_add(jump) };
                // One cache line, or two.
                crate::arch::prefetch($w.as_ptr().wrapping_byte_add(ahead));
                if pair_bytes > crate::fold::LINE {
                    let second = ahead + crate::fold::LINE;
                    crate::arch::prefetch($w.as_ptr().wrapping_byte_add(second));
                }
            };
        }
        if $parts::SPREAD {
            for first in (0..n).step_by(crate::fold::STEPS) {
                let end = n.min(first + crate::fold::STEPS);
                $(for i in first..end {
                    fetch!(i, $v);
                    let ($stream, pair) = ($k, &$v[i]);
                    $select::step($simd, &$run[$k], 2 * i, &mut $a, $shift, &pair[0]);
                    $select::step($simd, &$run[$k], 2 * i + 1, &mut $b, $shift, &pair[1]);
                })*
            }
        } else {
            for i in 0..n {
                $(fetch!(i, $v);)*
                $(
                    let ($stream, pair) = ($k, &$v[i]);
                    $select::step($simd, &$run[$k], 2 * i, &mut $a, $shift, &pair[0]);
                    $select::step($simd, &$run[$k], 2 * i + 1, &mut $b, $shift, &pair[1]);
                )*
            }
        }
    };
}
use four_by_two;

/// Accumulates up to one vector of elements, at `at` of a run. Called, because there are several of
/// them at the end of every loop.
struct Partial<'a, L: Lane, P: Parts<L>, S: Select<L>> {
    x: &'a [L],
    run: &'a S::Run,
    at: usize,
    shift: &'a [f64; N],
    lanes: &'a mut Lanes<L, P>,
}

impl<L: Lane, P: Parts<L>, S: Select<L>> Job for Partial<'_, L, P, S> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: impl Simd) {
        let Self { x, run, at, shift, lanes } = self;
        let keep = S::keep(run, at, x);
        let mut padded = [L::default(); N];
        padded[..x.len()].copy_from_slice(x);
        lanes.step_kept(simd, shift, &padded, &keep);
    }
}
