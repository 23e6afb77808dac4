//! The permission to create an output, and the errors if there is none.

use std::path::{Path, PathBuf};

use super::Outputs;
use crate::error::{Error, Result};
use crate::fs::{Kind, Role};

/// The permission to create an output, checked again before it is renamed.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(super) outputs: Outputs,
    pub(super) role: Role,
    pub(super) kind: Kind,
    pub(crate) path: PathBuf,
}

/// How a file is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rename {
    /// Only if the name is unused.
    New,
    /// Over an existing file.
    Over,
}

impl Claim {
    /// Checks again, now that the file is complete: others may have appeared meanwhile.
    pub(crate) fn renew(&self) -> Result<Rename> {
        let mut outputs = self.outputs.clone();
        outputs.plan(self.role, self.kind, &self.path)?;
        Ok(self.rename())
    }

    /// As [`renew`](Self::renew), for the file alone: the files beside it were checked before.
    pub(crate) fn renew_alone(&self) -> Result<Rename> {
        let mut outputs = self.outputs.clone();
        outputs.reserve(self.role, self.kind, &self.path)?;
        if let Some(found) = Kind::of(&self.path) {
            // While the sidecar is a record, a raw array has to be read according to that.
            let is_ours = self.kind.is_array() && found == Kind::Plain;
            let found = if is_ours { self.kind } else { found };
            outputs.check_kind(self.role, self.kind, &self.path, found)?;
        }
        Ok(self.rename())
    }

    fn rename(&self) -> Rename {
        let outputs = &self.outputs;
        let over = outputs.overwrite || self.kind.is_kept() || outputs.was_made(&self.path);
        if over { Rename::Over } else { Rename::New }
    }

    /// The error that the name exists now.
    pub(crate) fn exists(&self, path: &Path) -> Error {
        let found = Kind::of(path).unwrap_or(Kind::Plain);
        Error::Exists { path: path.to_owned(), role: self.role, found }
    }
}
