//! Printed answers, checked against NumPy's and against small arrays computed by hand.

use std::process::Stdio;

use rowmill::view::TileBuffer;
use rowmill::{Array, Source};
use serde_json::{Value, json};

use crate::common::{command, dir, root, run, weather, write};

const NAMES: [&str; 9] =
    ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"];

/// NumPy 2.4's answers for the weather as float64, by column: count, NaN, nanmean, nanstd, nanmin,
/// nanmax.
const WEATHER: [(u64, u64, f64, f64, f64, f64); 9] = [
    (26114, 1, 55.26039214155033, 17.78751157693728, 10.9399995803833, 100.04000091552734),
    (26114, 1, 41.43998472926032, 19.3858649305842, -9.9399995803833, 78.08000183105469),
    (26114, 1, 62.53005899677801, 19.395546909268113, 12.739999771118164, 100.0),
    (25655, 460, 199.7610602221789, 107.30475514839546, 0.0, 360.0),
    (26111, 4, 10.51748830624466, 8.539089472618567, 0.0, 1048.360595703125),
    (5337, 20778, 25.487070821969724, 5.9544001096580255, 16.110919952392578, 66.7452392578125),
    (26115, 0, 0.004469079049612607, 0.030153042314135185, 0.0, 1.2100000381469727),
    (23386, 2729, 1017.8987512623571, 7.423668493254207, 983.7999877929688, 1042.0999755859375),
    (26115, 0, 9.255372008419963, 2.0550126166999543, 0.0, 10.0),
];

/// `math.fsum` of the columns without NaN.
const SUMS: [f64; 9] = [
    1443069.8803844452,
    1082163.7612199038,
    1632909.960641861,
    5124870.0,
    274622.1371643543,
    136024.49697685242,
    116.70999938063323,
    23804580.197021484,
    241704.03999988735,
];

#[track_caller]
fn close(found: &Value, expected: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - expected).abs() <= expected.abs() * 1e-12, "{found} instead of {expected}");
}

fn without_time(mut object: Value) -> Value {
    let seconds = object.as_object_mut().expect("an object").remove("seconds");
    assert!(seconds.expect("seconds").as_f64().expect("a number") >= 0.0);
    object
}

#[test]
fn stats_of_the_weather() {
    let stats = run(&["stats", "--json"], &weather()).json();
    assert_eq!(stats["dtype"], "float32");
    assert_eq!(stats["shape"], json!([26115, 9]));
    assert_eq!(stats["axis"], "columns");
    assert_eq!(stats["columns"], json!(NAMES));
    assert_eq!(stats["bytes"], 26115 * 9 * 4);
    assert!(stats["file"].as_str().expect("a path").ends_with("weather.npy"));
    for (i, (count, nan, mean, std, min, max)) in WEATHER.into_iter().enumerate() {
        assert_eq!((&stats["count"][i], &stats["nan"][i]), (&json!(count), &json!(nan)));
        assert_eq!(stats["inf"][i], 0);
        close(&stats["mean"][i], mean);
        close(&stats["std"][i], std);
        close(&stats["var"][i], std * std);
        close(&stats["sum"][i], SUMS[i]);
        // Minima and maxima are elements, so they match to the last bit.
        assert_eq!((&stats["min"][i], &stats["max"][i]), (&json!(min), &json!(max)));
    }
}

#[test]
fn the_table_shows_the_digits_of_numpy() {
    let result = run(&["stats"], &weather());
    assert!(result.err.contains("weather.npy: float32 (26115, 9), 940.1 kB in "), "{}", result.err);
    let table = result.ok();
    let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["column", "count", "nan", "mean", "std", "min", "max", "sum"]);
    assert_eq!(lines.len(), 10);
    for ((line, name), (count, nan, mean, std, min, max)) in
        lines[1..].iter().zip(NAMES).zip(WEATHER)
    {
        assert_eq!(line[..3], [name, &count.to_string(), &nan.to_string()]);
        for (text, value) in line[3..7].iter().zip([mean, std, min, max]) {
            assert_eq!(text.parse(), Ok(ten_digits(value)), "{name}");
        }
    }
    let widths: Vec<usize> = table.lines().map(str::len).collect();
    assert!(widths.iter().all(|w| *w == widths[0]), "aligned to the right:\n{table}");
}

fn ten_digits(value: f64) -> f64 {
    format!("{value:.9e}").parse().expect("a number")
}

