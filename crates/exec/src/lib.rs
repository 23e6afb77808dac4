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

mod engine;
mod error;
mod job;
mod kernel;
mod resume;

#[doc(hidden)]
pub use engine::memory;
pub use engine::{
    CancelToken, ChunkSize, Engine, EngineBuilder, ParseChunkSizeError, Profile, Progress,
    RunReport,
};
pub use error::{CheckpointError, Error, FittedError, ParseConditionError, PartialError, Result};
pub use job::*;
pub use kernel::*;
pub use resume::{Absent, Checkpoint, Partial, check_checkpoint, frame_checkpoint};
pub use rowmill_lanes::arch::{Isa, Job, ParseIsaError, Simd, prefetch};
