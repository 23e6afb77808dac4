//! Partials of the rows of an array: [`Engine::partial`] and [`Engine::partial_after`].

use std::collections::BTreeMap;
use std::ops::Range;

use rowmill_core::{Element, Source};

use crate::engine::Engine;
use crate::engine::tree::Tree;
use crate::error::{Error, PartialError, Result};
use crate::job::reduce::Fold;
use crate::kernel::NanPolicy;
use crate::kernel::blocks::{Blocks, TypedBlocks};
use crate::kernel::reduce::Reduce;
use crate::resume::Partial;

impl Engine {
    /// Reduces some rows of an array to a [`Partial`], which can be merged with partials of the
    /// other rows.
    ///
    /// # Errors
    /// As [`reduce`](Self::reduce); [`PartialError::Bounds`] if the rows do not begin and end at
    /// multiples of [`Partial::step`] or at the end of the array, [`PartialError::Undescribed`] for
    /// a mask that is a closure.
    pub fn partial<T, S, R>(&self, source: &S, kernel: R, rows: Range<usize>) -> Result<Partial>
    where
        T: Element,
        S: Source<T>,
        R: Reduce<T>,
    {
        self.partial_with(source, &kernel, NanPolicy::Propagate, rows)
    }

    /// As [`partial`](Self::partial), with a NaN policy for reductions that have none.
    pub(crate) fn partial_with<T: Element, R: Reduce<T>>(
        &self,
        source: &dyn Source<T>,
        kernel: &R,
        nan: NanPolicy,
        rows: Range<usize>,
    ) -> Result<Partial> {
        let mut reducers = Vec::new();
        kernel.reducers(nan, &mut reducers);
        self.partial_blocks(&TypedBlocks::new(source, self.isa, reducers), rows)
    }

    /// Reduces only the rows that a partial lacks: rows appended since, or rows that other
    /// processes did not cover. Rows of a last block that has grown are read again.
    ///
    /// # Errors
    /// As [`partial`](Self::partial); [`PartialError::OtherJob`] and [`PartialError::OtherArray`]
    /// if this is a partial of another job, or of an array with more rows.
    pub fn partial_after<T, S, R>(&self, source: &S, kernel: R, earlier: Partial) -> Result<Partial>
    where
        T: Element,
        S: Source<T>,
        R: Reduce<T>,
    {
        let mut reducers = Vec::new();
        kernel.reducers(NanPolicy::Propagate, &mut reducers);
        self.partial_after_blocks(&TypedBlocks::new(source, self.isa, reducers), earlier)
    }

    fn partial_blocks(&self, blocks: &dyn Blocks, rows: Range<usize>) -> Result<Partial> {
        let shape = blocks.shape();
        let partial = Partial {
            job: blocks.describe().ok_or(PartialError::Undescribed)?,
            kernels: blocks.describe_kernels().ok_or(PartialError::Undescribed)?,
            dtype: blocks.dtype(),
            row_dims: shape.row_dims().to_vec(),
            end: None,
            nodes: BTreeMap::new(),
        };
        let (step, of) = (blocks.grid().band_rows(), shape.rows());
        let fits = |row: usize| row == of || (row < of && row.is_multiple_of(step));
        if !fits(rows.start) || !fits(rows.end) || rows.start > rows.end {
            let start = rows.start.min(of) / step * step;
            let end = rows.end.max(start).div_ceil(step).saturating_mul(step).min(of);
            let nearest = start..end;
            return Err(PartialError::Bounds { rows, step, of, nearest }.into());
        }
        self.add_rows(partial, blocks, rows)
    }

    fn partial_after_blocks(&self, blocks: &dyn Blocks, mut earlier: Partial) -> Result<Partial> {
        let shape = blocks.shape();
        earlier.check_job(blocks)?;
        let reaches = earlier.rows().last().map_or(0, |rows| rows.end);
        let shrunk = earlier.end.unwrap_or(reaches) > shape.rows();
        if shrunk || earlier.row_dims != shape.row_dims() {
            let expected = format!("{} {shape}", blocks.dtype());
            let found = earlier.describe_array();
            return Err(PartialError::OtherArray { expected, found }.into());
        }
        if earlier.end.is_some_and(|end| end < shape.rows()) {
            earlier.open_end();
        }
        self.add_rows(earlier, blocks, 0..shape.rows())
    }

    /// Adds partials of the rows that are missing.
    fn add_rows(
        &self,
        mut partial: Partial,
        blocks: &dyn Blocks,
        rows: Range<usize>,
    ) -> Result<Partial> {
        let of = blocks.shape().rows();
        blocks.check_kernels()?;
        let grid = blocks.grid();
        let done = &partial.blocks();
        let band = |row: usize| row.div_ceil(grid.band_rows()) * grid.tiles();
        let (start, end) = (band(rows.start), band(rows.end));
        // A last block that may grow is not merged into a larger node, so it can be dropped alone.
        let whole = (of / grid.band_rows() * grid.tiles()).clamp(start, end);
        let shared = blocks.unshared();
        for range in [start..whole, whole..end] {
            let tree = Tree::new();
            let fold = Fold { blocks: range, done, shared: &shared, after_chunk: &|_| Ok(()) };
            let job = self.fold_into(&tree, blocks, fold);
            job.end_of(blocks)?;
            tree.look(|nodes| {
                for (&(level, index), states) in nodes {
                    partial.nodes.insert((index << level, level), blocks.save(states)?);
                }
                Ok::<_, Error>(())
            })?;
            job.succeed();
        }
        blocks.verify_kernels()?;
        if rows.end == of {
            partial.end = Some(of);
        }
        Ok(partial)
    }
}
