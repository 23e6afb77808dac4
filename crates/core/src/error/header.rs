//! Errors of `.npy` headers.

use std::io;

use crate::limits::MAX_HEADER_LEN;
use crate::shape::ShapeError;

/// Why a `.npy` header could not be read.
///
/// Texts from the header are cut to a few words, so an error is small whatever the file holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The reader failed, or ended before the given file length.
    #[error("the header cannot be read: {source}")]
    Io {
        /// The error of the reader.
        #[from]
        source: io::Error,
    },
    /// The file does not start with the `.npy` magic.
    #[error("expected it to start with \"\\x93NUMPY\", found \"{}\"", found.escape_ascii())]
    Magic {
        /// The first six bytes of the file, or all of them.
        found: Vec<u8>,
    },
    /// The file ends before the header's length field.
    #[error("expected at least {expected} bytes before the header, the file has {found}")]
    TooShort {
        /// Bytes needed up to the header.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// An unknown version of the format.
    #[error("format version {major}.{minor} is unknown; expected 1.0, 2.0 or 3.0")]
    Version {
        /// The major version found.
        major: u8,
        /// The minor version found.
        minor: u8,
    },
    /// The header claims to be longer than the limit.
    #[error("the header claims {found} bytes; at most {MAX_HEADER_LEN} are read")]
    TooLong {
        /// The claimed length, in bytes.
        found: u64,
    },
    /// The header claims to reach beyond the end of the file.
    #[error("the header claims to end at byte {expected}, the file has {found}")]
    BeyondFile {
        /// The claimed end of the header.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// A version 3.0 header is not UTF-8.
    #[error("byte {at} of the header is not UTF-8, expected it in version 3.0")]
    NotUtf8 {
        /// The offset of the first bad byte in the dict.
        at: usize,
    },
    /// The header is not a dict as NumPy writes it.
    #[error("at byte {at} of the header expected {expected}, found {found}")]
    Syntax {
        /// The offset in the dict.
        at: usize,
        /// The expected text.
        expected: &'static str,
        /// The text found.
        found: String,
    },
    /// A key other than the three known ones.
    #[error(
        "the header has an unknown key {key:?}; expected exactly descr, fortran_order and shape"
    )]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The same key twice.
    #[error("the header has the key {key} twice; expected it once")]
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// One of the three keys is missing.
    #[error("the header has no key {key}; expected exactly descr, fortran_order and shape")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value of the wrong type for its key.
    #[error("the header's {key} has to be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The allowed values.
        expected: &'static str,
        /// The value in the header.
        found: String,
    },
    /// A dtype outside the allow-list.
    #[error(
        "the dtype {found} ({kind}) is not supported; supported are bool, int8 to int64, uint8 to \
         uint64, float16, float32, float64, complex64 and complex128"
    )]
    UnsupportedDType {
        /// The dtype as the header spells it.
        found: String,
        /// Its meaning, in words.
        kind: &'static str,
    },
    /// A dtype without a byte order.
    #[error(
        "the dtype {found} does not say its byte order; expected a code with a sign such as '<f4', \
         '>f4' or '|u1'"
    )]
    UnsignedDType {
        /// The dtype as the header spells it.
        found: String,
    },
    /// A structured array, and no field was selected.
    #[error(
        "it is a structured array with the fields {fields}: ask for one of them, as in FILE.npy[NAME] on \
         the command line or OpenOptions::field"
    )]
    Structured {
        /// The first fields.
        fields: String,
    },
    /// A field was selected in an array without fields.
    #[error(
        "the field {wanted:?} was asked for, but it is no structured array: leave out the field"
    )]
    NotStructured {
        /// The name of the field.
        wanted: String,
    },
    /// A field that does not exist.
    #[error("it has no field {wanted:?}; its fields are {fields}")]
    NoSuchField {
        /// The name of the field.
        wanted: String,
        /// The first fields.
        fields: String,
    },
    /// A field that cannot be read.
    #[error("its field {field:?} cannot be read ({problem}); ask for a field of plain numbers")]
    Field {
        /// The field.
        field: String,
        /// The reason.
        problem: &'static str,
    },
    /// A structured array in Fortran order.
    #[error("it is a structured array of several axes in Fortran order; save it in C order")]
    FortranRecords,
    /// A negative dimension.
    #[error("the shape has a negative dimension {found}; expected 0 or more")]
    NegativeDimension {
        /// The dimension as the header spells it.
        found: String,
    },
    /// A dimension beyond the range of this machine.
    #[error("the shape has the dimension {found}; expected at most {}", usize::MAX)]
    DimensionTooLarge {
        /// The dimension as the header spells it.
        found: String,
    },
    /// The dimensions are not a valid shape.
    #[error("the shape in the header is not usable: {source}")]
    Shape {
        /// The error of the shape.
        #[from]
        source: ShapeError,
    },
}
