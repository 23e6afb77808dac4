//! `--axis` with lists, `--keepdims` and `--exact`; quantiles.

use std::process::Stdio;

use serde_json::json;

use crate::common::{command, dir, run, weather, write};

#[test]
fn axes_by_number() {
    let dir = dir();
    let values: Vec<f64> = (0..24).map(f64::from).collect();
    let x = write(&dir, "x.npy", &[2, 3, 4], &values);
    for (axis, sum) in [
        ("0,2", json!([60.0, 92.0, 124.0])),
        ("-1,0", json!([60.0, 92.0, 124.0])),
        ("1", json!([[12.0, 15.0, 18.0, 21.0], [48.0, 51.0, 54.0, 57.0]])),
        ("0,1", json!([60.0, 66.0, 72.0, 78.0])),
        ("0,1,2", json!(276.0)),
        ("1,2", json!([66.0, 210.0])),
    ] {
        let found = run(&["sum", "--json", "--axis", axis], &x).json();
        assert_eq!(found["sum"], sum, "{axis}");
        let axes: Vec<isize> =
            axis.split(',').map(|axis| axis.parse().expect("a number")).collect();
        assert_eq!(found["axis"], json!(axes), "{axis}");
    }
    let kept = run(&["mean", "--json", "--keepdims", "--axis", "0,2"], &x).json();
    assert_eq!(kept["mean"], json!([[[7.5], [11.5], [15.5]]]));
    assert_eq!(kept["count"], json!([[[8], [8], [8]]]));
    let kept = run(&["stats", "--json", "--keepdims", "--axis", "all"], &x).json();
    assert_eq!(kept["max"], json!([[[23.0]]]));
    let kept = run(&["sum", "--json", "--keepdims", "--axis", "columns"], &x).json();
    assert_eq!(kept["sum"][0][2], json!([28.0, 30.0, 32.0, 34.0]));
    let stats = run(&["stats", "--json", "--axis", "-2"], &x).json();
    assert_eq!(stats["min"], json!([[0.0, 1.0, 2.0, 3.0], [12.0, 13.0, 14.0, 15.0]]));
    let table = run(&["sum", "--axis", "1"], &x).ok();
    assert!(table.starts_with("index") && table.contains("1,3"), "{table}");
}

/// Columns selected by number keep their names.
#[test]
fn columns_by_number_are_columns() {
    let named = run(&["mean", "--nan", "skip", "--axis", "columns"], &weather()).ok();
    let listed = run(&["mean", "--nan", "skip", "--axis", "0"], &weather()).ok();
    assert_eq!(
        named.lines().skip(1).collect::<Vec<_>>(),
        listed.lines().skip(1).collect::<Vec<_>>()
    );
}

#[test]
fn masks_and_conditions_of_a_list() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2, 2], &[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let mask = [true, false, true, true, false, true, true, false];
    let mask = write(&dir, "mask.npy", &[2, 2, 2], &mask);
    let rows = write(&dir, "rows.npy", &[2], &[true, false]);
    let path = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let found = run(&["sum", "--json", "--axis", "1", "--mask", &path(&mask)], &x).json();
    assert_eq!(found["sum"], json!([[4.0, 4.0], [7.0, 6.0]]));
    let found = run(&["sum", "--json", "--axis", "0,2", "--where", "x > 2"], &x).json();
    assert_eq!(found["sum"], json!([11.0, 22.0]));
    let found = run(&["sum", "--json", "--axis", "1", "--where", "2 < x < 8 and not isnan(x)"], &x);
    assert_eq!(found.json()["sum"], json!([[3.0, 4.0], [12.0, 6.0]]));
    run(&["sum", "--axis", "1", "--mask", &path(&rows)], &x).fails(2, &["the shape of the array"]);
    run(&["sum", "--axis", "1", "--where", "[0] > 2"], &x).fails(2, &["--where about columns"]);
}

