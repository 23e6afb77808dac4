//! `rowmill clean`: removed files, kept files, and messages.

use std::fs;
use std::path::Path;

use rowmill::Appender;
use rowmill::durable::AtomicFile;
use serde_json::json;

use crate::common::{command, dir, rowmill, write, write_bytes};

#[test]
fn unfinished_files_are_removed() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2], &[1_u8, 2]);
    let partial = write_bytes(&dir, ".y.npy.rowmill-partial", &[0; 3000]);
    let journal = write_bytes(&dir, ".x.npy.rowmill-append", b"stale");
    let path = dir.path().to_str().expect("text");

    let dry = rowmill(["clean", path, "--dry-run"]);
    assert_eq!(dry.err, "would remove 2 files, 3.0 kB\n");
    let lines = dry.ok();
    assert!(lines.contains("would be removed: "), "{lines}");
    assert!(lines.contains(".y.npy.rowmill-partial (unfinished file, 3.0 kB)\n"), "{lines}");
    assert!(lines.contains(".x.npy.rowmill-append (append journal, 5 B)\n"), "{lines}");
    assert!(partial.exists() && journal.exists());

    let report = rowmill(["clean", path, "--json"]).json();
    assert_eq!((&report["removed"], &report["bytes"]), (&json!(2), &json!(3005)));
    assert_eq!(report["files"][1]["outcome"], "removed");
    assert_eq!(report["files"][1]["kind"], "unfinished file");
    assert!(!partial.exists() && !journal.exists() && x.exists());
    let again = rowmill(["clean", path]);
    assert_eq!((again.err.as_str(), again.out.as_str()), ("removed 0 files, 0 B\n", ""));
}

#[test]
fn the_current_folder_and_subfolders() {
    let dir = dir();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let name = ".x.npy.rowmill-partial";
    for folder in [dir.path(), &inner] {
        fs::write(folder.join(name), b"1234").expect("written");
    }
    let here = |args: &[&str]| {
        let output = command().arg("clean").args(args).current_dir(dir.path()).output();
        crate::common::CommandResult::from(output.expect("the command starts")).err
    };
    assert_eq!(here(&[]), "removed 1 file, 4 B\n");
    assert!(inner.join(name).exists());
    assert_eq!(here(&["--recursive"]), "removed 1 file, 4 B\n");
    assert!(!inner.join(name).exists());
}

#[test]
fn files_being_written_are_kept() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2], &[1_u8, 2]);
    let staged = AtomicFile::create(dir.path().join("y.npy")).expect("a writer");
    let mut appender = Appender::<u8>::open(&x).expect("a writer");
    appender.append_rows(&[3]).expect("appended");
    let path = dir.path().to_str().expect("text");
    let result = rowmill(["clean", path]);
    assert_eq!(result.err, "removed 0 files, 0 B; 2 files in use left alone\n");
    assert!(result.ok().contains("in use: "), "they are named");
    appender.close().expect("committed");
    staged.publish().expect("published");
    assert_eq!(rowmill(["sum", x.to_str().expect("text")]).ok(), "6\n");
}

#[test]
fn uncommitted_rows_are_rolled_back() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2], &[1_u8, 2]);
    let before = fs::read(&x).expect("x");
    // The leftovers of a crash: copied while the appender was active, under the same inode.
    let mut appender = Appender::<u8>::open(&x).expect("a writer");
    appender.append_rows(&[7; 2 << 20]).expect("appended");
    let journal = dir.path().join(".x.npy.rowmill-append");
    let (text, longer) = (fs::read(&journal).expect("a journal"), fs::read(&x).expect("x"));
    assert!(longer.len() > before.len());
    drop(appender);
    assert_eq!(fs::read(&x).expect("x"), before);
    fs::write(&journal, text).expect("written");
    fs::write(&x, longer).expect("written");
    assert_eq!(rowmill(["sum", x.to_str().expect("text")]).ok(), "3\n", "the old rows");
    let result = rowmill([Path::new("clean"), &x]);
    assert!(result.err.starts_with("removed 1 file, "), "{result:?}");
    assert_eq!(fs::read(&x).expect("x"), before);
    assert!(!journal.exists());
}

#[test]
fn a_missing_path_is_an_error() {
    let dir = dir();
    let gone = dir.path().join("gone.npy");
    let partial = write_bytes(&dir, ".a.npy.rowmill-partial", b"1");
    // All other paths are cleaned before the failure is reported.
    let result = rowmill([Path::new("clean"), &gone, dir.path()]);
    assert_eq!(result.code, Some(1));
    assert!(
        result.err.contains("rowmill: cannot look at") && result.err.contains("gone.npy"),
        "{result:?}"
    );
    assert!(!partial.exists());
}
