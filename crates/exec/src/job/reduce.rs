//! Reducing an array: chunks of blocks to workers, their states to the merge tree, the root to
//! answers. Compiled once: everything here sees only [`Blocks`], not elements or kernels.

use std::ops::Range;

use rowmill_core::{Element, Outputs, Source};

use crate::engine::input::Typed;
use crate::engine::plan::Plan;
use crate::engine::ranges::Ranges;
use crate::engine::run::Job;
use crate::engine::tree::{Node, Run, Tree};
use crate::engine::{Engine, OWN};
use crate::error::{Error, Result};
use crate::kernel::NanPolicy;
use crate::kernel::blocks::{Blocks, States, TypedBlocks};
use crate::kernel::reduce::{Answer, Answers, Reduce, Shared};
use crate::resume::checkpoint::{Checkpoint, Keeper, State, decode, encode};

/// The work of an earlier run of a reduction, and the keeper of this run's progress.
pub(crate) struct Earlier<'a> {
    nodes: Vec<Node<States>>,
    /// The blocks of the nodes.
    done: Ranges,
    after_chunk: &'a KeepTree<'a>,
    on_failure: &'a KeepTree<'a>,
}

impl Default for Earlier<'_> {
    /// No earlier work, and nothing to be saved.
    fn default() -> Self {
        let (nodes, done) = (Vec::new(), Ranges::default());
        Self { nodes, done, after_chunk: &|_| Ok(()), on_failure: &|_| Ok(()) }
    }
}

type KeepTree<'a> = dyn Fn(&Tree<States>) -> Result<()> + Sync + 'a;

/// The blocks to be folded, and the shared outputs.
pub(crate) struct Fold<'a> {
    pub(crate) blocks: Range<usize>,
    /// The blocks among them that an earlier run has folded.
    pub(crate) done: &'a Ranges,
    pub(crate) shared: &'a [Shared],
    pub(crate) after_chunk: &'a KeepTree<'a>,
}

impl Engine {
    /// Reduces an array with a reduction, or a tuple of reductions, in one read.
    ///
    /// # Errors
    /// [`Error::File`] if the array cannot be read or changed meanwhile, [`Error::Cancelled`],
    /// [`Error::KernelPanicked`], errors of the kernels.
    pub fn reduce<T, S, R>(&self, source: &S, kernel: R) -> Result<R::Output>
    where
        T: Element,
        S: Source<T>,
        R: Reduce<T>,
    {
        self.reduce_dyn(source, &kernel, NanPolicy::Propagate)
    }

    /// As [`reduce`](Self::reduce), compiled once per element type.
    pub(crate) fn reduce_dyn<T: Element, R: Reduce<T>>(
        &self,
        source: &dyn Source<T>,
        kernel: &R,
        nan: NanPolicy,
    ) -> Result<R::Output> {
        let mut reducers = Vec::new();
        kernel.reducers(nan, &mut reducers);
        let blocks = TypedBlocks::new(source, self.isa, reducers);
        let answers = self.reduce_blocks(&blocks, None)?;
        Ok(kernel.output(&mut Answers::new(answers)))
    }

    /// As [`reduce`](Self::reduce), with progress saved in a checkpoint: see
    /// [`Call::reduce`](crate::Call::reduce).
    pub(crate) fn reduce_resumable<T: Element, R: Reduce<T>>(
        &self,
        source: &dyn Source<T>,
        kernel: &R,
        nan: NanPolicy,
        checkpoint: &Checkpoint,
    ) -> Result<R::Output> {
        let mut reducers = Vec::new();
        kernel.reducers(nan, &mut reducers);
        let blocks = TypedBlocks::new(source, self.isa, reducers);
        let mut outputs = Outputs::new();
        blocks.register(&mut outputs);
        let mut keeper = Keeper::open(checkpoint, blocks.describe(), &Typed(source), outputs)?;
        let found = keeper.take_found();
        let answers = self.reduce_keeping(&blocks, &keeper, found)?;
        keeper.remove()?;
        Ok(kernel.output(&mut Answers::new(answers)))
    }

