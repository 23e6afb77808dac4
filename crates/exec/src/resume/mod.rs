//! Durable states: checkpoints of jobs, partials of reductions.

pub(crate) mod checkpoint;
pub(crate) mod partial;

pub use self::checkpoint::{Checkpoint, check_checkpoint, frame_checkpoint};
pub use self::partial::{Absent, Partial};
