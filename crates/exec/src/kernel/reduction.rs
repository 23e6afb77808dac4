//! What all kernels share: axis, mask, NaN policy, and how a block becomes cells.

use std::fmt::Debug;
use std::ops::Range;

use parking_lot::Mutex;
use rowmill_core::{Assembly, Outputs, Shape, Tile, Unfilled};

use super::pieces::{MANY_CELLS, Pieces, room_for};
use super::room::Room;
use super::{Axis, Numeric, Selector, Unmasked};
use crate::grid::{BLOCK_BYTES, Bounds, Grid};
use crate::reduce::{Block, Reduce, Shared};
use crate::resume::{Resume, decoded};
use crate::run::for_each;
use crate::scratch::Scratch;
use crate::{Error, Result};
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::{Cell, CellState, Cells, FoldOrder, Need, Selection, Special};
use rowmill_lanes::lanes::Lane;

/// Takes in the same cells of the elements that follow.
fn join<L: Lane>(cells: &mut Cells<L>, next: Cells<L>) {
    cells.merge(&next);
}

/// What happens to NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NanPolicy {
    /// A NaN makes the result NaN.
    #[default]
    Propagate,
    /// NaN are left out, as if a mask excluded them (numpy's `nan*` functions).
    Skip,
    /// A NaN ends the job with [`Error::NanFound`].
    Error,
}

/// What a kernel makes of a cell. Implemented by [`Sum`](crate::Sum), [`Mean`](crate::Mean) and
/// their like; sealed by its hidden items. For a reduction of your own, implement [`Reduce`].
pub trait Statistic<T: Numeric>: Sync {
    /// The value of one cell.
    type Value: Copy + Send + Sync + 'static;

    /// What has to be accumulated.
    #[doc(hidden)]
    const NEED: Need;

    /// Whether numbers of NaN and infinities are wanted.
    #[doc(hidden)]
    const SPECIAL: bool;

    /// The value of cell number `index`.
    #[doc(hidden)]
    fn value(&self, cell: &CellState<T::Lane>, nan: NanPolicy, index: usize)
    -> Result<Self::Value>;

    /// The values of some cells, the first of which has number `first`.
    #[doc(hidden)]
    fn values(
        &self,
        cells: &Cells<T::Lane>,
        nan: NanPolicy,
        first: usize,
        to: &mut Unfilled<'_, Self::Value>,
    ) -> Result<()> {
        let mut index = first;
        cells.try_each(|cell| {
            to.push(self.value(&cell, nan, index)?);
            index += 1;
            Ok(())
        })
    }
}

/// A statistic over an axis, of the elements that a mask keeps.
///
/// Made by `Sum::all()`, `Mean::per_column()`, `Moments::per_row()` and so on. It is a
/// [`Reduce`] and can be put into a tuple with others.
#[derive(Clone, Copy, Debug)]
#[must_use = "a reduction does nothing until an engine runs it"]
pub struct Reduction<S, A, M = Unmasked> {
    pub(super) statistic: S,
    pub(super) axis: A,
    pub(super) mask: M,
    pub(super) nan: NanPolicy,
}

impl<S, A> Reduction<S, A> {
    pub(super) fn new(statistic: S, axis: A) -> Self {
        Self { statistic, axis, mask: Unmasked, nan: NanPolicy::Propagate }
    }
}

impl<S, A, M> Reduction<S, A, M> {
    /// Only the elements that a [`Mask`](crate::Mask) keeps take part. Default: all.
    pub fn masked<N>(self, mask: N) -> Reduction<S, A, N> {
        Reduction { statistic: self.statistic, axis: self.axis, mask, nan: self.nan }
    }

    /// What happens to NaN. Default: [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = policy;
        self
    }
}

/// Adds the constructors to a statistic, one for each axis.
macro_rules! constructors {
    ($name:ident, $value:expr) => {
        impl $name {
            $crate::kernel::axis::for_each_axis!(Reduction, (), $value);
        }
    };
}
pub(super) use constructors;