/// The same bytes in another shape, or over other axes, are a different job.
#[test]
fn checkpoints_know_their_axes() {
    let dir = dir();
    let values: Vec<f32> = (0..24_000_000).map(|i| (i % 7) as f32).collect();
    let raw = dir.path().join("x.dat");
    std::fs::write(&raw, values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
        .expect("written");
    let checkpoint = dir.path().join("c");
    let checkpoint = checkpoint.to_str().expect("text");
    let args = |shape: &'static str, axis: &'static str| {
        let args = ["sum", "--dtype", "f32", "--shape", shape, "--axis", axis, "--no-progress"];
        [&args[..], &["--workers", "1", "--chunk", "64KiB", "--checkpoint", checkpoint]].concat()
    };
    let mut killed = command();
    killed.args(args("200,600,200", "1")).args(["--checkpoint-every", "0"]).arg(&raw);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a command");
    while !std::path::Path::new(checkpoint).exists()
        && killed.try_wait().expect("a state").is_none()
    {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    killed.kill().expect("killed");
    killed.wait().expect("dead");
    // It writes its checkpoint 1500 times, and is killed after one of the first.
    assert!(std::path::Path::new(checkpoint).exists(), "done before it could be killed");
    run(&args("400,600,100", "1"), &raw).fails(1, &["checkpoint"]);
    run(&args("200,600,200", "2"), &raw).fails(1, &["checkpoint"]);
    let resumed = run(&args("200,600,200", "1"), &raw).ok();
    let afresh = run(&args("200,600,200", "1"), &raw).ok();
    assert!(resumed == afresh, "the job goes on with its own checkpoint");
}

#[test]
fn bad_axes() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1_i16, 2, 3, 4]);
    run(&["sum", "--axis", "2"], &x).fails(2, &["axis 2 was asked for", "(2, 2)"]);
    run(&["sum", "--axis", "0,-2"], &x).fails(2, &["asked for twice"]);
    run(&["stats", "--axis", "cols"], &x).fails(2, &["such as 0,2 or -1"]);
}

#[test]
fn quantiles() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 3], &[1.0_f32, f32::NAN, 4.0, 3.0, 8.0, 6.0]);
    let found = run(&["quantiles", "--json", "--nan", "skip", "--at", "0.5,0"], &x).json();
    assert_eq!((&found["at"], &found["quantiles"]), (&json!([0.5, 0.0]), &json!([4.0, 1.0])));
    let found = run(&["quantiles", "--json", "--at", "0.5", "--axis", "columns"], &x).json();
    assert_eq!(found["quantiles"], json!([[2.0], [null], [5.0]]));
    let found =
        run(&["quantiles", "--json", "--at", "1", "--axis", "1", "--where", "x < 7"], &x).json();
    assert_eq!(found["quantiles"], json!([[4.0], [6.0]]));
    let table = run(&["quantiles", "--axis", "columns", "--nan", "skip"], &weather()).ok();
    assert!(table.contains("0.25") && table.contains("wind_gust"), "{table}");
    run(&["quantiles", "--at", "50"], &x).fails(2, &["is not a number from 0 to 1"]);
}

#[test]
fn exact_sums() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 3], &[1e300, 1.0, 1e-300, -1e300, -1.0, 0.0]);
    let found = run(&["sum", "--json", "--exact"], &x).json();
    assert_eq!((&found["sum"], &found["exact"]), (&json!(1e-300), &json!(true)));
    let found = run(&["sum", "--json", "--exact", "--axis", "columns"], &x).json();
    assert_eq!(found["sum"], json!([0.0, 0.0, 1e-300]));
    let found = run(&["mean", "--json", "--exact", "--where", "x > 0"], &x).json();
    assert_eq!((&found["mean"], &found["count"]), (&json!(1e300 / 3.0), &json!(3)));
    let plain = run(&["sum", "--json"], &x).json();
    assert_eq!(plain["exact"], json!(null));
    // Sums of integers are always exact.
    let x = write(&dir, "i.npy", &[3], &[1_i32, 2, 3]);
    assert_eq!(run(&["sum", "--json", "--exact"], &x).json()["sum"], json!(6));
}
