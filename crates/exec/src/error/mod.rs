//! The errors of a job.

mod checkpoint;
mod condition;
mod fitted;
mod partial;

use std::path::{Path, PathBuf};

use rowmill_core::Shape;

pub(crate) use self::checkpoint::CHECKPOINT_VERSION;
pub use self::checkpoint::CheckpointError;
pub use self::condition::ParseConditionError;
pub(crate) use self::fitted::FITTED_VERSION;
pub use self::fitted::FittedError;
pub use self::partial::PartialError;

/// The result of a job.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a job gave no answer. Nothing is left half-written behind any of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or written.
    #[error(transparent)]
    File(#[from] rowmill_core::Error),
    /// Checksums that were made of another array.
    #[error(
        "there are {found} checksums of {step} rows each, an array of {rows} rows has {expected}; make \
         them again if the array is as it should be"
    )]
    ChecksumCount {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
        /// The rows that each stands for.
        step: usize,
        /// Rows in the array.
        rows: usize,
    },
    /// A checkpoint that the job cannot go on with.
    #[error("the checkpoint {}: {source}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Why not.
        source: CheckpointError,
    },
    /// A partial that cannot be read, merged or finished.
    #[error(transparent)]
    Partial(#[from] PartialError),
    /// A state that has no form as bytes, in a job that keeps states.
    #[error("the state of the reduction cannot be saved ({what}); run it without a checkpoint")]
    Unsaved {
        /// The reason.
        what: String,
    },
    /// A fitted normalization that cannot be read or used.
    #[error(transparent)]
    Fitted(#[from] FittedError),
    /// The cancel token was used.
    #[error("the job was cancelled")]
    Cancelled,
    /// A kernel panicked.
    #[error("a kernel panicked in chunk {chunk}: {message}")]
    KernelPanicked {
        /// Which chunk of the job it was.
        chunk: usize,
        /// The message of the panic.
        message: String,
    },
    /// A kernel of the user's own failed.
    #[error("a kernel failed: {0}")]
    Kernel(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A NaN under [`NanPolicy::Error`](crate::NanPolicy::Error).
    #[error(
        "row {row}, element {element} of the row is NaN; skip NaN or let it propagate to go on"
    )]
    NanFound {
        /// The row.
        row: usize,
        /// The element within the row, in C order.
        element: usize,
    },
    /// An integer sum that does not fit the result type.
    #[error("the sum {exact} does not fit {result_type}; take the mean, or sum in parts")]
    SumOverflow {
        /// The exact sum.
        exact: i128,
        /// The type it should have fitted.
        result_type: &'static str,
    },
    /// A product of integers that does not fit the result type.
    #[error("a product does not fit {result_type}; multiply in parts, or sum logarithms")]
    ProductOverflow {
        /// The type it should have fitted.
        result_type: &'static str,
    },
    /// More different elements than are counted.
    #[error(
        "there are more than {limit} different elements (cell {cell} of the result); raise the limit if \
         there is memory for them"
    )]
    TooManyDistinct {
        /// The most that are counted.
        limit: usize,
        /// Which cell of the result, in C order.
        cell: usize,
    },
    /// The smallest or largest element of nothing.
    #[error("there is no {what} of no elements (cell {cell} of the result); nothing was selected")]
    NoElements {
        /// The value that was asked for.
        what: &'static str,
        /// Which cell of the result, in C order.
        cell: usize,
    },
    /// More cells than memory can hold.
    #[error("the result would have {cells} cells, too many to hold; reduce over another axis")]
    TooManyCells {
        /// How many.
        cells: usize,
    },
    /// Axes that were chosen for another array.
    #[error(
        "the axes to reduce were chosen for a view of shape {expected}, the array has shape {found}; \
         reduce the view that belongs to them"
    )]
    AxesShape {
        /// The shape of the view.
        expected: Shape,
        /// The shape of the array.
        found: Shape,
    },
    /// A mask that fits neither the array nor its rows.
    #[error(
        "a mask of shape {found} fits no array of shape {array}; expected the same shape, or one \
         entry for each of the {} rows", array.rows()
    )]
    MaskShape {
        /// The shape of the mask.
        found: Shape,
        /// The shape of the array.
        array: Shape,
    },
    /// A condition about columns that are not there.
    #[error(transparent)]
    Condition(#[from] ParseConditionError),
    /// Weights that fit neither the array nor its rows.
    #[error(
        "weights of shape {found} fit no array of shape {array}; expected the same shape, or one \
         weight for each of the {} rows", array.rows()
    )]
    WeightsShape {
        /// The shape of the weights.
        found: Shape,
        /// The shape of the array.
        array: Shape,
    },
    /// The workers could not be started.
    #[error("cannot start {workers} workers: {source}")]
    Workers {
        /// How many were asked for.
        workers: usize,
        /// The error of the thread pool.
        source: rayon::ThreadPoolBuildError,
    },
    /// The thread that reads ahead could not be started.
    #[error("cannot start the thread that reads ahead: {source}")]
    LoaderThread {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The instruction set asked for in `ROWMILL_ISA`.
    #[error("ROWMILL_ISA: {0}")]
    Isa(#[from] rowmill_lanes::arch::ParseIsaError),
    /// A knob at a value that means nothing.
    #[error("{knob} cannot be {value}; {expected}")]
    BadOption {
        /// Which knob.
        knob: &'static str,
        /// The value it was set to.
        value: String,
        /// The values it can have.
        expected: &'static str,
    },
    /// A kernel gave rows of another size than it said.
    #[error("the kernel's output rows hold {found} elements, {expected} were announced")]
    OutputRow {
        /// Elements announced.
        expected: usize,
        /// Elements found.
        found: usize,
    },
    /// A row was asked for that the array does not have.
    #[error(
        "entry {position} of the row indices is {index}, the array has {rows} rows; indices count \
         from 0 and have to be below {rows}"
    )]
    RowIndex {
        /// Where in the list of indices.
        position: usize,
        /// The index at that position.
        index: usize,
        /// Rows in the array.
        rows: usize,
    },
    /// More rows than memory can hold.
    #[error(
        "there is no memory for {rows} rows of {row_bytes} bytes; take fewer at a time, or write \
         them to a file"
    )]
    TooManyRows {
        /// How many rows.
        rows: usize,
        /// The size of one.
        row_bytes: usize,
    },
    /// A place for rows that is not as large as the rows.
    #[error(
        "{rows} rows of {row_len} elements do not go into {found} elements; the lengths have to be equal"
    )]
    OutputLength {
        /// How many rows were asked for.
        rows: usize,
        /// Elements in a row.
        row_len: usize,
        /// Elements that there is room for.
        found: usize,
    },
}

impl Error {
    /// An error of the operating system, for `map_err`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File(rowmill_core::Error::Io { action, path, source })
    }

    /// An error of a kernel of the user's own.
    ///
    /// ```
    /// let error = rowmill_exec::Error::kernel("the rows are not sorted");
    /// assert_eq!(error.to_string(), "a kernel failed: the rows are not sorted");
    /// ```
    pub fn kernel(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Kernel(error.into())
    }
}