#[test]
fn conditions_on_columns() {
    let file = weather();
    let x = Array::<f32>::open(&file).expect("shipped");
    let mut buffer = TileBuffer::new();
    let rows = x.rows(0..x.shape().rows(), &mut buffer).expect("small");
    // temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib
    let windy = rows.chunks(9).filter(|row| row[0] > 50.0 && row[5] > 0.0);
    let kept: Vec<&[f32]> = windy.collect();
    let count = |col: usize| kept.iter().filter(|row| !row[col].is_nan()).count();
    let condition = "temp > 50 and not (wind_gust <= 0 or isnan(wind_gust))";
    let stats = run(&["stats", "--json", "--where", condition], &file).json();
    assert!(kept.len() > 1000 && count(7) < kept.len());
    assert_eq!(stats["count"], serde_json::json!((0..9).map(count).collect::<Vec<_>>()));
    assert_eq!(stats["nan"][7], kept.len() - count(7));
    let by_number = run(&["stats", "--json", "--where", "[0] > 50 and 0 < [5]"], &file).json();
    assert_eq!(by_number["sum"], stats["sum"]);
    let of_part =
        run(&["stats", "--json", "--where", condition, "--cols", "pressure"], &file).json();
    assert_eq!(of_part["sum"][0], stats["sum"][7]);
    run(&["sum", "--where", "x > 1 and tmp > 50"], &file).fails(
        2,
        &[
            "there is no column \"tmp\"; the columns are temp, dewp, humid",
            "\n  x > 1 and tmp > 50\n            ^\n",
        ],
    );
    run(&["sum", "--where", "[9] > 50"], &file).fails(2, &["columns go from [0] to [8]"]);
}

#[test]
fn sums_and_means_of_the_weather() {
    let skip = |command| run(&[command, "--nan", "skip", "--json"], &weather()).json();
    let sum = skip("sum");
    assert_eq!((&sum["count"], &sum["axis"]), (&json!(211_061), &json!("all")));
    close(&sum["sum"], 33740061.18340817);
    close(&skip("mean")["mean"], 159.85928799450477);
    // A NaN is printed as null, and counted as an element.
    let sum = run(&["sum", "--json"], &weather()).json();
    assert_eq!((&sum["count"], &sum["sum"]), (&json!(235_035), &Value::Null));
    let columns = run(&["mean", "--axis", "columns", "--json"], &weather()).json();
    assert_eq!(columns["mean"][0], Value::Null);
    close(&columns["mean"][6], WEATHER[6].2);
    assert_eq!(columns["count"], json!(vec![26115; 9]));
    let masked = run(&["sum", "--where", "x > 100.5", "--json"], &weather()).json();
    assert_eq!(masked["count"], 43044);
    close(&masked["sum"], 28707978.557617188);
    let reversed = run(&["sum", "--where", "100.5<x", "--json"], &weather()).json();
    assert_eq!(without_time(reversed), without_time(masked));
}

#[test]
fn the_whole_json_object() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 3], &[1_i16, 2, 3, -4, 5, 6]);
    let file = x.to_str().expect("text");
    let of = |args: &[&str]| without_time(run(args, &x).json());
    let common = |axis: &str, more: Value| {
        let mut object =
            json!({"file": file, "dtype": "int16", "shape": [2, 3], "axis": axis, "bytes": 12});
        object.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        object
    };
    assert_eq!(of(&["sum", "--json"]), common("all", json!({"count": 6, "sum": 13})));
    assert_eq!(
        of(&["sum", "--json", "--axis", "columns"]),
        common("columns", json!({"count": [2, 2, 2], "sum": [-3, 7, 9]}))
    );
    assert_eq!(
        of(&["mean", "--json", "--axis=rows", "--where", "x>0"]),
        common("rows", json!({"count": [3, 2], "mean": [2.0, 5.5]}))
    );
    let two = json!({"count": 2, "nan": 0, "inf": 0, "sum": 11, "mean": 5.5, "std": 0.5,
                     "var": 0.25, "min": 5, "max": 6});
    assert_eq!(of(&["stats", "--json", "--axis", "all", "--where", "x >= 5"]), common("all", two));
    let ddof = of(&["stats", "--json", "--axis", "rows", "--ddof", "1"]);
    assert_eq!(ddof["var"][0], 1.0);
    assert_eq!(of(&["stats", "--json", "--ddof", "2"])["var"], json!([null, null, null]));
    // The keys are in documented order.
    let text = run(&["sum", "--json"], &x).ok();
    let mut from = 0;
    for key in ["file", "dtype", "shape", "axis", "count", "sum", "seconds", "bytes"] {
        from += text[from..].find(&format!("\"{key}\":")).expect("in this order");
    }
}

