//! The right to make an output, and what says that there is none.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Kind, Outputs, Role};
use crate::{Error, Result};

/// The file in the way of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Its role in the call.
    pub role: Role,
    /// How the call spells it.
    pub path: PathBuf,
    /// The file it stands beside, if it is a sidecar or a hidden file of that one.
    pub of: Option<(Role, PathBuf)>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            None => write!(f, "{} {}", self.role, self.path.display()),
            Some((role, path)) => write!(f, "{} of {role} {}", self.role, path.display()),
        }
    }
}

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
