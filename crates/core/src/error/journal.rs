//! [`JournalError`]: why the journal of an in-place job cannot be used.

use crate::limits::JOURNAL_VERSION;

/// Why a journal cannot be used. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The path holds something other than a journal, or a truncated one.
    #[error(
        "it is damaged or no journal ({what}); the array may hold old and new rows: restore it from a \
         copy, then remove the journal"
    )]
    Damaged {
        /// The damage, in words.
        what: &'static str,
    },
    /// A journal of another release.
    #[error(
        "it has version {found}, this release reads version {JOURNAL_VERSION}; finish the job with the \
         release that began it, or remove the journal if the array was replaced by another since"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// The journal of another job.
    #[error(
        "another job was begun on this array; expected {expected:?}, found {found:?}; finish that one first"
    )]
    OtherJob {
        /// The job that was to be resumed.
        expected: String,
        /// The job that the journal belongs to.
        found: String,
    },
    /// The array was replaced meanwhile, or is a copy.
    #[error(
        "it belongs to another file that had this name: the array was replaced since, or it is a \
         copy of one that was being changed, some rows of which are old and some new; if all rows of \
         the array are right, remove the journal"
    )]
    OtherArray,
    /// The array is not as the journal left it.
    #[error(
        "the array is not as the interrupted job left it (its length, its header or rows that \
         were not being changed differ): it was written to since, or is another file that reuses \
         its inode number; restore the array from a copy, then remove the journal"
    )]
    ArrayChanged,
}
