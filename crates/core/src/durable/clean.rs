//! Removing the leftovers of unfinished work.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::durable::append;
use crate::error::{Error, Result};
use crate::format::LeftoverKind;
use crate::format::leftovers::{neighbour, recognize};
use crate::fs::{Held, lock, same_file};

/// Finds and removes the unfinished files that a crash left behind.
///
/// They are harmless: readers do not take them for arrays, and the next writer of the same file
/// reuses or removes them. They only take space. Files that a writer has locked are left alone.
///
/// ```
/// use rowmill_core::{CleanOptions, CleanOutcome};
/// # let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join(".x.npy.rowmill-partial"), [0; 100])?; // as a crash leaves it
/// let found = CleanOptions::new().clean(dir.path())?;
/// assert_eq!((found.len(), found[0].bytes), (1, 100));
/// assert!(matches!(found[0].outcome, CleanOutcome::Removed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CleanOptions {
    recursive: bool,
    dry_run: bool,
}

/// An unfinished file that was found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Leftover {
    /// Its path.
    pub path: PathBuf,
    /// The kind of file.
    pub kind: LeftoverKind,
    /// The space that it takes or took, in bytes: its length, and that of its uncommitted rows.
    pub bytes: u64,
    /// The result of cleaning it.
    pub outcome: CleanOutcome,
}

/// The result of cleaning an unfinished file.
#[derive(Debug)]
#[non_exhaustive]
pub enum CleanOutcome {
    /// It was removed.
    Removed,
    /// It would be removed without the dry run.
    Found,
    /// A writer has it: it was left alone.
    InUse,
    /// It is still there.
    Failed(Error),
}

