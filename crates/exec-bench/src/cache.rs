//! Emptying the page cache, for cold runs.

use std::fs::File;
use std::io;
use std::path::Path;

use rowmill_core::{Array, Element, Source};

/// A way to evict a file from the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cold {
    /// The whole page cache is emptied, which takes root.
    Everything,
    /// The system is asked to drop the pages of this file.
    File,
}

impl Cold {
    /// The way that works for this array, found by trying.
    ///
    /// # Errors
    /// The reason why none works.
    pub fn find<T: Element>(array: &Array<T>) -> Result<Self, String> {
        let mut reasons = Vec::new();
        // First the way that keeps other files cached.
        for way in [Self::File, Self::Everything] {
            match way.empty(array.path()) {
                Ok(()) if is_cold(array) => return Ok(way),
                Ok(()) => reasons.push(format!("{} left it there", way.words())),
                Err(error) => reasons.push(format!("{}: {error}", way.words())),
            }
        }
        Err(reasons.join("; "))
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Everything => "emptying the page cache (takes root on Linux)",
            Self::File => "asking the system to forget the file",
        }
    }

    /// Evicts a file. Nothing may have it mapped: mapped pages stay.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn empty(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Everything if cfg!(target_os = "linux") => {
                std::fs::write("/proc/sys/vm/drop_caches", "1")
            }
            Self::Everything => Err(io::ErrorKind::Unsupported.into()),
            Self::File => forget(&File::open(path)?),
        }
    }
}

/// Whether rows all over the array are missing from the page cache.
fn is_cold<T: Element>(array: &Array<T>) -> bool {
    let rows = array.shape().rows();
    (0..16).all(|i| !array.is_cached(rows / 16 * i))
}

#[cfg(target_os = "linux")]
fn forget(file: &File) -> io::Result<()> {
    file.sync_all()?;
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
