//! Map and reduce kernels over chunks of rows, on every core, with answers that never depend on
//! how the work was split: the engine of [rowmill](https://docs.rs/rowmill).
//!
//! An [`Engine`] holds workers and knobs. A [`Reduce`] kernel turns an array into an answer
//! ([`Sum`], [`Mean`], [`MinMax`], [`Moments`], [`Counts`], [`Stats`], or one of your own), a
//! [`Map`] kernel turns it into another array, [`Engine::stream`] hands results of chunks to a
//! consumer.
//!
//! The array is cut into **blocks** of about 512 KiB whose bounds depend on shape and dtype alone;
//! each is folded from identity with a fixed number of lanes, and the partials are merged in a
//! balanced tree over the blocks. Workers, chunk size and instruction set change no bit.

mod batches;
mod blocks;
mod call;
mod checkpoint;
mod control;
mod elementwise;
mod engine;
mod error;
mod gather;
mod grid;
mod in_place;
mod input;
mod integrity;
mod job_reduce;
mod kernel;
mod map;
#[doc(hidden)]
pub mod memory;
mod partial;
mod plan;
mod profile;
mod reduce;
mod report;
mod rows;
mod run;
mod scratch;
mod shuffle;
mod stream;
mod tree;

pub use batches::{Batch, Batches, ShuffledBatches};
pub use call::Call;
pub use checkpoint::{Checkpoint, CheckpointError, check_checkpoint, frame_checkpoint};
pub use control::{CancelToken, Progress};
pub use elementwise::{Cast, CastElement, Computed, Elementwise};
pub use engine::{Engine, EngineBuilder};
pub use error::{Error, Result};
pub use in_place::InPlace;
pub use kernel::*;
pub use map::{Chunk, Elements, Map, Mapping, RowMap, map_elements, map_rows};
pub use partial::{Absent, Partial, PartialError};
pub use plan::{ChunkSize, ParseChunkSizeError};
pub use profile::Profile;
pub use reduce::{Answer, Answers, Block, Reduce, Reducer, Shared, State, Then, Tried};
pub use report::RunReport;
pub use rowmill_lanes::arch::{Isa, Job, ParseIsaError, Simd, prefetch};
pub use rows::{RowOrder, RowSelection};
