//! Partials as values: the reduction of some rows, saved, merged elsewhere, and finished.
//!
//! ```text
//!   process 1   rows 0..a  ---> Partial --(JSON)--+
//!   process 2   rows a..b  ---> Partial --(JSON)--+--> merge --> finish: the bits of a single run
//!   process 3   rows b..   ---> Partial --(JSON)--+
//! ```
//!
//! A partial holds nodes of the merge tree over the blocks of the whole array (`tree.rs`). Nodes
//! depend on blocks alone, so any set of them that covers all blocks once can be finished, wherever
//! they were made.

mod absent;
mod file;

use std::collections::BTreeMap;
use std::ops::Range;

use rowmill_core::{DType, Element, Shape};
use rowmill_lanes::arch::Isa;

pub use self::absent::Absent;
use crate::engine::grid::Grid;
use crate::engine::ranges::Ranges;
use crate::engine::tree::{Node, Tree};
use crate::error::{PartialError, Result};
use crate::kernel::NanPolicy;
use crate::kernel::blocks::{Blocks, States, TypedBlocks};
use crate::kernel::reduce::{Answer, Answers, Reduce};
use crate::resume::checkpoint::decode;

/// The partial result of a reduction, over some rows of an array. It can be saved, merged with
/// those of other rows in any order and grouping, and finished. The result has the same bits as a
/// single run over the whole array.
///
/// The rows must begin and end at multiples of [`Partial::step`], or at the array's end. The
/// reduction is compared as text; so are the dtype and the shape of a row. The array's contents are
/// not compared: partials may come from any machine that has the rows.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Mean, Partial};
/// let data: Vec<f32> = (0..600_000).map(|i| (i as f32).sin()).collect();
/// let x = SliceSource::new(&data, [200_000, 3]).unwrap();
/// let engine = Engine::new()?;
/// let mean = Mean::per_column();
///
/// let half = 2 * Partial::step::<f32>(x.shape());
/// # use rowmill_core::Source;
/// let first = engine.partial(&x, mean, 0..half)?;
/// let second = engine.partial(&x, mean, half..200_000)?;
/// let sent = second.to_json();
/// let merged = Partial::from_json(&sent)?.merge(first)?;
/// assert_eq!(merged.finish::<f32, _>(mean)?, engine.reduce(&x, mean)?);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    pub(crate) job: String,
    /// The job without its selection.
    pub(crate) kernels: String,
    pub(crate) dtype: DType,
    pub(crate) row_dims: Vec<usize>,
    /// The rows of the array, if its last one was reduced.
    pub(crate) end: Option<usize>,
    /// Saved nodes by the first block and the level.
    pub(crate) nodes: BTreeMap<(usize, u32), Vec<u8>>,
}

/// The blocks that a node stands for.
fn blocks_of(start: usize, level: u32) -> Option<Range<usize>> {
    let width = 1_usize.checked_shl(level)?;
    start.is_multiple_of(width).then_some(start..start.checked_add(width)?)
}

impl Partial {
    /// The granularity of a partial's rows: they begin and end at multiples of this, the rows of a
    /// block. It depends on dtype and row shape alone.
    #[must_use]
    pub fn step<T: Element>(shape: &Shape) -> usize {
        Self::step_of(T::DTYPE, shape)
    }

    /// As [`step`](Self::step), for a dtype known at run time.
    #[must_use]
    pub fn step_of(dtype: DType, shape: &Shape) -> usize {
        grid(dtype, shape).band_rows()
    }

    /// A description of the reduction.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The dtype of the array.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The shape of a row of the array.
    #[must_use]
    pub fn row_dims(&self) -> &[usize] {
        &self.row_dims
    }

    /// The rows that were reduced, in order, with adjacent ranges merged.
    #[must_use]
    pub fn rows(&self) -> Vec<Range<usize>> {
        let blocks = self.blocks();
        blocks.iter().map(|blocks| self.rows_of(blocks)).filter(|rows| !rows.is_empty()).collect()
    }

