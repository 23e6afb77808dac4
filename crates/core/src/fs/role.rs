//! The role of a file in a call.

use std::fmt;

/// The role of a file in a call: the purpose that it is read or written for.
///
/// ```
/// use rowmill_core::Role;
/// assert_eq!(Role::Mask.to_string(), "the mask");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// An array that is read.
    Input,
    /// The array of a mask.
    Mask,
    /// The array that a condition is evaluated on.
    Condition,
    /// The weights of a weighted mean.
    Weights,
    /// The description beside an array.
    Sidecar,
    /// A partial: read to be merged, or written.
    Partial,
    /// A fitted normalization: read to scale by, or written.
    Fit,
    /// The file in which a job saves its progress.
    Checkpoint,
    /// The journal of an array that is changed in place.
    Journal,
    /// The result of `tune-chunks` for an array.
    Profile,
    /// The list of jobs that `tune-chunks` measures.
    Mix,
    /// A hidden file that is not renamed yet.
    Unfinished,
    /// The array that is written, or any other result without a role of its own.
    Output,
    /// An HTML page.
    Page,
    /// Charts as an image.
    Chart,
}

impl Role {
    /// Whether an input in this role is an array, which has a sidecar and hidden files beside it.
    pub(crate) const fn is_array(self) -> bool {
        matches!(self, Self::Input | Self::Mask | Self::Condition | Self::Weights)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "the input",
            Self::Mask => "the mask",
            Self::Condition => "the array of the condition",
            Self::Weights => "the weights",
            Self::Sidecar => "the sidecar",
            Self::Partial => "the partial",
            Self::Fit => "the fitted normalization",
            Self::Checkpoint => "the checkpoint",
            Self::Journal => "the journal",
            Self::Profile => "the profile",
            Self::Mix => "the mix of jobs",
            Self::Unfinished => "the unfinished file",
            Self::Output => "the output",
            Self::Page => "the page",
            Self::Chart => "the charts",
        })
    }
}
