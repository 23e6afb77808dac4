//! The SIGBUS guard: a mapped file that is truncated or fails gives an error and does not kill the
//! process.
//!
//! Touching a mapped page that is past the end of the file, that its device cannot read, or that a
//! full disk has no space for raises SIGBUS. Every mapping of the crate has a slot in a fixed
//! [registry](registry::Registry); a handler, installed with the first of them, looks up the
//! address there:
//!
//! ```text
//!   worker touches a page ---> SIGBUS ---> in one of our mappings?
//!        ^                                  | yes                     | no
//!        |                                  v                         v
//!        |               1. record the first bad offset        previous handler,
//!        |               2. zero pages from there to the end   or default action
//!        |                                  |
//!        +--- resumes, reads zeros ---------+
//!   ... and after the chunk, before its result is used: check() --> Error::Fault
//! ```
//!
//! The order of 1 and 2 is what makes it sound: a thread that can read a zero that is not in the
//! file can see the offset, for as long as the mapping lives. The handler never jumps, so a worker
//! is never stopped in the middle of anything.
//!
//! A slot is left before the mapping goes ([`Guard`] stands before the mapping in each struct), so
//! the handler never maps over what took the place of one. While it is at work for a mapping, that
//! mapping cannot go: the thread that faulted has it borrowed. That is not true of signals that
//! come by themselves, without an access; they are never taken for ours. Where there is no room for
//! zeros the process ends: pages of the mapping may be missing then, and be given to others.
//!
//! Its limits: a thread that has SIGBUS blocked is killed by the kernel without asking, and a
//! handler that is installed later and does not pass on what it was told keeps ours from seeing it.
//! The handler stays for good: a library that this crate is part of must not be unloaded.

mod registry;
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
mod signal;

#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::path::Path;

use crate::error::{Error, Result};
use registry::Slot;

/// The most mappings that can be guarded at a time.
pub(crate) const MOST: usize = registry::SLOTS;

/// Whether mappings can be guarded on this system, or need not be. Elsewhere a mapping can kill the
/// process.
pub(super) const AVAILABLE: bool = cfg!(any(target_os = "linux", target_vendor = "apple", windows));

/// The access that a mapping is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The slot of a mapping in the registry, for as long as the mapping lives.
#[derive(Debug)]
pub(super) struct Guard(Option<&'static Slot>);

impl Guard {
    /// No guard: the host handles SIGBUS, or the system has none.
    pub(super) const NONE: Self = Self(None);

    /// Guards the mapping of `len` bytes that starts at this address, before it is touched; `None`
    /// if there are [`MOST`] already.
    pub(super) fn new(start: usize, len: usize, access: Access) -> Option<Self> {
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            let pages = start..start + len.next_multiple_of(rustix::param::page_size());
            let registry = signal::install()?;
            registry.enter(pages, access == Access::Write).map(|slot| Self(Some(slot)))
        }
        #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
        {
            let _ = (start, len, access);
            Some(Self::NONE)
        }
    }

    /// Checks that no access has faulted: [`Error::Fault`] otherwise. Costs one load.
    #[inline]
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        match self.0.and_then(Slot::fault) {
            None => Ok(()),
            Some(offset) => {
                Err(Error::Fault { path: path.to_owned(), offset: offset as u64, source: None })
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.leave();
        }
    }
}
