//! The bytes of a file: mapped, or read at positions. The only module that maps.
//!
//! ```text
//!            Bytes                      one descriptor, open as long as the bytes are used
//!           /     \
//!     Mapping     positioned reads      a page fault a page  |  a system call a tile
//! ```

mod assembly;
mod cache;
pub(crate) mod decode;
mod huge;
mod positioned;
mod prefetch;
mod release;
mod write_back;

pub(crate) use release::FAULT_AROUND;

pub use assembly::{Assembly, Unfilled};
pub use huge::zeros;
pub use write_back::WriteBack;

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, MmapMut, MmapOptions};

use crate::layout::Fetch;
use crate::{Backend, Error, Result};

/// The bytes of a file opened for reading.
#[derive(Debug)]
pub(crate) struct Bytes {
    path: PathBuf,
    file: File,
    /// Length and time of last change at open.
    seen: (u64, Option<std::time::SystemTime>),
    /// `None` with the positioned backend and for empty files, which cannot be mapped.
    map: Option<Mmap>,
}

impl Bytes {
    /// The bytes of `file`, which was opened at `path` and is `len` bytes long.
    pub(crate) fn new(path: &Path, file: File, backend: Backend) -> Result<Self> {
        let seen = stamp(path, &file)?;
        let map = match backend {
            Backend::Mapped if seen.0 > 0 => Some(map_shared(path, &file)?),
            _ => None,
        };
        Ok(Self { path: path.to_owned(), file, seen, map })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All bytes, if the file is mapped.
    pub(crate) fn mapped(&self) -> Option<&[u8]> {
        self.map.as_deref()
    }

    /// The same bytes, read at positions even if they are mapped.
    pub(crate) fn unmapped(&self) -> impl Fetch + '_ {
        Unmapped(self)
    }

    /// Whether the file is still what it was at open. A change that keeps length and time (within
    /// the clock's grain) is not seen.
    pub(crate) fn verify(&self) -> Result<()> {
        let now = stamp(&self.path, &self.file)?;
        if now == self.seen {
            return Ok(());
        }
        Err(Error::Changed { path: self.path.clone(), expected: self.seen.0, found: now.0 })
    }
}

impl Fetch for Bytes {
    fn in_place(&self, offset: usize, len: usize) -> Option<&[u8]> {
        self.mapped()?.get(offset..)?.get(..len)
    }

    fn copy(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        match self.in_place(offset, to.len()) {
            Some(bytes) => {
                to.copy_from_slice(bytes);
                Ok(())
            }
            None => positioned::read(&self.file, &self.path, self.seen.0, offset as u64, to),
        }
    }
}

struct Unmapped<'a>(&'a Bytes);

impl Fetch for Unmapped<'_> {
    fn in_place(&self, _: usize, _: usize) -> Option<&[u8]> {
        None
    }

    fn copy(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        let Bytes { file, path, seen, .. } = self.0;
        positioned::read(file, path, seen.0, offset as u64, to)
    }
}

fn stamp(path: &Path, file: &File) -> Result<(u64, Option<std::time::SystemTime>)> {
    let metadata = file.metadata().map_err(Error::io("inspect", path))?;
    Ok((metadata.len(), metadata.modified().ok()))
}

fn map_shared(path: &Path, file: &File) -> Result<Mmap> {
    // SAFETY: the mapping is read-only and lives in the same struct as its descriptor. Another
    // process can still change the bytes: they are only ever read as types for which every bit
    // pattern is valid (`Element::Stored`), and no bound or branch for memory safety depends on
    // them. Shrinking the file under the mapping is the caller's to prevent, as the crate's
    // documentation says.
    unsafe { MmapOptions::new().map(file) }.map_err(Error::io("map", path))
}

/// Maps the whole of `file` for reading and writing; `None` for an empty file.
pub(crate) fn map_mut(path: &Path, file: &File) -> Result<Option<MmapMut>> {
    let (len, _) = stamp(path, file)?;
    if len == 0 {
        return Ok(None);
    }
    // SAFETY: as for `map_shared`; in addition the caller holds the writer's lock on the file, so
    // that no other well-behaved writer exists.
    unsafe { MmapOptions::new().map_mut(file) }.map(Some).map_err(Error::io("map", path))
}

/// Maps the whole of `file` copy-on-write; `None` for an empty file.
pub(crate) fn map_copy(path: &Path, file: &File) -> Result<Option<MmapMut>> {
    let (len, _) = stamp(path, file)?;
    if len == 0 {
        return Ok(None);
    }
    // SAFETY: as for `map_shared`; written pages become private copies.
    unsafe { MmapOptions::new().map_copy(file) }.map(Some).map_err(Error::io("map", path))
}

/// A mapping open for writing as a place to decode from.
pub(crate) struct InMemory<'a>(pub(crate) &'a [u8]);

impl Fetch for InMemory<'_> {
    fn in_place(&self, offset: usize, len: usize) -> Option<&[u8]> {
        self.0.get(offset..)?.get(..len)
    }

    fn copy(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        to.copy_from_slice(&self.0[offset..][..to.len()]);
        Ok(())
    }
}