impl<S, A: Axis, M> Reduction<S, A, M> {
    /// The cells of a block.
    fn cells<T: Numeric>(&self, block: &Block<'_, T>) -> Result<Cells<T::Lane>>
    where
        S: Statistic<T>,
        M: Selector<T>,
    {
        let (cell, isa) = (self.axis.cell(), block.isa());
        if let (Cell::All, Some(selection)) = (cell, self.mask.selection())
            && let Some(cells) = T::fold_narrow(block.tile(), isa, S::NEED, selection)
        {
            return Ok(cells);
        }
        let tile = block.tile();
        let most = BLOCK_BYTES / size_of::<T::Lane>();
        if tile.len() <= most {
            return self.cells_of_lanes(block);
        }
        // Widened as a whole, the block would leave the cache. What is widened this much are integers,
        // whose cells are exact: they can be joined in any way.
        let mut joined: Option<Cells<T::Lane>> = None;
        let rows = (most / tile.cols().max(1)).max(1);
        for first in (0..tile.rows()).step_by(rows) {
            let cells =
                self.cells_of_lanes(&block.sub_rows(first..tile.rows().min(first + rows)))?;
            match (&mut joined, cell) {
                (None, _) => joined = Some(cells),
                (Some(joined), Cell::Row) => joined.append(cells),
                (Some(joined), Cell::All | Cell::Column) => joined.merge(&cells),
            }
        }
        Ok(joined.expect("a block that is too large has rows"))
    }

    /// The cells of a block, or of some of its rows, by way of lanes.
    fn cells_of_lanes<T: Numeric>(&self, block: &Block<'_, T>) -> Result<Cells<T::Lane>>
    where
        S: Statistic<T>,
        M: Selector<T>,
    {
        let (cell, isa) = (self.axis.cell(), block.isa());
        T::with_lanes(block.tile(), isa, block.scratch(), |tile| {
            let wanted = S::SPECIAL || self.nan != NanPolicy::Propagate;
            let (nan, need) = (self.nan, S::NEED);
            self.mask.cells(&BlockFold { block, tile, cell, nan, need, wanted })
        })
    }

    /// The values of many cells, made by all workers.
    fn many_values<T: Numeric>(
        &self,
        pieces: &[(usize, Cells<T::Lane>)],
        len: usize,
    ) -> Result<Vec<S::Value>>
    where
        S: Statistic<T>,
        Self: Sync,
    {
        // All pieces but the last have the same number of cells.
        let piece_len = pieces.first().map_or(0, |(_, cells)| cells.len());
        let values = Assembly::new(len, piece_len).ok_or(Error::TooManyCells { cells: len })?;
        let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
        for_each(pieces.len(), &|i| {
            let (cells, first) = (&pieces[i].1, i * piece_len);
            let made = values.fill(i, |to| self.statistic.values(cells, self.nan, first, to));
            if let Err(error) = made {
                let mut earliest = failure.lock();
                if earliest.as_ref().is_none_or(|(earlier, _)| i < *earlier) {
                    *earliest = Some((i, error));
                }
            }
        });
        match failure.into_inner() {
            Some((_, error)) => Err(error),
            None => Ok(values.into_vec().expect("every piece filled its part")),
        }
    }
}

impl<T, S, A, M> Reduce<T> for Reduction<S, A, M>
where
    T: Numeric,
    S: Statistic<T>,
    A: Axis,
    M: Selector<T>,
{
    type Partial = Pieces<Cells<T::Lane>>;
    type Output = A::Output<S::Value>;

    fn check(&self, shape: &Shape) -> Result<()> {
        self.axis.check(shape)?;
        self.mask.check(shape)
    }

    fn identity(&self) -> Self::Partial {
        Pieces(Vec::new())
    }

    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()> {
        let cells = self.cells(block)?;
        partial.merge(Pieces(vec![(self.axis.piece(block.bounds()), cells)]), join);
        Ok(())
    }

    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        partial.merge(next, join);
    }

    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output> {
        self.mask.verify()?;
        let dims = self.axis.output_dims(shape);
        let len = dims.iter().product();
        let made: usize = partial.0.iter().map(|(_, cells)| cells.len()).sum();
        if made >= MANY_CELLS && made == len && rayon::current_thread_index().is_some() {
            return Ok(self.axis.output(self.many_values(&partial.0, len)?, dims));
        }
        let mut values = room_for(shape, len)?;
        for (_, cells) in &partial.0 {
            cells.try_each(|cell| {
                values.push(self.statistic.value(&cell, self.nan, values.len())?);
                Ok::<_, Error>(())
            })?;
        }
        // Arrays without elements have cells all the same, that nothing went into.
        let empty = CellState::<T::Lane>::empty();
        while values.len() < len {
            values.push(self.statistic.value(&empty, self.nan, values.len())?);
        }
        Ok(self.axis.output(values, dims))
    }

    fn verify(&self) -> Result<()> {
        self.mask.verify()
    }

    fn register(&self, outputs: &mut Outputs) {
        self.mask.register(outputs);
    }

    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let apart = self.axis.apart(shape, grid).filter(|_| !shape.is_empty());
        match apart.filter(|(cells, _)| *cells >= MANY_CELLS) {
            None => Ok(Shared::default()),
            Some((cells, of_block)) => Assembly::<S::Value>::new(cells, of_block)
                .map(Shared::new)
                .ok_or(Error::TooManyCells { cells }),
        }
    }

