//! How a staged array takes its name together with its sidecar.
//!
//! Two files cannot be renamed in one step. So before the data is, the sidecar is replaced by a
//! [`Replacement`]: a record that holds the old description and the new one, and says by inode
//! which file each belongs to. Every step is durable before the next one begins:
//!
//! | step | data | sidecar | who opens it finds |
//! |---|---|---|---|
//! | before | old | old | the old array |
//! | [`Step::Recorded`] | old | old or new, by inode | the old array |
//! | [`Step::Renamed`] | new | old or new, by inode | the new array |
//! | [`Step::Done`] | new | new, or none | the new array |
//!
//! An array that neither had nor gets a sidecar, or keeps the same one, takes one rename.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::atomic::{Held, inode, sync_directory};
use crate::detect::{read_meta, read_small};
use crate::options::open_regular;
use crate::sidecar::{Described, Replacement};
use crate::{AtomicFile, Error, Format, Meta, Result, Sidecar};

/// The text of the sidecar that a new array has, if it has one.
pub(crate) fn sidecar_of(meta: &Meta) -> Option<String> {
    let has_one = meta.format == Format::Raw || meta.columns.is_some();
    has_one.then(|| Sidecar::for_meta(meta).to_json())
}

/// What has been done, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Recorded,
    Renamed,
    Done,
}

/// Gives `file`, which holds the array `meta`, its name, and the name its sidecar. The descriptor
/// still holds the writer's lock.
///
/// # Errors
/// [`Error::Exists`] and its like when somebody made a file of that name meanwhile; [`Error::Io`],
/// [`Error::Locked`], [`Error::Sidecar`] when what is in the place of the sidecar cannot
/// be one. What is there then is the old array, or, where the last steps
/// failed, the new one.
pub(crate) fn publish(file: AtomicFile, meta: &Meta, after: &mut dyn FnMut(Step)) -> Result<File> {
    let target = file.target().to_owned();
    let sidecar = Sidecar::path_for(&target);
    let new = sidecar_of(meta);
    // What came meanwhile, or is no sidecar by its size or kind, is not ours to replace.
    file.renew()?;
    let old = read_small(&sidecar)?;
    // What can fail for want of room shall fail before anything else is touched.
    file.sync()?;
    if old.as_deref() == new.as_deref().map(str::as_bytes) {
        let file = file.publish()?;
        after(Step::Done);
        return Ok(file);
    }

    let described_new = Described { inode: inode(file.file()), sidecar: new.clone() };
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
    let new_inode = inode(file.file());
    let file = match file.publish() {
        Ok(file) => file,
        Err(e) => {
            drop(staged);
            // With the new file in its place, though perhaps not durably, the record is still right.
            let there = File::open(&target).ok().and_then(|f| inode(&f));
            if new_inode.is_none() || there != new_inode {
                restore(&sidecar, old.as_deref());
            }
            return Err(e);
        }
    };
    after(Step::Renamed);
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

/// Opens a published file under its name and compares what it says with what was asked for.
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

/// Writes a sidecar, and replaces an old one by it, in one step.
pub(crate) fn write(sidecar: &Path, text: &[u8]) -> Result<()> {
    AtomicFile::replace(sidecar, text)
}

fn stage(sidecar: &Path, text: &[u8]) -> Result<AtomicFile> {
    let file = AtomicFile::begin(sidecar)?;
    file.file().write_all(text).map_err(Error::io("write", sidecar))?;
    file.sync()?;
    Ok(file)
}

/// After a failure: nothing is published, so the old sidecar stands there again. If that fails too,
/// the record says the same.
fn restore(sidecar: &Path, old: Option<&[u8]>) {
    let _ = match old {
        Some(text) => write(sidecar, text),
        None => fs::remove_file(sidecar).map_err(Error::io("replace", sidecar)),
    };
}

/// Which file is there now, and what its sidecar says. `None` when there is none, or when its
/// sidecar cannot be read, so that it does not open today either.
fn describe_old(target: &Path, sidecar: Option<&[u8]>) -> Option<Described> {
    let file = File::open(target).ok()?;
    let inode = inode(&file);
    let sidecar = match sidecar.map(|bytes| Sidecar::read(bytes, inode)) {
        None => None,
        Some(Ok(found)) => found.sidecar.map(|s| s.to_json()),
        Some(Err(_)) => return None,
    };
    Some(Described { inode, sidecar })
}

#[cfg(test)]
mod tests;
