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

/// Why a job gave no answer. None of them leaves a half-written output behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or written.
    #[error(transparent)]
    File(#[from] rowmill_core::Error),
    /// Checksums of another array.
    #[error(
        "there are {found} checksums of {step} rows each, an array of {rows} rows has {expected}; make \
         them again if the array is as it should be"
    )]
    ChecksumCount {
        /// The expected number of checksums.
        expected: usize,
        /// The number of checksums found.
        found: usize,
        /// The rows per checksum.
        step: usize,
        /// Rows in the array.
        rows: usize,
    },
    /// A checkpoint that the job cannot resume from.
    #[error("the checkpoint {}: {source}", path.display())]
    Checkpoint {
        /// The path of the checkpoint.
        path: PathBuf,
        /// The reason.
        source: CheckpointError,
    },
    /// A partial that cannot be read, merged or finished.
    #[error(transparent)]
    Partial(#[from] PartialError),
    /// A state that cannot be serialized, in a job that saves states.
    #[error("the state of the reduction cannot be saved ({what}); run it without a checkpoint")]
    Unsaved {
        /// The reason.
        what: String,
    },
    /// A fitted normalization that cannot be read or used.
    #[error(transparent)]
    Fitted(#[from] FittedError),
    /// The job was cancelled through its token.
    #[error("the job was cancelled")]
    Cancelled,
    /// A kernel panicked.
    #[error("a kernel panicked in chunk {chunk}: {message}")]
    KernelPanicked {
        /// The number of the chunk.
        chunk: usize,
        /// The message of the panic.
        message: String,
    },
    /// A user-defined kernel failed.
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
        /// The result type.
        result_type: &'static str,
    },
    /// A product of integers that does not fit the result type.
    #[error("a product does not fit {result_type}; multiply in parts, or sum logarithms")]
    ProductOverflow {
        /// The result type.
        result_type: &'static str,
    },
    /// More distinct elements than the limit.
    #[error(
        "there are more than {limit} distinct elements (cell {cell} of the result); raise the \
         limit if there is memory for them"
    )]
    TooManyDistinct {
        /// The limit.
        limit: usize,
        /// The cell of the result, in C order.
        cell: usize,
    },
    /// The smallest or largest element of an empty selection.
    #[error("there is no {what} of no elements (cell {cell} of the result); nothing was selected")]
    NoElements {
        /// The requested value.
        what: &'static str,
        /// The cell of the result, in C order.
        cell: usize,
    },
    /// More cells than memory can hold.
    #[error("the result would have {cells} cells, too many to hold; reduce over another axis")]
    TooManyCells {
        /// The number of cells.
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
    /// A mask of the wrong shape for the array or its rows.
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
    /// A condition on columns that do not exist.
    #[error(transparent)]
    Condition(#[from] ParseConditionError),
    /// Weights of the wrong shape for the array or its rows.
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
        /// The requested number of workers.
        workers: usize,
        /// The error of the thread pool.
        source: rayon::ThreadPoolBuildError,
    },
    /// The loader thread could not be started.
    #[error("cannot start the thread that reads ahead: {source}")]
    LoaderThread {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// `ROWMILL_ISA` names an instruction set that is unknown or that this machine lacks.
    #[error("ROWMILL_ISA: {0}")]
    Isa(#[from] rowmill_lanes::arch::ParseIsaError),
    /// An option with an invalid value.
    #[error("{knob} cannot be {value}; {expected}")]
    BadOption {
        /// The option.
        knob: &'static str,
        /// The value.
        value: String,
        /// The valid values.
        expected: &'static str,
    },
    /// A kernel's output row differs in size from the announced one.
    #[error("the kernel's output rows hold {found} elements, {expected} were announced")]
    OutputRow {
        /// Elements announced.
        expected: usize,
        /// Elements found.
        found: usize,
    },
    /// A row index past the end of the array.
    #[error(
        "entry {position} of the row indices is {index}, the array has {rows} rows; indices count \
         from 0 and have to be below {rows}"
    )]
    RowIndex {
        /// The position in the list of indices.
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
        /// The number of rows.
        rows: usize,
        /// The size of a row, in bytes.
        row_bytes: usize,
    },
    /// An output slice of the wrong length.
    #[error(
        "{rows} rows of {row_len} elements do not fill {found} elements; the lengths must be \
         equal"
    )]
    OutputLength {
        /// The number of requested rows.
        rows: usize,
        /// Elements in a row.
        row_len: usize,
        /// The length of the slice, in elements.
        found: usize,
    },
}

impl Error {
    /// Wraps an I/O error, for `map_err`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File(rowmill_core::Error::Io { action, path, source })
    }

    /// Wraps an error of a user-defined kernel.
    ///
    /// ```
    /// let error = rowmill_exec::Error::kernel("the rows are not sorted");
    /// assert_eq!(error.to_string(), "a kernel failed: the rows are not sorted");
    /// ```
    pub fn kernel(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Kernel(error.into())
    }
}
