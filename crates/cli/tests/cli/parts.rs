//! Parts of files, and several files as one: the answers equal those for a file with the same
//! elements.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{CommandResult, dir, rowmill, run, weather, write, write_bytes};

/// Rows 0 to 9 of three columns: row r is `10 r, 10 r + 1, 10 r + 2`.
fn tens(dir: &TempDir) -> PathBuf {
    let values: Vec<i32> = (0..30).map(|i| i / 3 * 10 + i % 3).collect();
    write(dir, "tens.npy", &[10, 3], &values)
}

/// `sum --axis columns` of a part.
fn columns(part: &[&str], file: &Path) -> Value {
    let args = [&["sum", "--json", "--axis", "columns"], part].concat();
    run(&args, file).json()
}

#[test]
fn rows_columns_and_boxes() {
    let dir = dir();
    let file = tens(&dir);
    let table = [
        (&["--rows", "2:4"][..], json!([2, 3]), json!([50, 52, 54])),
        (&["--rows", "-1:"], json!([1, 3]), json!([90, 91, 92])),
        (&["--rows=-1"], json!([1, 3]), json!([90, 91, 92])),
        (&["--rows", "8:1000"], json!([2, 3]), json!([170, 172, 174])),
        (&["--rows", "::5"], json!([2, 3]), json!([50, 52, 54])),
        (&["--rows", "5:5"], json!([0, 3]), json!([0, 0, 0])),
        (&["--rows", "1:3", "--cols", "2,0"], json!([2, 2]), json!([34, 30])),
        (&["--cols", "1:"], json!([10, 2]), json!([460, 470])),
        (&["--box", "1:3,-2:"], json!([2, 2]), json!([32, 34])),
        (&["--box", "1:3"], json!([2, 3]), json!([30, 32, 34])),
        (&["--box", ":,1"], json!([10, 1]), json!([460])),
    ];
    for (part, shape, sums) in table {
        let found = columns(part, &file);
        assert_eq!((&found["shape"], &found["sum"]), (&shape, &sums), "{part:?}");
        let elements = shape[0].as_u64().expect("rows") * shape[1].as_u64().expect("columns");
        assert_eq!(found["bytes"], elements * 4, "{part:?}");
    }
}

#[test]
fn columns_by_their_names() {
    let stats = run(&["stats", "--cols", "wind_gust,temp,-1", "--json"], &weather()).json();
    assert_eq!(stats["columns"], json!(["wind_gust", "temp", "visib"]));
    assert_eq!(stats["count"], json!([5337, 26114, 26115]));
    let whole = run(&["stats", "--json"], &weather()).json();
    assert_eq!(stats["mean"][1], whole["mean"][0]);
    let table = run(&["stats", "--cols", "humid", "--rows", ":100"], &weather()).ok();
    assert!(table.lines().nth(1).expect("a line").starts_with("humid"), "{table}");
    let boxed = run(&["stats", "--box", ":,1:3", "--json"], &weather()).json();
    assert_eq!(boxed["columns"], json!(["dewp", "humid"]));
}

#[test]
fn a_mask_of_the_whole_applies_to_a_part() {
    let dir = dir();
    let file = tens(&dir);
    let each: Vec<bool> = (0..30).map(|i| i % 2 == 0).collect();
    let each = write(&dir, "each.npy", &[10, 3], &each);
    let rows: Vec<bool> = (0..10).map(|i| i > 2).collect();
    let rows = write(&dir, "rows.npy", &[10], &rows);
    let sum = |part: &[&str], mask: &Path| {
        let mask = mask.to_str().expect("plain");
        run(&[&["sum", "--json", "--mask", mask], part].concat(), &file).json()["sum"].clone()
    };
    assert_eq!(sum(&["--rows", "2:4", "--cols", "0,1"], &each), 20 + 31);
    assert_eq!(sum(&["--rows", "2:4", "--cols", "0,1"], &rows), 30 + 31);
    assert_eq!(sum(&["--box", "2:4,:2"], &rows), 30 + 31);
    let short = write(&dir, "short.npy", &[2], &[true, true]);
    let short = short.to_str().expect("plain");
    run(&["sum", "--rows", "2:4", "--mask", short], &file).fails(1, &["(2,)", "(10, 3)"]);
}

