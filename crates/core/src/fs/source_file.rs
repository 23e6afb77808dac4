//! [`SourceFile`]: a file that a source reads.

use std::path::{Path, PathBuf};

use super::FileNumber;

/// A file that a source reads: its name, and its identity when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) number: FileNumber,
}

impl SourceFile {
    /// A file that is read under this name.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), number: None }
    }

    pub(crate) fn opened(path: &Path, number: FileNumber) -> Self {
        Self { path: path.to_owned(), number }
    }

    /// The name under which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
