//! Inode numbers that are reused.

use std::fs::{self, File};
use std::path::Path;

/// Runs a test until it reports that the inode number of a file was reused. Other processes may get
/// the number first; and some filesystems reuse none (tmpfs), which is reported.
pub(crate) fn until_given_out_again(what: &str, mut test: impl FnMut() -> bool) {
    if (0..10).any(|_| test()) {
        return;
    }
    let folder = std::env::temp_dir();
    let words = format!(
        "SKIPPED: {what}: no number came again in ten times {TRIES} tries in {}\n",
        folder.display()
    );
    // Not by `eprintln!`, which a passing test does not show.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}

const TRIES: usize = 300;

/// Removes the file at `path` and creates another with these bytes and the same inode number.
/// `false` if the number is not reused; nothing is at `path` then. No one may have the file open,
/// or a link to it.
#[must_use]
pub(crate) fn with_the_number_of(path: &Path, bytes: &[u8]) -> bool {
    let number = number_of(path);
    fs::remove_file(path).expect("ours");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let tries: Vec<_> =
        (0..TRIES).map(|i| path.with_file_name(format!("{name}.try-{i}"))).collect();
    // Lower numbers come first: failed attempts are kept until the number is reused.
    let found = tries.iter().position(|path| {
        File::create_new(path).expect("room");
        number_of(path) == number
    });
    if let Some(found) = found {
        fs::write(&tries[found], bytes).expect("room");
        fs::rename(&tries[found], path).expect("ours");
    }
    for path in &tries[..found.unwrap_or(TRIES)] {
        fs::remove_file(path).expect("ours");
    }
    found.is_some()
}

#[cfg(unix)]
fn number_of(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("it is there"))
}

#[cfg(not(unix))]
fn number_of(_: &Path) -> u64 {
    0
}
