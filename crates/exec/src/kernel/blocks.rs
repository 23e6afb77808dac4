//! An array and the reducers of a job over its blocks, without the element type: the view of the
//! merge tree, checkpoints and partials.

use std::any::Any;
use std::ops::Range;

use rowmill_core::{DType, Element, Outputs, Shape, Source, Tile, TileBuffer};

use crate::engine::OWN;
use crate::engine::grid::Grid;
use crate::engine::run::Job;
use crate::engine::scratch::Scratch;
use crate::error::{Error, Result};
use crate::kernel::reduce::{Answer, Block, Reducer, Shared, State, decoded};
use rowmill_lanes::arch::Isa;

/// The states of a run of blocks, one per reducer. `None` if the cells were written straight to the
/// answer.
pub(crate) type States = Vec<Option<State>>;

/// Receives the states of a block, with its number.
pub(crate) type TakeStates<'a> = &'a mut dyn FnMut(usize, States);

/// The blocks of an array, and the reducers of a job.
///
/// Methods are called at most once per chunk; only [`fold`](Self::fold) sees the element type.
pub(crate) trait Blocks: Sync {
    fn shape(&self) -> &Shape;
    fn dtype(&self) -> DType;
    fn grid(&self) -> &Grid;

    /// Refuses an array that a reducer cannot work on.
    fn check_kernels(&self) -> Result<()>;
    /// The shared output of each reducer.
    fn share(&self) -> Result<Vec<Shared>>;
    /// No shared output for any reducer: everything goes into states.
    fn unshared(&self) -> Vec<Shared>;
    /// The memory of one worker. With `releases`, finished blocks are released.
    fn worker(&self, releases: bool) -> Box<dyn Any>;
    /// Folds blocks, in order. If bytes were missing, the error is the source's, whatever a kernel
    /// made of them.
    fn fold(
        &self,
        worker: &mut dyn Any,
        blocks: Range<usize>,
        shared: &[Shared],
        take: TakeStates<'_>,
    ) -> Result<()>;
    fn merge(&self, states: &mut States, next: States);
    fn finish(&self, shared: Vec<Shared>, states: Option<States>) -> Result<Vec<Answer>>;
    /// Checks that masks and weights are unchanged since they were opened.
    fn verify_kernels(&self) -> Result<()>;

    fn check_source(&self) -> Result<()>;
    fn verify_source(&self) -> Result<()>;

    /// Registers the files that masks and weights are read from.
    fn register(&self, outputs: &mut Outputs);
    /// Names and options of all reductions.
    fn describe(&self) -> Option<String>;
    /// The same without masks and NaN policies.
    fn describe_kernels(&self) -> Option<String>;
    fn save(&self, states: &States) -> Result<Vec<u8>>;
    fn load(&self, bytes: &[u8], blocks: Range<usize>) -> Option<States>;
}

impl Job<'_> {
    /// As [`end`](Self::end), for the source of these blocks.
    pub(crate) fn end_of(&self, blocks: &dyn Blocks) -> Result<()> {
        self.end_dyn(&|| blocks.check_source(), &|| blocks.verify_source())
    }
}

/// The reducers of a job over the blocks of a source of elements `T`.
pub(crate) struct TypedBlocks<'a, T> {
    source: &'a dyn Source<T>,
    shape: Shape,
    grid: Grid,
    isa: Isa,
    reducers: Vec<Box<dyn Reducer<T> + 'a>>,
}

impl<'a, T: Element> TypedBlocks<'a, T> {
    pub(crate) fn new(
        source: &'a dyn Source<T>,
        isa: Isa,
        reducers: Vec<Box<dyn Reducer<T> + 'a>>,
    ) -> Self {
        let shape = source.shape().clone();
        let grid = Grid::of::<T>(&shape);
        Self { source, shape, grid, isa, reducers }
    }
}

/// The state that a worker carries from chunk to chunk.
struct Worker<T: Element> {
    buffer: TileBuffer<T>,
    /// Whole rows, packed, of a source that lends them with gaps between them.
    packed: Vec<T>,
    scratch: Scratch,
    /// Whether finished blocks are released.
    releases: bool,
}

