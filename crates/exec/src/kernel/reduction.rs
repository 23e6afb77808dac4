//! What all kernels share: axis, mask, NaN policy, and how a block becomes cells.

use std::fmt::Debug;
use std::ops::Range;

use parking_lot::Mutex;
use rowmill_core::{Assembly, Shape, Tile, Unfilled};
use serde::{Deserialize, Serialize};

use super::{Axis, Numeric, Selector, Unmasked};
use crate::grid::{Bounds, Grid};
use crate::reduce::{Block, Reduce, Shared};
use crate::resume::Resume;
use crate::run::for_each;
use crate::scratch::Scratch;
use crate::{Error, Result};
use rowmill_lanes::fold::{Cell, CellState, Cells, FoldOrder, Need, Selection, Special};
use rowmill_lanes::lanes::Lane;

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
    axis: A,
    mask: M,
    nan: NanPolicy,
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

/// Adds the three constructors to a statistic.
macro_rules! constructors {
    ($name:ident, $value:expr) => {
        impl $name {
            /// Over everything: one value.
            pub fn all() -> $crate::Reduction<Self, $crate::All> {
                $crate::kernel::reduction::Reduction::new($value, $crate::All)
            }

            /// Per column: axis 0 is reduced, the others are kept (numpy's `axis=0`).
            pub fn per_column() -> $crate::Reduction<Self, $crate::Columns> {
                $crate::kernel::reduction::Reduction::new($value, $crate::Columns)
            }

            /// Per row: axis 0 is kept, the others are reduced.
            pub fn per_row() -> $crate::Reduction<Self, $crate::Rows> {
                $crate::kernel::reduction::Reduction::new($value, $crate::Rows)
            }
        }
    };
}
pub(super) use constructors;

/// Cells by the piece of the result that they belong to, pieces in order. Over everything there is
/// one piece; of long rows, columns come in one piece for each tile; rows in one for each band.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")] // a lane can be kept
pub struct Pieces<L: Lane>(Vec<(usize, Cells<L>)>);

impl<L: Lane> Pieces<L> {
    fn merge(&mut self, next: Self) {
        let mut next = next.0.into_iter().peekable();
        // The usual cases, in place: the same piece, or pieces that follow.
        if let (Some((last, cells)), Some(first)) = (self.0.last_mut(), next.peek().map(|n| n.0)) {
            if *last > first {
                return self.interleave(next);
            }
            if let Some((_, more)) = next.next_if(|_| *last == first) {
                cells.merge(&more);
            }
        }
        self.0.extend(next);
    }

    fn interleave(&mut self, next: impl Iterator<Item = (usize, Cells<L>)>) {
        let mut merged: Vec<(usize, Cells<L>)> = Vec::with_capacity(self.0.len());
        let mut mine = std::mem::take(&mut self.0).into_iter().peekable();
        for (piece, cells) in next {
            while let Some(earlier) = mine.next_if(|(p, _)| *p < piece) {
                merged.push(earlier);
            }
            if let Some((_, mut own)) = mine.next_if(|(p, _)| *p == piece) {
                own.merge(&cells);
                merged.push((piece, own));
            } else {
                merged.push((piece, cells));
            }
        }
        merged.extend(mine);
        self.0 = merged;
    }
}

/// Results of so many cells are made by all workers, each cell in its place.
const MANY_CELLS: usize = 1 << 16;

/// The most cells of a result that no element went into.
const MOST_EMPTY_CELLS: usize = 1 << 24;

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
    type Partial = Pieces<T::Lane>;
    type Output = A::Output<S::Value>;

    fn check(&self, shape: &Shape) -> Result<()> {
        self.mask.check(shape)
    }

    fn identity(&self) -> Self::Partial {
        Pieces(Vec::new())
    }

    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()> {
        let cells = self.cells(block)?;
        partial.merge(Pieces(vec![(self.axis.piece(block.bounds()), cells)]));
        Ok(())
    }

    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        partial.merge(next);
    }

    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output> {
        self.mask.verify()?;
        let dims = self.axis.output_dims(shape);
        let len = dims.iter().product();
        let made: usize = partial.0.iter().map(|(_, cells)| cells.len()).sum();
        if made >= MANY_CELLS && made == len && rayon::current_thread_index().is_some() {
            return Ok(self.axis.output(self.many_values(&partial.0, len)?, dims));
        }
        let mut values = Vec::new();
        // A header of 128 bytes can claim an array without elements that has any number of cells:
        // memory that no data stands behind is not asked for, and no other without a check.
        let no_room = |_| Error::TooManyCells { cells: len };
        if shape.is_empty() && len > MOST_EMPTY_CELLS {
            return Err(Error::TooManyCells { cells: len });
        }
        values.try_reserve_exact(len).map_err(no_room)?;
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
        let partial: Pieces<T::Lane> = postcard::from_bytes(bytes).ok()?;
        self.fits::<T>(&partial, shape, size_of::<T>(), blocks).then_some(partial)
    }
}

impl<S, A: Axis, M> Reduction<S, A, M> {
    pub(super) fn axis(&self) -> A {
        self.axis
    }

    pub(super) fn nan_policy(&self) -> NanPolicy {
        self.nan
    }

    /// Whether pieces can be those of some blocks of an array of elements of `size` bytes.
    pub(super) fn fits<T: Numeric>(
        &self,
        partial: &Pieces<T::Lane>,
        shape: &Shape,
        size: usize,
        blocks: Range<usize>,
    ) -> bool
    where
        S: Statistic<T>,
    {
        let grid = Grid::new(shape.rows(), shape.row_len(), size);
        // The pieces of these blocks, in order.
        let mut expected = std::collections::BTreeMap::new();
        for block in blocks.map(|i| grid.block(i)) {
            let cells = match self.axis.cell() {
                Cell::All => 1,
                Cell::Column => block.cols.len(),
                Cell::Row => block.rows.len(),
            };
            expected.insert(self.axis.piece(&block), cells);
        }
        partial.0.len() == expected.len()
            && partial.0.iter().zip(expected).all(|((piece, cells), (expected, len))| {
                *piece == expected && cells.are(S::NEED, len)
            })
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
        let (tile, block) = (&self.tile, self.block);
        let mut keep = self.scratch().take::<u8>(tile.len());
        decide(&mut keep);
        let special = count_special(self.cell, tile, &keep);
        if special.nan.iter().any(|&n| n > 0) && self.nan != NanPolicy::Propagate {
            for (i, (keep, x)) in keep.iter_mut().zip(elements(tile)).enumerate() {
                if *keep != 0 && x.is_nan() {
                    if self.nan == NanPolicy::Error {
                        return Err(Error::NanFound {
                            row: block.rows().start + i / tile.cols(),
                            element: block.cols().start + i % tile.cols(),
                        });
                    }
                    *keep = 0;
                }
            }
            cells = self.select(Selection::Kept(&keep));
        }
        cells.set_special(special);
        Ok(cells)
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
