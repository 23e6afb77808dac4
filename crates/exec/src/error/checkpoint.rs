//! [`CheckpointError`]: why a checkpoint cannot be used.

/// The version that is written, and the only one that is read. Every change of what partials mean
/// raises it, so that partials of different releases are never merged.
pub(crate) const CHECKPOINT_VERSION: u32 = 3;

/// Why a checkpoint cannot be used. The job did not start, and nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The path holds something other than a checkpoint; it is left alone.
    #[error("it is not a checkpoint; choose another path")]
    NotOne,
    /// A checkpoint that was changed or truncated.
    #[error("it is damaged ({what}); remove it to start over")]
    Damaged {
        /// The damage.
        what: &'static str,
    },
    /// A checkpoint of another release.
    #[error(
        "it has version {found}, this release reads version {CHECKPOINT_VERSION}; finish the job with the \
         release that began it, or remove the checkpoint to start over"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// The checkpoint of another job.
    #[error(
        "it belongs to another job; expected {expected:?}, found {found:?}; name another file \
         (without this one, that job starts over)"
    )]
    OtherJob {
        /// The job that was to be resumed.
        expected: String,
        /// The job that the checkpoint belongs to.
        found: String,
    },
    /// The input changed since the job began.
    #[error(
        "its input changed since the job began ({what}); remove the checkpoint to start over with \
         the current input"
    )]
    InputChanged {
        /// The difference.
        what: &'static str,
    },
    /// An input without a durable identity.
    #[error("an array in memory cannot be recognised later; only jobs on files have checkpoints")]
    InMemory,
    /// A job without a description.
    #[error("a job with a closure cannot be recognised later; give the checkpoint a label for it")]
    NoLabel,
}
