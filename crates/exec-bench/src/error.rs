//! Everything that can go wrong with a measurement.

use std::path::{Path, PathBuf};

/// The result of a measurement.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array file could not be opened, made or read.
    #[error(transparent)]
    File(#[from] rowmill_core::Error),
    /// A job failed: timed all the same, it would look fast. Boxed: it is large.
    #[error(transparent)]
    Job(Box<rowmill_exec::Error>),
    /// A file of our own could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action that was attempted.
        action: &'static str,
        /// The file or folder it was attempted on.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// There is no bare read of elements that cannot be lent in place.
    #[error(
        "{} cannot be read in place: it is of foreign byte order, misaligned, in Fortran order, \
         or bool", path.display()
    )]
    NotInPlace {
        /// The file.
        path: PathBuf,
    },
    /// The measured jobs need real numbers.
    #[error(
        "{} holds complex numbers, which are not measured; take a file of real ones",
        path.display()
    )]
    Complex {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error(
        "there is no room for {}, a file of {bytes} bytes; choose a smaller size or another \
         folder", path.display()
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Too small to have every shape that is measured.
    #[error("a size of {found} bytes is too small; expected at least {least}")]
    TooSmall {
        /// The size that was asked for.
        found: usize,
        /// The smallest that works.
        least: usize,
    },
    /// The array does not fit into memory.
    #[error("there is no memory for an array of {bytes} bytes; measure a smaller file")]
    NoMemory {
        /// Its size.
        bytes: u64,
    },
    /// The file stays in the page cache.
    #[error("{} cannot be measured cold: {reason}; run as root, or without --cold", path.display())]
    NotCold {
        /// The file.
        path: PathBuf,
        /// The ways to make it cold that were tried.
        reason: String,
    },
    /// A file is not a recorded mix of jobs.
    #[error("{} is not a mix of jobs: {reason}", path.display())]
    Mix {
        /// The text file.
        path: PathBuf,
        /// The reason: what was expected, and what was found.
        reason: String,
    },
    /// A thread that was measured panicked.
    #[error("a thread panicked; nothing was measured")]
    WorkerPanicked,
    /// The comparison has no such job.
    #[error("{name:?} is not a job of the comparison")]
    UnknownJob {
        /// The name that was asked for.
        name: String,
    },
    /// No line has such a name.
    #[error("no line has {only:?} in its name; without --only all of them are shown")]
    NothingToMeasure {
        /// The part of a name that was asked for.
        only: String,
    },
}

impl From<rowmill_exec::Error> for Error {
    fn from(error: rowmill_exec::Error) -> Self {
        match error {
            rowmill_exec::Error::File(error) => Self::File(error),
            other => Self::Job(Box::new(other)),
        }
    }
}

impl Error {
    /// For `map_err`: an action on a file or folder.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// The error for a complex array: the measured jobs need real numbers.
pub(crate) fn complex<T: rowmill_core::Element, R>(x: &rowmill_core::Array<T>) -> Result<R> {
    Err(Error::Complex { path: x.path().to_owned() })
}
