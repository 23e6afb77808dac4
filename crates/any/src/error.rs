//! The errors of a request.

use std::path::PathBuf;

use rowmill_core::DType;

/// The result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The job failed.
    #[error(transparent)]
    Job(#[from] rowmill_exec::Error),
    /// The dtype does not support the statistic.
    #[error(
        "{statistic} is not for {dtype}: complex numbers have no order; sum, mean, var, std and count are"
    )]
    Unordered {
        /// The statistic or selection.
        statistic: String,
        /// The dtype of the array.
        dtype: DType,
    },
    /// The statistic takes no axis.
    #[error("{statistic} is of whole rows: it goes with no other axis than all")]
    NoAxis {
        /// The statistic.
        statistic: String,
    },
    /// The statistic needs several reads, so no single state can hold it.
    #[error(
        "{statistic} takes several reads and has no state that could be kept or merged; \
         approx_quantile(...) has one, within a relative error"
    )]
    NotMergeable {
        /// The statistic.
        statistic: String,
    },
    /// The histogram takes its interval from the elements, which no single state knows.
    #[error(
        "{statistic} is over the interval of all elements, which a part of them does not know; name \
         one, as in histogram(20,0,1)"
    )]
    NoInterval {
        /// The statistic.
        statistic: String,
    },
    /// The mask or condition does not support the axes.
    #[error("{what} goes with the axes all, columns or rows; of a list of axes {instead}")]
    SelectionAxes {
        /// The selection.
        what: &'static str,
        /// The rule for a list of axes.
        instead: &'static str,
    },
    /// Normalized copies cannot be written in this dtype.
    #[error("normalized values are written as float16, float32 or float64, not as {dtype}")]
    OutputDType {
        /// The requested dtype.
        dtype: DType,
    },
    /// The file cannot be normalized in place.
    #[error(
        "{} holds {dtype}, which cannot hold normalized values; in place is for float16, bfloat16, \
         float32 and float64, write a copy instead",
        path.display()
    )]
    InPlaceDType {
        /// The file.
        path: PathBuf,
        /// The dtype of the file.
        dtype: DType,
    },
    /// The file was to be appended to itself.
    #[error("{} is the file that is appended to; copy it first", path.display())]
    AppendToItself {
        /// The file, as named among those to append.
        path: PathBuf,
    },
    /// The array does not have the requested axes.
    #[error("{0}")]
    Axes(rowmill_core::Error),
}

impl From<rowmill_core::Error> for Error {
    fn from(error: rowmill_core::Error) -> Self {
        Self::Job(error.into())
    }
}
