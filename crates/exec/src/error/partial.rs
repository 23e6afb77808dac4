//! [`PartialError`]: why a partial cannot be used.

use std::ops::Range;

/// Why a partial cannot be read, merged or finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialError {
    /// The text is not the JSON of a partial.
    #[error("this is not a complete partial: {what}; make it again")]
    Unreadable {
        /// The defect.
        what: String,
    },
    /// A partial of another release.
    #[error("the partial has version {found}, this release reads {expected}; make it again")]
    Version {
        /// The supported version.
        expected: u32,
        /// The version found.
        found: u64,
    },
    /// A partial that was changed after it was made.
    #[error("the partial was damaged: its checksum is wrong; make it again")]
    Damaged,
    /// A partial whose state contradicts its metadata.
    #[error("the state of the partial does not fit its reduction; make it again")]
    State,
    /// Partials of different reductions.
    #[error("these are partials of different reductions: {expected:?} and {found:?}")]
    OtherJob {
        /// The reduction of the others.
        expected: String,
        /// The reduction of this one.
        found: String,
    },
    /// Partials of different arrays.
    #[error("these are partials of different arrays: {expected} and {found}")]
    OtherArray {
        /// Dtype and shape of the others.
        expected: String,
        /// Dtype and shape of this one.
        found: String,
    },
    /// Rows that do not begin and end on block boundaries.
    #[error(
        "rows {}..{} cannot be a partial: it has to begin and end at multiples of {step} rows, or at the \
         end of the array ({of} rows); {}..{} would do", rows.start, rows.end, nearest.start, nearest.end
    )]
    Bounds {
        /// The requested rows.
        rows: Range<usize>,
        /// The rows per block.
        step: usize,
        /// The rows of the array.
        of: usize,
        /// The nearest valid rows.
        nearest: Range<usize>,
    },
    /// Rows that are in both partials.
    #[error("rows {}..{} are in more than one of the partials", rows.start, rows.end)]
    Overlap {
        /// The first such rows.
        rows: Range<usize>,
    },
    /// Rows that no partial covers.
    #[error("rows {}..{} are in none of the partials", rows.start, rows.end)]
    Missing {
        /// The first such rows.
        rows: Range<usize>,
    },
    /// The end of the array is not covered.
    #[error("rows from {rows} on are in none of the partials, to the end of the array")]
    NoEnd {
        /// The first missing row.
        rows: usize,
    },
    /// A reduction without a description.
    #[error("a reduction with a closure cannot be recognised later; use a condition instead")]
    Undescribed,
}