#[test]
fn missing_parts() {
    let dir = dir();
    let file = tens(&dir);
    run(&["sum", "--rows", "10"], &file).fails(2, &["no index 10", "expected -10 to 9"]);
    run(&["sum", "--cols", "temp"], &file).fails(2, &["no column \"temp\"", "names no columns"]);
    run(&["sum", "--cols", "tmep"], &weather()).fails(2, &["no column \"tmep\"", "temp, dewp"]);
    run(&["sum", "--box", "1:2,1:2,1:2"], &file).fails(2, &["3 axes", "has 2"]);
    run(&["sum", "--rows", "a:b"], &file).fails(2, &["--rows", "\"a:b\" is not a slice"]);
    run(&["sum", "--rows", "::0"], &file).fails(2, &["is not a slice"]);
    run(&["sum", "--rows", "1:2", "--box", "1:2"], &file).fails(2, &["cannot be used with"]);
    run(&["normalize", "--in-place", "--rows", "1:2"], &file).fails(2, &["cannot be used with"]);
}

#[test]
fn normalize_writes_only_the_part() {
    let dir = dir();
    let output = dir.path().join("z.npy");
    let args = ["normalize", "--method", "minmax", "--cols", "temp,humid", "--rows", "100:200"];
    let result =
        rowmill(args.iter().map(OsStr::new).chain([weather().as_os_str(), output.as_os_str()]));
    assert!(result.err.contains("(100, 2)"), "{}", result.err);
    result.ok();
    let stats = run(&["stats", "--json"], &output).json();
    assert_eq!(stats["columns"], json!(["temp", "humid"]));
    assert_eq!((&stats["min"], &stats["max"]), (&json!([0.0, 0.0]), &json!([1.0, 1.0])));
}

/// The same rows in one file, and in three.
fn split(dir: &TempDir) -> (PathBuf, Vec<PathBuf>) {
    let values: Vec<f32> = (0..3000).map(|i| (i as f32).sin()).collect();
    let one = write(dir, "all.npy", &[1000, 3], &values);
    let part = |name: &str, rows: std::ops::Range<usize>| {
        write(dir, name, &[rows.len(), 3], &values[rows.start * 3..rows.end * 3])
    };
    (one, vec![part("p-a.npy", 0..10), part("p-b.npy", 10..10), part("p-c.npy", 10..1000)])
}

fn sum_of<S: AsRef<OsStr>>(files: &[S]) -> CommandResult {
    rowmill(["sum", "--json"].iter().map(OsStr::new).chain(files.iter().map(AsRef::as_ref)))
}

#[test]
fn many_files_are_one_array() {
    let dir = dir();
    let (one, parts) = split(&dir);
    let of_one = sum_of(&[&one]).json();
    assert_eq!(of_one["file"], json!(one.to_str()));
    let many = sum_of(&parts).json();
    assert_eq!((&many["sum"], &many["shape"]), (&of_one["sum"], &json!([1000, 3])));
    let names: Vec<_> = parts.iter().map(|p| p.to_str()).collect();
    assert_eq!(many["file"], json!(names));
    // The command expands the pattern itself, sorted by name.
    let pattern = dir.path().join("p-*.npy");
    let found = sum_of(&[&pattern]).json();
    assert_eq!((&found["sum"], &found["file"]), (&of_one["sum"], &json!(names)));
    let some =
        |file: &Path| run(&["mean", "--rows", "5:500", "--json"], file).json()["mean"].clone();
    assert_eq!(some(&pattern), some(&one));
    let result = run(&["sum"], &pattern);
    assert!(result.err.contains("p-a.npy and 2 more: float32 (1000, 3)"), "{}", result.err);
    let output = dir.path().join("z.npy");
    rowmill([OsStr::new("normalize"), pattern.as_os_str(), output.as_os_str()]).ok();
    let single = dir.path().join("y.npy");
    rowmill([OsStr::new("normalize"), one.as_os_str(), single.as_os_str()]).ok();
    assert_eq!(std::fs::read(output).expect("written"), std::fs::read(single).expect("written"));
}

