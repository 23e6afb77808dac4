//! Files that appear under their name complete or not at all.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A file that is written beside its name and takes the name in one step.
///
/// The bytes go to a hidden neighbour (`.NAME.rowmill-partial`), which holds a lock as long as it
/// is written. [`publish`](Self::publish) syncs it, renames it over the name and syncs the
/// directory: after a crash the old file or the new one is there, complete. Dropped unpublished,
/// it is removed; left behind by a crash, it is reused by the next writer of the same name.
///
/// ```
/// use std::io::Write;
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.bin");
/// let mut file = rowmill_core::AtomicFile::create(&path)?;
/// file.file().write_all(b"all of it")?;
/// assert!(!path.exists());
/// file.publish()?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    // Dropped before the file, whose lock keeps others from claiming the name meanwhile.
    staged: Staged,
    target: PathBuf,
    file: File,
    /// The file that is to be replaced, locked so that nobody writes to it in vain meanwhile. Not
    /// kept open where that would be in the way of replacing it.
    _old: Option<File>,
}

/// The name of the unfinished file, removed when dropped.
#[derive(Debug)]
struct Staged(Option<PathBuf>);

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What cannot be removed is reused by the next writer.
            let _ = fs::remove_file(path);
        }
    }
}

/// What the name of a file that is not finished ends with.
const PARTIAL: &str = ".rowmill-partial";

impl AtomicFile {
    /// Starts a file that will be called `path`; an existing file of that name stays until
    /// [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`Error::Locked`] while another writer has the old or the unfinished new file,
    /// [`Error::NotRegular`] when `path` is a directory or a device, [`Error::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // Through a symbolic link the file it points to is replaced, not the link.
        let target = match fs::metadata(path) {
            Ok(m) if !m.is_file() => return Err(Error::NotRegular { path: path.to_owned() }),
            Ok(_) => fs::canonicalize(path).map_err(Error::io("create", path))?,
            Err(_) => path.to_owned(),
        };
        let old = File::open(&target).ok();
        if let Some(old) = &old {
            lock(old, path)?;
        }
        let (file, staged) = claim(partial_path(&target), path)?;
        let permissions = old.as_ref().and_then(|o| o.metadata().ok()).map(|m| m.permissions());
        if let Some(permissions) = permissions {
            file.set_permissions(permissions).map_err(Error::io("create", path))?;
        }
        let old = old.filter(|_| cfg!(unix));
        Ok(Self { staged, target, file, _old: old })
    }

    /// The open file, for reading and writing.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The name that the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes room for exactly `len` bytes, so that no later write can find the disk full.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room. Filesystems that cannot promise room give a sparse file.
    pub fn allocate(&self, len: u64) -> Result<()> {
        let action = "make room for";
        if len > 0 && reserve(&self.file, len).map_err(Error::io(action, &self.target))? {
            return Ok(());
        }
        self.file.set_len(len).map_err(Error::io(action, &self.target))
    }

    /// Makes the bytes durable, gives the file its name and makes the name durable. The returned
    /// descriptor still holds the writer's lock.
    ///
    /// # Errors
    /// [`Error::Io`]; the old file is then still there, unless only the directory could not be
    /// synced.
    pub fn publish(mut self) -> Result<File> {
        let flush = Error::io("flush", &self.target);
        self.file.sync_all().map_err(flush)?;
        if let Some(staged) = &self.staged.0 {
            fs::rename(staged, &self.target).map_err(Error::io("replace", &self.target))?;
        }
        self.staged.0 = None;
        sync_directory(&self.target)?;
        Ok(self.file)
    }
}

fn partial_path(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(PARTIAL);
    target.with_file_name(name)
}

/// Opens and locks the unfinished file, emptied of what a crash may have left in it. Once it is
/// locked it is ours, and is removed when anything fails.
fn claim(staged: PathBuf, path: &Path) -> Result<(File, Staged)> {
    let create = |e| Error::io("create", path)(e);
    loop {
        let mut options = fs::OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&staged).map_err(create)?;
        lock(&file, path)?;
        // Between opening and locking, its writer may have published or removed it.
        if same_file(&file, &staged) {
            let staged = Staged(Some(staged));
            file.set_len(0).map_err(create)?;
            return Ok((file, staged));
        }
    }
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_: &File, path: &Path) -> bool {
    // Elsewhere an open file can be neither renamed over nor removed.
    path.exists()
}

/// Takes the writer's advisory lock without waiting. Filesystems without locks pass.
pub(crate) fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path)(e)),
    }
}

/// Makes the entries of the directory that holds `path` durable.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        let directory = File::open(parent).and_then(|d| d.sync_all());
        directory.map_err(Error::io("sync the directory of", path))?;
    }
    Ok(())
}

/// Reserves room on disk; `false` where the filesystem cannot.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn reserve(file: &File, len: u64) -> std::io::Result<bool> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(true),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reserve(_: &File, _: u64) -> std::io::Result<bool> {
    Ok(false)
}