impl<T: Element> TypedBlocks<'_, T> {
    /// Passes blocks to `f`, with their numbers.
    fn each_block(
        &self,
        blocks: Range<usize>,
        worker: &mut Worker<T>,
        f: &mut dyn FnMut(usize, &Block<'_, T>) -> Result<()>,
    ) -> Result<()> {
        let (source, grid) = (self.source, &self.grid);
        let row_len = self.shape.row_len();
        let Worker { buffer, packed, scratch, releases } = worker;
        // Some layouts are read well only many rows at a time: blocks on top of each other are then
        // read together.
        let at_once = source.rows_at_a_time().div_ceil(grid.band_rows()).max(1);
        let at_once = if grid.tiles() == 1 { at_once } else { 1 };
        let mut next = blocks.start;
        while next < blocks.end {
            let last = blocks.end.min(next + at_once) - 1;
            let (first, end) = (grid.block(next), grid.block(last));
            let start = first.rows.start;
            let (rows, cols) = (start..end.rows.end, first.cols);
            let span = source.tile(rows, cols, buffer)?;
            // Loops over whole rows require rows without gaps: the choice of loops must not depend
            // on how a tile happens to lie in memory.
            let span = match span.as_slice() {
                None if span.cols() == row_len => {
                    packed.clear();
                    span.iter_rows().for_each(|row| packed.extend_from_slice(row));
                    Tile::new(&packed[..], span.rows(), row_len, row_len)
                }
                _ => span,
            };
            for index in next..=last {
                let bounds = grid.block(index);
                let tile = span.sub_rows(bounds.rows.start - start..bounds.rows.end - start);
                let block =
                    Block::new(tile, bounds, row_len, self.isa, scratch).releasing(*releases);
                f(index, &block)?;
            }
            next = last + 1;
        }
        Ok(())
    }
}

impl<T: Element> Blocks for TypedBlocks<'_, T> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn dtype(&self) -> DType {
        T::DTYPE
    }

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn check_kernels(&self) -> Result<()> {
        self.reducers.iter().try_for_each(|reducer| reducer.check(&self.shape))
    }

    fn share(&self) -> Result<Vec<Shared>> {
        self.reducers.iter().map(|reducer| reducer.share(&self.shape, &self.grid)).collect()
    }

    fn unshared(&self) -> Vec<Shared> {
        self.reducers.iter().map(|_| Shared::default()).collect()
    }

    fn worker(&self, releases: bool) -> Box<dyn Any> {
        let (buffer, packed) = (TileBuffer::<T>::new().below_ceiling(releases), Vec::new());
        Box::new(Worker { buffer, packed, scratch: Scratch::default(), releases })
    }

    fn fold(
        &self,
        worker: &mut dyn Any,
        blocks: Range<usize>,
        shared: &[Shared],
        take: TakeStates<'_>,
    ) -> Result<()> {
        let worker: &mut Worker<T> = worker.downcast_mut().expect(OWN);
        let folded = self.each_block(blocks.clone(), worker, &mut |i, block| {
            let reducers = self.reducers.iter().zip(shared);
            let states = reducers.map(|(reducer, shared)| reducer.fold(shared, block));
            take(i, states.collect::<Result<_>>()?);
            Ok(())
        });
        self.source.check()?;
        folded?;
        if worker.releases {
            for (rows, cols) in self.grid.regions(blocks) {
                self.source.release(rows, cols);
            }
        }
        Ok(())
    }

    fn merge(&self, states: &mut States, next: States) {
        for ((reducer, state), next) in self.reducers.iter().zip(states).zip(next) {
            match (state, next) {
                (Some(state), Some(next)) => reducer.merge(state, next),
                (state @ None, next) => *state = next,
                (Some(_), None) => {}
            }
        }
    }

    fn finish(&self, shared: Vec<Shared>, states: Option<States>) -> Result<Vec<Answer>> {
        let states = states.unwrap_or_default().into_iter().chain(std::iter::repeat_with(|| None));
        let each = self.reducers.iter().zip(shared).zip(states);
        each.map(|((reducer, shared), state)| reducer.finish(shared, state, &self.shape)).collect()
    }

    fn verify_kernels(&self) -> Result<()> {
        self.reducers.iter().try_for_each(|reducer| reducer.verify())
    }

    fn check_source(&self) -> Result<()> {
        Ok(self.source.check()?)
    }

    fn verify_source(&self) -> Result<()> {
        Ok(self.source.verify()?)
    }

    fn register(&self, outputs: &mut Outputs) {
        self.reducers.iter().for_each(|reducer| reducer.register(outputs));
    }

    fn describe(&self) -> Option<String> {
        let all: Option<Vec<String>> = self.reducers.iter().map(|r| r.describe()).collect();
        Some(all?.join(" and "))
    }

    fn describe_kernels(&self) -> Option<String> {
        let all: Option<Vec<String>> = self.reducers.iter().map(|r| r.describe_kernel()).collect();
        Some(all?.join(" and "))
    }

    fn save(&self, states: &States) -> Result<Vec<u8>> {
        let parts = self.reducers.iter().zip(states).map(|(reducer, state)| {
            let nothing = || Error::Unsaved { what: "a part of it went to the answer".to_owned() };
            reducer.save(state.as_ref().ok_or_else(nothing)?)
        });
        let parts = parts.collect::<Result<Vec<Vec<u8>>>>()?;
        postcard::to_stdvec(&parts).map_err(|e| Error::Unsaved { what: e.to_string() })
    }

    fn load(&self, bytes: &[u8], blocks: Range<usize>) -> Option<States> {
        let parts: Vec<Vec<u8>> = decoded(bytes)?;
        if parts.len() != self.reducers.len() {
            return None;
        }
        let both = self.reducers.iter().zip(&parts);
        both.map(|(reducer, bytes)| reducer.load(bytes, &self.shape, blocks.clone()).map(Some))
            .collect()
    }
}
