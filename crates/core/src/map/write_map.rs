//! Mappings open for writing.

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use memmap2::{MmapMut, MmapOptions};

use super::claims::Claim;
use super::guard::{Access, Guard};
use super::{FileState, MOST_GUARDED, addressable, guard_for};
use crate::error::{Error, Result};
use crate::map::BusErrors;

/// A whole file, mapped shared for reading and writing: its bytes.
#[derive(Debug)]
pub(crate) struct WriteMap {
    // Dropped before the mapping, so that the slot never covers a successor.
    guard: Guard,
    map: MmapMut,
    // Dropped after the mapping that it is for.
    claim: Claim,
}

impl WriteMap {
    fn guarded(path: &Path, (map, claim): (MmapMut, Claim), bus_errors: BusErrors) -> Result<Self> {
        // Positioned writes would bypass the mapping: nothing here can do that.
        match guard_for(map.as_ptr(), map.len(), Access::Write, bus_errors) {
            Some(guard) => Ok(Self { guard, map, claim }),
            None => Err(Error::TooManyMappings { path: path.to_owned(), most: MOST_GUARDED }),
        }
    }

    /// Checks that all reads and writes so far reached the file. Costs one load.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.guard.check(path)
    }

    /// The guard, the mapping and the claim on the file, to be dropped in this order.
    pub(super) fn into_parts(self) -> (Guard, MmapMut, Claim) {
        (self.guard, self.map, self.claim)
    }

    /// The guard, and the bytes.
    pub(super) fn split(&mut self) -> (&Guard, &mut [u8]) {
        (&self.guard, &mut self.map)
    }

    /// Makes everything written durable.
    pub(crate) fn flush(&self) -> std::io::Result<()> {
        self.map.flush()
    }
}

impl Deref for WriteMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl DerefMut for WriteMap {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}

/// A whole file, mapped copy-on-write: its bytes, with changes that stay in memory.
///
/// A separate type, because advice that is harmless for a shared mapping (see `release.rs`) would
/// drop those changes here. It exposes nothing but its bytes.
#[derive(Debug)]
pub(crate) struct PrivateMap(WriteMap);

impl PrivateMap {
    /// Checks that all bytes read so far were in the file. Costs one load.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.0.check(path)
    }
}

impl Deref for PrivateMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for PrivateMap {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Maps the whole of `file`, which was in the state `seen` at open and is claimed, for reading and
/// writing; `None` for an empty file.
pub(crate) fn map_mut(
    path: &Path,
    file: &File,
    seen: FileState,
    claim: Claim,
    bus_errors: BusErrors,
) -> Result<Option<WriteMap>> {
    map_whole(path, seen, (claim, bus_errors), |options| {
        // SAFETY: the claim, which callers take of the state of this `file`, is one to write: no
        // other is given out of `map/`. It lives as long as bytes of the mapping are lent, and
        // until then this process lends of no other mapping of the file. Of other processes and of
        // descriptors it is as for `ReadMap`; callers hold the writer's lock, where there are
        // locks, so that no other well-behaved writer exists.
        unsafe { options.map_mut(file) }
    })
}

/// Maps the whole of `file`, which was in the state `seen` at open, copy-on-write; `None` for an
/// empty file.
pub(crate) fn map_copy(
    path: &Path,
    file: &File,
    seen: FileState,
    bus_errors: BusErrors,
) -> Result<Option<PrivateMap>> {
    let Some(claim) = Claim::read(&seen) else {
        return Err(Error::AlsoMapped {
            path: path.to_owned(),
            refused: "opened copy-on-write",
            by: "is writing to it, and pages that are not copied yet would change",
            instead: "close the array that is open for writing first",
        });
    };
    let map = map_whole(path, seen, (claim, bus_errors), |options| {
        // SAFETY: as for `ReadMap`, of which the claim is one to read. Written pages become copies
        // of this mapping alone, which is lent as `PrivateMap` is borrowed.
        unsafe { options.map_copy(file) }
    });
    Ok(map?.map(PrivateMap))
}

/// The common part of both: the length, and the guard.
fn map_whole(
    path: &Path,
    seen: FileState,
    (claim, bus_errors): (Claim, BusErrors),
    map: impl FnOnce(&MmapOptions) -> std::io::Result<MmapMut>,
) -> Result<Option<WriteMap>> {
    if seen.len == 0 {
        return Ok(None);
    }
    let mut options = MmapOptions::new();
    options.len(addressable(path, seen)?);
    let map = map(&options).map_err(Error::io("map", path))?;
    WriteMap::guarded(path, (map, claim), bus_errors).map(Some)
}