    /// The number of rows of the array, if its last row was reduced.
    #[must_use]
    pub fn array_rows(&self) -> Option<usize> {
        self.end
    }

    /// A stand-in for the reduced array, with its shape as far as it is known and no readable
    /// elements. It is for kernels that are made from an array, to [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`PartialError::State`] if no array has that many elements.
    pub fn absent(&self) -> Result<Absent> {
        self.shape(self.end.unwrap_or_else(|| self.reaches())).map(Absent)
    }

    /// The row after the last one that was reduced.
    fn reaches(&self) -> usize {
        self.blocks().iter().last().map_or(0, |blocks| self.rows_of(blocks).end)
    }

    /// Merges the rows of another partial of the same reduction.
    ///
    /// # Errors
    /// [`PartialError::OtherJob`], [`PartialError::OtherArray`]; [`PartialError::Overlap`] if a row
    /// is in both.
    pub fn merge(mut self, other: Self) -> Result<Self> {
        if self.job != other.job {
            return Err(PartialError::OtherJob { expected: self.job, found: other.job }.into());
        }
        let same_end = self.end.is_none() || other.end.is_none() || self.end == other.end;
        if (self.dtype, &self.row_dims) != (other.dtype, &other.row_dims) || !same_end {
            let [expected, found] = [&self, &other].map(Self::describe_array);
            return Err(PartialError::OtherArray { expected, found }.into());
        }
        self.end = self.end.or(other.end);
        let mine = self.blocks();
        for ((start, level), state) in other.nodes {
            let blocks = blocks_of(start, level).ok_or(PartialError::State)?;
            if !mine.missing(blocks.clone()).eq([blocks.clone()]) {
                let rows = self.rows_of(blocks);
                return Err(PartialError::Overlap { rows }.into());
            }
            self.nodes.insert((start, level), state);
        }
        if self.is_of_one_tree() { Ok(self) } else { Err(PartialError::State.into()) }
    }

    /// The answer, once all rows are covered.
    ///
    /// # Errors
    /// [`PartialError::OtherJob`] if `kernel` is another computation; [`PartialError::Missing`] and
    /// [`PartialError::NoEnd`] for rows that were not reduced; errors of the kernel's answer.
    pub fn finish<T: Element, R: Reduce<T>>(&self, kernel: R) -> Result<R::Output> {
        self.finish_if(kernel, true)
    }

    /// As [`finish`](Self::finish), for a kernel without the selection: the elements were selected
    /// when the state was made, as recorded in [`job`](Self::job).
    ///
    /// # Errors
    /// As [`finish`](Self::finish), but the selection may differ.
    pub fn finish_selected<T: Element, R: Reduce<T>>(&self, kernel: R) -> Result<R::Output> {
        self.finish_if(kernel, false)
    }

    fn finish_if<T: Element, R: Reduce<T>>(&self, kernel: R, selected: bool) -> Result<R::Output> {
        let absent = self.absent()?;
        let mut reducers = Vec::new();
        kernel.reducers(NanPolicy::Propagate, &mut reducers);
        let blocks: TypedBlocks<'_, T> = TypedBlocks::new(&absent, Isa::detect(), reducers);
        let answers = self.finish_blocks(&blocks, selected)?;
        Ok(kernel.output(&mut Answers::new(answers)))
    }

    /// As [`finish`](Self::finish), compiled once.
    fn finish_blocks(&self, blocks: &dyn Blocks, selected: bool) -> Result<Vec<Answer>> {
        if selected {
            self.check_job(blocks)?;
        } else {
            let kernels = blocks.describe_kernels().ok_or(PartialError::Undescribed)?;
            self.check(kernels, &self.kernels, blocks.dtype())?;
        }
        if self.end.is_none() {
            return Err(PartialError::NoEnd { rows: self.reaches() }.into());
        }
        blocks.check_kernels()?;
        let all = blocks.grid().len();
        if let Some(missing) = self.blocks().missing(0..all).next() {
            return Err(PartialError::Missing { rows: self.rows_of(missing) }.into());
        }
        let merge = |states: &mut States, next| blocks.merge(states, next);
        let tree = Tree::from_nodes(self.load(blocks)?, merge);
        blocks.finish(blocks.unshared(), tree.finish(merge))
    }

