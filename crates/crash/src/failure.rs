//! Failures of the tests themselves; what a test finds is in the [`Tally`](crate::tally::Tally).

use std::io;
use std::path::{Path, PathBuf};

/// The result of a step of a test.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a test could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that was attempted.
        action: &'static str,
        /// The path it was attempted on.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A tool failed.
    #[error("{tool} failed with {status}: {stderr}")]
    Tool {
        /// The tool with its arguments.
        tool: String,
        /// How it ended.
        status: String,
        /// Its output on stderr.
        stderr: String,
    },
    /// rowmill refused something that is no part of a test.
    #[error(transparent)]
    Rowmill(#[from] rowmill::Error),
    /// A writer that was left alone did not do its work.
    #[error("the writer {writer} failed without being struck: {what}")]
    Unstruck {
        /// The writer.
        writer: &'static str,
        /// Its message, or the description of what it left.
        what: String,
    },
    /// A flush succeeded after one that had failed.
    #[error("a flush succeeded after one had failed with: {first}")]
    NotPoisoned {
        /// The message of the first one.
        first: String,
    },
    /// There is no writer of that name.
    #[error("there is no writer called {name:?}")]
    NoWriter {
        /// The name.
        name: String,
    },
}

impl From<rowmill::FileError> for Failure {
    fn from(error: rowmill::FileError) -> Self {
        Self::Rowmill(error.into())
    }
}

impl Failure {
    /// A [`Failure::Io`], for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
