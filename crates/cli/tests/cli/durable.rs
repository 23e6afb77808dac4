//! Surviving a kill, and detecting damage: `--checkpoint`, `--in-place`, `checksum`, `verify`.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rowmill::file::Sidecar;
use rowmill::{Array, ArrayMut};
use serde_json::json;

use crate::common::{command, dir, rowmill, run, write, write_bytes};

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// Writes 24 MB of distinct numbers.
fn large(path: &Path) {
    let mut x = ArrayMut::<f32>::create(path, [20_000, 300]).expect("enough space");
    let all = x.rows_mut(0..20_000).expect("in place");
    all.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 7919) % 100_003) as f32 / 7.0);
    x.close().expect("closed");
}

/// Runs a command until it completes, killing it after longer and longer times. Returns the number
/// of kills.
fn until_done(args: &[&str]) -> usize {
    for round in 0..10_000 {
        let mut child = command();
        let child = child.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = child.spawn().expect("the command starts");
        std::thread::sleep(Duration::from_millis(5 + 3 * round));
        child.kill().expect("our own file");
        let output = child.wait_with_output().expect("over");
        match output.status.code() {
            None => {}
            Some(0) => return round as usize,
            Some(code) => panic!("{code}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
    panic!("never done");
}

/// The names in a folder that are not expected.
fn others(dir: &Path, expected: &[&str]) -> Vec<String> {
    let names = fs::read_dir(dir).expect("a folder");
    let names =
        names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| !expected.contains(&name.as_str())).collect()
}

#[test]
fn killed_and_resumed_gives_the_same_bytes() {
    let dir = dir();
    let path = |name: &str| dir.path().join(name);
    let (x, golden, z, checkpoint) = (path("x.npy"), path("golden.npy"), path("z.npy"), path("c"));
    large(&x);
    rowmill(["normalize", text(&x), text(&golden)]).ok();
    let keep = ["--checkpoint", text(&checkpoint), "--checkpoint-every", "0", "--chunk", "500rows"];
    // A run killed after the last step needs `--overwrite` to repeat it.
    until_done(&[&["normalize", "--overwrite", text(&x), text(&z)][..], &keep].concat());
    assert!(fs::read(&golden).expect("exists") == fs::read(&z).expect("exists"));
    assert_eq!(others(dir.path(), &["x.npy", "golden.npy", "z.npy"]), Vec::<String>::new());

    let stats = |args: &[&str]| {
        let mut object = run(&[&["stats", "--json"], args].concat(), &x).json();
        object["seconds"].take();
        object
    };
    until_done(&[&["stats", text(&x)][..], &keep].concat());
    assert_eq!(stats(&keep), stats(&[]));

    // In place, the file ends up equal to the copy, and is never normalized twice.
    let kills = until_done(&["normalize", "--in-place", text(&x), "--memory-ceiling", "32MiB"]);
    assert!(fs::read(&golden).expect("exists") == fs::read(&x).expect("exists"), "{kills} kills");
    let left = ["x.npy", "golden.npy", "z.npy", ".x.npy.rowmill-done"];
    assert_eq!(others(dir.path(), &left), Vec::<String>::new());
    let again = run(&["normalize", "--in-place"], &x);
    assert!(again.err.contains("was normalized so already"), "{}", again.err);
    again.ok();
    assert!(fs::read(&golden).expect("exists") == fs::read(&x).expect("exists"));
}

#[test]
fn the_checkpoint_of_another_job_is_refused() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0]);
    let checkpoint = write_bytes(&dir, "notes.txt", b"not a checkpoint at all");
    let result = run(&["sum", "--checkpoint", text(&checkpoint)], &x);
    assert!(!result.err.contains("remove"), "{}", result.err);
    result.fails(1, &["the checkpoint ", "notes.txt: a text file stands there", "another path"]);
    assert_eq!(fs::read(&checkpoint).expect("exists"), b"not a checkpoint at all");
    run(&["sum", "--checkpoint-every", "1"], &x).fails(2, &["--checkpoint <PATH>"]);
    run(&["sum", "--checkpoint", "c", "--checkpoint-every", "-1"], &x).fails(2, &["seconds"]);
}

