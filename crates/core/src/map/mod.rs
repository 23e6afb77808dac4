//! The bytes of a file: mapped, or by positioned reads. The only module that maps.
//!
//! ```text
//!            Bytes                      one descriptor, open while the bytes are in use
//!           /     \
//!     Mapping     positioned reads      a page fault per page  |  a system call per tile
//! ```

mod backend;
mod cache;
mod claims;
mod disk;
mod file_state;
mod filesystem;
mod guard;
mod positioned;
mod release;
mod shared_mut;
mod write_back;
mod write_map;

pub(crate) use release::coalesce;
pub(crate) use shared_mut::{MappedFile, SharedMut};

pub(crate) use claims::Claim;
pub(crate) use file_state::FileState;
pub(crate) use guard::MOST as MOST_GUARDED;
pub(crate) use write_map::{PrivateMap, WriteMap, map_copy, map_mut};

pub use backend::{Backend, BusErrors};
pub(crate) use disk::Disk;
pub use write_back::WriteBack;

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, MmapOptions};

use crate::error::{Error, Result};
use crate::fs::{FileNumber, number};
use crate::identity::Identity;
use crate::tile::layout::Fetch;
use guard::{Access, Guard};

/// The bytes of a file opened for reading.
#[derive(Debug)]
pub(crate) struct Bytes {
    path: PathBuf,
    file: File,
    /// Its state at open, before anything was read.
    seen: FileState,
    /// The actual backend: [`Backend::Auto`] is resolved.
    backend: Backend,
    /// `None` with the positioned backend and for empty files, which cannot be mapped.
    map: Option<ReadMap>,
}

impl Bytes {
    /// The bytes of `file`, which was opened at `path` and was in the state `seen` then.
    pub(crate) fn new(
        path: &Path,
        file: File,
        seen: FileState,
        backend: Backend,
        bus_errors: BusErrors,
    ) -> Result<Self> {
        let wanted = match backend {
            Backend::Auto => filesystem::choose(&file),
            given => given,
        };
        let map = match wanted {
            Backend::Mapped if seen.len > 0 => match ReadMap::new(path, &file, seen, bus_errors) {
                // Some filesystems refuse to map for other reasons.
                Err(_) if backend == Backend::Auto => None,
                result => result?,
            },
            _ => None,
        };
        // A file that could not be mapped or guarded uses positioned reads.
        let backend = if seen.len > 0 && map.is_none() { Backend::Positioned } else { wanted };
        Ok(Self { path: path.to_owned(), file, seen, backend, map })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The identity of the file at open.
    pub(crate) fn identity(&self) -> Identity {
        self.seen.identity(&self.file)
    }

    /// The file's number, while it exists.
    pub(crate) fn number(&self) -> FileNumber {
        self.file.metadata().ok().as_ref().and_then(number)
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// All bytes, if the file is mapped.
    pub(crate) fn mapped(&self) -> Option<&[u8]> {
        self.map.as_ref().map(|map| &*map.map)
    }

    /// The same bytes by positioned reads, even if they are mapped.
    pub(crate) fn unmapped(&self) -> impl Fetch + '_ {
        Unmapped(self)
    }

    /// Checks that all bytes read so far were in the file. Costs one load.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        self.map.as_ref().map_or(Ok(()), |map| map.guard.check(&self.path))
    }

    /// Checks that all bytes read were in the file, and that the file is unchanged since it was
    /// opened. A change that preserves length and times (within the clock's resolution) is not
    /// detected.
    pub(crate) fn verify(&self) -> Result<()> {
        self.check()?;
        self.seen.verify(&self.path, &self.file)
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
            None => positioned::read(&self.file, &self.path, offset as u64, to),
        }
    }
}

struct Unmapped<'a>(&'a Bytes);

impl Fetch for Unmapped<'_> {
    fn in_place(&self, _: usize, _: usize) -> Option<&[u8]> {
        None
    }

    fn copy(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        positioned::read(&self.0.file, &self.0.path, offset as u64, to)
    }
}

/// A whole file, mapped for reading.
#[derive(Debug)]
struct ReadMap {
    // Dropped before the mapping, so that the slot never covers a successor.
    guard: Guard,
    map: Mmap,
    // Dropped after the mapping that it is for.
    _claim: Claim,
}

impl ReadMap {
    /// `None` if this process has the file mapped for writing, and if the mapping cannot be
    /// guarded, because too many are.
    fn new(
        path: &Path,
        file: &File,
        seen: FileState,
        bus_errors: BusErrors,
    ) -> Result<Option<Self>> {
        let len = addressable(path, seen)?;
        let Some(claim) = Claim::read(&seen) else { return Ok(None) };
        // SAFETY: the mapping is read-only, and as long as the claim lives, no safe code of this
        // process lends bytes of another mapping of the file for writing. Another process can still
        // change them, and this one through a descriptor (`std::fs`; an `Appender`, but only the
        // header and what follows the rows): they are only ever read as types for which every bit
        // pattern is valid (`Element::Stored`), and no bound or branch for memory safety of ours
        // depends on them. When the file shrinks, or shrank since its length was taken, the guard
        // answers, or the host (`BusErrors`).
        let map = unsafe { MmapOptions::new().len(len).map(file) };
        let map = map.map_err(Error::io("map", path))?;
        let guard = guard_for(map.as_ptr(), len, Access::Read, bus_errors);
        Ok(guard.map(|guard| Self { guard, map, _claim: claim }))
    }
}

/// The length of a file that is to be mapped whole.
fn addressable(path: &Path, seen: FileState) -> Result<usize> {
    usize::try_from(seen.len)
        .map_err(|_| Error::io("map", path)(std::io::ErrorKind::FileTooLarge.into()))
}

/// The guard of a new mapping; `None` if there are too many.
fn guard_for(start: *const u8, len: usize, access: Access, bus_errors: BusErrors) -> Option<Guard> {
    match bus_errors {
        BusErrors::Guarded => Guard::new(start.expose_provenance(), len, access),
        BusErrors::Host => Some(Guard::NONE),
    }
}

/// A mapping open for writing, as a place to decode from.
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
