//! The frame of kernels that are not made of sums, squares and ranges: what each keeps of a cell, and
//! the same axes, masks, NaN policies and partials for all of them.
//!
//! ```text
//!   block --mask, NaN policy--> Picked --CellKernel::fold--> states, a cell each
//!                                                              |  merged by piece, in the tree
//!                                                              v
//!                                             CellKernel::value of each cell
//! ```

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use parking_lot::Mutex;
use rowmill_core::{Outputs, Shape, Tile};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pieces::{MANY_CELLS, Pieces, room_for};
use super::reduction::BlockFold;
use super::room::Room;
use super::{Axis, NanPolicy, Numeric, Selector, Unmasked};
use crate::Result;
use crate::grid::{Bounds, Grid};
use crate::reduce::{Block, Reduce, Shared};
use crate::resume::{Resume, decoded};
use crate::scratch::Scratch;
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::Cell;
use rowmill_lanes::lanes::Lane;

/// What a kernel keeps of the elements of a cell, and what it makes of that. Implemented by
/// [`ArgMin`](crate::ArgMin), [`Histogram`](crate::Histogram) and their like; sealed by its hidden
/// items. For a reduction of your own, implement [`Reduce`].
pub trait CellKernel<T: Numeric>: Sync {
    /// The value of one cell.
    type Value: Send + 'static;

    /// What is kept of a cell.
    #[doc(hidden)]
    type State: Clone + Send + Serialize + DeserializeOwned;

    /// Refuses arrays that the kernel cannot work on.
    #[doc(hidden)]
    fn check(&self, shape: &Shape, grid: &Grid, cell: Cell) -> Result<()> {
        let _ = (shape, grid, cell);
        Ok(())
    }

    /// The state of a cell that nothing went into.
    #[doc(hidden)]
    fn new_state(&self) -> Self::State;

    /// Takes what was picked of a block into its cells, which are new.
    #[doc(hidden)]
    fn fold(&self, cells: &mut [Self::State], picked: &Picked<'_, T>) -> Result<()>;

    /// Takes in the same cell of other elements: of blocks that follow, or lie beside.
    #[doc(hidden)]
    fn merge(&self, state: &mut Self::State, next: Self::State);

    /// Whether a state that was read from a file, which may be anything, can be that of a cell with this
    /// room. What fits can be merged, with itself too, and finished in any order: nothing panics and
    /// nothing wraps.
    #[doc(hidden)]
    fn fits(&self, state: &Self::State, room: &Room<'_>) -> bool;

    /// The value of a cell.
    #[doc(hidden)]
    fn value(&self, state: &Self::State, at: &CellPlace<'_>) -> Result<Self::Value>;

    /// What is computed, in words that differ for kernels that differ.
    #[doc(hidden)]
    fn describe(&self) -> Option<String>;

    /// Checks that what was read beside the array is still what was opened.
    #[doc(hidden)]
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    #[doc(hidden)]
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }
}

/// A cell of the result that is about to get its value.
#[derive(Clone, Copy, Debug)]
pub struct CellPlace<'a> {
    pub(super) nan: NanPolicy,
    /// Its number in the result.
    pub(super) index: usize,
    pub(super) cell: Cell,
    pub(super) shape: &'a Shape,
}

impl CellPlace<'_> {
    /// A position in the array as one within the cell: the row of a column, the element of a row.
    pub(super) fn within(&self, at: u64) -> usize {
        let row_len = self.shape.row_len().max(1) as u64;
        (match self.cell {
            Cell::All => at,
            Cell::Column => at / row_len,
            Cell::Row => at % row_len,
        }) as usize
    }
}

/// A kernel over an axis, of the elements that a mask keeps.
///
/// Made by `ArgMin::all()`, `Skewness::per_column()`, `Sum::all().exact()` and so on. It is a
/// [`Reduce`] and can be put into a tuple with others.
#[derive(Clone, Copy, Debug)]
#[must_use = "a reduction does nothing until an engine runs it"]
pub struct Folding<K, A, M = Unmasked> {
    pub(super) kernel: K,
    pub(super) axis: A,
    pub(super) mask: M,
    pub(super) nan: NanPolicy,
}

impl<K, A> Folding<K, A> {
    pub(super) fn new(kernel: K, axis: A) -> Self {
        Self { kernel, axis, mask: Unmasked, nan: NanPolicy::Propagate }
    }
}