    fn accumulate_shared(
        &self,
        shared: &Shared,
        partial: &mut Self::Partial,
        block: &Block<'_, T>,
    ) -> Result<()> {
        let Some(answer) = shared.get::<Assembly<S::Value>>() else {
            return self.accumulate(partial, block);
        };
        let (bounds, cells) = (block.bounds(), self.cells(block)?);
        answer.fill(self.axis.piece(bounds), |to| {
            self.statistic.values(&cells, self.nan, self.axis.first(bounds), to)
        })
    }

    fn finish_shared(
        &self,
        shared: Shared,
        partial: Self::Partial,
        shape: &Shape,
    ) -> Result<Self::Output> {
        let Some(answer) = shared.into_inner::<Assembly<S::Value>>() else {
            return self.finish(partial, shape);
        };
        self.mask.verify()?;
        let values = answer.into_vec().expect("every block filled its part");
        Ok(self.axis.output(values, self.axis.output_dims(shape)))
    }
}

impl<T, S, A, M> Resume<T> for Reduction<S, A, M>
where
    T: Numeric,
    S: Statistic<T> + Debug,
    A: Axis,
    M: Selector<T>,
{
    fn describe(&self) -> Option<String> {
        let kept = self.mask.describe()?;
        let Self { statistic, axis, nan, .. } = self;
        Some(format!("{statistic:?} over {axis:?} of {kept}, NaN: {nan:?}"))
    }

    fn save(&self, partial: &Self::Partial) -> Vec<u8> {
        postcard::to_stdvec(partial).unwrap_or_default()
    }

    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<Self::Partial> {
        let partial: Self::Partial = decoded(bytes)?;
        self.fits::<T>(&partial, shape, size_of::<T>(), blocks).then_some(partial)
    }
}

impl<S, A: Axis, M> Reduction<S, A, M> {
    /// Whether pieces can be those of some blocks of an array of elements of `size` bytes.
    pub(super) fn fits<T: Numeric>(
        &self,
        partial: &Pieces<Cells<T::Lane>>,
        shape: &Shape,
        size: usize,
        blocks: Range<usize>,
    ) -> bool
    where
        S: Statistic<T>,
    {
        let grid = Grid::new(shape.rows(), shape.row_len(), size);
        let fits = |cells: &Cells<T::Lane>, room: &Room<'_>| {
            cells.are(S::NEED, room.cells, &room.limits::<T>())
        };
        partial.are(self.axis, self.nan, &grid, blocks, fits)
    }
}

/// A block about to become cells.
#[derive(Debug)]
pub struct BlockFold<'a, T: Numeric> {
    block: &'a Block<'a, T>,
    tile: Tile<'a, T::Lane>,
    cell: Cell,
    nan: NanPolicy,
    need: Need,
    /// Whether NaN and infinities have to be looked at.
    wanted: bool,
}

impl<'a, T: Numeric> BlockFold<'a, T> {
    pub(super) fn need(&self) -> Need {
        self.need
    }

    pub(super) fn has_to_let_go(&self) -> bool {
        self.block.has_to_let_go()
    }

    pub(super) fn isa(&self) -> Isa {
        self.block.isa()
    }

