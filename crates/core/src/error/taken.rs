//! [`Taken`]: the file that conflicts with an output.

use std::fmt;
use std::path::PathBuf;

use crate::fs::Role;

/// The file that conflicts with an output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Its role in the call.
    pub role: Role,
    /// Its path as spelled in the call.
    pub path: PathBuf,
    /// The file that it is beside, if it is a sidecar or a hidden file of that one.
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