impl<K, A, M> Folding<K, A, M> {
    /// Only the elements that a [`Mask`](crate::Mask) keeps take part. Default: all.
    pub fn masked<N>(self, mask: N) -> Folding<K, A, N> {
        Folding { kernel: self.kernel, axis: self.axis, mask, nan: self.nan }
    }

    /// What happens to NaN. Default: [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = policy;
        self
    }
}

/// Adds the constructors to a kernel, one for each axis.
macro_rules! foldings {
    ($name:ty, $value:expr) => {
        impl $name {
            $crate::kernel::axis::for_each_axis!(Folding, (), $value);
        }
    };
}
pub(super) use foldings;

/// The elements of a block that take part.
#[derive(Debug)]
pub struct Picked<'a, T: Numeric> {
    pub(super) block: &'a Block<'a, T>,
    pub(super) tile: Tile<'a, T::Lane>,
    /// A byte for each element, row after row, zero for those left out; nothing when none is.
    pub(super) keep: Option<&'a [u8]>,
    pub(super) cell: Cell,
}

/// A run of elements that follow each other, of one cell or of cells that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a, L> {
    /// The cell of the first element.
    pub(super) cell: usize,
    /// Whether each element has a cell of its own.
    pub(super) across: bool,
    pub(super) x: &'a [L],
    pub(super) keep: Option<&'a [u8]>,
    /// The position of the first element in the array, in C order.
    pub(super) at: u64,
}

impl<L: Copy> Run<'_, L> {
    /// Hands each element that takes part to `f`, with its cell and its position.
    #[inline(always)]
    pub(super) fn each(&self, mut f: impl FnMut(usize, L, u64)) {
        let step = usize::from(self.across);
        match self.keep {
            None => {
                for (i, &x) in self.x.iter().enumerate() {
                    f(self.cell + i * step, x, self.at + i as u64);
                }
            }
            Some(keep) => {
                for (i, (&x, &keep)) in self.x.iter().zip(keep).enumerate() {
                    if keep != 0 {
                        f(self.cell + i * step, x, self.at + i as u64);
                    }
                }
            }
        }
    }
}

/// Columns that are gathered together: of each row a cache line, of doubles.
const GATHERED: usize = 8;

impl<'a, T: Numeric> Picked<'a, T> {
    pub(super) fn isa(&self) -> Isa {
        self.block.isa()
    }

    pub(super) fn scratch(&self) -> &'a Scratch {
        self.block.scratch()
    }

    pub(super) fn bounds(&self) -> &'a Bounds {
        self.block.bounds()
    }

    /// Whether the block has whole rows, that follow each other.
    fn flat(&self) -> Option<&'a [T::Lane]> {
        let whole = self.block.cols().len() == self.block.row_len();
        self.tile.as_slice().filter(|_| whole)
    }

    /// Hands all elements to `f`, in runs whose bounds depend on the shape alone.
    #[inline(always)]
    pub(super) fn runs(&self, mut f: impl FnMut(&Run<'a, T::Lane>)) {
        let (rows, cols) = (self.block.rows(), self.block.cols());
        let row_len = self.block.row_len();
        let at = |row: usize| ((rows.start + row) * row_len + cols.start) as u64;
        if let (Cell::All, Some(x)) = (self.cell, self.flat()) {
            return f(&Run { cell: 0, across: false, x, keep: self.keep, at: at(0) });
        }
        let len = cols.len();
        for (row, x) in self.tile.iter_rows().enumerate() {
            let keep = self.keep.map(|keep| &keep[row * len..][..len]);
            let across = self.cell == Cell::Column;
            let cell = if self.cell == Cell::Row { row } else { 0 };
            f(&Run { cell, across, x, keep, at: at(row) });
        }
    }

    /// Hands each element that takes part to `f`, with its cell and its position.
    #[inline(always)]
    pub(super) fn each(&self, mut f: impl FnMut(usize, T::Lane, u64)) {
        self.runs(|run| run.each(&mut f));
    }

    /// Hands the elements of each cell that take part to `f`, as doubles that follow each other.
    pub(super) fn gathered(&self, mut f: impl FnMut(usize, &[f64])) {
        let (rows, cols) = (self.tile.rows(), self.tile.cols());
        if self.tile.is_empty() {
            return;
        }
        let isa = self.isa();
        match self.cell {
            Cell::All => {
                let mut values = self.scratch().take::<f64>(self.tile.len());
                let mut n = 0;
                self.runs(|run| n += widened(isa, run, &mut values[n..]));
                f(0, &values[..n]);
            }
            Cell::Row => {
                let mut values = self.scratch().take::<f64>(cols);
                self.runs(|run| {
                    let n = widened(isa, run, &mut values);
                    f(run.cell, &values[..n]);
                });
            }
            Cell::Column => {
                let mut values = self.scratch().take::<f64>(GATHERED * rows);
                for first in (0..cols).step_by(GATHERED) {
                    let width = (cols - first).min(GATHERED);
                    let mut n = [0; GATHERED];
                    for (r, row) in self.tile.iter_rows().enumerate() {
                        let keep = self.keep.map(|keep| &keep[r * cols + first..][..width]);
                        for (c, x) in row[first..first + width].iter().enumerate() {
                            // What is left out is written over by what comes next.
                            values[c * rows + n[c]] = x.to_f64();
                            n[c] += usize::from(keep.is_none_or(|keep| keep[c] != 0));
                        }
                    }
                    for c in 0..width {
                        f(first + c, &values[c * rows..][..n[c]]);
                    }
                }
            }
        }
    }
}

