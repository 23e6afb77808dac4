//! [`Reducer`]: one reduction as the engine runs it, and what it hands around.

use std::any::Any;
use std::fmt;
use std::ops::Range;

use rowmill_core::{Element, Outputs, Shape};
use serde::de::DeserializeOwned;

use super::Block;
use crate::engine::grid::Grid;
use crate::error::Result;

/// A place that the workers of a job share for a kernel: its answer is put together there, when no
/// two blocks contribute to the same cell. Then partials stay empty, and nothing is merged or
/// copied.
#[derive(Default)]
pub struct Shared(Option<Box<dyn Any + Send + Sync>>);

impl Shared {
    pub(crate) fn new(shared: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(shared)))
    }

    /// Whether there is such a place.
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

/// The value that bytes stand for, all of them.
pub(crate) fn decoded<P: DeserializeOwned>(bytes: &[u8]) -> Option<P> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The mergeable state of one reduction over a run of blocks. Its reducer knows what is in it.
pub type State = Box<dyn Any + Send>;

/// The answer of one reducer. Its reduction knows the type.
pub type Answer = Box<dyn Any + Send>;

/// One reduction of a job, without types but that of the elements: what the engine, the merge tree,
/// checkpoints and partials work with. Called once a block.
///
/// Made by the frame that all kernels share; implement [`Kernel`](crate::Kernel) for a reduction of
/// your own.
pub trait Reducer<T: Element>: Sync {
    /// Refuses arrays that the reduction cannot work on, before anything is read.
    ///
    /// # Errors
    /// Whatever the reduction has against the shape.
    fn check(&self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// The place where workers put the answer together, when no two blocks contribute to the same
    /// cell.
    ///
    /// # Errors
    /// [`Error::TooManyCells`](crate::Error::TooManyCells).
    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let _ = (shape, grid);
        Ok(Shared::default())
    }

    /// The state of a block; `None` when everything went to `shared`.
    ///
    /// # Errors
    /// Ends the job.
    fn fold(&self, shared: &Shared, block: &Block<'_, T>) -> Result<Option<State>>;

    /// Takes the state of the blocks that follow into `state`.
    fn merge(&self, state: &mut State, next: State);

    /// The answer for an array of this shape. `None` stands for the state of no blocks.
    ///
    /// # Errors
    /// When there is no answer: [`Error::NoElements`](crate::Error::NoElements),
    /// [`Error::SumOverflow`](crate::Error::SumOverflow).
    fn finish(&self, shared: Shared, state: Option<State>, shape: &Shape) -> Result<Answer>;

    /// Checks that everything read beside the array, like a mask, is still what was opened.
    ///
    /// # Errors
    /// When it is not.
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// The name and options of what is computed, equal for equal reductions only. `None` where that
    /// cannot be said because a closure takes part; a checkpoint then needs a
    /// [label](crate::Checkpoint::label).
    fn describe(&self) -> Option<String> {
        None
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }

    /// The same as [`describe`](Self::describe) without the selection: enough to finish a state,
    /// whichever elements went into it.
    fn describe_kernel(&self) -> Option<String> {
        self.describe()
    }

    /// A state as bytes.
    ///
    /// # Errors
    /// [`Error::Unsaved`](crate::Error::Unsaved) for a state that has no form as bytes.
    fn save(&self, state: &State) -> Result<Vec<u8>>;

    /// The state that bytes stand for, of some blocks of an array of this shape. `None` for bytes
    /// that cannot be one: they come from a file, and may be anything.
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State>;
}
