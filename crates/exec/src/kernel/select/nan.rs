//! [`NanPolicy`]: the treatment of NaN.

/// The treatment of NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NanPolicy {
    /// A NaN makes the result NaN.
    #[default]
    Propagate,
    /// NaN are left out, as if a mask excluded them (numpy's `nan*` functions).
    Skip,
    /// A NaN ends the job with [`Error::NanFound`](crate::Error::NanFound).
    Error,
}

impl NanPolicy {
    /// The policy as one word, for the description of a job.
    pub(in crate::kernel) fn name(self) -> &'static str {
        match self {
            Self::Propagate => "propagate",
            Self::Skip => "skip",
            Self::Error => "error",
        }
    }
}
