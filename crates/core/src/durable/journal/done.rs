//! Records of finished in-place jobs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::behind_links;
use crate::durable::AtomicFile;
use crate::error::{Error, Result};
use crate::format::leftovers::hidden_beside;
use crate::identity::{Earlier, Identity};
use crate::map::FileState;

/// The suffix of the file name of such a record.
pub(crate) const DONE_SUFFIX: &str = ".rowmill-done";

/// The record of a finished in-place job that must not be repeated.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    job: String,
    /// The array as the job left it.
    array: Identity,
}

/// The form of earlier versions. It is still read: its times, taken at the end of the job, make it
/// conclusive, and a finished job must not be repeated.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EarlierDone {
    job: String,
    array: Earlier,
}

/// The longest record that is read, in bytes.
const MOST_DONE: u64 = 64 << 10;

pub(super) fn done_path(array: &Path) -> PathBuf {
    hidden_beside(array, DONE_SUFFIX)
}

/// Records that a job on this array is finished.
pub(crate) fn mark_done(path: &Path, array: &File, job: &str) -> Result<()> {
    let done = Done { job: job.to_owned(), array: FileState::of(path, array)?.identity(array) };
    let place = done_path(&behind_links(path));
    let note = serde_json::to_vec(&done).map_err(|e| Error::io("write", &place)(e.into()))?;
    AtomicFile::replace(&place, &note)
}

/// Whether this job was the last to change this array. Any other file at that path counts as no.
pub(crate) fn was_done(path: &Path, array: &File, job: &str) -> Result<bool> {
    let place = done_path(&behind_links(path));
    if !fs::symlink_metadata(&place).is_ok_and(|m| m.is_file() && m.len() <= MOST_DONE) {
        return Ok(false);
    }
    let Ok(bytes) = fs::read(&place) else { return Ok(false) };
    let array = FileState::of(path, array)?.identity(array);
    if let Ok(found) = serde_json::from_slice::<Done>(&bytes) {
        return Ok(found.job == job && found.array == array);
    }
    let earlier = serde_json::from_slice::<EarlierDone>(&bytes);
    Ok(earlier.is_ok_and(|found| found.job == job && array.matches(&found.array)))
}