/// Copies what takes part; gives how many that is.
fn widened<L: Lane>(isa: Isa, run: &Run<'_, L>, to: &mut [f64]) -> usize {
    let Some(keep) = run.keep else {
        isa.run(Widen { from: run.x, to });
        return run.x.len();
    };
    let mut n = 0;
    for (&x, &keep) in run.x.iter().zip(keep) {
        to[n] = x.to_f64();
        n += usize::from(keep != 0);
    }
    n
}

struct Widen<'a, L> {
    from: &'a [L],
    to: &'a mut [f64],
}

impl<L: Lane> rowmill_lanes::arch::Job for Widen<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl rowmill_lanes::arch::Simd) {
        for (to, from) in self.to.iter_mut().zip(self.from) {
            *to = from.to_f64();
        }
    }
}

/// Values that were made block by block, where no two blocks share a cell: by piece.
type Made<V> = Mutex<BTreeMap<usize, Vec<V>>>;

impl<K, A: Axis, M> Folding<K, A, M> {
    /// The states of the cells of a block.
    fn cells<T: Numeric>(&self, block: &Block<'_, T>) -> Result<Vec<K::State>>
    where
        K: CellKernel<T>,
        M: Selector<T>,
    {
        with_picked(block, self.axis.cell(), &self.mask, self.nan, |picked| {
            let cells = picked.cell.count(&picked.tile);
            let mut states = vec![self.kernel.new_state(); cells];
            self.kernel.fold(&mut states, picked)?;
            Ok(states)
        })
    }

    fn join<T: Numeric>(&self, cells: &mut [K::State], next: Vec<K::State>)
    where
        K: CellKernel<T>,
    {
        for (state, next) in cells.iter_mut().zip(next) {
            self.kernel.merge(state, next);
        }
    }
}

/// Decides which elements of a block take part, and hands them to `f`.
pub(super) fn with_picked<T: Numeric, M: Selector<T>, R>(
    block: &Block<'_, T>,
    cell: Cell,
    mask: &M,
    nan: NanPolicy,
    f: impl FnOnce(&Picked<'_, T>) -> Result<R>,
) -> Result<R> {
    T::with_lanes(block.tile(), block.isa(), block.scratch(), |tile| {
        let fold = BlockFold::new(block, tile, cell, nan);
        let mut keep = block.scratch().take::<u8>(tile.len());
        let mut decided = mask.keep(&fold, &mut keep)?;
        if nan != NanPolicy::Propagate && fold.any_nan() {
            if !decided {
                keep.fill(1);
            }
            decided |= fold.take_out_nan(&mut keep)?;
        }
        f(&Picked { block, tile, keep: decided.then_some(&keep), cell })
    })
}

impl<T, K, A, M> Reduce<T> for Folding<K, A, M>
where
    T: Numeric,
    K: CellKernel<T>,
    A: Axis,
    M: Selector<T>,
{
    type Partial = Pieces<Vec<K::State>>;
    type Output = A::Output<K::Value>;

    fn check(&self, shape: &Shape) -> Result<()> {
        self.axis.check(shape)?;
        let grid = Grid::new(shape.rows(), shape.row_len(), size_of::<T>());
        self.kernel.check(shape, &grid, self.axis.cell())?;
        self.mask.check(shape)
    }

    fn identity(&self) -> Self::Partial {
        Pieces(Vec::new())
    }

    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()> {
        let cells = self.cells(block)?;
        let piece = Pieces(vec![(self.axis.piece(block.bounds()), cells)]);
        self.merge(partial, piece);
        Ok(())
    }

    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        partial.merge(next, |cells, next| self.join(cells, next));
    }

    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output> {
        self.mask.verify()?;
        self.kernel.verify()?;
        let dims = self.axis.output_dims(shape);
        let len = dims.iter().product();
        let mut values = room_for(shape, len)?;
        let place = |index| CellPlace { nan: self.nan, index, cell: self.axis.cell(), shape };
        for state in partial.0.iter().flat_map(|(_, states)| states) {
            values.push(self.kernel.value(state, &place(values.len()))?);
        }
        // Arrays without elements have cells all the same, that nothing went into.
        let empty = self.kernel.new_state();
        while values.len() < len {
            values.push(self.kernel.value(&empty, &place(values.len()))?);
        }
        Ok(self.axis.output(values, dims))
    }

    fn register(&self, outputs: &mut Outputs) {
        self.mask.register(outputs);
        self.kernel.register(outputs);
    }

    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let apart = self.axis.apart(shape, grid).filter(|_| !shape.is_empty());
        let many = apart.is_some_and(|(cells, _)| cells >= MANY_CELLS);
        Ok(if many { Shared::new(Made::<K::Value>::default()) } else { Shared::default() })
    }

