//! The writer's advisory lock.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{open_regular, same_file};
use crate::error::{Error, Result};

/// A locked file, unlocked when dropped. Closing it would unlock it as well, except while a child
/// process is being spawned: until it executes its own program, it has the file open too.
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

/// Whether a writer holds the lock, probed by taking a shared lock for a moment. Filesystems
/// without locks always say no.
pub(crate) fn is_being_written(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false).map_err(Error::io("unlock", path)),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => Ok(false),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path)(e)),
    }
}

/// How long a writer waits for processes that probe the lock, each of which holds a shared lock for
/// a moment. The system may suspend a process in the middle of that.
const FOR_READERS: Duration = Duration::from_secs(5);

/// Takes the writer's advisory lock without waiting for another writer. Always succeeds on
/// filesystems without locks.
pub(crate) fn lock(file: &File, path: &Path) -> Result<()> {
    // The lock may be a probe's, which releases it in a moment.
    let (since, mut tries) = (Instant::now(), 20);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
        }
        // While a writer has it, a shared lock is refused, too.
        if is_being_written(file, path)? {
            tries -= 1;
        }
        if tries == 0 || since.elapsed() > FOR_READERS {
            return Err(Error::Locked { path: path.to_owned() });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens and locks a file that has this name at that moment: a file that was replaced in between
/// would be written to in vain.
pub(crate) fn open_locked(path: &Path) -> Result<File> {
    loop {
        let file = open_regular(path, fs::OpenOptions::new().read(true).write(true))?;
        lock(&file, path)?;
        if same_file(&file, path) {
            return Ok(file);
        }
    }
}
