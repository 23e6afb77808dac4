//! The names of the hidden files that unfinished work leaves beside array files.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The kind of an unfinished file. Each is beside the file `NAME` that it belongs to and is called
/// `.NAME` with a suffix of its kind.
///
/// | kind | name | left when | what [`CleanOptions`](crate::CleanOptions) does |
/// |---|---|---|---|
/// | [`Partial`](Self::Partial) | `.NAME.rowmill-partial` | a file was not published | removes it |
/// | [`Append`](Self::Append) | `.NAME.rowmill-append` | appended rows were not committed | takes them back, removes it |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeftoverKind {
    /// A file that was not renamed yet: an array, or a sidecar.
    Partial,
    /// The journal of an [`Appender`](crate::Appender).
    Append,
}

// To add a kind: a variant, its line in the table above, its entries here, and its treatment in
// `settle` (clean.rs), where the compiler asks for it.
impl LeftoverKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Partial, Self::Append];

    /// The suffix of the names of such files.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Partial => ".rowmill-partial",
            Self::Append => ".rowmill-append",
        }
    }

    /// The description of such a file in messages.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Partial => "unfinished file",
            Self::Append => "append journal",
        }
    }
}

/// The path of the unfinished file of this kind that belongs to `target`.
pub(crate) fn neighbour(target: &Path, kind: LeftoverKind) -> PathBuf {
    hidden_beside(target, kind.suffix())
}

/// The hidden file beside `target` with this suffix.
pub(crate) fn hidden_beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(suffix);
    target.with_file_name(name)
}

/// The kind of a file, told from its name, and the file that it belongs to.
pub(crate) fn recognize(path: &Path) -> Option<(LeftoverKind, PathBuf)> {
    let name = path.file_name()?.as_encoded_bytes().strip_prefix(b".")?;
    LeftoverKind::ALL.into_iter().find_map(|kind| {
        let owner = name.strip_suffix(kind.suffix().as_bytes()).filter(|o| !o.is_empty())?;
        Some((kind, path.with_file_name(os_str(owner)?)))
    })
}

#[cfg(unix)]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    // Names that are not Unicode are left alone.
    std::str::from_utf8(bytes).ok().map(OsStr::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_files() {
        for kind in LeftoverKind::ALL {
            for target in ["x.npy", "a/b.dat", "/c/.hidden", "d/größe.npy.rowmill-partial"] {
                let path = neighbour(Path::new(target), kind);
                assert_eq!(recognize(&path), Some((kind, target.into())), "{}", path.display());
            }
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        for name in [
            "x.npy",
            ".x.npy",
            "x.npy.rowmill-partial",
            "..rowmill-partialx",
            ".rowmill-partial",
            "",
        ] {
            assert_eq!(recognize(Path::new(name)), None, "{name}");
        }
    }
}
