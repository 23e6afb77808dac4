//! Parts of the messages of errors, and how those of the system become ours.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::fs::{Kind, Role};

/// An output, in words.
pub(super) fn output(role: Role, path: &Path, of: Option<&Path>) -> String {
    match of {
        None => format!("{role} {}", path.display()),
        Some(of) => format!("{role} {} of {}", path.display(), of.display()),
    }
}

/// That files of a kind are replaced only when asked, if that is so.
pub(super) fn when_asked(kind: Kind) -> &'static str {
    if kind.is_kept() { "" } else { ", and only if asked (`.overwrite(true)`)" }
}

/// The other name of a file that has two, in brackets.
pub(super) fn otherwise(path: &Path, known: &Path) -> String {
    if path == known { String::new() } else { format!(" ({})", known.display()) }
}

/// A cause in brackets, if there is one.
pub(super) fn because(source: Option<&io::Error>) -> String {
    source.map_or_else(String::new, |source| format!(" ({source})"))
}

impl Error {
    /// An [`Error::Io`], for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
