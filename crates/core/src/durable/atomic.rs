//! Files that appear under their name complete or not at all.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::durable::Outputs;
use crate::durable::outputs::{Claim, Rename};
use crate::error::{Error, Result};
use crate::format::leftovers::{LeftoverKind, neighbour};
use crate::fs::{Held, Kind, Role, lock, same_file, sync_directory};

/// A file that is written beside its final path and renamed to it atomically.
///
/// The bytes go to a hidden neighbour (`.NAME.rowmill-partial`), which is locked while it is
/// written. [`publish`](Self::publish) syncs it, renames it and syncs the directory: after a crash
/// the old file or the new one is there, complete. An existing file is replaced only if the
/// [`Outputs`] allow it. If dropped unpublished it is removed, unless it is to be
/// [kept](Self::keep_unfinished). The next writer of the same name removes the leftover of a crash,
/// or [resumes](Self::resume) it.
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
    /// Checked again before the rename; `None` if the target is ours to replace.
    claim: Option<Box<Claim>>,
    /// The file to be replaced, locked so that no one writes to it in vain. Not kept open where an
    /// open file cannot be replaced.
    _old: Option<Held>,
}

/// The path of the unfinished file, removed when dropped.
#[derive(Debug)]
struct Staged {
    path: Option<PathBuf>,
    /// Not removed when dropped.
    kept: bool,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(path) = self.path.as_ref().filter(|_| !self.kept) {
            // The next writer reuses a file that cannot be removed.
            let _ = fs::remove_file(path);
        }
    }
}

impl AtomicFile {
    /// Starts a file that will be called `path`, which must not exist. [`Outputs::create`] can
    /// replace files, which then stay until [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`Error::Exists`] and [`Error::OtherKind`] if the path exists, [`Error::Locked`] while
    /// another writer has the unfinished file, [`Error::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Outputs::new().create(Role::Output, Kind::Plain, path)
    }

    /// As [`create`](Self::create), but takes over the unfinished file of an earlier writer, whose
    /// contents the caller has to check; without one, the file is empty.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn resume(path: impl AsRef<Path>) -> Result<Self> {
        Outputs::new().resume(Role::Output, Kind::Plain, path.as_ref())
    }

    /// Starts a file whose output was checked, or resumes one.
    pub(crate) fn claimed(claim: Claim, anew: bool) -> Result<Self> {
        let path = claim.path.clone();
        // A symbolic link stays; its target is replaced.
        let target = match fs::metadata(&path) {
            Ok(_) => fs::canonicalize(&path).map_err(Error::io("create", &path))?,
            Err(_) => path.clone(),
        };
        Self::start(&path, target, anew, Some(Box::new(claim)))
    }

    /// Writes a small file as a whole, replacing an existing one: for files beside an array whose
    /// names belong to rowmill. A link is replaced, not its target.
    pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
        Self::begin(path)?.finish(bytes)
    }

    /// Starts such a file.
    pub(crate) fn begin(path: &Path) -> Result<Self> {
        Self::start(path, path.to_owned(), true, None)
    }

    fn start(path: &Path, target: PathBuf, anew: bool, claim: Option<Box<Claim>>) -> Result<Self> {
        let old = File::open(&target).ok();
        if let Some(old) = &old {
            lock(old, path)?;
        }
        let old = old.map(Held);
        let (file, staged) = claim_staged(neighbour(&target, LeftoverKind::Partial), path, anew)?;
        let permissions = old.as_ref().and_then(|o| o.metadata().ok()).map(|m| m.permissions());
        if let Some(permissions) = permissions {
            file.set_permissions(permissions).map_err(Error::io("create", path))?;
        }
        let old = old.filter(|_| cfg!(unix));
        Ok(Self { staged, target, file, claim, _old: old })
    }

    /// Writes a small new file as a whole: after a crash it is there, complete, or not at all.
    /// [`Outputs::save`] can replace files.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`publish`](Self::publish).
    pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        Self::create(path)?.finish(bytes)
    }

    /// Writes these bytes and publishes them.
    pub(crate) fn finish(self, bytes: &[u8]) -> Result<()> {
        let mut inner = self.file();
        std::io::Write::write_all(&mut inner, bytes).map_err(Error::io("write", &self.target))?;
        drop(Held(self.publish()?));
        Ok(())
    }

    /// The open file, for reading and writing.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Keeps the unfinished file when this is dropped, for [`resume`](Self::resume).
    pub fn keep_unfinished(&mut self) {
        self.staged.kept = true;
    }

    /// The path that the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Reserves space for exactly `len` bytes, so that no later write can find the disk full.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no space. Filesystems that cannot reserve space give a sparse
    /// file.
    pub fn allocate(&self, len: u64) -> Result<()> {
        let action = "make room for";
        if len > 0 && reserve(&self.file, len).map_err(Error::io(action, &self.target))? {
            return Ok(());
        }
        self.file.set_len(len).map_err(Error::io(action, &self.target))
    }

    /// Makes the bytes durable, still without the final name.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("flush", &self.target))
    }

    /// Checks again that renaming the file, and writing the files beside it, destroys nothing.
    pub(crate) fn renew(&self) -> Result<()> {
        self.claim.as_ref().map_or(Ok(()), |claim| claim.renew().map(drop))
    }

    /// Makes the bytes durable, renames the file and makes the name durable. The returned
    /// descriptor still holds the writer's lock.
    ///
    /// # Errors
    /// [`Error::Io`]; the old file is then still there, unless only the directory could not be
    /// synced. [`Error::Exists`], [`Error::OtherKind`] and [`Error::Taken`] if a file of that name
    /// was created meanwhile; it is left alone.
    pub fn publish(mut self) -> Result<File> {
        self.sync()?;
        let rename = self.claim.as_ref().map(|claim| claim.renew_alone()).transpose()?;
        if let Some(staged) = &self.staged.path {
            let renamed = match rename {
                Some(Rename::New) => rename_new(staged, &self.target),
                Some(Rename::Over) | None => fs::rename(staged, &self.target),
            };
            renamed.map_err(|e| match &self.claim {
                Some(claim) if e.kind() == ErrorKind::AlreadyExists => claim.exists(&self.target),
                _ => Error::io("replace", &self.target)(e),
            })?;
        }
        self.staged.path = None;
        sync_directory(&self.target)?;
        Ok(self.file)
    }
}

