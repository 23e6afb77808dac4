//! Jobs that fail: each with its own message, exit code 1 and an empty stdout.

use std::path::Path;

use rowmill::ArrayMut;
use rowmill::durable::AtomicFile;

use crate::common::{dir, rowmill, run, weather, write, write_bytes};

const COMMANDS: [&str; 4] = ["info", "stats", "sum", "mean"];

/// Checks that all reading commands fail alike.
#[track_caller]
fn all_fail(args: &[&str], file: &Path, texts: &[&str]) {
    for command in COMMANDS {
        run(&[&[command], args].concat(), file).fails(1, texts);
    }
}

#[test]
fn a_missing_file() {
    all_fail(&[], Path::new("no/such/file.npy"), &["cannot open no/such/file.npy", "No such file"]);
}

#[test]
fn a_directory() {
    let dir = dir();
    all_fail(&[], dir.path(), &["is not a regular file"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_once() {
    let dir = dir();
    let pipe = dir.path().join("pipe.npy");
    let status = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(status.success());
    all_fail(&[], &pipe, &["is not a regular file"]);
}

#[test]
fn a_missing_sidecar() {
    let dir = dir();
    let raw = write_bytes(&dir, "x.dat", &[0; 16]);
    all_fail(
        &[],
        &raw,
        &[
            "is a raw file and nothing says what it holds",
            "x.dat.meta.json",
            "hint: on the command line that is, for example, --dtype f32 --shape 1000,64",
        ],
    );
}

#[test]
fn a_wrong_dtype() {
    let dir = dir();
    let raw = write_bytes(&dir, "x.dat", &[0; 24]);
    all_fail(
        &["--dtype", "f64", "--shape", "3,2"],
        &raw,
        &["is truncated: dtype, shape and offset need 48 bytes, the file has 24 (24 missing)"],
    );
    all_fail(
        &["--dtype", "u8", "--shape", "3,2"],
        &raw,
        &["has 18 extra bytes at the end", "hint: its length would fit the shape (12, 2) of uint8"],
    );
}

#[test]
fn a_wrong_shape() {
    let dir = dir();
    let raw = write_bytes(&dir, "x.dat", &[0; 24]);
    all_fail(
        &["--dtype", "f32", "--shape", "4,2"],
        &raw,
        &[
            "is truncated",
            "need 32 bytes, the file has 24",
            "hint: its length would fit the shape (3, 2) of float32",
        ],
    );
    all_fail(&["--dtype", "f32", "--shape", "3,2", "--offset", "25"], &raw, &["is truncated"]);
}

#[test]
fn a_truncated_file_and_extra_bytes() {
    let dir = dir();
    let whole = std::fs::read(weather()).expect("the weather");
    let short = write_bytes(&dir, "short.npy", &whole[..whole.len() - 5]);
    all_fail(&[], &short, &["is truncated", "(5 missing)"]);
    let header = write_bytes(&dir, "header.npy", &whole[..40]);
    all_fail(&[], &header, &["is not a readable .npy file"]);
    let long = write_bytes(&dir, "long.npy", &[&whole[..], &[0; 7]].concat());
    all_fail(&[], &long, &["has 7 extra bytes at the end"]);
}

#[test]
fn a_spec_for_a_self_describing_file() {
    all_fail(
        &["--dtype", "f32", "--shape", "26115,9"],
        &weather(),
        &["its header gives dtype and shape", "hint: leave out --dtype"],
    );
}

#[test]
fn masks_of_the_wrong_shape() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[3, 2], &[1.0_f32; 6]);
    let long = write(&dir, "long.npy", &[4], &[true; 4]);
    let numbers = write(&dir, "numbers.npy", &[3], &[1_u8; 3]);
    for command in ["sum", "mean", "stats"] {
        let masked = |mask: &Path| run(&[command, "--mask", mask.to_str().expect("text")], &x);
        masked(&long).fails(1, &["a mask of shape (4,) fits no array of shape (3, 2)", "3 rows"]);
        masked(&numbers).fails(1, &["holds uint8, not bool", "hint: a mask has to hold bool"]);
        masked(Path::new("gone.npy")).fails(1, &["cannot open gone.npy"]);
    }
}

#[test]
fn overflowing_sums() {
    let dir = dir();
    let signed = write(&dir, "signed.npy", &[2], &[i64::MAX, 1]);
    let unsigned = write(&dir, "unsigned.npy", &[2], &[u64::MAX, 1]);
    run(&["sum"], &signed).fails(1, &["the sum 9223372036854775808 does not fit i64"]);
    run(&["sum"], &unsigned).fails(1, &["the sum 18446744073709551616 does not fit u64", "hint"]);
    assert_eq!(run(&["mean"], &unsigned).ok(), "9.223372036854776e18\n");
}

#[test]
fn nan_under_the_error_policy() {
    run(&["sum", "--nan", "error"], &weather()).fails(1, &["is NaN", "hint: that is --nan skip"]);
}

fn normalize(x: &Path, out: &Path) -> crate::common::CommandResult {
    rowmill([Path::new("normalize"), x, out])
}

#[test]
fn outputs_that_cannot_be_written() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0]);
    let below_a_file = x.join("out.npy");
    normalize(&x, &below_a_file).fails(1, &["cannot create", "Not a directory"]);
    let gone = dir.path().join("gone/out.npy");
    normalize(&x, &gone).fails(1, &["cannot create", "No such file or directory"]);
    let directory = dir.path().join("d.npy");
    std::fs::create_dir(&directory).expect("a directory");
    normalize(&x, &directory).fails(1, &["d.npy: a folder stands there"]);
    assert_eq!(std::fs::read_dir(dir.path()).expect("a list").count(), 2, "nothing left behind");
}