#[test]
fn kept_axes_set_the_shape() {
    let dir = dir();
    let values: Vec<u8> = (0..12).collect();
    let x = write(&dir, "x.npy", &[2, 3, 2], &values);
    let columns = run(&["sum", "--axis", "columns", "--json"], &x).json();
    assert_eq!(columns["sum"], json!([[6, 8], [10, 12], [14, 16]]));
    assert_eq!(run(&["stats", "--json"], &x).json()["max"], json!([[6, 7], [8, 9], [10, 11]]));
    let table = run(&["stats"], &x).ok();
    assert!(table.lines().nth(4).expect("a line").starts_with("1,1 "), "{table}");
    // Reducing the columns of a one-dimensional array leaves no axis, reducing its rows leaves one.
    let line = write(&dir, "line.npy", &[3], &[1_u8, 2, 4]);
    assert_eq!(run(&["sum", "--axis", "columns", "--json"], &line).json()["sum"], 7);
    assert_eq!(run(&["sum", "--axis", "rows", "--json"], &line).json()["sum"], json!([1, 2, 4]));
    let none = write(&dir, "none.npy", &[0, 2], &[] as &[f32]);
    let stats = run(&["stats", "--json"], &none).json();
    assert_eq!(stats["sum"], json!([0.0, 0.0]));
    assert_eq!((&stats["mean"], &stats["min"]), (&json!([null, null]), &json!([null, null])));
}

#[test]
fn numbers_round_trip() {
    let dir = dir();
    let third = write(&dir, "third.npy", &[1], &[1.0_f64 / 3.0]);
    assert!(run(&["sum", "--json"], &third).ok().contains("\"sum\":0.3333333333333333,"));
    assert_eq!(run(&["sum"], &third).ok(), "0.3333333333333333\n");
    let inf = write(&dir, "inf.npy", &[2, 2], &[f32::INFINITY, 1.0, 2.0, f32::NEG_INFINITY]);
    let stats = run(&["stats", "--json"], &inf).json();
    assert_eq!(stats["sum"], json!(["inf", "-inf"]));
    assert_eq!((&stats["max"], &stats["inf"]), (&json!(["inf", 1.0]), &json!([1, 1])));
    assert_eq!(stats["std"], json!([null, null]));
    let table = run(&["stats"], &inf).ok();
    assert!(table.lines().next().expect("a header").contains(" inf "), "{table}");
    let most = write(&dir, "most.npy", &[1], &[u64::MAX]);
    assert!(run(&["sum", "--json"], &most).ok().contains("\"sum\":18446744073709551615,"));
    let bools = write(&dir, "bools.npy", &[3], &[true, false, true]);
    let stats = run(&["stats", "--json"], &bools).json();
    assert_eq!((&stats["sum"], &stats["min"]), (&json!(2), &json!(false)));
}

#[test]
fn masks() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[3, 2], &[1_i32, 2, 3, 4, 5, 6]);
    let rows = write(&dir, "rows.npy", &[3], &[true, false, true]);
    let elements = write(&dir, "elements.npy", &[3, 2], &[true, false, false, false, false, true]);
    let sum = |mask: &std::path::Path, axis| {
        let mask = mask.to_str().expect("text");
        run(&["sum", "--json", "--axis", axis, "--mask", mask], &x).json()
    };
    assert_eq!(sum(&rows, "all")["sum"], 14);
    assert_eq!(sum(&rows, "all")["count"], 4);
    assert_eq!(sum(&rows, "columns")["sum"], json!([6, 8]));
    assert_eq!(sum(&rows, "rows")["count"], json!([2, 0, 2]));
    assert_eq!(sum(&elements, "rows")["sum"], json!([1, 0, 6]));
}

#[test]
fn no_knob_changes_a_bit() {
    let stats = |more: &[&str]| {
        let mut args = vec!["stats", "--json", "--no-progress"];
        args.extend(more);
        without_time(run(&args, &weather()).json())
    };
    let expected = stats(&[]);
    for knobs in [
        &["--workers", "1"][..],
        &["--workers", "7", "--chunk", "1rows"],
        &["--chunk", "4MiB"],
        &["--chunk", "1000rows", "--backend", "positioned"],
    ] {
        assert_eq!(stats(knobs), expected, "{knobs:?}");
    }
}

