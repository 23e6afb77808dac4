//! `rowmill clean`: what goes, what stays, and what is said about it.

use std::fs;
use std::path::Path;

use rowmill::Appender;
use rowmill::durable::AtomicFile;
use serde_json::json;

use crate::common::{command, dir, rowmill, write, write_bytes};

#[test]
fn unfinished_files_go() {
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
fn the_current_folder_and_folders_within() {
    let dir = dir();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let name = ".x.npy.rowmill-partial";
    for folder in [dir.path(), &inner] {
        fs::write(folder.join(name), b"1234").expect("written");
    }
    let here = |args: &[&str]| {
        let output = command().arg("clean").args(args).current_dir(dir.path()).output();
        crate::common::Ran::from(output.expect("the command starts")).err
    };
    assert_eq!(here(&[]), "removed 1 file, 4 B\n");
    assert!(inner.join(name).exists());
    assert_eq!(here(&["--recursive"]), "removed 1 file, 4 B\n");
    assert!(!inner.join(name).exists());
}

#[test]
fn what_is_being_written_is_left_alone() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2], &[1_u8, 2]);
    let staged = AtomicFile::create(dir.path().join("y.npy")).expect("a writer");
    let mut appender = Appender::<u8>::open(&x).expect("a writer");
    appender.append_rows(&[3]).expect("appended");
    let path = dir.path().to_str().expect("text");
    let ran = rowmill(["clean", path]);
    assert_eq!(ran.err, "removed 0 files, 0 B; 2 files in use left alone\n");
    assert!(ran.ok().contains("in use: "), "they are named");
    appender.close().expect("committed");
    staged.publish().expect("published");
    assert_eq!(rowmill(["sum", x.to_str().expect("text")]).ok(), "6\n");
}

#[test]
fn rows_that_were_not_committed_are_taken_back() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2], &[1_u8, 2]);
    let before = fs::read(&x).expect("x");
    // The leftovers of a crash: taken while the appender was at it, under the same inode.
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
    let ran = rowmill([Path::new("clean"), &x]);
    assert!(ran.err.starts_with("removed 1 file, "), "{ran:?}");
    assert_eq!(fs::read(&x).expect("x"), before);
    assert!(!journal.exists());
}

#[test]
fn what_is_not_there_is_an_error() {
    let dir = dir();
    let gone = dir.path().join("gone.npy");
    let partial = write_bytes(&dir, ".a.npy.rowmill-partial", b"1");
    // Everything that can be done is done, and then it fails.
    let ran = rowmill([Path::new("clean"), &gone, dir.path()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("rowmill: cannot look at") && ran.err.contains("gone.npy"), "{ran:?}");
    assert!(!partial.exists());
}
