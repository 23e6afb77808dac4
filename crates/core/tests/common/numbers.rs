//! Numbers of files that are given out again.

use std::fs::{self, File};
use std::path::Path;

/// Runs a test until the number of a file was given out again in it, which it says. Other processes
/// may get the number first; and some filesystems give none out again (tmpfs), which is said aloud.
pub(crate) fn until_given_out_again(what: &str, mut test: impl FnMut() -> bool) {
    if (0..10).any(|_| test()) {
        return;
    }
    let folder = std::env::temp_dir();
    let words = format!(
        "SKIPPED: {what}: no number came again in ten times {TRIES} tries in {}\n",
        folder.display()
    );
    // Not by `eprintln!`, of which a test that passes shows nothing.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}

const TRIES: usize = 300;

/// Removes the file at `path` and puts another with these bytes there that has the same inode
/// number. `false` where it does not come again; nothing is at `path` then. Nobody may have the
/// file open, or a link to it.
#[must_use]
pub(crate) fn with_the_number_of(path: &Path, bytes: &[u8]) -> bool {
    let number = number_of(path);
    fs::remove_file(path).expect("ours");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let tries: Vec<_> =
        (0..TRIES).map(|i| path.with_file_name(format!("{name}.try-{i}"))).collect();
    // Lower numbers come first: those that were tried are kept until the number has come.
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