    /// Resumes a reduction from the state in a checkpoint.
    pub(crate) fn reduce_keeping(
        &self,
        blocks: &dyn Blocks,
        keeper: &Keeper<'_>,
        found: Option<State>,
    ) -> Result<Vec<Answer>> {
        let nodes = match found {
            None => Vec::new(),
            Some(State::Reduce(nodes)) => {
                let load = |bytes: &[u8], of| blocks.load(bytes, of);
                let nodes = decode(nodes, blocks.grid().len(), &load);
                nodes.ok_or_else(|| keeper.damaged("its partials do not fit the job"))?
            }
            Some(_) => return Err(keeper.damaged("it is not the checkpoint of a reduction")),
        };
        let mut done = Ranges::default();
        for node in &nodes {
            done.insert(node.index << node.level..(node.index + 1) << node.level);
        }
        let save = |states: &States| blocks.save(states);
        let state = |tree: &Tree<States>| {
            tree.look(|nodes| encode(&mut nodes.iter().map(|(&at, p)| (at, p)), &save))
        };
        let earlier = Earlier {
            nodes,
            done,
            after_chunk: &|tree| keeper.save_when_due(&|| state(tree)),
            on_failure: &|tree| keeper.save(&|| state(tree)),
        };
        self.reduce_blocks(blocks, Some(earlier))
    }

    /// Reduces the blocks that an earlier run did not.
    pub(crate) fn reduce_blocks(
        &self,
        blocks: &dyn Blocks,
        earlier: Option<Earlier<'_>>,
    ) -> Result<Vec<Answer>> {
        blocks.check_kernels()?;
        let all = 0..blocks.grid().len();
        let merge = |states: &mut States, next| blocks.merge(states, next);
        // Cells that are written straight to the answer are in no state, so a checkpoint could not
        // save them.
        let shared = if earlier.is_none() { blocks.share()? } else { blocks.unshared() };
        let Earlier { nodes, done, after_chunk, on_failure } = earlier.unwrap_or_default();
        let tree = Tree::from_nodes(nodes, merge);
        let fold = Fold { blocks: all, done: &done, shared: &shared, after_chunk };
        let job = self.fold_into(&tree, blocks, fold);
        job.end_of(blocks).inspect_err(|_| {
            // The job's failure matters more than a failure to save its progress.
            let _ = on_failure(&tree);
        })?;
        let answers = self.finish(blocks, shared, tree.finish(merge), job.workers() > 1)?;
        job.succeed();
        Ok(answers)
    }

    /// Makes the answers, on all workers if there are many cells.
    fn finish(
        &self,
        blocks: &dyn Blocks,
        shared: Vec<Shared>,
        states: Option<States>,
        on_workers: bool,
    ) -> Result<Vec<Answer>> {
        if !on_workers {
            return blocks.finish(shared, states);
        }
        let mut finish = Some((shared, states));
        let mut answers = Err(Error::Cancelled); // replaced
        self.on_workers(&mut || {
            let (shared, states) = finish.take().expect(OWN);
            answers = blocks.finish(shared, states);
        });
        answers
    }

    /// Folds blocks into a tree. The returned job says how that ended.
    pub(crate) fn fold_into(
        &self,
        tree: &Tree<States>,
        blocks: &dyn Blocks,
        fold: Fold<'_>,
    ) -> Job<'_> {
        let grid = blocks.grid();
        let Fold { blocks: range, done, shared, after_chunk } = fold;
        let plan = Plan::blocks(grid, self.chunk, self.workers())
            .finer(self.most_chunk_bytes() / grid.block_bytes());
        let merge = |states: &mut States, next| blocks.merge(states, next);
        let chunks = plan.meeting(range.clone());
        let of_chunk = |i: usize| {
            let chunk = plan.chunk(chunks.start + i);
            chunk.start.max(range.start)..chunk.end.min(range.end)
        };
        let bytes = |of| -> u64 { done.missing(of).map(|blocks| grid.bytes(blocks)).sum() };
        let job = Job::new(self, "reduce", chunks.len(), bytes(range.clone())).within_ceiling();
        let releases = job.releases();
        self.run_dyn(&job, &|i| bytes(of_chunk(i)), &|| blocks.worker(releases), &|worker, i| {
            for some in done.missing(of_chunk(i)) {
                let mut run = Run::new();
                let mut take = |i, states| run.push(i, states, merge);
                blocks.fold(worker, some, shared, &mut take)?;
                tree.add(run, merge);
            }
            after_chunk(tree)
        });
        job
    }
}
