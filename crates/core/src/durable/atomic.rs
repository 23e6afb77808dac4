//! Files that appear under their name complete or not at all.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::durable::Outputs;
use crate::durable::outputs::{Claim, Rename};
use crate::error::{Error, Result};
use crate::format::leftovers::{LeftoverKind, neighbour};
use crate::fs::{Held, Kind, Role, lock, same_file, sync_directory};

/// A file that is written beside its name and takes the name in one step.
///
/// The bytes go to a hidden neighbour (`.NAME.rowmill-partial`), which holds a lock as long as it
/// is written. [`publish`](Self::publish) syncs it, renames it over the name and syncs the
/// directory: after a crash the old file or the new one is there, complete. A file of that name is
/// replaced only by [`Outputs`] that say so. Dropped unpublished,
/// it is removed, unless it is to be [kept](Self::keep_unfinished); left behind by a crash, it is
/// removed by the next writer of the same name, or [goes on](Self::resume).
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
    /// Asked once more before the file takes its name; nothing for what is ours to replace.
    claim: Option<Box<Claim>>,
    /// The file that is to be replaced, locked so that nobody writes to it in vain meanwhile. Not
    /// kept open where that would be in the way of replacing it.
    _old: Option<Held>,
}

/// The name of the unfinished file, removed when dropped.
#[derive(Debug)]
struct Staged {
    path: Option<PathBuf>,
    /// Left where it is when dropped.
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
    /// Starts a file that will be called `path`, where nothing stands yet. [`Outputs::create`]
    /// replaces files as well, which then stay until [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`Error::Exists`] and [`Error::OtherKind`] when something has the name, [`Error::Locked`]
    /// while another writer has the unfinished file, [`Error::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Outputs::new().create(Role::Output, Kind::Plain, path)
    }

    /// As [`create`](Self::create), but an unfinished file of an earlier writer is taken over as it
    /// is. What it holds is for the caller to know; where there is none, the file is empty.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn resume(path: impl AsRef<Path>) -> Result<Self> {
        Outputs::new().resume(Role::Output, Kind::Plain, path.as_ref())
    }

    /// Starts a file that was found to take nothing from anybody, or resumes one.
    pub(crate) fn claimed(claim: Claim, anew: bool) -> Result<Self> {
        let path = claim.path.clone();
        // Through a symbolic link the file it points to is replaced, not the link.
        let target = match fs::metadata(&path) {
            Ok(_) => fs::canonicalize(&path).map_err(Error::io("create", &path))?,
            Err(_) => path.clone(),
        };
        Self::start(&path, target, anew, Some(Box::new(claim)))
    }

    /// Writes a small file as a whole, and replaces what has its name: for files beside an array
    /// whose names are ours. A link is replaced, not what it leads to.
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
    /// [`Outputs::save`] replaces files as well.
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

    /// Leaves the unfinished file where it is when this is dropped, for [`resume`](Self::resume).
    pub fn keep_unfinished(&mut self) {
        self.staged.kept = true;
    }

    /// The name that the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes room for exactly `len` bytes, so that no later write can find the disk full.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room. Filesystems that cannot promise room give a sparse
    /// file.
    pub fn allocate(&self, len: u64) -> Result<()> {
        let action = "make room for";
        if len > 0 && reserve(&self.file, len).map_err(Error::io(action, &self.target))? {
            return Ok(());
        }
        self.file.set_len(len).map_err(Error::io(action, &self.target))
    }

    /// Makes the bytes durable, still without a name.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("flush", &self.target))
    }

    /// Asks once more whether nothing is lost when the file takes its name, and what comes beside
    /// it.
    pub(crate) fn renew(&self) -> Result<()> {
        self.claim.as_ref().map_or(Ok(()), |claim| claim.renew().map(drop))
    }

    /// Makes the bytes durable, gives the file its name and makes the name durable. The returned
    /// descriptor still holds the writer's lock.
    ///
    /// # Errors
    /// [`Error::Io`]; the old file is then still there, unless only the directory could not be
    /// synced. [`Error::Exists`], [`Error::OtherKind`] and [`Error::Taken`] when somebody made a
    /// file of that name meanwhile, which stays.
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

/// Opens and locks the unfinished file: a new one, unless what an earlier writer left is to be
/// taken over. A new one is a new file, so that nobody takes it for the one that was left. Once it
/// is locked it is ours, and is removed when anything fails.
fn claim_staged(staged: PathBuf, path: &Path, anew: bool) -> Result<(File, Staged)> {
    let create = |e| Error::io("create", path)(e);
    loop {
        // A link here was made by nobody of ours, and leads to a file of somebody's.
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
        // With a second name it is a finished file as well, and not to be written to.
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

/// Gives a file a name that nothing has, in one step: an error of the kind
/// [`AlreadyExists`](ErrorKind::AlreadyExists) when something has it.
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The filesystem (NFS, some FUSE) or the kernel does not know how.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            renamed => return Ok(renamed?),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(e),
        // Without either, a file that comes between this look and the rename is replaced.
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
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
