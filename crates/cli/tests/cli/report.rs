//! `--memory-ceiling` and `--report`.

use rowmill::Array;
use serde_json::{Value, json};

use crate::common::{dir, rowmill, run, weather, write};

const KEYS: [&str; 10] = [
    "read",
    "written",
    "seconds",
    "bytes_per_second",
    "workers",
    "chunks",
    "released",
    "peak_resident",
    "major_faults",
    "minor_faults",
];

/// Checks the properties of every report, and removes it from the object.
fn report(object: &mut Value) -> Value {
    let report = object.as_object_mut().expect("an object").remove("report").expect("a report");
    let keys: Vec<&String> = report.as_object().expect("an object").keys().collect();
    let mut expected = KEYS.map(str::to_owned);
    expected.sort();
    assert_eq!(keys, expected.iter().collect::<Vec<_>>());
    let number = |key: &str| report[key].as_f64().expect(key);
    let rate = (number("read") + number("written")) / number("seconds");
    assert!((number("bytes_per_second") / rate - 1.0).abs() < 1e-9, "{report}");
    assert!(number("seconds") <= object["seconds"].as_f64().expect("seconds"), "{report}");
    for key in ["peak_resident", "major_faults", "minor_faults"] {
        let known = cfg!(target_os = "linux");
        assert_eq!(report[key].is_u64(), known, "{key}: {report}");
        assert_eq!(report[key].is_null(), !known, "{key}: {report}");
    }
    report
}

#[test]
fn reports_of_reductions() {
    let bytes = 26_115 * 9 * 4;
    for command in ["sum", "mean", "stats"] {
        let plain = run(&[command, "--json", "--workers", "1"], &weather());
        assert!(!plain.err.contains("reduce: "), "{}", plain.err);
        let mut plain = plain.json();
        assert!(plain.get("report").is_none(), "only when it is asked for");
        let result = run(&[command, "--json", "--report", "--workers", "1"], &weather());
        assert_eq!(result.err.lines().filter(|line| line.starts_with("reduce: 0.9 MB")).count(), 1);
        let mut object = result.json();
        let report = report(&mut object);
        assert_eq!(report["read"], json!(bytes));
        assert_eq!((&report["written"], &report["workers"]), (&json!(0), &json!(1)));
        assert_eq!(report["released"], json!(false));
        assert!(report["chunks"].as_u64() > Some(0));
        plain["seconds"].take();
        object["seconds"].take();
        assert_eq!(object, plain, "nothing else changes");
        // As text, the report is an additional line.
        let result = run(&[command, "--report"], &weather());
        assert!(result.err.starts_with("reduce: 0.9 MB read in "), "{}", result.err);
        assert_eq!(result.out, run(&[command], &weather()).ok());
    }
}

#[test]
fn reports_of_normalizations() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[500, 3], &[1_i16; 1500]);
    let out = dir.path().join("z.npy");
    let result = |more: &[&str]| {
        let paths = [x.to_str().expect("text"), out.to_str().expect("text")];
        rowmill([&["normalize", "--overwrite"][..], &paths, more].concat())
    };
    let plain = result(&["--json"]).json();
    assert!(plain.get("report").is_none(), "only when it is asked for");
    let both = result(&["--json", "--report"]);
    let jobs: Vec<&str> = both.err.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(jobs, ["reduce", "map"], "two reads, two reports: {}", both.err);
    let report = report(&mut both.json());
    assert_eq!((&report["read"], &report["written"]), (&json!(6000), &json!(12_000)));
    assert_eq!(report["chunks"], json!(2));
    let people = result(&["--report"]);
    let lines: Vec<&str> = people.err.lines().collect();
    assert!(lines.len() == 3 && lines[2].starts_with("wrote "), "{lines:?}");
}

#[test]
fn a_ceiling_changes_only_memory() {
    let dir = dir();
    // The array is larger than half of the ceiling.
    let values: Vec<f32> = (0..3 << 20).map(|i| (i % 1013) as f32 * 0.37).collect();
    let x = write(&dir, "x.npy", &[3 << 10, 1 << 10], &values);
    let low = ["--memory-ceiling", "16MiB", "--workers", "2", "--report", "--json"];
    let high = ["--memory-ceiling", "1000G", "--workers", "2", "--report", "--json"];
    for command in ["sum", "stats"] {
        let mut of_low = run(&[&[command][..], &low].concat(), &x).json();
        let mut of_high = run(&[&[command][..], &high].concat(), &x).json();
        assert_eq!(report(&mut of_low)["released"], json!(true));
        assert_eq!(report(&mut of_high)["released"], json!(false));
        of_low["seconds"].take();
        of_high["seconds"].take();
        assert_eq!(of_low, of_high);
    }
    let z = |name: &str, how: &[&str]| {
        let out = dir.path().join(name);
        let paths = [x.to_str().expect("text"), out.to_str().expect("text")];
        rowmill([&["normalize"][..], &paths, how].concat()).ok();
        std::fs::read(&out).expect("the output")
    };
    assert!(z("low.npy", &low) == z("high.npy", &high), "other bytes");
    assert_eq!(Array::<f32>::open(dir.path().join("low.npy")).expect("z").shape().rows(), 3072);
}

#[test]
fn invalid_ceilings() {
    let weather = weather();
    let sum = |more: &[&str]| run(&[&["sum"][..], more].concat(), &weather);
    for size in ["auto", "0", "5rows", "-1", "1.5G", "lots", ""] {
        let texts = ["is not a size; expected bytes, such as 512MiB or 4G", "--memory-ceiling"];
        sum(&["--memory-ceiling", size]).fails(2, &texts);
    }
    let too_low = ["the memory ceiling cannot be 8388608 bytes for 2 workers", "at least 8 MiB"];
    sum(&["--memory-ceiling", "8MiB", "--workers", "2"]).fails(2, &too_low);
    sum(&["--memory-ceiling", "8MiB", "--workers", "1"]).ok();
    rowmill(["info", "x.npy", "--report"]).fails(2, &["unexpected argument '--report'"]);
    let help = rowmill(["sum", "--help"]).ok();
    assert!(help.contains("--memory-ceiling <SIZE>") && help.contains("--report"), "{help}");
}