#[test]
fn raw_files() {
    let fmri = root().join("tests/fixtures/nifti/functional.nii");
    let raw = ["--shape", "17,21,3,20", "--offset", "352", "--order", "F"];
    let sum = |dtype: &[&str]| {
        run(&[&["sum", "--json"][..], &raw, dtype].concat(), &fmri).json()["sum"].clone()
    };
    let expected = sum(&["--dtype", ">i2"]);
    assert_eq!(sum(&["--dtype", "i16", "--byte-order", "big"]), expected);
    assert_eq!(sum(&["--dtype", "int16", "--byte-order", "big"]), expected);
    assert_ne!(sum(&["--dtype", "i16"]), expected);
    let info = run(&[&["info", "--json", "--dtype", ">i2"][..], &raw].concat(), &fmri).json();
    assert_eq!(info["format"], "raw");
    assert_eq!((&info["descr"], &info["byte_order"]), (&json!(">i2"), &json!("big")));
    assert_eq!((&info["order"], &info["offset"]), (&json!("F"), &json!(352)));
    assert_eq!((&info["rows"], &info["row_bytes"]), (&json!(17), &json!(21 * 3 * 20 * 2)));
    assert_eq!((&info["in_place"], &info["columns"]), (&json!(false), &Value::Null));
}

#[test]
fn info_reads_the_metadata() {
    let info = run(&["info"], &weather()).ok();
    for text in [
        "float32 (<f4, little-endian)",
        "(26115, 9)",
        "940.1 kB (940,140 bytes)",
        "26,115",
        "36 bytes",
        "F (the first axis varies fastest)",
        "decoded (in Fortran order)",
        "temp, dewp, humid",
    ] {
        assert!(info.contains(text), "{text}:\n{info}");
    }
    let json = run(&["info", "--json"], &weather()).json();
    assert_eq!(json["columns"], json!(NAMES));
    assert_eq!((&json["order"], &json["in_place"]), (&json!("F"), &json!(false)));
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1_i64, 2, 3, 4]);
    let info = run(&["info"], &x).ok();
    assert!(info.contains("elements  lent in place\n") && !info.contains("columns"), "{info}");
    let json = run(&["info", "--json"], &x).json();
    assert_eq!((&json["in_place"], &json["backend"]), (&json!(true), &json!("mapped")));
    assert!(info.contains("backend   mapped\n"), "{info}");
    let decoded = run(&["info", "--backend", "positioned"], &weather()).ok();
    assert!(decoded.contains("decoded (the positioned backend"), "{decoded}");
    assert!(decoded.contains("backend   positioned\n"), "{decoded}");
    let json = run(&["info", "--json", "--backend", "positioned"], &weather()).json();
    assert_eq!(json["backend"], "positioned");
}

#[test]
fn a_single_number_is_printed_alone() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[0.5_f32, 1.5, 2.0, f32::NAN]);
    assert_eq!(run(&["sum"], &x).ok(), "nan\n");
    assert_eq!(run(&["sum", "--nan", "skip"], &x).ok(), "4.0\n");
    let result = run(&["mean", "--where", "x < 2"], &x);
    assert!(result.err.ends_with("; 2 elements where x < 2\n"), "{}", result.err);
    assert_eq!(result.ok(), "1.0\n");
    let table = run(&["sum", "--axis", "rows"], &x).ok();
    assert_eq!(table, "row  count  sum\n0        2    2\n1        2  nan\n");
    let list = run(&["stats", "--axis", "all"], &x).ok();
    assert!(list.starts_with("count  3\nnan    1\ninf    0\nsum    4\n"), "{list}");
}

#[test]
fn names_cannot_control_the_terminal() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[1, 2], &[1_u8, 2]);
    let sidecar = dir.path().join("x.npy.meta.json");
    std::fs::write(sidecar, r#"{"rowmill": 1, "columns": ["a\u001b[2J", "b"]}"#).expect("written");
    for command in ["stats", "info"] {
        let out = run(&[command], &x).ok();
        assert!(out.contains("a\\u{1b}[2J") && !out.contains('\u{1b}'), "{out:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    // The output exceeds the buffer of a pipe, so the command is still writing when its reader
    // closes it.
    let dir = dir();
    let x = write(&dir, "x.npy", &[100_000], &vec![1_u8; 100_000]);
    let mut child = command()
        .args(["stats", "--axis", "rows", "--json"])
        .arg(&x)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
