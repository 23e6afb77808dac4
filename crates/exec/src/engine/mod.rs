//! Scheduling: the grid of blocks, the chunks that workers take, the merge tree, progress and
//! reports. Compiled once; it knows no element type and no kernel.

pub(crate) mod control;
#[expect(clippy::module_inception, reason = "a file has the name of its type")]
mod engine;
pub(crate) mod grid;
pub(crate) mod input;
pub mod memory;
pub(crate) mod plan;
mod profile;
pub(crate) mod ranges;
mod report;
pub(crate) mod run;
pub(crate) mod scratch;
pub(crate) mod tree;

pub use self::control::{CancelToken, Progress};
pub use self::engine::{Engine, EngineBuilder};
pub use self::plan::{ChunkSize, ParseChunkSizeError};
pub use self::profile::Profile;
pub use self::report::RunReport;

/// Type-erased states and workers return only to the code that made them.
pub(crate) const OWN: &str = "a state that this reducer made";
