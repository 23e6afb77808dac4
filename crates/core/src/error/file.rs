//! [`Error`]: all errors of array files, by their cause.

use std::io;
use std::path::PathBuf;

use super::words::{because, otherwise, output, when_asked};
use super::{HeaderError, JournalError, MetaError, SidecarError, Taken, ViewError};
use crate::dtype::DType;
use crate::fs::{Kind, Role};
use crate::shape::{Shape, ShapeError};

/// Why an array file could not be opened, read or written: one condition each, with the file, the
/// expected and the actual state, and a remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A computed value that the element type cannot represent, if that was to be checked.
    #[error(
        "row {row}, element {element} of the row becomes {value:?}, which {dtype} cannot hold; cast to a wider \
         type, clip before, or let it saturate"
    )]
    Narrowing {
        /// The row.
        row: usize,
        /// The element within the row, in C order.
        element: usize,
        /// The computed value.
        value: f64,
        /// The element type.
        dtype: DType,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted action: `open`, `read`, `map`, `create`, `flush` …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A directory, a pipe or a device, which cannot be mapped.
    #[error("{} is not a regular file; an array file has to be one", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// The path of an output belongs to another file of the same call.
    #[error(
        "cannot write {}: that is {by}{}; give the output another name",
        output(*role, path, of.as_deref()), otherwise(path, &by.path)
    )]
    Taken {
        /// The path of the output.
        path: PathBuf,
        /// Its role.
        role: Role,
        /// The output that it belongs to, if it is a sidecar or a hidden file of another one.
        of: Option<PathBuf>,
        /// The other file.
        by: Box<Taken>,
    },
    /// The output's path exists, and replacing it was not allowed.
    #[error(
        "cannot write {role} {}: it exists ({found}) and is left unchanged; choose another path, \
         or allow replacing it (`.overwrite(true)`)",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
        /// The role of the output.
        role: Role,
        /// The existing file.
        found: Kind,
    },
    /// The output's path holds something of another kind, which is never replaced.
    #[error(
        "cannot write {role} {}: {found} stands there, and stays as it is: only {expected} is ever \
         replaced{}; name another path",
        path.display(), when_asked(*expected)
    )]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// The role of the output.
        role: Role,
        /// The kind that it may replace.
        expected: Kind,
        /// The existing file.
        found: Kind,
    },
    /// The `.npy` header is damaged or asks for something unsupported.
    #[error("{} is not a readable .npy file: {source}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The flaw of the header.
        source: HeaderError,
    },
    /// The sidecar is damaged or contradicts the file.
    #[error("the sidecar {} cannot be used: {source}", path.display())]
    Sidecar {
        /// The sidecar.
        path: PathBuf,
        /// The flaw of the sidecar.
        source: SidecarError,
    },
    /// A raw file without a sidecar and without an explicit spec.
    #[error(
        "{} is a raw file and nothing says what it holds: expected the sidecar {} (or {}), found \
         neither; write one, or give dtype and shape explicitly",
        path.display(), expected.display(), alternative.display()
    )]
    NoSidecar {
        /// The raw file.
        path: PathBuf,
        /// rowmill's own sidecar.
        expected: PathBuf,
        /// The hand-made form that is also read.
        alternative: PathBuf,
    },
    /// A spec for a `.npy` file, whose header describes it completely.
    #[error("{} is a .npy file: its header gives dtype and shape; leave out the raw spec", path.display())]
    SpecForNpy {
        /// The file.
        path: PathBuf,
    },
    /// The file holds another dtype than requested.
    #[error("{} holds {found}, not {expected}; open it as {found} or convert it first", path.display())]
    DTypeMismatch {
        /// The file.
        path: PathBuf,
        /// The requested dtype.
        expected: DType,
        /// The dtype of the file.
        found: DType,
    },
    /// The shape exceeds the address space of this machine.
    #[error("{} is too large for this machine: {source}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The shape.
        source: ShapeError,
    },
    /// The file is shorter than its metadata says.
    #[error(
        "{} is truncated: dtype, shape and offset need {expected} bytes, the file has {found} \
         ({} missing)",
        path.display(), expected - found
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The length that the metadata needs, in bytes.
        expected: u64,
        /// The length of the file, in bytes.
        found: u64,
    },
    /// The file is longer than its metadata says.
    #[error(
        "{} has {} extra bytes at the end: dtype, shape and offset need {expected} bytes, the file \
         has {found}; check them, one is wrong",
        path.display(), found - expected
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// The length that the metadata needs, in bytes.
        expected: u64,
        /// The length of the file, in bytes.
        found: u64,
    },
    /// The metadata contradicts itself, or the request.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// A writer of an earlier version stopped while it was appending rows.
    #[error(
        "rows were being appended to {} when its writer stopped, and the journal {}, written by \
         an earlier version of rowmill, identifies the file by inode number alone, which may have \
         been reused; if it is the same file, truncate it to {length} bytes (truncate -s \
         {length}) and remove the journal, otherwise only remove the journal",
        path.display(), journal.display()
    )]
    AppendedByNumber {
        /// The file.
        path: PathBuf,
        /// The journal.
        journal: PathBuf,
        /// The length up to the last row that is part of the array, in bytes.
        length: u64,
    },
    /// Rows outside the array.
    #[error("rows {start}..{end} are not within the array, which has {rows} rows")]
    RowRange {
        /// The first requested row.
        start: usize,
        /// The end of the requested rows.
        end: usize,
        /// Rows in the array.
        rows: usize,
    },
    /// A view, or axes, that the array does not have.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A buffer that does not hold a whole number of rows.
    #[error("{found} elements are not a whole number of rows of {row_len} elements")]
    PartialRow {
        /// Elements in the buffer.
        found: usize,
        /// Elements in a row.
        row_len: usize,
    },
    /// The layout on disk does not allow lending elements as a slice.
    #[error("the elements of {} cannot be lent as a slice: {reason}; use {instead} instead", path.display())]
    NotAddressable {
        /// The file.
        path: PathBuf,
        /// The obstacle in the layout.
        reason: &'static str,
        /// The method that works for every layout.
        instead: &'static str,
    },
    /// Another process or handle is writing the file.
    #[error("{} is being written by someone else (its lock is held); wait until that is done", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A writer holds the lock of a file that was to be opened only while it is not being written.
    #[error(
        "{} is being written or replaced by someone else (its lock is held), and reading it \
         meanwhile is not allowed; wait until that is done, or allow it (`WhileWritten::Allow`)",
        path.display()
    )]
    BeingWritten {
        /// The file.
        path: PathBuf,
    },
    /// The file changed while it was in use.
    #[error(
        "{} changed while it was being read: its content, or its mode, owner or name (it had \
         {expected} bytes when it was opened and has {found} now); the result was discarded; read \
         it again when no one is changing it",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The length at open.
        expected: u64,
        /// The length now, if it could be read.
        found: u64,
    },
    /// A job that changes the array in place was started and is not finished.
    #[error(
        "{} is being changed in place, or that was interrupted: some of its rows are old and some \
         are new; run the job again to finish it (its journal is {})",
        path.display(), journal.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// The journal of the job.
        journal: PathBuf,
    },
    /// The journal of an in-place job cannot be used.
    #[error("the journal {}: {source}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The reason.
        source: JournalError,
    },
    /// Bytes of an open file became inaccessible. For a mapping this is permanent: every access
    /// after the first fault gives this error as well.
    #[error(
        "{} cannot be accessed from byte {offset} on{}: it was truncated, its device failed, or \
         the disk is full; the result was discarded; check the file and its disk and open it \
         again",
        path.display(), because(source.as_ref())
    )]
    Fault {
        /// The file.
        path: PathBuf,
        /// The offset of the first inaccessible byte; for a mapping, the start of its page.
        offset: u64,
        /// The operating system's reason, if it gives one: not for mappings.
        source: Option<io::Error>,
    },
    /// The length of a file that is open for writing was changed by someone else.
    #[error(
        "{} has {found} bytes, it had {expected} when it was opened for writing: someone else \
         truncated it or appended to it; data written to it may be lost; write it again",
        path.display()
    )]
    Resized {
        /// The file.
        path: PathBuf,
        /// The length at open.
        expected: u64,
        /// The length now.
        found: u64,
    },
    /// A file that is open for writing was removed or replaced by someone else.
    #[error(
        "{} was removed or replaced by someone else while it was open for writing: the data \
         written to it has no file name any more; write it again",
        path.display()
    )]
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// A mapping for writing conflicts with another one of the same process: lent elements must not
    /// change.
    #[error("{} cannot be {refused}: this process {by}; {instead}", path.display())]
    AlsoMapped {
        /// The file.
        path: PathBuf,
        /// The refused access.
        refused: &'static str,
        /// The existing use of the file by this process.
        by: &'static str,
        /// The remedy.
        instead: &'static str,
    },
    /// More files are mapped than can be guarded against SIGBUS; readers fall back to positioned
    /// reads.
    #[error(
        "{} cannot be mapped for writing: {most} files are mapped, and no more can be guarded \
         against SIGBUS; close some of them",
        path.display()
    )]
    TooManyMappings {
        /// The file.
        path: PathBuf,
        /// The limit of guarded mappings.
        most: usize,
    },
    /// An earlier flush failed, so this handle can no longer guarantee durability.
    #[error(
        "an earlier flush of {} failed ({first}); its data may be lost; write the file again",
        path.display()
    )]
    Poisoned {
        /// The file.
        path: PathBuf,
        /// The message of the first failure.
        first: String,
    },
    /// A published file does not read back as written.
    #[error(
        "{} was written, but does not read back as what it is: expected {expected}, found {found}; \
         do not use it",
        path.display()
    )]
    NotAsWritten {
        /// The file.
        path: PathBuf,
        /// The written content.
        expected: String,
        /// The content that was read back, or why there was none.
        found: String,
    },
    /// An array that cannot grow in place.
    #[error("no rows can be appended to {}: {reason}; {instead}", path.display())]
    CannotAppend {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: &'static str,
        /// The remedy.
        instead: &'static str,
    },
    /// Rows of another shape than those of the array.
    #[error("the rows of {} have shape {expected}, those to be appended have {found}", path.display())]
    RowShape {
        /// The file to append to.
        path: PathBuf,
        /// The shape of its rows.
        expected: Shape,
        /// The shape of the new rows.
        found: Shape,
    },
    /// An earlier append failed, so nothing more can be appended through this handle.
    #[error(
        "appending to {} failed before ({first}); uncommitted rows are rolled back when this \
         handle is dropped; then open the file again",
        path.display()
    )]
    AppendFailed {
        /// The file.
        path: PathBuf,
        /// The message of the first failure.
        first: String,
    },
}