#[test]
fn mismatched_files() {
    let dir = dir();
    let (_, mut parts) = split(&dir);
    parts.push(write(&dir, "q.npy", &[2, 4], &[0_f32; 8]));
    sum_of(&parts).fails(1, &["q.npy has rows of shape [4]", "p-a.npy has rows of shape [3]"]);
    parts[3] = write(&dir, "i.npy", &[2, 3], &[0_i32; 6]);
    sum_of(&parts).fails(1, &["i.npy has int32", "p-a.npy has float32"]);
    parts[3] = dir.path().join("gone.npy");
    sum_of(&parts).fails(1, &["gone.npy"]);
    sum_of(&[dir.path().join("no-*.npy")]).fails(1, &["no-*.npy", "no file fits it"]);
    run(&["info"], &dir.path().join("p-*.npy")).fails(1, &["p-*.npy"]);
    // An existing file wins over its reading as a pattern.
    let odd = write(&dir, "x[1]*.npy", &[1], &[7_i32]);
    assert_eq!(sum_of(&[odd]).json()["sum"], 7);
    let output = parts[0].clone();
    rowmill([OsStr::new("normalize"), dir.path().join("p-*.npy").as_os_str(), output.as_os_str()])
        .fails(2, &["that is the input "]);
}

#[test]
fn a_nan_is_located_in_its_file() {
    let dir = dir();
    let a = write(&dir, "a.npy", &[2], &[0_f32, 1.0]);
    let b = write(&dir, "b.npy", &[3], &[0_f32, f32::NAN, 1.0]);
    let args =
        [OsStr::new("sum"), OsStr::new("--nan"), OsStr::new("error"), a.as_ref(), b.as_ref()];
    rowmill(args).fails(1, &["row 3, element 0", "row 1 of", "b.npy"]);
}

#[test]
fn a_checkpoint_knows_its_part() {
    let dir = dir();
    let checkpoint = dir.path().join("job.ckpt");
    let ckpt = checkpoint.to_str().expect("plain");
    // A job that fails leaves its checkpoint: the NaN is in the last row.
    let mut values = vec![1_f32; 4_000_000];
    values[3_999_999] = f32::NAN;
    let file = write(&dir, "x.npy", &[1_000_000, 4], &values);
    let args = |rows| ["sum", "--nan", "error", "--checkpoint", ckpt, "--rows", rows];
    run(&args("10:"), &file).fails(1, &["NaN"]);
    assert!(checkpoint.exists());
    run(&args("9:-1"), &file).fails(1, &["job.ckpt", "another part"]);
    run(&args("10:"), &file).fails(1, &["NaN"]);
    let not_a_file = write_bytes(&dir, "y.npy", b"no array");
    run(&["sum", "--rows", "1:2"], &not_a_file).fails(1, &["y.npy"]);
}

/// Records of an id, two padding bytes, and a position of three.
fn records(dir: &TempDir, name: &str, ids: std::ops::Range<u16>) -> PathBuf {
    let dict = format!(
        "{{'descr': [('id', '>u2'), ('', '|V2'), ('pos', '<f4', (3,)), ('word', '|S2')], \
          'fortran_order': False, 'shape': ({},), }}",
        ids.len()
    );
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dict.len() as u16).to_le_bytes());
    bytes.extend(dict.bytes());
    for id in ids {
        bytes.extend(id.to_be_bytes());
        bytes.extend([0xff; 2]);
        (0..3).for_each(|axis| bytes.extend((f32::from(id) + axis as f32).to_le_bytes()));
        bytes.extend(b"ab");
    }
    write_bytes(dir, name, &bytes)
}