    fn accumulate_shared(
        &self,
        shared: &Shared,
        partial: &mut Self::Partial,
        block: &Block<'_, T>,
    ) -> Result<()> {
        let Some(made) = shared.get::<Made<K::Value>>() else {
            return self.accumulate(partial, block);
        };
        let bounds = block.bounds();
        let first = self.axis.first(bounds);
        let shape = &Shape::new([bounds.rows.end, block.row_len()]).expect("a part of a shape");
        let cell = self.axis.cell();
        let states = self.cells(block)?;
        let values = states.iter().enumerate().map(|(i, state)| {
            let place = CellPlace { nan: self.nan, index: first + i, cell, shape };
            self.kernel.value(state, &place)
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        made.lock().insert(self.axis.piece(bounds), values);
        Ok(())
    }

    fn finish_shared(
        &self,
        shared: Shared,
        partial: Self::Partial,
        shape: &Shape,
    ) -> Result<Self::Output> {
        let Some(made) = shared.into_inner::<Made<K::Value>>() else {
            return self.finish(partial, shape);
        };
        self.mask.verify()?;
        self.kernel.verify()?;
        let dims = self.axis.output_dims(shape);
        let mut values = room_for(shape, dims.iter().product())?;
        values.extend(made.into_inner().into_values().flatten());
        Ok(self.axis.output(values, dims))
    }
}

impl<T, K, A, M> Resume<T> for Folding<K, A, M>
where
    T: Numeric,
    K: CellKernel<T>,
    A: Axis,
    M: Selector<T>,
{
    fn describe(&self) -> Option<String> {
        let (kernel, kept) = (self.kernel.describe()?, self.mask.describe()?);
        Some(format!("{kernel} over {:?} of {kept}, NaN: {:?}", self.axis, self.nan))
    }

    fn save(&self, partial: &Self::Partial) -> Vec<u8> {
        postcard::to_stdvec(partial).unwrap_or_default()
    }

    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<Self::Partial> {
        let partial: Self::Partial = decoded(bytes)?;
        let grid = Grid::new(shape.rows(), shape.row_len(), size_of::<T>());
        let fits = |states: &Vec<K::State>, room: &Room<'_>| {
            let fits = |(i, state)| self.kernel.fits(state, &room.of_cell(i));
            states.len() == room.cells && states.iter().enumerate().all(fits)
        };
        partial.are(self.axis, self.nan, &grid, blocks, fits).then_some(partial)
    }
}

/// The description of a kernel that its `Debug` says all of.
pub(super) fn described(kernel: &impl Debug) -> Option<String> {
    Some(format!("{kernel:?}"))
}
