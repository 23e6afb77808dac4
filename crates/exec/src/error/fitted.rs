//! [`FittedError`]: the reasons for which a fitted normalization cannot be used.

/// The version of fitted normalizations that is written and read.
pub(crate) const FITTED_VERSION: u64 = 1;

/// Why a fitted normalization cannot be read or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FittedError {
    /// Not the JSON of one.
    #[error("this is no fitted normalization, or a part of one: {what}; fit it again")]
    Unreadable {
        /// The defect.
        what: String,
    },
    /// One of another release.
    #[error(
        "the fitted normalization has version {found}, this release reads {FITTED_VERSION}; fit it again"
    )]
    Version {
        /// The version found.
        found: u64,
    },
    /// An array with other columns than those that were fitted.
    #[error("the normalization was fitted to rows of shape {expected:?}, these have {found:?}")]
    RowShape {
        /// The shape of a row that was fitted.
        expected: Vec<usize>,
        /// The shape of a row of the array.
        found: Vec<usize>,
    },
    /// Rows are normalized by what is found of themselves.
    #[error("nothing of one array's rows holds for another's; fit columns or everything")]
    PerRow,
    /// Quantiles of two arrays say nothing of those of both; norms are of everything there is.
    #[error("quantiles and norms cannot be brought up to date; fit all rows together")]
    NoUpdate,
    /// All became the same.
    #[error("there is no way back from an interval of one point")]
    NoInverse,
}
