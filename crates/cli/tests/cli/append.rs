//! `rowmill append`: growth, refusals, and the state after a kill.

use std::fs;
use std::path::Path;

use rowmill::file::Order;
use rowmill::view::SliceSource;
use rowmill::{Appender, Array, CreateOptions};
use serde_json::json;

use crate::common::{CommandResult, dir, rowmill, run, write};

fn append(args: &[&str], paths: &[&Path]) -> CommandResult {
    let paths: Vec<_> = paths.iter().map(|p| p.to_str().expect("text")).collect();
    rowmill([&["append"][..], args, &paths].concat())
}

#[test]
fn rows_of_several_files_in_order() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[1, 2], &[1_i16, 2]);
    let more = write(&dir, "more.npy", &[2, 2], &[3_i16, 4, 5, 6]);
    let empty = write(&dir, "empty.npy", &[0, 2], &[0_i16; 0]);
    let raw = write(&dir, "raw.dat", &[1, 2], &[7_i16, 8]);
    let result = append(&[], &[&x, &more, &empty, &raw]);
    assert!(
        result.err.starts_with("appended 3 rows to ") && result.err.contains(": 4 rows in "),
        "{result:?}"
    );
    assert_eq!(result.ok(), "", "notes are not data");
    let read = |path: &Path| Array::<i16>::open(path).expect("x").as_slice().map(<[_]>::to_vec);
    assert_eq!(read(&x), Some(vec![1, 2, 3, 4, 5, 6, 7, 8]));
    // A raw file grows together with its sidecar.
    let report = append(&["--json"], &[&raw, &x]).json();
    for (key, value) in [
        ("dtype", json!("int16")),
        ("shape", json!([5, 2])),
        ("appended", json!(4)),
        ("bytes", json!(16)),
    ] {
        assert_eq!(report[key], value, "{key}");
    }
    assert_eq!(read(&raw), Some(vec![7, 8, 1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(run(&["sum"], &raw).ok(), "51\n");
}

#[test]
fn mismatched_rows_change_nothing() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[1, 2], &[1.0_f32, 2.0]);
    let before = fs::read(&x).expect("x");
    let good = write(&dir, "good.npy", &[1, 2], &[3.0_f32, 4.0]);
    let doubles = write(&dir, "doubles.npy", &[1, 2], &[3.0, 4.0]);
    let wide = write(&dir, "wide.npy", &[1, 3], &[3.0_f32; 3]);
    append(&[], &[&x, &good, &doubles]).fails(1, &["doubles.npy holds float64, not float32"]);
    append(&[], &[&x, &good, &wide])
        .fails(1, &["the rows of", "x.npy have shape (2,), those to be appended have (3,)"]);
    append(&[], &[&x, &good, Path::new("gone.npy")]).fails(1, &["cannot open gone.npy"]);
    append(&[], &[Path::new("gone.npy"), &good]).fails(1, &["cannot open gone.npy"]);
    assert_eq!(fs::read(&x).expect("x"), before);
    assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), 4, "nothing left behind");

    let fortran = dir.path().join("fortran.npy");
    let options = CreateOptions::new().order(Order::F);
    options.create::<f32>(&fortran, [2, 2]).expect("created").close().expect("closed");
    append(&[], &[&fortran, &good]).fails(1, &["no rows can be appended to", "Fortran order"]);
}

#[test]
fn a_second_writer_is_refused() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[1, 2], &[1_u8, 2]);
    let more = write(&dir, "more.npy", &[1, 2], &[3_u8, 4]);
    let held = Appender::<u8>::open(&x).expect("the first");
    append(&[], &[&x, &more]).fails(1, &["x.npy is being written by someone else"]);
    drop(held);
    append(&[], &[&x, &more]).ok();
    assert_eq!(run(&["sum"], &x).ok(), "10\n");
}

#[cfg(unix)]
#[test]
fn a_full_disk_rolls_back() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[10], &[1_u8; 10]);
    let before = fs::read(&x).expect("x");
    let more = write(&dir, "more.npy", &[8 << 20], &vec![1_u8; 8 << 20]);
    let result = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 4096 && exec \"$0\" append \"$1\" \"$2\""])
        .args([Path::new(env!("CARGO_BIN_EXE_rowmill")), &x, &more])
        .output();
    let result = CommandResult::from(result.expect("a shell"));
    result.fails(1, &["cannot write", "File too large", "hint: a file size limit"]);
    assert_eq!(fs::read(&x).expect("x"), before);
    assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), 2, "nothing left behind");
}

/// Another process appends and is killed, repeatedly. Readers see only whole commits.
#[cfg(unix)]
#[test]
fn a_killed_append_is_all_or_nothing() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[0, 8], &[0_u64; 0]);
    let rows = 300_000;
    let more = write(&dir, "more.npy", &[rows, 8], &vec![7_u64; rows * 8]);
    let mut last = 0;
    for i in 0..12 {
        let mut child = crate::common::command()
            .arg("append")
            .args([&x, &more])
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the command starts");
        std::thread::sleep(std::time::Duration::from_millis(3 + 7 * i));
        child.kill().expect("killed, or done");
        child.wait().expect("gone");
        let array = Array::<u64>::open(&x).expect("readable whatever happened");
        let now = array.shape().rows();
        assert!(now == last || now == last + rows, "{now} rows after {last}");
        assert!(array.as_slice().is_some_and(|all| all.iter().all(|&v| v == 7)));
        last = now;
    }
    rowmill([Path::new("clean"), &x]).code.expect("cleaned");
    let mut appender = Appender::<u64>::open(&x).expect("free");
    let source = SliceSource::new(&[7; 8][..], [1, 8]).expect("one row");
    appender.append_source(&source).expect("appended");
    appender.close().expect("closed");
    assert_eq!(Array::<u64>::open(&x).expect("readable").shape().rows(), last + 1);
}
