//! Reused inode numbers.

use std::fs::{self, File};
use std::path::Path;

/// Runs a test until the inode number of a file is reused, which the test reports. Other processes
/// may get the number first, and some filesystems never reuse one (tmpfs); the test is then skipped
/// with a message.
pub(crate) fn until_given_out_again(what: &str, mut test: impl FnMut() -> bool) {
    if (0..10).any(|_| test()) {
        return;
    }
    let folder = std::env::temp_dir();
    let words = format!(
        "SKIPPED: {what}: no number came again in ten times {TRIES} tries in {}\n",
        folder.display()
    );
    // `eprintln!` would be captured if the test passes.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}

const TRIES: usize = 300;

/// Replaces the file at `path` by one with these bytes and the same inode number. Returns `false`
/// if the number does not come back; the path is then unused. Nobody else may have the file open,
/// or a link to it.
#[must_use]
pub(crate) fn with_the_number_of(path: &Path, bytes: &[u8]) -> bool {
    let number = inode_of(path);
    fs::remove_file(path).expect("our own file");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let tries: Vec<_> =
        (0..TRIES).map(|i| path.with_file_name(format!("{name}.try-{i}"))).collect();
    // Filesystems reuse low numbers first, so unsuitable files are kept until the number comes.
    let found = tries.iter().position(|path| {
        File::create_new(path).expect("enough space");
        inode_of(path) == number
    });
    if let Some(found) = found {
        fs::write(&tries[found], bytes).expect("enough space");
        fs::rename(&tries[found], path).expect("our own file");
    }
    for path in &tries[..found.unwrap_or(TRIES)] {
        fs::remove_file(path).expect("our own file");
    }
    found.is_some()
}

#[cfg(unix)]
fn inode_of(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("exists"))
}

#[cfg(not(unix))]
fn inode_of(_: &Path) -> u64 {
    0
}
