//! [`MetaError`]: metadata that contradicts itself or the request.

use std::path::PathBuf;

use crate::dtype::DType;
use crate::shape::Shape;

/// Why the metadata of an array file, though readable, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetaError {
    /// The number of column names is not the number of columns.
    #[error(
        "the sidecar of {} names {found} columns, the array has {expected} elements in a row",
        path.display()
    )]
    ColumnNames {
        /// The file.
        path: PathBuf,
        /// Elements in a row.
        expected: usize,
        /// Names given.
        found: usize,
    },
    /// The file name spells one dtype, the metadata another.
    #[error(
        "the name of {} says {name_says:?}, its metadata says {metadata_says}: one of them is \
         wrong; correct the metadata or rename the file",
        path.display()
    )]
    NameContradicts {
        /// The file.
        path: PathBuf,
        /// The word in the name.
        name_says: String,
        /// The dtype in the metadata.
        metadata_says: DType,
    },
    /// The array has another shape than requested.
    #[error("{} has shape {found}, expected {expected}", path.display())]
    ShapeMismatch {
        /// The file.
        path: PathBuf,
        /// The requested shape.
        expected: Shape,
        /// The shape of the file's array.
        found: Shape,
    },
    /// A field was selected in a file without records.
    #[error("{} is a raw file and has no fields; leave out the field {field:?}", path.display())]
    NoRecords {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
    },
    /// A field of a structured file cannot be opened for writing.
    #[error(
        "the field {field:?} of {} cannot be opened for writing: fields are read only; write its \
         elements to a file of their own",
        path.display()
    )]
    FieldIsReadOnly {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
    },
    /// The dtype has no code in `.npy` files.
    #[error(
        "{} cannot be a .npy file of {dtype}, for which the format has no code; give it a name that does \
         not end in .npy, and it will be a raw file with a sidecar",
        path.display()
    )]
    NoNpyCode {
        /// The file.
        path: PathBuf,
        /// The dtype.
        dtype: DType,
    },
}
