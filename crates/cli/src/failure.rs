//! Failures: why a command ended early, and how it is reported.

use std::error::Error as _;
use std::io;
use std::process::ExitCode;

use rowmill::durable::Role;
use rowmill::{DType, Error, FileError};

use crate::interrupt::exit_code;
use crate::note;

/// The reason why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request is invalid: exit code 2.
    Usage(String),
    /// The job failed: exit code 1. The hint is for likely mistakes.
    Job { error: Box<Error>, hint: Option<String> },
    /// The job ran, and found a problem: exit code 1.
    Found(String),
    /// A signal stopped the job: exit code 130 or 143. What is left of it, and how to resume.
    Interrupted(Option<String>),
    /// The output cannot be written: the reader is gone, or the disk is full.
    Output(io::Error),
    /// The process could not be set up.
    Setup(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // Two roles for one file is a mistake in the arguments.
        if let Error::File(FileError::Taken { .. }) = &error {
            return Self::Usage(error.to_string());
        }
        if matches!(error, Error::Cancelled) {
            return Self::Interrupted(None);
        }
        let hint = hint(&error).map(str::to_owned);
        Self::Job { error: Box::new(error), hint }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Error::File(error).into()
    }
}

/// Counts a request that the array cannot answer as wrong usage.
impl From<rowmill_any::Error> for Failure {
    fn from(error: rowmill_any::Error) -> Self {
        match error {
            rowmill_any::Error::Job(error) => error.into(),
            wrong => Self::Usage(wrong.to_string()),
        }
    }
}

impl Failure {
    /// The failure of a command that needs ordered numbers, for complex ones.
    pub(crate) fn unordered(dtype: DType, why: &str) -> Self {
        Self::Usage(format!(
            "{why}, and {dtype} has no order; `rowmill sum` and `rowmill mean` without --where take \
             complex numbers"
        ))
    }

    /// Replaces the general hint by a better one, if there is one.
    pub(crate) fn or_hint(self, better: Option<String>) -> Self {
        match self {
            Self::Job { error, hint } => Self::Job { error, hint: better.or(hint) },
            other => other,
        }
    }

    /// Says what an interrupted job leaves, and how it is resumed.
    pub(crate) fn or_left(self, left: impl FnOnce() -> Option<String>) -> Self {
        match self {
            Self::Interrupted(None) => Self::Interrupted(left()),
            other => other,
        }
    }

    /// Reports the failure on stderr and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                note(format_args!("rowmill: {message}"));
                return ExitCode::from(2);
            }
            Self::Job { error, hint } => {
                note(format_args!("rowmill: {}", chain(error)));
                if let Some(hint) = hint {
                    note(format_args!("hint: {hint}"));
                }
            }
            Self::Interrupted(left) => {
                let left = left.as_deref().unwrap_or("nothing was written");
                note(format_args!("rowmill: interrupted; {left}"));
                return ExitCode::from(exit_code());
            }
            Self::Found(message) => note(format_args!("rowmill: {message}")),
            // The reader has enough: `rowmill … | head` is not a failure.
            Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Output(e) => note(format_args!("rowmill: cannot write to stdout: {e}")),
            Self::Setup(e) => note(format_args!("rowmill: cannot handle signals: {e}")),
        }
        ExitCode::FAILURE
    }
}

/// The message, followed by the causes that it does not already include.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// The hint for a common mistake.
fn hint(error: &Error) -> Option<&'static str> {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, StorageFull};
    match error {
        Error::File(FileError::NoSidecar { .. }) => {
            Some("on the command line that is, for example, --dtype f32 --shape 1000,64")
        }
        Error::File(FileError::SpecForNpy { .. }) => {
            Some("leave out --dtype, --shape, --offset, --order and --byte-order")
        }
        Error::File(FileError::Io { source, .. }) => match source.kind() {
            FileTooLarge => Some("a file size limit stands in the way; `ulimit -f` shows it"),
            StorageFull => Some("the whole output has to fit the disk beside an old one"),
            PermissionDenied => {
                Some("`ls -ld` on the file and its directory shows who may do that")
            }
            _ => None,
        },
        Error::File(FileError::BeingWritten { .. }) => {
            Some("that is --while-written refuse; without it there is only a warning")
        }
        Error::File(FileError::Exists { .. }) => Some("on the command line that is --overwrite"),
        Error::File(FileError::OtherKind { role, .. })
            if !matches!(role, Role::Checkpoint | Role::Sidecar) =>
        {
            Some("not even with --overwrite, which replaces files of the same kind only")
        }
        Error::NanFound { .. } => Some("that is --nan skip or --nan propagate"),
        Error::SumOverflow { .. } => Some("`rowmill mean` has no such limit"),
        _ => None,
    }
}
