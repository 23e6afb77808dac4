//! The frame of all reductions: which axes are kept, which elements are selected, how states of
//! cells pass through the merge tree, how values become an answer.
//!
//! ```text
//!   block --selection, NaN policy--> elements --Kernel::fold--> states, one per cell
//!                                                                  |  merged by piece, in the tree
//!                                                                  v
//!                                                       Kernel::value of each cell
//! ```
//!
//! Kernels store their states in one of two ways ([`Cellular`]): one object per cell ([`Each`]), or
//! side by side in lane cells, for sums, squares and ranges (`lanes.rs`). Everything else is common
//! to both, and written once, here. A [`Frame`] is one reduction of a job as the engine sees it.

pub(crate) mod axis;
mod boxed;
mod each;
pub(super) mod lanes;
pub(crate) mod list;
mod over;
pub(crate) mod pieces;
mod reduction;
pub(in crate::kernel) mod room;
mod selected;
mod tile_fold;

use crate::kernel::select::NanPolicy;
use std::ops::Range;

use self::axis::Kept;
pub(super) use self::each::kernel_constructors;
pub use self::each::{Each, Kernel};
pub(crate) use self::lanes::Statistic;
pub(super) use self::lanes::lane_statistics;
pub(super) use self::list::List;
pub use self::over::Over;
use self::pieces::{MANY_CELLS, Pieces};
pub use self::reduction::Reduction;
pub use self::room::Room;
pub(super) use self::selected::Lanes;
pub use self::selected::Selected;
pub(super) use self::selected::{Run, with_picked};
pub(crate) use self::tile_fold::TileFold;
use super::{Numeric, Selector};
use crate::engine::OWN;
use crate::engine::grid::Grid;
use crate::error::{Error, Result};
use crate::kernel::reduce::{Answer, Block, Reducer, Shared, State};
use rowmill_core::{Outputs, Shape};
use rowmill_lanes::fold::Cell;

/// The type-erased interface between the frame and its kernels: how the states of many cells are
/// stored, merged and finished. A [`State`] holds those of some cells.
///
/// Implemented for [`Each`] kernel, and for the statistics whose states are lane cells.
pub trait Cellular<T: Numeric>: Sync {
    /// Refuses arrays that the kernel cannot work on.
    ///
    /// # Errors
    /// The kernel's reason for refusing the shape.
    fn check(&self, shape: &Shape, grid: &Grid, cell: Cell) -> Result<()> {
        let _ = (shape, grid, cell);
        Ok(())
    }

    /// The cells of a block.
    ///
    /// # Errors
    /// Failures to read inputs beside the array, like weights.
    fn fold(&self, block: &Block<'_, T>, job: &JobSelection<'_, T>) -> Result<State>;

    /// Merges the same cells of other elements: of blocks that follow, or lie beside.
    fn join(&self, cells: &mut State, next: State);

    /// Whether cells read from a file, which may hold anything, can be cells with this room.
    fn is_valid(&self, cells: &State, room: &Room<'_>) -> bool;

    /// Whether both states can stem from the same elements.
    fn counts_agree(&self, cells: &State, others: &State) -> bool {
        let _ = (cells, others);
        true
    }

    /// Appends the serialized cells to bytes.
    ///
    /// # Errors
    /// [`Error::Unsaved`].
    fn save(&self, cells: &State, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// Deserializes cells from the start of bytes, and returns the rest.
    fn load<'b>(&self, bytes: &'b [u8]) -> Option<(State, &'b [u8])>;

    /// The values of all cells of an answer. Arrays without elements have empty cells.
    ///
    /// # Errors
    /// If a cell has no value, like the minimum of an empty one.
    fn values(
        &self,
        pieces: &[(usize, State)],
        len: usize,
        at: &CellPlace<'_>,
    ) -> Result<Box<dyn List>>;

    /// The shared output for the values of `len` cells, `of_block` at a time.
    ///
    /// # Errors
    /// [`Error::TooManyCells`].
    fn share(&self, len: usize, of_block: usize) -> Result<Shared>;

    /// Writes the values of a piece to their places; `at` is the first of them.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    fn place(&self, shared: &Shared, piece: (usize, State), at: &CellPlace<'_>) -> Result<()>;

    /// The `len` assembled values.
    ///
    /// # Errors
    /// [`Error::TooManyCells`].
    fn placed(&self, shared: Shared, shape: &Shape, len: usize) -> Result<Box<dyn List>>;

    /// Name and options.
    fn describe(&self) -> Option<String>;

    /// Checks that every input beside the array is unchanged since it was opened.
    ///
    /// # Errors
    /// If one has changed.
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }
}

/// A kernel as users see it: with the type of its values.
pub trait Valued<T: Numeric>: Cellular<T> {
    /// The value of one cell.
    type Value: Send + 'static;
}

/// The place of a cell whose value is being computed.
#[derive(Clone, Copy, Debug)]
pub struct CellPlace<'a> {
    pub(super) nan: NanPolicy,
    /// Its number in the answer.
    pub(super) index: usize,
    pub(super) cell: Cell,
    pub(super) shape: &'a Shape,
}

impl<'a> CellPlace<'a> {
    /// The number of the cell in the answer, in C order.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The NaN policy of this job.
    #[must_use]
    pub fn nan(&self) -> NanPolicy {
        self.nan
    }