    pub(super) fn scratch(&self) -> &'a Scratch {
        self.block.scratch()
    }

    /// Where the block is, and how long the rows of the array are.
    pub(super) fn place(&self) -> (&Bounds, usize) {
        (self.block.bounds(), self.block.row_len())
    }

    fn order<'b>(&self, selection: Selection<'b, T::Lane>) -> FoldOrder<'b, T::Lane>
    where
        'a: 'b,
    {
        FoldOrder {
            isa: self.block.isa(),
            cell: self.cell,
            need: self.need,
            whole_rows: self.block.cols().len() == self.block.row_len(),
            tile: self.tile,
            selection,
        }
    }

    /// The cells of what is selected.
    pub(super) fn select(&self, selection: Selection<'_, T::Lane>) -> Cells<T::Lane> {
        T::Lane::fold(&self.order(selection))
    }

    /// Whether there is one cell, of sums alone.
    pub(super) fn is_one_sum(&self) -> bool {
        self.need == Need::Sum && self.cell == Cell::All
    }

    /// The cell of what satisfies a predicate, with loops of its own; of one sum only.
    pub(super) fn sum_of(&self, predicate: &(impl Fn(T::Lane) -> bool + Sync)) -> Cells<T::Lane> {
        self.order(Selection::Every).sum_of(predicate)
    }

    /// Writes down what a predicate decides.
    pub(super) fn decide(&self, keep: &mut [u8], predicate: &impl Fn(T::Lane) -> bool) {
        for (keep, x) in keep.iter_mut().zip(elements(&self.tile)) {
            *keep = u8::from(predicate(x));
        }
    }

    /// Decides first, then takes what is kept: for what is not worth loops of its own.
    pub(super) fn by_value(&self, predicate: &impl Fn(T::Lane) -> bool) -> Result<Cells<T::Lane>> {
        let mut keep = self.scratch().take::<u8>(self.tile.len());
        self.decide(&mut keep, predicate);
        self.checked(self.select(Selection::Kept(&keep)), |again| again.copy_from_slice(&keep))
    }

    /// Blocks without NaN and infinities, which show in the sums, are done after one trip through
    /// the loops; the others are looked at closely. `decide` writes down which elements were taken.
    pub(super) fn checked(
        &self,
        mut cells: Cells<T::Lane>,
        decide: impl FnOnce(&mut [u8]),
    ) -> Result<Cells<T::Lane>> {
        if !T::Lane::FLOAT || !self.wanted || cells.is_clean() {
            return Ok(cells);
        }
        let tile = &self.tile;
        let mut keep = self.scratch().take::<u8>(tile.len());
        decide(&mut keep);
        let special = count_special(self.cell, tile, &keep);
        if special.nan.iter().any(|&n| n > 0) && self.nan != NanPolicy::Propagate {
            self.take_out_nan(&mut keep)?;
            cells = self.select(Selection::Kept(&keep));
        }
        cells.set_special(special);
        Ok(cells)
    }
}

impl<'a, T: Numeric> BlockFold<'a, T> {
    /// A block of which cells are made in another way than by the loops over lanes.
    pub(super) fn new(
        block: &'a Block<'a, T>,
        tile: Tile<'a, T::Lane>,
        cell: Cell,
        nan: NanPolicy,
    ) -> Self {
        Self { block, tile, cell, nan, need: Need::Sum, wanted: nan != NanPolicy::Propagate }
    }

    /// Does with the NaN among what is kept as the policy says; gives whether `keep` was changed.
    pub(super) fn take_out_nan(&self, keep: &mut [u8]) -> Result<bool> {
        if !T::Lane::FLOAT || self.nan == NanPolicy::Propagate {
            return Ok(false);
        }
        let (block, cols) = (self.block, self.tile.cols());
        let mut changed = false;
        for (i, (keep, x)) in keep.iter_mut().zip(elements(&self.tile)).enumerate() {
            if *keep != 0 && x.is_nan() {
                if self.nan == NanPolicy::Error {
                    return Err(Error::NanFound {
                        row: block.rows().start + i / cols,
                        element: block.cols().start + i % cols,
                    });
                }
                *keep = 0;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Whether there is a NaN, kept or not.
    pub(super) fn any_nan(&self) -> bool {
        // Slice by slice, in loops without an exit, which are vectorised.
        let nan = |x: &[T::Lane]| x.iter().fold(false, |nan, x| nan | x.is_nan());
        T::Lane::FLOAT && self.tile.slices().any(|x| x.chunks(1 << 12).any(nan))
    }
}

/// The elements of a tile, row after row.
fn elements<'a, L: Lane>(tile: &Tile<'a, L>) -> impl Iterator<Item = L> + use<'a, L> {
    tile.slices().flatten().copied()
}

/// Counts NaN and infinities among what is kept.
fn count_special<L: Lane>(cell: Cell, tile: &Tile<'_, L>, keep: &[u8]) -> Special {
    let cells = cell.count(tile);
    let mut special = Special { nan: vec![0; cells], inf: vec![0; cells] };
    let cols = tile.cols();
    for (row, (x, keep)) in tile.iter_rows().zip(keep.chunks(cols.max(1))).enumerate() {
        let mut count = |cell: usize, x: L, keep: u8| {
            special.nan[cell] += u64::from(keep != 0 && x.is_nan());
            special.inf[cell] += u64::from(keep != 0 && x.is_infinite());
        };
        for (col, (&x, &keep)) in x.iter().zip(keep).enumerate() {
            match cell {
                Cell::All => count(0, x, keep),
                Cell::Column => count(col, x, keep),
                Cell::Row => count(row, x, keep),
            }
        }
    }
    special
}