#[test]
fn in_place() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1.0_f32, 5.0, 3.0, 5.0]);
    let result = run(&["normalize", "--in-place", "--checksums"], &x);
    assert!(result.err.starts_with("changed ") && result.err.contains("x.npy: float32 (2, 2) in "));
    assert_eq!(result.ok(), "");
    let values = |x: &Path| Array::<f32>::open(x).expect("whole").as_slice().map(<[f32]>::to_vec);
    assert_eq!(values(&x), Some(vec![-1.0, 0.0, 1.0, 0.0]));
    run(&["verify"], &x).ok();
    let report = run(&["normalize", "--in-place", "--json", "--method", "minmax"], &x).json();
    assert_eq!((&report["output"], &report["file"]), (&json!(x), &json!(x)));
    assert_eq!(values(&x), Some(vec![0.0, 0.0, 1.0, 0.0]));
    assert!(!Sidecar::path_for(&x).exists(), "its checksums are not right any more");

    let i = write(&dir, "i.npy", &[2, 2], &[1_i32, 5, 3, 5]);
    run(&["normalize", "--in-place"], &i).fails(2, &["holds int32", "name an output instead"]);
    run(&["normalize"], &x).fails(2, &["<OUT>"]);
    run(&["normalize", "--in-place", "--output-dtype", "f64"], &x).fails(2, &["--output-dtype"]);
    rowmill(["normalize", text(&x), "y.npy", "--in-place"]).fails(2, &["cannot be used with"]);

    // The leftover journal of another job.
    let journal = rowmill::durable::Journal::path_for(&x);
    fs::write(&journal, b"no journal").expect("enough space");
    for command in ["sum", "info"] {
        run(&[command], &x).fails(1, &[".x.npy.rowmill-journal", "it is damaged or no journal"]);
    }
    run(&["normalize", "--in-place"], &x).fails(1, &["restore it from a copy"]);
    assert_eq!(fs::read(&journal).expect("exists"), b"no journal");
}

#[test]
fn damaged_rows_are_named() {
    let dir = dir();
    let x = dir.path().join("x.npy");
    large(&x);
    run(&["verify"], &x).fails(1, &["has no checksums", "`rowmill checksum "]);
    let report = run(&["checksum", "--json"], &x).json();
    assert_eq!(report["checksum_rows"], json!(873)); // rows of 1200 bytes in a megabyte
    assert_eq!(report["checksums"], json!(23));
    let result = run(&["verify"], &x);
    assert!(result.err.contains("no damage found"), "{}", result.err);
    assert_eq!(result.ok(), "");
    assert_eq!(run(&["verify", "--json"], &x).json()["damaged"], json!([]));

    let mut bytes = fs::read(&x).expect("exists");
    let header = bytes.len() - 20_000 * 1200;
    for row in [5, 900, 19_999] {
        bytes[header + row * 1200 + 1] ^= 1;
    }
    fs::write(&x, bytes).expect("enough space");
    let result = run(&["verify"], &x);
    assert_eq!(
        (result.code, result.out.as_str()),
        (Some(1), "0..1746\n19206..20000\n"),
        "{result:?}"
    );
    assert!(result.err.contains("is damaged: "), "{}", result.err);
    let result = run(&["verify", "--json", "--workers", "1", "--backend", "positioned"], &x);
    let report: serde_json::Value = serde_json::from_str(&result.out).expect("JSON");
    assert_eq!((result.code, &report["damaged"]), (Some(1), &json!([[0, 1746], [19206, 20000]])));

    // The checksums of another array.
    let sidecar = fs::read(Sidecar::path_for(&x)).expect("exists");
    let y = write(&dir, "y.npy", &[2, 300], &[0.0_f32; 600]);
    fs::write(Sidecar::path_for(&y), sidecar).expect("enough space");
    run(&["verify"], &y).fails(1, &["there are 23 checksums of 873 rows", "make them again"]);
    run(&["checksum"], &y).ok();
    run(&["verify"], &y).ok();
}

#[test]
fn checksums_of_outputs_and_raw_files() {
    let dir = dir();
    let raw = write_bytes(&dir, "x.dat", &[1, 2, 3, 4, 5, 6]);
    let spec = ["--dtype", "|u1", "--shape", "3,2"];
    run(&[&["checksum"][..], &spec].concat(), &raw).ok();
    // From now on the sidecar describes the file.
    run(&["verify"], &raw).ok();
    let z = dir.path().join("z.npy");
    rowmill(["normalize", text(&raw), text(&z), "--checksums"]).ok();
    run(&["verify"], &z).ok();
    fs::write(&raw, [1, 2, 3, 4, 5, 7]).expect("enough space");
    let result = run(&["verify"], &raw);
    assert_eq!((result.code, result.out.as_str()), (Some(1), "0..3\n"), "{result:?}");
}