#[test]
fn a_second_writer() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0]);
    let out = dir.path().join("out.npy");
    let first = AtomicFile::create(&out).expect("the first writer");
    normalize(&x, &out).fails(1, &["out.npy is being written by someone else"]);
    drop(first);
    assert_eq!(normalize(&x, &out).code, Some(0));
    let held = ArrayMut::<f32>::open(&out).expect("open for writing");
    let over = || rowmill([Path::new("normalize"), Path::new("--overwrite"), &x, &out]);
    over().fails(1, &["is being written by someone else"]);
    drop(held);
    assert_eq!(over().code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_file_size_limit_is_an_error() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[1 << 20], &vec![1_u8; 1 << 20]);
    let out = dir.path().join("out.npy");
    let result = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 100 && exec \"$0\" normalize \"$1\" \"$2\""])
        .args([Path::new(env!("CARGO_BIN_EXE_rowmill")), &x, &out])
        .output();
    let result = crate::common::CommandResult::from(result.expect("a shell"));
    result.fails(1, &["cannot make room for", "File too large", "hint: a file size limit"]);
    assert_eq!(std::fs::read_dir(dir.path()).expect("a list").count(), 1, "nothing left behind");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let output = crate::common::command().arg("stats").arg(weather()).stdout(full).output();
    let result = crate::common::CommandResult::from(output.expect("the command starts"));
    assert_eq!(result.code, Some(1));
    assert!(
        result.err.contains("rowmill: cannot write to stdout: No space left"),
        "{}",
        result.err
    );
}

#[test]
fn an_unknown_instruction_set() {
    let mut output = crate::common::command();
    output.env("ROWMILL_ISA", "z80").arg("sum").arg(weather());
    let result = crate::common::CommandResult::from(output.output().expect("the command starts"));
    result.fails(1, &["ROWMILL_ISA", "z80"]);
}

#[test]
fn a_file_being_written() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1_i64, 2, 3, 4]);
    let mask = write(&dir, "mask.npy", &[2, 2], &[true; 4]);
    let masked = ["sum".as_ref(), x.as_os_str(), "--mask".as_ref(), mask.as_os_str()];
    let refuse = ["--while-written".as_ref(), "refuse".as_ref()];
    assert!(!run(&["sum"], &x).err.contains("warning"), "nobody writes");
    rowmill([&masked[..], &refuse].concat()).ok();
    for (locked, name) in [(&x, "x.npy"), (&mask, "mask.npy")] {
        let writer = std::fs::File::open(locked).expect("just written");
        writer.lock().expect("nobody else writes");
        let warned = rowmill(masked);
        let warning = format!("{name} is being written by someone else");
        assert!(warned.err.contains(&warning), "{warned:?}");
        assert_eq!(warned.ok(), "10\n");
        let texts = [name, "is being written or replaced", "hint: that is --while-written refuse"];
        rowmill([&masked[..], &refuse].concat()).fails(1, &texts);
    }
    let writer = ArrayMut::<i64>::open(&x).expect("nobody else writes");
    run(&["info", "--while-written", "refuse"], &x).fails(1, &["is being written or replaced"]);
    writer.close().expect("closed");
}
