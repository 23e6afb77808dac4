//! Parts of error messages, and the conversion of system errors.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::fs::{Kind, Role};

/// The description of an output.
pub(super) fn output(role: Role, path: &Path, of: Option<&Path>) -> String {
    match of {
        None => format!("{role} {}", path.display()),
        Some(of) => format!("{role} {} of {}", path.display(), of.display()),
    }
}

/// The note that files of a kind are replaced only on request, if that is so.
pub(super) fn when_asked(kind: Kind) -> &'static str {
    if kind.is_kept() { "" } else { ", and only if asked (`.overwrite(true)`)" }
}

/// The second name of a file in parentheses, if it has one.
pub(super) fn otherwise(path: &Path, known: &Path) -> String {
    if path == known { String::new() } else { format!(" ({})", known.display()) }
}

/// A cause in parentheses, if there is one.
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
