//! [`Error`]: everything that can go wrong with an array file, by what it is about.

use std::io;
use std::path::PathBuf;

use super::words::{because, otherwise, output, when_asked};
use super::{HeaderError, JournalError, MetaError, SidecarError, Taken, ViewError};
use crate::dtype::DType;
use crate::fs::{Kind, Role};
use crate::shape::{Shape, ShapeError};

/// Why an array file could not be opened, read or written: one condition each, with the file, what
/// was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A computed value that the element type cannot hold, where that was to be checked.
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
        /// The type asked for.
        dtype: DType,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that was tried: `open`, `read`, `map`, `create`, `flush` …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A directory, a pipe, a device: nothing that can be mapped.
    #[error("{} is not a regular file; an array file has to be one", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// An output where another file of the same call stands, or would.
    #[error(
        "cannot write {}: that is {by}{}; give the output another name",
        output(*role, path, of.as_deref()), otherwise(path, &by.path)
    )]
    Taken {
        /// Where the output was to go.
        path: PathBuf,
        /// Its role.
        role: Role,
        /// The output that it comes with, if it is a sidecar or a hidden file of another one.
        of: Option<PathBuf>,
        /// The file that stands there.
        by: Box<Taken>,
    },
    /// An output where a file stands already, which nobody allowed to replace.
    #[error(
        "cannot write {role} {}: it exists ({found}), and stays as it is; name another path, or allow to \
         replace it (`.overwrite(true)`)",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
        /// The role of the output.
        role: Role,
        /// The file that stands there.
        found: Kind,
    },
    /// An output where something stands that is not of its kind, and is never replaced by it.
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
        /// The file that stands there.
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
    /// A raw file came without a sidecar and without an explicit spec.
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
    /// A spec was given for a `.npy` file, whose header says it all.
    #[error("{} is a .npy file: its header gives dtype and shape; leave out the raw spec", path.display())]
    SpecForNpy {
        /// The file.
        path: PathBuf,
    },
    /// The file holds another dtype than was asked for.
    #[error("{} holds {found}, not {expected}; open it as {found} or convert it first", path.display())]
    DTypeMismatch {
        /// The file.
        path: PathBuf,
        /// The dtype asked for.
        expected: DType,
        /// The dtype of the file.
        found: DType,
    },
    /// The shape does not fit this machine.
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
    /// The metadata contradicts itself, or what was asked of the file.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Rows were being appended when a writer of an earlier version stopped.
    #[error(
        "rows were being appended to {} when its writer stopped, and an earlier version of rowmill wrote \
         the journal {}, which tells the file by number alone: the number may have been given out again; \
         if it is the file, cut it to {length} bytes (truncate -s {length}) and remove the journal, else \
         remove the journal",
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
    /// Rows outside the array were asked for.
    #[error("rows {start}..{end} were asked for, the array has {rows}")]
    RowRange {
        /// First row asked for.
        start: usize,
        /// End of the rows asked for.
        end: usize,
        /// Rows in the array.
        rows: usize,
    },
    /// A view, or axes, were asked for that the array does not have.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A buffer does not hold a whole number of rows.
    #[error("{found} elements are not a whole number of rows of {row_len} elements")]
    PartialRow {
        /// Elements given.
        found: usize,
        /// Elements in a row.
        row_len: usize,
    },
    /// The elements cannot be lent as a slice because of their layout on disk.
    #[error("the elements of {} cannot be lent as a slice: {reason}; use {instead} instead", path.display())]
    NotAddressable {
        /// The file.
        path: PathBuf,
        /// The trait of the layout that is in the way.
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
    /// A writer holds the lock of a file that was to be opened for reading only while nobody does.
    #[error(
        "{} is being written or replaced by someone else (its lock is held), and was not to be read \
         meanwhile; wait until that is done, or allow it (`WhileWritten::Allow`)",
        path.display()
    )]
    BeingWritten {
        /// The file.
        path: PathBuf,
    },
    /// The file changed while it was in use.
    #[error(
        "{} changed while it was being read: its content, or its mode, owner or name (it had \
         {expected} bytes when it was opened and has {found} now); the result was dropped, read it \
         again when nobody changes it",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The length at open.
        expected: u64,
        /// The length now, as far as it could be read.
        found: u64,
    },
    /// A job that changes the array in place was begun and is not finished.
    #[error(
        "{} is being changed in place, or that was interrupted: some of its rows are old and some are \
         new; run the job again to finish it (what it needs is in {})",
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
        /// Why not.
        source: JournalError,
    },
    /// Bytes of an open file could not be read or written any more. Of a mapping that is told for
    /// good: everything after the first fault gives this error as well.
    #[error(
        "{} cannot be used from byte {offset} on{}: it was cut short, its device failed, or the disk \
         is full; the result was dropped, check the file and its disk and open it again",
        path.display(), because(source.as_ref())
    )]
    Fault {
        /// The file.
        path: PathBuf,
        /// The first byte that could not be used; in a mapping, the start of its page.
        offset: u64,
        /// The operating system's reason, where it gives one: not of a mapping.
        source: Option<io::Error>,
    },
    /// Someone else made a file shorter or longer that is open for writing.
    #[error(
        "{} has {found} bytes, it had {expected} when it was opened for writing: someone else cut it \
         short or appended to it; what was written may be lost, write it anew",
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
    /// Someone else removed or replaced a file that is open for writing.
    #[error(
        "{} was removed or replaced by someone else while it was open for writing: what was written \
         has no name any more; write it anew",
        path.display()
    )]
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// A mapping for writing beside others of the same process: lent elements must not change.
    #[error("{} cannot be {refused}: this process {by}; {instead}", path.display())]
    AlsoMapped {
        /// The file.
        path: PathBuf,
        /// The access that was refused.
        refused: &'static str,
        /// The use that this process makes of the file.
        by: &'static str,
        /// The way out.
        instead: &'static str,
    },
    /// More files are mapped than can be guarded against SIGBUS; for reading, positions are used.
    #[error(
        "{} cannot be mapped for writing: {most} files are mapped, and no more can be guarded \
         against SIGBUS; close some of them",
        path.display()
    )]
    TooManyMappings {
        /// The file.
        path: PathBuf,
        /// How many mappings can be guarded.
        most: usize,
    },
    /// An earlier flush failed, so nothing can be promised about this handle any more.
    #[error("an earlier flush of {} failed ({first}); its data may be lost, write the file anew", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
        /// The message of the first failure.
        first: String,
    },
    /// A published file does not read back as what it is.
    #[error(
        "{} was written, but does not read back as what it is: expected {expected}, found {found}; \
         do not use it",
        path.display()
    )]
    NotAsWritten {
        /// The file.
        path: PathBuf,
        /// The content that was written.
        expected: String,
        /// The content that was read, or why there was none.
        found: String,
    },
    /// An array to which no rows can be appended in place.
    #[error("no rows can be appended to {}: {reason}; {instead}", path.display())]
    CannotAppend {
        /// The file.
        path: PathBuf,
        /// The reason against it.
        reason: &'static str,
        /// The way out.
        instead: &'static str,
    },
    /// Rows of another shape than the rows that are there.
    #[error("the rows of {} have shape {expected}, those to be appended have {found}", path.display())]
    RowShape {
        /// The file that they would be appended to.
        path: PathBuf,
        /// The shape of its rows.
        expected: Shape,
        /// The shape of the others.
        found: Shape,
    },
    /// An appender failed before, so nothing more can be appended through it.
    #[error(
        "appending to {} failed before ({first}); what was not committed is taken back when this \
         handle is dropped, then open the file again",
        path.display()
    )]
    AppendFailed {
        /// The file.
        path: PathBuf,
        /// The message of the first failure.
        first: String,
    },
}