    /// Drops the partial of a last block that may have grown, and the end with it.
    pub(crate) fn open_end(&mut self) {
        let Some(end) = self.end.take() else { return };
        let Ok(shape) = self.shape(end) else { return };
        let grid = grid(self.dtype, &shape);
        let whole = end / grid.band_rows() * grid.tiles();
        self.nodes.retain(|&(start, level), _| {
            blocks_of(start, level).is_some_and(|blocks| blocks.end <= whole)
        });
    }

    /// The nodes as states of a job.
    fn load(&self, blocks: &dyn Blocks) -> Result<Vec<Node<States>>> {
        let saved = |(&(start, level), state): (&(usize, u32), &Vec<u8>)| {
            (level, (start >> level.min(usize::BITS - 1)) as u64, state.clone())
        };
        let nodes = self.nodes.iter().map(saved).collect();
        let load = |state: &[u8], of| blocks.load(state, of);
        decode(nodes, blocks.grid().len(), &load).ok_or(PartialError::State.into())
    }

    pub(crate) fn check_job(&self, blocks: &dyn Blocks) -> Result<()> {
        let job = blocks.describe().ok_or(PartialError::Undescribed)?;
        self.check(job, &self.job, blocks.dtype())
    }

    fn check(&self, expected: String, found: &str, dtype: DType) -> Result<()> {
        if expected != found {
            let found = found.to_owned();
            return Err(PartialError::OtherJob { expected, found }.into());
        }
        if dtype != self.dtype {
            let (expected, found) = (dtype.to_string(), self.describe_array());
            return Err(PartialError::OtherArray { expected, found }.into());
        }
        Ok(())
    }

    pub(crate) fn blocks(&self) -> Ranges {
        let mut blocks = Ranges::default();
        let of_nodes = self.nodes.keys().filter_map(|&(start, level)| blocks_of(start, level));
        of_nodes.for_each(|range| blocks.insert(range));
        blocks
    }

    /// Whether the nodes cover blocks of one array: no block is in two of them, and none is past
    /// the last, if the end is known.
    fn is_of_one_tree(&self) -> bool {
        let (mut last, mut apart) = (0..0, true);
        for &(start, level) in self.nodes.keys() {
            let Some(blocks) = blocks_of(start, level) else { return false };
            apart &= last.end <= blocks.start;
            last = blocks;
        }
        let Some(end) = self.end.filter(|_| apart) else { return apart };
        let Ok(shape) = self.shape(end) else { return false };
        let grid = grid(self.dtype, &shape);
        grid.fits_a_file() && last.end <= grid.len()
    }

    /// The row ranges of some blocks, with blocks of a band combined.
    fn rows_of(&self, blocks: Range<usize>) -> Range<usize> {
        let Ok(shape) = self.shape(1) else { return 0..0 };
        let grid = grid(self.dtype, &shape);
        let tiles = grid.tiles().max(1);
        let end = self.end.unwrap_or(usize::MAX);
        let row = |band: usize| band.saturating_mul(grid.band_rows()).min(end);
        row(blocks.start / tiles)..row(blocks.end.div_ceil(tiles))
    }

    fn shape(&self, rows: usize) -> Result<Shape> {
        let mut dims = vec![rows];
        dims.extend(&self.row_dims);
        Shape::new(dims).map_err(|_| PartialError::State.into())
    }

    pub(crate) fn describe_array(&self) -> String {
        let rows = self.end.map_or_else(|| "any number".to_owned(), |rows| rows.to_string());
        format!("{}, {rows} of rows of shape {:?}", self.dtype, self.row_dims)
    }
}

fn grid(dtype: DType, shape: &Shape) -> Grid {
    Grid::new(shape.rows(), shape.row_len(), dtype.size())
}

#[cfg(test)]
mod tests;
