//! Files that exist beside another, or will for a while.

use std::path::{Path, PathBuf};

use super::{Kind, Role};
use crate::durable::Journal;
use crate::durable::journal::DONE_SUFFIX;
use crate::format::Sidecar;
use crate::format::detect::{is_named_npy, read_small};
use crate::format::leftovers::{LeftoverKind, hidden_beside, neighbour};

/// The files beside an array that is read.
pub(super) fn beside_array(path: &Path) -> Vec<(Role, PathBuf)> {
    let mut beside = beside_output(Kind::Npy, path);
    beside.extend(handmade(Kind::Npy, path));
    let mut profile = path.as_os_str().to_owned();
    profile.push(".tuned.json");
    beside.push((Role::Profile, profile.into()));
    beside
}

/// The files written beside an unfinished output, and those that stay there.
pub(super) fn beside_output(kind: Kind, path: &Path) -> Vec<(Role, PathBuf)> {
    let mut beside = vec![(Role::Unfinished, neighbour(path, LeftoverKind::Partial))];
    if kind.is_array() {
        let sidecar = Sidecar::path_for(path);
        beside.push((Role::Unfinished, neighbour(&sidecar, LeftoverKind::Partial)));
        beside.push((Role::Sidecar, sidecar));
        beside.push((Role::Journal, Journal::path_for(path)));
        beside.push((Role::Journal, neighbour(path, LeftoverKind::Append)));
        beside.push((Role::Journal, hidden_beside(path, DONE_SUFFIX)));
    }
    beside
}

/// The path of a hand-made sidecar. It is never written, and files of one stem share it: so an
/// output is not checked against it, but other files are.
pub(super) fn handmade(kind: Kind, array: &Path) -> Option<(Role, PathBuf)> {
    let has_one = kind.is_array() && !is_named_npy(array);
    has_one.then(|| (Role::Sidecar, Sidecar::handmade_path_for(array)))
}

/// Whether a sidecar is the record of a replacement that a crash interrupted.
pub(super) fn is_record(sidecar: &Path) -> bool {
    read_small(sidecar).ok().flatten().is_some_and(|bytes| Sidecar::is_record(&bytes))
}
