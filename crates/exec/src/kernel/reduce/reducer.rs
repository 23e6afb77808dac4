//! [`Reducer`]: one type-erased reduction as the engine runs it, with its states and answers.

use std::any::Any;
use std::fmt;
use std::ops::Range;

use rowmill_core::{Element, Outputs, Shape};
use serde::de::DeserializeOwned;

use super::Block;
use crate::engine::grid::Grid;
use crate::error::Result;

/// The shared output of a kernel: workers assemble its answer here if no two blocks contribute to
/// the same cell. Partials are then empty, and nothing is merged or copied.
#[derive(Default)]
pub struct Shared(Option<Box<dyn Any + Send + Sync>>);

impl Shared {
    pub(crate) fn new(shared: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(shared)))
    }

    /// Whether there is a shared output.
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn get<S: Any>(&self) -> Option<&S> {
        self.0.as_ref()?.downcast_ref()
    }

    pub(crate) fn into_inner<S: Any>(self) -> Option<S> {
        self.0?.downcast().ok().map(|shared| *shared)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("is_some", &self.0.is_some()).finish()
    }
}

/// Deserializes a value from all of the bytes.
pub(crate) fn decoded<P: DeserializeOwned>(bytes: &[u8]) -> Option<P> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The mergeable state of one reduction over a run of blocks. Only its reducer knows its type.
pub type State = Box<dyn Any + Send>;

/// The answer of one reducer. Only its reduction knows its type.
pub type Answer = Box<dyn Any + Send>;

/// One reduction of a job, typed by its elements only: the interface of the engine, the merge tree,
/// checkpoints and partials. Called once per block.
///
/// Implemented by the frame that all kernels share; implement [`Kernel`](crate::Kernel) for a
/// reduction of your own.
pub trait Reducer<T: Element>: Sync {
    /// Refuses arrays that the reduction cannot work on, before anything is read.
    ///
    /// # Errors
    /// Any reason of the reduction to refuse the shape.
    fn check(&self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// The shared output, if no two blocks contribute to the same cell.
    ///
    /// # Errors
    /// [`Error::TooManyCells`](crate::Error::TooManyCells).
    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let _ = (shape, grid);
        Ok(Shared::default())
    }

    /// The state of a block; `None` if everything was written to `shared`.
    ///
    /// # Errors
    /// An error ends the job.
    fn fold(&self, shared: &Shared, block: &Block<'_, T>) -> Result<Option<State>>;

    /// Merges the state of the blocks that follow into `state`.
    fn merge(&self, state: &mut State, next: State);

    /// The answer for an array of this shape. `None` is the state of zero blocks.
    ///
    /// # Errors
    /// If there is no answer: [`Error::NoElements`](crate::Error::NoElements),
    /// [`Error::SumOverflow`](crate::Error::SumOverflow).
    fn finish(&self, shared: Shared, state: Option<State>, shape: &Shape) -> Result<Answer>;

    /// Checks that every input beside the array, like a mask, is unchanged since it was opened.
    ///
    /// # Errors
    /// If one has changed.
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// The name and options of the computation, equal only for equal reductions. `None` if a
    /// closure takes part, which cannot be described; a checkpoint then needs a
    /// [label](crate::Checkpoint::label).
    fn describe(&self) -> Option<String> {
        None
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }

    /// The same as [`describe`](Self::describe) without the selection: enough to finish a state,
    /// whichever elements it holds.
    fn describe_kernel(&self) -> Option<String> {
        self.describe()
    }

    /// Serializes a state.
    ///
    /// # Errors
    /// [`Error::Unsaved`](crate::Error::Unsaved) if the state cannot be serialized.
    fn save(&self, state: &State) -> Result<Vec<u8>>;

    /// Deserializes the state of some blocks of an array of this shape. `None` for invalid bytes:
    /// they come from a file, which may hold anything.
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State>;
}