    /// The place of a later cell, `cells` further on.
    pub(super) fn plus(&self, cells: usize) -> CellPlace<'a> {
        Self { index: self.index + cells, ..*self }
    }

    /// Converts a position in the array to one within the cell: the row for a column, the element
    /// for a row.
    pub(super) fn within(&self, at: u64) -> usize {
        let row_len = self.shape.row_len().max(1) as u64;
        (match self.cell {
            Cell::All => at,
            Cell::Column => at / row_len,
            Cell::Row => at % row_len,
        }) as usize
    }
}

/// The selection of a job: which elements take part, and in which cells.
pub struct JobSelection<'a, T> {
    pub(crate) cell: Cell,
    pub(crate) mask: &'a dyn Selector<T>,
    pub(crate) nan: NanPolicy,
}

impl<T> Clone for JobSelection<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for JobSelection<'_, T> {}

impl<T> std::fmt::Debug for JobSelection<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobSelection").field("cell", &self.cell).finish_non_exhaustive()
    }
}

/// A kernel with its axis, mask and NaN policy: one reduction as the engine sees it.
pub(crate) struct Frame<'a, T> {
    pub(super) kernel: &'a dyn Cellular<T>,
    pub(super) kept: Kept<'a>,
    pub(super) selected: JobSelection<'a, T>,
}

impl<T: Numeric> Frame<'_, T> {
    fn place<'s>(&self, index: usize, shape: &'s Shape) -> CellPlace<'s> {
        CellPlace { nan: self.selected.nan, index, cell: self.kept.cell, shape }
    }

    /// As [`Reducer::load`], for elements of `size` bytes.
    pub(super) fn load_sized(
        &self,
        bytes: &[u8],
        (shape, size): (&Shape, usize),
        blocks: Range<usize>,
    ) -> Option<State> {
        let pieces = Pieces::load(bytes, &|bytes| self.kernel.load(bytes))?;
        let grid = Grid::new(shape.rows(), shape.row_len(), size);
        let is_valid = |cells: &State, room: &Room<'_>| self.kernel.is_valid(cells, room);
        let valid = pieces.are_valid(self.kept.cell, self.selected.nan, &grid, blocks, &is_valid);
        valid.then(|| Box::new(pieces) as State)
    }

    /// Whether two states of this frame can stem from the same elements.
    pub(super) fn counts_agree(&self, one: &State, other: &State) -> bool {
        let (Some(one), Some(other)) =
            (one.downcast_ref::<Pieces>(), other.downcast_ref::<Pieces>())
        else {
            return false;
        };
        one.0.iter().zip(&other.0).all(|(a, b)| self.kernel.counts_agree(&a.1, &b.1))
    }
}

impl<T: Numeric> Reducer<T> for Frame<'_, T> {
    fn check(&self, shape: &Shape) -> Result<()> {
        self.kept.check(shape)?;
        let grid = Grid::of::<T>(shape);
        self.kernel.check(shape, &grid, self.kept.cell)?;
        self.selected.mask.check(shape)
    }

    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let disjoint = self.kept.disjoint(shape, grid).filter(|_| !shape.is_empty());
        match disjoint.filter(|(cells, _)| *cells >= MANY_CELLS) {
            None => Ok(Shared::default()),
            Some((cells, of_block)) => self.kernel.share(cells, of_block),
        }
    }

    fn fold(&self, shared: &Shared, block: &Block<'_, T>) -> Result<Option<State>> {
        let cells = self.kernel.fold(block, &self.selected)?;
        let bounds = block.bounds();
        let piece = self.kept.piece(bounds);
        if !shared.is_some() {
            return Ok(Some(Box::new(Pieces(vec![(piece, cells)]))));
        }
        let shape = Shape::new([bounds.rows.end, block.row_len()]).map_err(Error::kernel)?;
        let at = self.place(self.kept.first(bounds), &shape);
        self.kernel.place(shared, (piece, cells), &at)?;
        Ok(None)
    }

    fn merge(&self, state: &mut State, next: State) {
        let pieces: &mut Pieces = state.downcast_mut().expect(OWN);
        pieces.merge(Pieces::of(next), &|cells, next| self.kernel.join(cells, next));
    }

    fn finish(&self, shared: Shared, state: Option<State>, shape: &Shape) -> Result<Answer> {
        self.verify()?;
        let dims = self.kept.output_dims(shape);
        let len = dims.iter().product();
        let list = if shared.is_some() {
            self.kernel.placed(shared, shape, len)?
        } else {
            let pieces = state.map_or_else(Pieces::default, Pieces::of);
            self.kernel.values(&pieces.0, len, &self.place(0, shape))?
        };
        Ok(list.into_answer(dims))
    }

    fn verify(&self) -> Result<()> {
        self.selected.mask.verify()?;
        self.kernel.verify()
    }

    fn register(&self, outputs: &mut Outputs) {
        self.selected.mask.register(outputs);
        self.kernel.register(outputs);
    }

    fn describe(&self) -> Option<String> {
        let (kernel, kept) = (self.kernel.describe()?, self.selected.mask.describe()?);
        let nan = self.selected.nan.name();
        Some(format!("{kernel} over {} of {kept}, NaN: {nan}", self.kept.name()))
    }

    fn describe_kernel(&self) -> Option<String> {
        let nan = self.selected.nan.name();
        Some(format!("{} over {}, NaN: {nan}", self.kernel.describe()?, self.kept.name()))
    }

    fn save(&self, state: &State) -> Result<Vec<u8>> {
        let pieces: &Pieces = state.downcast_ref().expect(OWN);
        pieces.save(&|cells, bytes| self.kernel.save(cells, bytes))
    }

    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State> {
        self.load_sized(bytes, (shape, size_of::<T>()), blocks)
    }
}
