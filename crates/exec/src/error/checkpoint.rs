//! [`CheckpointError`]: the reasons for which a checkpoint cannot be used.

/// The version that is written, and the only one that is read. It goes up with every change of what
/// partials mean, so that those of different releases are never merged.
pub(crate) const CHECKPOINT_VERSION: u32 = 3;

/// Why a checkpoint cannot be used. The job did not start, and nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Something else under this name, which stays as it is.
    #[error("it is no checkpoint; name another file")]
    NotOne,
    /// A checkpoint that was changed, or the rest of one.
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
        /// The job that was to go on.
        expected: String,
        /// The job that was begun.
        found: String,
    },
    /// The input is not what it was when the job began.
    #[error(
        "its input changed since the job began ({what}); remove the checkpoint to start over with \
         the input as it is now"
    )]
    InputChanged {
        /// The difference.
        what: &'static str,
    },
    /// An input that cannot be recognised later.
    #[error("an array in memory cannot be recognised later; only jobs on files have checkpoints")]
    InMemory,
    /// A job that cannot be recognised later.
    #[error("a job with a closure cannot be recognised later; give the checkpoint a label for it")]
    NoLabel,
}
