//! The reasons for which a request has no answer.

use rowmill_core::DType;

/// The result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The job failed.
    #[error(transparent)]
    Job(#[from] rowmill_exec::Error),
    /// A statistic that the dtype does not have.
    #[error(
        "{statistic} is not for {dtype}: complex numbers have no order; sum, mean, var, std and count are"
    )]
    Unordered {
        /// The statistic or selection.
        statistic: String,
        /// The dtype of the array.
        dtype: DType,
    },
    /// A statistic that takes no axis.
    #[error("{statistic} is of whole rows: it goes with no other axis than all")]
    NoAxis {
        /// The statistic.
        statistic: String,
    },
    /// A statistic that several reads are needed for, where one read's state is kept.
    #[error(
        "{statistic} takes several reads and has no state that could be kept or merged; \
         approx_quantile(...) has one, within a relative error"
    )]
    NotMergeable {
        /// The statistic.
        statistic: String,
    },
    /// A mask or condition that does not go with the axes.
    #[error("{what} goes with the axes all, columns or rows; of a list of axes {instead}")]
    SelectionAxes {
        /// The selection.
        what: &'static str,
        /// What goes with a list of axes.
        instead: &'static str,
    },
    /// Axes that the array does not have.
    #[error("{0}")]
    Axes(rowmill_core::Error),
}

impl From<rowmill_core::Error> for Error {
    fn from(error: rowmill_core::Error) -> Self {
        Self::Job(error.into())
    }
}
