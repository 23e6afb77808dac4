//! Mappings that are written to.

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use memmap2::{MmapMut, MmapOptions};

use super::guard::{Access, Guard};
use super::{MOST_GUARDED, Seen, addressable, guard_for};
use crate::{BusErrors, Error, Result};

/// A whole file, mapped for reading and writing: its bytes.
#[derive(Debug)]
pub(crate) struct WriteMap {
    // Dropped before the mapping, so that the slot never stands for what came after it.
    guard: Guard,
    map: MmapMut,
}

impl WriteMap {
    fn guarded(path: &Path, map: MmapMut, bus_errors: BusErrors) -> Result<Option<Self>> {
        // Writing at positions would be another way to write: nothing here can do that.
        match guard_for(map.as_ptr(), map.len(), Access::Write, bus_errors) {
            Some(guard) => Ok(Some(Self { guard, map })),
            None => Err(Error::TooManyMappings { path: path.to_owned(), most: MOST_GUARDED }),
        }
    }

    /// Whether what was read and written so far was in the file. Costs one load.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.guard.check(path)
    }

    /// The guard, which has to be dropped first, and the mapping.
    pub(super) fn into_parts(self) -> (Guard, MmapMut) {
        (self.guard, self.map)
    }

    /// The guard, and the bytes.
    pub(super) fn split(&mut self) -> (&Guard, &mut [u8]) {
        (&self.guard, &mut self.map)
    }

    /// Makes everything durable that was written.
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

/// Maps the whole of `file`, which was `seen` when it was opened, for reading and writing; `None`
/// for an empty file.
pub(crate) fn map_mut(
    path: &Path,
    file: &File,
    seen: Seen,
    bus_errors: BusErrors,
) -> Result<Option<WriteMap>> {
    map_whole(path, seen, bus_errors, |options| {
        // SAFETY: as for `ReadMap`; in addition the caller holds the writer's lock on the file, so
        // that no other well-behaved writer exists.
        unsafe { options.map_mut(file) }
    })
}

/// Maps the whole of `file`, which was `seen` when it was opened, copy-on-write; `None` for an empty
/// file.
pub(crate) fn map_copy(
    path: &Path,
    file: &File,
    seen: Seen,
    bus_errors: BusErrors,
) -> Result<Option<WriteMap>> {
    map_whole(path, seen, bus_errors, |options| {
        // SAFETY: as for `ReadMap`; written pages become private copies.
        unsafe { options.map_copy(file) }
    })
}

/// What both have in common: the length, and the guard.
fn map_whole(
    path: &Path,
    seen: Seen,
    bus_errors: BusErrors,
    map: impl FnOnce(&MmapOptions) -> std::io::Result<MmapMut>,
) -> Result<Option<WriteMap>> {
    if seen.len == 0 {
        return Ok(None);
    }
    let mut options = MmapOptions::new();
    options.len(addressable(path, seen)?);
    WriteMap::guarded(path, map(&options).map_err(Error::io("map", path))?, bus_errors)
}
