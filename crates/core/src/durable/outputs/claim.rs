//! The right to make an output, and what says that there is none.

use std::path::{Path, PathBuf};

use super::Outputs;
use crate::error::{Error, Result};
use crate::fs::{Kind, Role};

/// The right to make an output, which is asked for again before it takes its name.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(super) outputs: Outputs,
    pub(super) role: Role,
    pub(super) kind: Kind,
    pub(crate) path: PathBuf,
}

/// How a file comes to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rename {
    /// Only if nothing has it.
    New,
    /// Over the file that has it.
    Over,
}

impl Claim {
    /// Asks again, now that the file is complete: others may have come meanwhile.
    pub(crate) fn renew(&self) -> Result<Rename> {
        let mut outputs = self.outputs.clone();
        outputs.plan(self.role, self.kind, &self.path)?;
        Ok(self.rename())
    }

    /// As [`renew`](Self::renew), for a file alone: what comes beside it was asked for before.
    pub(crate) fn renew_alone(&self) -> Result<Rename> {
        let mut outputs = self.outputs.clone();
        outputs.reserve(self.role, self.kind, &self.path)?;
        if let Some(found) = Kind::of(&self.path) {
            // While the sidecar is a record, a raw array has to be read with what that says.
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

    /// That somebody else has the name now.
    pub(crate) fn exists(&self, path: &Path) -> Error {
        let found = Kind::of(path).unwrap_or(Kind::Plain);
        Error::Exists { path: path.to_owned(), role: self.role, found }
    }
}