/// Opens and locks the unfinished file: a new one, or the leftover of an earlier writer if it is to
/// be resumed. A new one is always a new inode, so that it is not mistaken for the leftover. Once
/// it is locked it is ours, and it is removed if anything fails.
fn claim_staged(staged: PathBuf, path: &Path, anew: bool) -> Result<(File, Staged)> {
    let create = |e| Error::io("create", path)(e);
    loop {
        // A link here is not ours, and leads to somebody else's file.
        if fs::symlink_metadata(&staged).is_ok_and(|m| !m.is_file()) {
            return Err(Error::NotRegular { path: staged });
        }
        let mut options = fs::OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&staged).map_err(create)?;
        lock(&file, path)?;
        // Between opening and locking, its writer may have published or removed it.
        if !same_file(&file, &staged) {
            continue;
        }
        let metadata = file.metadata().map_err(create)?;
        // With a second hard link it is also a finished file, and must not be written to.
        if is_only_name(&metadata) && (!anew || metadata.len() == 0) {
            return Ok((file, Staged { path: Some(staged), kept: false }));
        }
        fs::remove_file(&staged).map_err(create)?;
    }
}

#[cfg(unix)]
fn is_only_name(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) <= 1
}

#[cfg(not(unix))]
fn is_only_name(_: &fs::Metadata) -> bool {
    true
}

/// Renames a file to an unused name atomically: an error of the kind
/// [`AlreadyExists`](ErrorKind::AlreadyExists) if the name exists.
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The filesystem (NFS, some FUSE) or the kernel does not support it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            renamed => return Ok(renamed?),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(e),
        // Without either, a file that appears between this check and the rename is replaced.
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Reserves space on disk; `false` if the filesystem cannot.
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
