//! Sidecars on disk: written in one step, as every output.

use std::path::Path;

use super::Outputs;
use crate::format::Sidecar;
use crate::format::sidecar::check_len;
use crate::fs::{Kind, Role, sync_directory};

impl Sidecar {
    /// Writes this beside an array file, in one step, in the place of the sidecar that it has; what
    /// says nothing removes that. The array file is not looked at: what is written has to fit it.
    ///
    /// # Errors
    /// [`Error::Sidecar`](crate::Error::Sidecar) for what is too long to be read back,
    /// [`Error::OtherKind`](crate::Error::OtherKind) when anything but a sidecar stands there,
    /// [`Error::Locked`](crate::Error::Locked) while someone else writes it,
    /// [`Error::Io`](crate::Error::Io).
    pub fn write(&self, array: &Path) -> crate::error::Result<()> {
        let path = Self::path_for(array);
        let mut outputs = Outputs::new();
        outputs.read(Role::Output, array);
        outputs.plan(Role::Sidecar, Kind::Sidecar, &path)?;
        if *self == Self::default() {
            return match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    Err(crate::error::Error::io("remove", &path)(e))
                }
                _ => sync_directory(&path),
            };
        }
        let json = self.to_json();
        check_len(&path, &json)?;
        outputs.save(Role::Sidecar, Kind::Sidecar, &path, json.as_bytes())
    }
}

/// Drops what will not be right any more once the array is written to.
pub(crate) fn forget_checksums(path: &Path) -> crate::error::Result<()> {
    match Sidecar::beside(path)? {
        Some(sidecar) if sidecar.checksums.is_some() => {
            Sidecar { checksums: None, ..sidecar }.write(path)
        }
        _ => Ok(()),
    }
}
