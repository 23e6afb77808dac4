//! Renaming a staged array together with its sidecar.
//!
//! Two files cannot be renamed atomically. So before the data is renamed, the sidecar is replaced
//! by a [`Replacement`]: a record that holds the old description and the new one, and which file
//! each belongs to by its [`FileIdentity`]. Every step is durable before the next one begins:
//!
//! | step | data | sidecar | who opens it finds |
//! |---|---|---|---|
//! | before | old | old | the old array |
//! | [`Step::Recorded`] | old | old or new, by file | the old array |
//! | [`Step::Renamed`] | new | old or new, by file | the new array |
//! | [`Step::Done`] | new | new, or none | the new array |
//!
//! An array that has no sidecar before and after, or keeps the same one, takes a single rename.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::durable::{AtomicFile, journal};
use crate::error::{Error, Result};
use crate::format::detect::{is_named_npy, read_claims, read_meta, read_small, whole};
use crate::format::sidecar::{Described, Replacement};
use crate::format::{Format, Meta, Sidecar};
use crate::fs::{Held, open_regular, sync_directory};

/// The text of a new array's sidecar, if it has one.
pub(crate) fn sidecar_of(meta: &Meta) -> Option<String> {
    let has_one = meta.format == Format::Raw || meta.columns.is_some();
    has_one.then(|| Sidecar::for_meta(meta).to_json())
}

/// The durable steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Recorded,
    Renamed,
    Done,
}

/// Renames `file`, which holds the array `meta`, and writes its sidecar. The descriptor still holds
/// the writer's lock.
///
/// # Errors
/// [`Error::Exists`] and the like if a file of that name was created meanwhile; [`Error::Io`],
/// [`Error::Locked`], [`Error::Sidecar`] if the path of the sidecar holds something else. The old
/// array is then still there, or, if one of the last steps failed, the new one.
pub(crate) fn publish(file: AtomicFile, meta: &Meta, after: &mut dyn FnMut(Step)) -> Result<File> {
    let target = file.target().to_owned();
    let sidecar = Sidecar::path_for(&target);
    let new = sidecar_of(meta);
    // A file that appeared meanwhile, or is not a sidecar by size or kind, is not ours to replace.
    file.renew()?;
    let old = read_small(&sidecar)?;
    // Steps that can fail for lack of space come before anything else is touched.
    file.sync()?;
    if old.as_deref() == new.as_deref().map(str::as_bytes) {
        let file = file.publish()?;
        journal::forget(&target);
        after(Step::Done);
        return Ok(file);
    }

    let new_file = whole(file.file()).map_err(Error::io("inspect", &target))?;
    let described_new = Described { file: new_file, sidecar: new.clone() };
    let record = Replacement { old: describe_old(&target, old.as_deref()), new: described_new };
    write(&sidecar, record.to_json().as_bytes())?;
    after(Step::Recorded);
    let staged = match new.map(|text| stage(&sidecar, text.as_bytes())).transpose() {
        Ok(staged) => staged,
        Err(e) => {
            restore(&sidecar, old.as_deref());
            return Err(e);
        }
    };
    let file = match file.publish() {
        Ok(file) => file,
        Err(e) => {
            drop(staged);
            // With the new file in place, though perhaps not durably, the record is still right.
            let current = File::open(&target).ok().and_then(|f| whole(&f).ok());
            if current != Some(new_file) {
                restore(&sidecar, old.as_deref());
            }
            return Err(e);
        }
    };
    after(Step::Renamed);
    journal::forget(&target);
    match staged {
        Some(staged) => drop(Held(staged.publish()?)),
        None => {
            fs::remove_file(&sidecar).map_err(Error::io("replace", &sidecar))?;
            sync_directory(&sidecar)?;
        }
    }
    after(Step::Done);
    Ok(file)
}

/// Opens a published file and compares its metadata with the requested one.
///
/// # Errors
/// [`Error::NotAsWritten`].
pub(crate) fn validate(path: &Path, meta: &Meta) -> Result<()> {
    let found = open_regular(path, fs::OpenOptions::new().read(true)).and_then(|mut file| {
        let len = file.metadata().map_err(Error::io("inspect", path))?.len();
        read_meta(path, &mut file, len, None)
    });
    let found = match found {
        Ok(found) if found == *meta => return Ok(()),
        Ok(found) => summary(&found),
        Err(e) => e.to_string(),
    };
    Err(Error::NotAsWritten { path: path.to_owned(), expected: summary(meta), found })
}

fn summary(meta: &Meta) -> String {
    let columns = meta.columns.as_ref().map_or(0, Vec::len);
    let Meta { format, order, shape, offset, .. } = meta;
    let descr = meta.dtype.descr(meta.byte_order);
    format!("{format:?} {descr} {shape} in {order:?} order at {offset}, {columns} column names")
}

/// Writes a sidecar, replacing an old one atomically.
pub(crate) fn write(sidecar: &Path, text: &[u8]) -> Result<()> {
    AtomicFile::replace(sidecar, text)
}

fn stage(sidecar: &Path, text: &[u8]) -> Result<AtomicFile> {
    let file = AtomicFile::begin(sidecar)?;
    file.file().write_all(text).map_err(Error::io("write", sidecar))?;
    file.sync()?;
    Ok(file)
}

/// After a failure nothing is published, so the old sidecar is restored. If that fails too, the
/// record says the same.
fn restore(sidecar: &Path, old: Option<&[u8]>) {
    let _ = match old {
        Some(text) => write(sidecar, text),
        None => fs::remove_file(sidecar).map_err(Error::io("replace", sidecar)),
    };
}

/// The current file, and the claims of its sidecar. `None` if there is none, or if its sidecar is
/// unreadable, so that the array does not open today either.
fn describe_old(target: &Path, sidecar: Option<&[u8]>) -> Option<Described> {
    let file = File::open(target).ok()?;
    let claims = sidecar.map(|bytes| read_claims(&Sidecar::path_for(target), bytes, &file));
    let sidecar = claims.transpose().ok()?.and_then(|claims| claims.sidecar);
    Some(Described { file: whole(&file).ok()?, sidecar: sidecar.map(|s| s.to_json()) })
}

/// Finishes a replacement that a crash interrupted, before the file is written to: the record
/// identifies the file by its bytes. `file` is open at `path` and locked, so that it is not
/// replaced meanwhile.
///
/// # Errors
/// As opening it; [`Error::Io`]: the record is then still there, or no longer needed.
pub(crate) fn settle(path: &Path, file: &File) -> Result<()> {
    let sidecar = Sidecar::path_for(path);
    let Some(bytes) = read_small(&sidecar)? else { return Ok(()) };
    // Reading the sidecar later reports what is wrong with it.
    let Ok(claims) = read_claims(&sidecar, &bytes, file) else { return Ok(()) };
    if !claims.by_record {
        return Ok(());
    }
    let remove = |path: &Path| {
        fs::remove_file(path).map_err(Error::io("replace", path))?;
        sync_directory(path)
    };
    let handmade = Sidecar::handmade_path_for(path);
    if claims.replaced && !is_named_npy(path) && handmade.exists() {
        remove(&handmade)?;
    }
    match claims.sidecar {
        Some(sidecar_now) => write(&sidecar, sidecar_now.to_json().as_bytes()),
        None => remove(&sidecar),
    }
}

#[cfg(test)]
mod tests;
