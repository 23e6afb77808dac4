//! Errors of sidecars.

use crate::dtype::ParseDTypeError;
use crate::limits::{MAX_SIDECAR_LEN, SIDECAR_VERSION};
use crate::shape::ShapeError;

/// Why a sidecar could not be used.
///
/// Texts from the sidecar are cut to a few words, so an error is small whatever the file holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SidecarError {
    /// A directory, a pipe or a device at the path of the sidecar.
    #[error("it is not a regular file; remove it or write a sidecar in its place")]
    NotRegular,
    /// The sidecar is longer than the limit.
    #[error("it has {found} bytes; at most {MAX_SIDECAR_LEN} are read")]
    TooLong {
        /// Its length in bytes.
        found: u64,
    },
    /// The sidecar is not a JSON object.
    #[error("it is not a JSON object: {source}")]
    Json {
        /// The error of the parser, with line and column.
        #[from]
        source: serde_json::Error,
    },
    /// A version that this release does not support.
    #[error(
        "it has version {found} (\"rowmill\": {found}); supported is version {SIDECAR_VERSION}"
    )]
    Version {
        /// The version found.
        found: u64,
    },
    /// The array file was being replaced when the writer stopped, and the file found is neither the
    /// old one nor the new one.
    #[error(
        "the array file was being replaced when its writer stopped, and the file beside it is \
         neither the old one nor the new one (it was copied or changed since); write the array \
         again, or write a sidecar that describes the file"
    )]
    Replacing,
    /// The same, in the form of an earlier version, which identified files by inode number alone.
    #[error(
        "the array file was being replaced when its writer stopped, and this record of an earlier \
         version of rowmill identifies files by inode number alone, which may have been reused; \
         write the array again, or replace this by the text under \"old\" or \"new\" that matches \
         the file"
    )]
    ReplacingByNumber,
    /// The array file was being replaced when the writer stopped, and the file found cannot be read
    /// to identify it.
    #[error("the array file beside it, which was being replaced, cannot be read: {source}")]
    File {
        /// The error of the system.
        source: std::io::Error,
    },
    /// An unknown key, which would be ignored against its author's intent.
    #[error(
        "it has an unknown key {key:?}; expected rowmill, dtype, shape, order, offset, columns, \
         checksum_rows and xxh3_64"
    )]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The same key twice.
    #[error("it has the key \"{key}\" twice; expected it once")]
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// A required key is missing.
    #[error("it has no key \"{key}\"; add it")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value of the wrong type or range for its key.
    #[error("\"{key}\" has to be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The allowed values.
        expected: &'static str,
        /// The value in the sidecar.
        found: String,
    },
    /// An unsupported dtype.
    #[error("\"dtype\": {source}")]
    DType {
        /// The dtype found, and those supported.
        #[from]
        source: ParseDTypeError,
    },
    /// `i8` or `u8`, which are ambiguous.
    #[error(
        "\"dtype\": {found:?} is eight bytes to NumPy and eight bits elsewhere; expected a name \
         such as \"int8\" or \"int64\", or a code with a sign such as \"|i1\" or \"<i8\""
    )]
    AmbiguousDType {
        /// The dtype as the sidecar spells it.
        found: String,
    },
    /// A dimension beyond the range of this machine.
    #[error("\"shape\": the dimension {found} is too large; expected at most {}", usize::MAX)]
    DimensionTooLarge {
        /// The dimension.
        found: u64,
    },
    /// The dimensions are not a valid shape.
    #[error("\"shape\": {source}")]
    Shape {
        /// The error in the value.
        #[from]
        source: ShapeError,
    },
    /// Two descriptions of the same file differ.
    #[error("its {key} is {found}, but {other} says {expected}; correct the one that is wrong")]
    Contradicts {
        /// The key that differs.
        key: &'static str,
        /// The value in the sidecar.
        found: String,
        /// The source of the other description.
        other: String,
        /// The value in that description.
        expected: String,
    },
}
