//! Sidecars on disk: written atomically, like every output.

use std::path::Path;

use super::Outputs;
use crate::format::Sidecar;
use crate::format::sidecar::check_len;
use crate::fs::{Kind, Role, sync_directory};

impl Sidecar {
    /// Writes this beside an array file, atomically, in place of its present sidecar; an empty one
    /// removes that. The array file is not read: the caller makes sure that they match.
    ///
    /// # Errors
    /// [`Error::Sidecar`](crate::Error::Sidecar) if it is too long to be read back,
    /// [`Error::OtherKind`](crate::Error::OtherKind) if the path holds anything but a sidecar,
    /// [`Error::Locked`](crate::Error::Locked) while another writer has it,
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

/// Drops the checksums that writes to the array will invalidate.
pub(crate) fn forget_checksums(path: &Path) -> crate::error::Result<()> {
    match Sidecar::beside(path)? {
        Some(sidecar) if sidecar.checksums.is_some() => {
            Sidecar { checksums: None, ..sidecar }.write(path)
        }
        _ => Ok(()),
    }
}
