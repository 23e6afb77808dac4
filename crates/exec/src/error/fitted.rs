//! [`FittedError`]: why a fitted normalization cannot be used.

/// The version of fitted normalizations that is written and read.
pub(crate) const FITTED_VERSION: u64 = 1;

/// Why a fitted normalization cannot be read or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FittedError {
    /// The text is not the JSON of a fitted normalization.
    #[error("this is no fitted normalization, or a part of one: {what}; fit it again")]
    Unreadable {
        /// The defect.
        what: String,
    },
    /// A fitted normalization of another release.
    #[error(
        "the fitted normalization has version {found}, this release reads {FITTED_VERSION}; fit it again"
    )]
    Version {
        /// The version found.
        found: u64,
    },
    /// The array has other columns than the fitted one.
    #[error("the normalization was fitted to rows of shape {expected:?}, these have {found:?}")]
    RowShape {
        /// The shape of a fitted row.
        expected: Vec<usize>,
        /// The shape of a row of the array.
        found: Vec<usize>,
    },
    /// Rows are normalized by their own statistics, which hold for no other array.
    #[error("nothing of one array's rows holds for another's; fit columns or everything")]
    PerRow,
    /// Quantiles and norms of two arrays cannot be combined.
    #[error("quantiles and norms cannot be updated with new rows; fit all rows together")]
    NoUpdate,
    /// The scaling maps all values to one and has no inverse.
    #[error("a scaling to an interval of one point cannot be inverted")]
    NoInverse,
}