impl CleanOptions {
    /// In one folder, without a dry run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether subfolders are searched as well. Links are not followed. Default: `false`.
    #[must_use]
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.recursive = recursive;
        self
    }

    /// Whether files are only listed. Default: `false`.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Searches a folder, or the leftovers of one array file, which need not exist any more. Files
    /// come in the order of their names.
    ///
    /// A file that cannot be removed is not an error here: its [`CleanOutcome`] says so.
    ///
    /// # Errors
    /// [`Error::Io`] if a folder cannot be read; leftovers found before are removed.
    pub fn clean(&self, path: impl AsRef<Path>) -> Result<Vec<Leftover>> {
        let path = path.as_ref();
        let mut found = Vec::new();
        if path.is_dir() {
            self.folder(path, &mut found)?;
            return Ok(found);
        }
        for kind in LeftoverKind::ALL {
            let leftover = neighbour(path, kind);
            if is_file(&leftover) {
                found.push(self.settle(leftover, kind, path));
            }
        }
        if found.is_empty() {
            fs::metadata(path).map_err(Error::io("look at", path))?;
        }
        Ok(found)
    }

    fn folder(&self, folder: &Path, found: &mut Vec<Leftover>) -> Result<()> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let entries = entries.map_err(Error::io("read the folder", folder))?;
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|e| e.path()).collect();
        paths.sort();
        for path in paths {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue }; // removed meanwhile
            if metadata.is_dir() && self.recursive {
                self.folder(&path, found)?;
            } else if metadata.is_file()
                && let Some((kind, owner)) = recognize(&path)
            {
                found.push(self.settle(path, kind, &owner));
            }
        }
        Ok(())
    }

    fn settle(&self, path: PathBuf, kind: LeftoverKind, owner: &Path) -> Leftover {
        let settled = match kind {
            LeftoverKind::Partial => self.partial(&path),
            LeftoverKind::Append => append::settle(&path, owner, self.dry_run),
        };
        let (bytes, outcome) = match settled {
            Ok(bytes) => {
                (bytes, if self.dry_run { CleanOutcome::Found } else { CleanOutcome::Removed })
            }
            Err(e) => {
                let bytes = fs::symlink_metadata(&path).map_or(0, |m| m.len());
                let in_use = matches!(e, Error::Locked { .. });
                (bytes, if in_use { CleanOutcome::InUse } else { CleanOutcome::Failed(e) })
            }
        };
        Leftover { path, kind, bytes, outcome }
    }

    /// Removes an unfinished file that no one has locked, and returns its length. A writer that
    /// starts at the same time may find it locked for a moment.
    fn partial(&self, path: &Path) -> Result<u64> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        lock(&file, path)?;
        let file = Held(file);
        let len = file.metadata().map_err(Error::io("inspect", path))?.len();
        // Its writer may have published it meanwhile: then its name is gone, or is another file's.
        if !self.dry_run && same_file(&file, path) {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
        Ok(len)
    }
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Array, ArrayMut};
    use crate::durable::{Appender, AtomicFile};

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |e: std::io::Result<fs::DirEntry>| e.expect("an entry").file_name();
        let mut names: Vec<_> = entries.map(|e| name(e).into_string().expect("unicode")).collect();
        names.sort();
        names
    }

    #[test]
    fn leftovers_go_and_all_else_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        for name in [".a.npy.rowmill-partial", ".b.dat.rowmill-append", "keep.npy", ".keep"] {
            fs::write(dir.path().join(name), [0; 10]).expect("written");
            fs::write(inner.join(name), [0; 20]).expect("written");
        }
        fs::create_dir(dir.path().join(".d.rowmill-partial")).expect("a folder");
        let dry = CleanOptions::new().dry_run(true).recursive(true);
        let found = dry.clean(dir.path()).expect("looked");
        assert_eq!(found.iter().map(|l| l.bytes).sum::<u64>(), 60);
        assert!(found.iter().all(|l| matches!(l.outcome, CleanOutcome::Found)), "{found:?}");

        let found = CleanOptions::new().clean(dir.path()).expect("cleaned");
        let seen: Vec<_> = found.iter().map(|l| (l.kind, l.bytes)).collect();
        assert_eq!(seen, [(LeftoverKind::Partial, 10), (LeftoverKind::Append, 10)]);
        assert!(found.iter().all(|l| matches!(l.outcome, CleanOutcome::Removed)), "{found:?}");
        assert_eq!(names(dir.path()), [".d.rowmill-partial", ".keep", "inner", "keep.npy"]);
        assert_eq!(names(&inner).len(), 4, "not recursive");
        let found = CleanOptions::new().recursive(true).clean(dir.path()).expect("cleaned");
        assert_eq!(found.len(), 2);
        assert_eq!(names(&inner), [".keep", "keep.npy"]);
        assert!(CleanOptions::new().clean(dir.path()).expect("nothing").is_empty());
    }

    #[test]
    fn locked_files_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        let (new, old) = (dir.path().join("new.npy"), dir.path().join("old.npy"));
        ArrayMut::<u8>::create(&old, [2]).expect("created").close().expect("closed");
        let staged = AtomicFile::create(&new).expect("a writer");
        let mut appender = Appender::<u8>::open(&old).expect("a writer");
        appender.append_rows(&[3]).expect("a row");
        let found = CleanOptions::new().clean(dir.path()).expect("looked");
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|l| matches!(l.outcome, CleanOutcome::InUse)), "{found:?}");
        appender.close().expect("committed");
        staged.publish().expect("published");
        assert_eq!(Array::<u8>::open(&old).expect("opened").as_slice(), Some(&[0, 0, 3][..]));
        assert_eq!(names(dir.path()), ["new.npy", "old.npy"]);
    }

    #[test]
    fn one_file_and_a_missing_one() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in [".a.npy.rowmill-partial", ".b.npy.rowmill-partial"] {
            fs::write(dir.path().join(name), [0; 10]).expect("written");
        }
        let found = CleanOptions::new().clean(dir.path().join("a.npy")).expect("cleaned");
        assert_eq!(found.len(), 1);
        assert_eq!(names(dir.path()), [".b.npy.rowmill-partial"]);
        let gone = CleanOptions::new().clean(dir.path().join("a.npy"));
        assert!(matches!(gone, Err(Error::Io { action: "look at", .. })), "{gone:?}");
    }
}
