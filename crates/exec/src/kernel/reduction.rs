//! What all kernels share: axis, mask, NaN policy, and how a block becomes cells.

use rowmill_core::{Shape, Tile};

use super::{Axis, Numeric, Selector, Unmasked};
use crate::fold::{Bytes, Cell, CellState, Cells, Every, MaskKind, Select, Special, Value, fold};
use crate::lanes::{Lane, Parts};
use crate::reduce::{Block, Reduce};
use crate::{Error, Result};

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
    type Value;

    /// What has to be accumulated.
    #[doc(hidden)]
    type Parts: Parts<T::Lane>;

    /// Whether numbers of NaN and infinities are wanted.
    #[doc(hidden)]
    const SPECIAL: bool;

    /// The value of cell number `index`.
    #[doc(hidden)]
    fn value(&self, cell: &CellState<T::Lane>, nan: NanPolicy, index: usize)
    -> Result<Self::Value>;
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

    fn cell(&self) -> Cell
    where
        A: Axis,
    {
        self.axis.cell()
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
#[derive(Clone, Debug)]
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
        let cells = T::with_lanes(block.tile(), block.scratch(), |tile| match M::KIND {
            MaskKind::Every => self.cells(block, tile, Every),
            MaskKind::Value => {
                let predicate = self.mask.predicate();
                if S::Parts::SUM && !S::Parts::SPREAD {
                    return self.cells(block, tile, Value(&predicate));
                }
                // Not worth loops of their own: decide first, then take what is kept.
                let mut keep = block.scratch().take::<u8>(tile.len());
                fill(&mut keep, &tile, Value(&predicate));
                self.cells(block, tile, Bytes(&keep))
            }
            MaskKind::Bytes => {
                let mut keep = block.scratch().take::<u8>(tile.len());
                self.mask.bytes(block.bounds(), block.row_len(), &mut keep)?;
                self.cells(block, tile, Bytes(&keep))
            }
        })?;
        partial.merge(Pieces(vec![(self.axis.piece(block.bounds()), cells)]));
        Ok(())
    }

    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        partial.merge(next);
    }

    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output> {
        let dims = self.axis.output_dims(shape);
        let len = dims.iter().product();
        let mut values = Vec::with_capacity(len);
        for (_, cells) in &partial.0 {
            for i in 0..cells.len() {
                values.push(self.statistic.value(&cells.state(i), self.nan, values.len())?);
            }
        }
        // Arrays without elements have cells all the same, that nothing went into.
        let empty = Cells::<T::Lane>::empty::<S::Parts>(1).state(0);
        while values.len() < len {
            values.push(self.statistic.value(&empty, self.nan, values.len())?);
        }
        Ok(self.axis.output(values, dims))
    }
}

impl<S, A: Axis, M> Reduction<S, A, M> {
    /// The cells of a block. Blocks without NaN and infinities, which show in the sums, take one
    /// trip through the loops; the others are looked at more closely.
    fn cells<T: Numeric>(
        &self,
        block: &Block<'_, T>,
        tile: Tile<'_, T::Lane>,
        select: impl Select<T::Lane>,
    ) -> Result<Cells<T::Lane>>
    where
        S: Statistic<T>,
    {
        let isa = block.isa();
        let mut cells = fold::<T::Lane, S::Parts, _>(isa, self.cell(), tile, select);
        let wanted = S::SPECIAL || self.nan != NanPolicy::Propagate;
        if !T::Lane::FLOAT || !wanted || cells.is_clean() {
            return Ok(cells);
        }
        let mut keep = block.scratch().take::<u8>(tile.len());
        fill(&mut keep, &tile, select);
        let special = count_special(self.cell(), &tile, &keep);
        if special.nan.iter().any(|&n| n > 0) && self.nan != NanPolicy::Propagate {
            for (i, (keep, x)) in keep.iter_mut().zip(elements(&tile)).enumerate() {
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
            cells = fold::<T::Lane, S::Parts, _>(isa, self.cell(), tile, Bytes(&keep));
        }
        cells.set_special(special);
        Ok(cells)
    }
}

/// The elements of a tile, row after row.
fn elements<'a, L: Lane>(tile: &Tile<'a, L>) -> impl Iterator<Item = L> + use<'a, L> {
    tile.slices().flatten().copied()
}

/// Writes down what a selection decides.
fn fill<L: Lane, S: Select<L>>(keep: &mut [u8], tile: &Tile<'_, L>, select: S) {
    let cols = tile.cols();
    for (row, (keep, x)) in keep.chunks_mut(cols.max(1)).zip(tile.iter_rows()).enumerate() {
        let run = select.run(row * cols, cols);
        for (i, (keep, x)) in
            keep.chunks_mut(crate::lanes::N).zip(x.chunks(crate::lanes::N)).enumerate()
        {
            let decided = S::keep(&run, i * crate::lanes::N, x);
            for (keep, decided) in keep.iter_mut().zip(decided) {
                *keep = u8::from(decided);
            }
        }
    }
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
