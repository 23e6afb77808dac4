//! [`Taken`]: the file in the way of an output.

use std::fmt;
use std::path::PathBuf;

use crate::fs::Role;

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
