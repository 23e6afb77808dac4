//! Whether two paths lead to the same file.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Device and inode of a file; `None` if the system has no such numbers.
pub(crate) type FileNumber = Option<(u64, u64)>;

#[cfg(unix)]
pub(crate) fn number(metadata: &Metadata) -> FileNumber {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn number(_: &Metadata) -> FileNumber {
    None
}

/// The target of a path: the existing file, and the name that it has or would have.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The name without links, `.` and `..`.
    pub(crate) name: PathBuf,
    number: FileNumber,
}

impl Place {
    pub(crate) fn of(path: &Path) -> Self {
        let number = fs::metadata(path).ok().and_then(|m| number(&m));
        let name = fs::canonicalize(path).unwrap_or_else(|_| missing(path));
        Self { name, number }
    }

    /// The place of a file that was opened by this name and may have lost it since.
    pub(crate) fn opened(path: &Path, number: FileNumber) -> Self {
        let now = Self::of(path);
        Self { number: number.or(now.number), ..now }
    }

    /// Whether both are the same file: by number, so that hard links count, or by name, which also
    /// works for files that do not exist yet.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.name == other.name || (self.number.is_some() && self.number == other.number)
    }
}

/// The resolved name of a file that does not exist: only its folder can be looked up.
fn missing(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_file_are_one_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("in")).expect("a folder");
        fs::write(at("x"), b"x").expect("written");
        fs::write(at("y"), b"x").expect("written");
        for name in ["x", "new"] {
            let one = Place::of(&at(name));
            for same in [at(&format!("./{name}")), at(&format!("in/../{name}"))] {
                assert!(one.is(&Place::of(&same)), "{}", same.display());
            }
            assert!(!one.is(&Place::of(&at("y"))));
        }
        fs::hard_link(at("x"), at("hard")).expect("linked");
        assert!(!cfg!(unix) || Place::of(&at("x")).is(&Place::of(&at("hard"))));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("x"), at("soft")).expect("linked");
            std::os::unix::fs::symlink(dir.path(), at("folder")).expect("linked");
            assert!(Place::of(&at("x")).is(&Place::of(&at("soft"))));
            assert!(Place::of(&at("new")).is(&Place::of(&at("folder/new"))));
        }
    }
}