#[test]
fn fields_of_structured_files() {
    let dir = dir();
    let (a, _) = (records(&dir, "r-a.npy", 0..10), records(&dir, "r-b.npy", 10..15));
    let field = |file: &Path, field: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(format!("[{field}]"));
        PathBuf::from(name)
    };
    let sum = run(&["sum", "--json"], &field(&a, "id")).json();
    assert_eq!(
        (&sum["sum"], &sum["dtype"], &sum["bytes"]),
        (&json!(45), &json!("uint16"), &json!(20))
    );
    let stats = run(&["stats", "--json"], &field(&a, "pos")).json();
    assert_eq!((&stats["shape"], &stats["mean"]), (&json!([10, 3]), &json!([4.5, 5.5, 6.5])));
    let many = run(&["sum", "--json"], &field(&dir.path().join("r-*.npy"), "id")).json();
    assert_eq!((&many["sum"], &many["shape"]), (&json!(105), &json!([15])));
    let info = run(&["info"], &field(&a, "pos")).ok();
    assert!(info.contains("decoded (a field of records"), "{info}");
    run(&["sum"], &a).fails(1, &["fields id, pos, word", "FILE.npy[NAME]"]);
    run(&["sum"], &field(&a, "ids")).fails(1, &["no field \"ids\"", "id, pos, word"]);
    run(&["sum"], &field(&a, "word")).fails(1, &["\"word\"", "byte strings"]);
    run(&["sum"], &field(&weather(), "temp")).fails(1, &["\"temp\"", "no structured array"]);
    run(&["checksum"], &field(&a, "id")).fails(2, &["whole files", "[id]"]);
    run(&["normalize", "--in-place"], &field(&a, "pos")).fails(2, &["whole files"]);
    rowmill([OsStr::new("normalize"), field(&a, "pos").as_os_str(), a.as_os_str()])
        .fails(2, &["that is the input "]);
}

#[test]
fn complex_numbers_and_bfloat16() {
    use rowmill::Complex;
    let dir = dir();
    let z = [Complex::new(1.0_f32, 2.0), Complex::new(0.5, -4.0), Complex::new(0.0, 1.0)];
    let file = write(&dir, "z.npy", &[3, 1], &z);
    let sum = run(&["sum", "--json"], &file).json();
    assert_eq!((&sum["sum"], &sum["dtype"]), (&json!([1.5, -1.0]), &json!("complex64")));
    assert_eq!(run(&["sum"], &file).ok(), "1.5-1.0j\n");
    let rows = run(&["mean", "--axis", "rows", "--json"], &file).json();
    assert_eq!(rows["mean"], json!([[1.0, 2.0], [0.5, -4.0], [0.0, 1.0]]));
    let info = run(&["info", "--json"], &file).json();
    assert_eq!(info["descr"], "<c8");
    run(&["stats"], &file).fails(2, &["complex64 has no order", "rowmill sum"]);
    run(&["sum", "--where", "x > 1"], &file).fails(2, &["--where compares"]);
    let output = dir.path().join("n.npy");
    rowmill([OsStr::new("normalize"), file.as_os_str(), output.as_os_str()])
        .fails(2, &["no order"]);
    // 1.5 and -2 in bfloat16: the upper halves of their float32, byte by byte.
    let raw = write_bytes(&dir, "b.dat", &[0xc0, 0x3f, 0x00, 0xc0]);
    let args = ["sum", "--dtype", "bf16", "--shape", "2", "--byte-order", "little"];
    assert_eq!(run(&args, &raw).ok(), "-0.5\n");
    let args = ["normalize", "--dtype", "bf16", "--shape", "2", "--byte-order", "little"];
    rowmill(args.iter().map(OsStr::new).chain([raw.as_os_str(), output.as_os_str()])).ok();
    assert_eq!(run(&["info", "--json"], &output).json()["dtype"], "float32");
}
