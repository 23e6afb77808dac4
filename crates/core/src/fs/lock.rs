//! The writer's advisory lock.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{open_regular, same_file};
use crate::error::{Error, Result};

/// A locked file, unlocked when dropped. Closing it would do that as well, but for a process that
/// is being started at that moment: until it runs its own program, it has the file open too.
#[derive(Debug)]
pub(crate) struct Held(pub(crate) File);

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Whether someone holds the writer's lock: asked for by taking a lock beside other readers for a
/// moment. Filesystems without locks never say so.
pub(crate) fn is_being_written(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false).map_err(Error::io("unlock", path)),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => Ok(false),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path)(e)),
    }
}

/// How long a writer waits for those who ask whether the file is being written, each of whom holds
/// a lock beside other readers for a moment. Whoever asks may be kept waiting by the system in the
/// middle of it.
const FOR_READERS: Duration = Duration::from_secs(5);

/// Takes the writer's advisory lock without waiting for another writer. Filesystems without locks
/// pass.
pub(crate) fn lock(file: &File, path: &Path) -> Result<()> {
    // Another writer may be about to let go: who only looks at a file locks it for a moment, too.
    let (since, mut tries) = (Instant::now(), 20);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
        }
        // Beside a writer there is no place for a reader, either.
        if is_being_written(file, path)? {
            tries -= 1;
        }
        if tries == 0 || since.elapsed() > FOR_READERS {
            return Err(Error::Locked { path: path.to_owned() });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens and locks a file that has the name at that moment: one that was replaced in between would
/// be written to in vain.
pub(crate) fn open_locked(path: &Path) -> Result<File> {
    loop {
        let file = open_regular(path, fs::OpenOptions::new().read(true).write(true))?;
        lock(&file, path)?;
        if same_file(&file, path) {
            return Ok(file);
        }
    }
}
