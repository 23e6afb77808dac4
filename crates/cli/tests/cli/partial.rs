//! `rowmill partial` and `rowmill merge`

use serde_json::Value;

use crate::common::{dir, rowmill, run, weather, write};

/// An answer without the entries that differ from run to run.
fn answer(mut json: Value) -> Value {
    let object = json.as_object_mut().expect("an object");
    for key in ["file", "files", "seconds", "bytes"] {
        object.remove(key);
    }
    json
}

#[test]
fn merged_partials_equal_a_single_run() {
    let (dir, file) = (dir(), weather());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let file = file.display().to_string();
    for options in [
        &["--axis", "columns"][..],
        &["--axis", "rows"],
        &["--axis", "all", "--nan", "propagate"],
        &["--axis", "columns", "--where", "x > 10"],
    ] {
        let (one, two) = (path("1.json"), path("2.json"));
        rowmill(
            [&["partial", &file, "-o", &one, "--overwrite", "--rows", ":14560"], options].concat(),
        )
        .ok();
        rowmill(
            [&["partial", &file, "-o", &two, "--overwrite", "--part", "2/2"], options].concat(),
        )
        .ok();
        let merged = rowmill(["merge", &two, &one, "--json"]).json();
        let stats = rowmill([&["stats", &file, "--json"], options].concat()).json();
        assert_eq!(merged["files"], serde_json::json!([file]));
        assert_eq!(answer(merged), answer(stats));
    }
    let (one, two, both) = (path("1.json"), path("2.json"), path("both.json"));
    rowmill(["merge", &one, "-o", &both]).ok();
    let all = path("all.json");
    rowmill(["partial", &file, "--after", &both, "-o", &all, "--where", "x > 10"]).ok();
    let table = rowmill(["merge", &all]).ok();
    assert_eq!(table, rowmill(["merge", &one, &two]).ok());
    assert!(table.contains("wind_gust"), "{table}");
}

#[test]
fn mismatched_partials_are_refused() {
    let (dir, file) = (dir(), weather());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let out = path("p.json");
    let partial = |args: &[&str]| run(&[&["partial", "-o", &out], args].concat(), &file);
    partial(&["--rows", "10:20000"]).fails(
        1,
        &["rows 10..20000", "multiples of 14560 rows", "(26115 rows)", "0..26115 would do"],
    );
    partial(&["--rows", "10"]).fails(2, &["expected FIRST:END"]);
    partial(&["--part", "3/2"]).fails(2, &["expected K/N"]);
    assert!(!dir.path().join("p.json").exists());
    partial(&["--part", "1/2"]).ok();
    rowmill(["merge", &out]).fails(1, &["rows from 14560 on are in none of the partials"]);
    rowmill(["merge", &out, &out]).fails(1, &["rows 0..14560 are in more than one"]);
    let means = path("all.json");
    run(&["partial", "-o", &means, "--axis", "all", "--part", "2/2"], &file).ok();
    rowmill(["merge", &out, &means]).fails(1, &["p.json with", "different reductions"]);
    let text = std::fs::read_to_string(&out).expect("written");
    std::fs::write(&out, text.replacen("\"level\": 0", "\"level\": 1", 1)).expect("enough space");
    rowmill(["merge", &out]).fails(1, &["p.json: the partial was damaged"]);
    std::fs::write(&out, "{}").expect("enough space");
    rowmill(["merge", &out]).fails(1, &["p.json: no partial of `rowmill partial`"]);
    rowmill(["merge", &path("none.json")]).fails(1, &["none.json"]);
}

#[test]
fn every_dtype() {
    let dir = dir();
    let out = dir.path().join("p.json").display().to_string();
    fn check<T: rowmill::Element>(dir: &tempfile::TempDir, out: &str, values: &[T]) {
        let name = format!("{}.npy", T::DTYPE);
        let file = write(dir, &name, &[values.len()], values);
        run(&["partial", "--overwrite", "-o", out], &file).ok();
        let merged = rowmill(["merge", out, "--json", "--ddof", "1"]).json();
        let stats = run(&["stats", "--json", "--ddof", "1"], &file).json();
        assert_eq!(answer(merged), answer(stats));
    }
    check(&dir, &out, &[true, false, true]);
    check(&dir, &out, &[1_i8, -2, 3]);
    check(&dir, &out, &[1_i16, -2, 3]);
    check(&dir, &out, &[1_i32, -2, 3]);
    check(&dir, &out, &[1_i64, -2, i64::MIN / 2]);
    check(&dir, &out, &[1_u8, 2, 255]);
    check(&dir, &out, &[1_u16, 2, 3]);
    check(&dir, &out, &[1_u32, 2, 3]);
    check(&dir, &out, &[1_u64, 2, u64::MAX / 2]);
    check(&dir, &out, &[1.5_f32, -2.0, f32::NAN]);
    check(&dir, &out, &[1.5_f64, f64::INFINITY, 3.0]);
    check(&dir, &out, &[rowmill::f16::from_f32(1.5), rowmill::f16::from_f32(-2.0)]);
}

/// Every statistic that has a mergeable state, with its options.
const MERGEABLE: [&str; 30] = [
    "count",
    "nan",
    "inf",
    "sum",
    "sum(exact)",
    "mean",
    "mean(exact)",
    "var",
    "var(1)",
    "std",
    "min",
    "max",
    "ptp",
    "argmin",
    "argmax",
    "prod",
    "skew",
    "skew(unbiased)",
    "kurtosis",
    "norm",
    "norm(1)",
    "norm(max)",
    "any",
    "all",
    "distinct",
    "top_k(3)",
    "bottom_k(2)",
    "approx_quantile(0.5,0.9)",
    "histogram(5,0,100)",
    "max,mean,skew,top_k(2),min",
];

#[test]
fn merged_lists_of_statistics_equal_reduce() {
    let (dir, file) = (dir(), weather());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let file = file.display().to_string();
    let parts = [path("1.json"), path("2.json"), path("3.json")];
    let check = |list: &str, axis: &str| {
        let options = ["--axis", axis, "--nan", "skip"];
        for (i, part) in parts.iter().enumerate() {
            let k = format!("{}/3", i + 1);
            let call =
                ["partial", &file, "--statistics", list, "-o", part, "--overwrite", "--part", &k];
            rowmill([&call[..], &options].concat()).ok();
        }
        let merged = rowmill(["merge", &parts[2], &parts[0], &parts[1], "--json"]).json();
        let whole = rowmill([&["reduce", list, &file, "--json"], &options[..]].concat()).json();
        assert_eq!(answer(merged), answer(whole), "{list}, {axis}");
        let printed = rowmill(["merge", &parts[1], &parts[0], &parts[2]]).ok();
        assert_eq!(printed, rowmill([&["reduce", list, &file], &options[..]].concat()).ok());
    };
    for list in MERGEABLE {
        check(list, "columns");
    }
    for list in ["cov", "corr", "cov(1)", "max,argmax,histogram(4,0,50)"] {
        check(list, "all");
    }
    check("ptp,argmin", "rows");
}

#[test]
fn unmergeable_lists_are_refused() {
    let (dir, file) = (dir(), weather());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (one, other) = (path("1.json"), path("2.json"));
    let partial = |list: &str, more: &[&str]| {
        run(&[&["partial", "-o", &one, "--statistics", list], more].concat(), &file)
    };
    partial("median", &[])
        .fails(2, &["median takes several reads", "approx_quantile(...) has one"]);
    partial("histogram(9)", &[]).fails(2, &["histogram(9) is over the interval", "(20,0,1)"]);
    partial("cov", &[]).fails(2, &["cov is of whole rows"]);
    partial("maximum", &[]).fails(2, &["did you mean max"]);
    assert!(!dir.path().join("1.json").exists(), "nothing was written");
    partial("max,min", &["--part", "1/2"]).ok();
    run(&["partial", "-o", &other, "--part", "2/2"], &file).ok();
    rowmill(["merge", &one, &other])
        .fails(1, &["of other statistics: max,min, and those of `rowmill stats`"]);
    run(&["partial", "--after", &one, "-o", &path("3.json")], &file)
        .fails(2, &["1.json is of other statistics: max,min", "--statistics has to be the same"]);
    let after = ["partial", "--after", &one, "--statistics", "max,min", "-o"];
    let all = path("all.json");
    run(&[&after[..], &[&all]].concat(), &file).ok();
    rowmill(["merge", &all, "--ddof", "1"]).fails(2, &["of max,min", "var(1)"]);
    let whole = run(&["reduce", "max,min", "--axis", "columns", "--nan", "skip"], &file).ok();
    assert_eq!(rowmill(["merge", &all]).ok(), whole);
}

#[test]
fn edited_lists_are_refused() {
    let (dir, file) = (dir(), weather());
    let path = dir.path().join("p.json").display().to_string();
    let made = "histogram(5,0,1)";
    run(&["partial", "-o", &path, "--statistics", made, "--axis", "all"], &file).ok();
    let text = std::fs::read_to_string(&path).expect("written");
    for (list, expected) in [
        ("histogram(5)", "histogram(5) is over the interval"),
        ("histogram(6,0,1)", "different reductions"),
        ("histogram(99999999999999,0,1)", ""),
        ("top_k(99999999999999)", ""),
        ("max", "different reductions"),
        ("median", "median takes several reads"),
        ("maximum", "did you mean max"),
        ("", "no partial of `rowmill partial`"),
    ] {
        let changed = text.replacen(&format!("{made:?}"), &format!("{list:?}"), 1);
        assert_ne!(changed, text, "the file says which list it is of");
        std::fs::write(&path, changed).expect("enough space");
        rowmill(["merge", &path]).fails(1, &[expected]);
    }
}

#[test]
fn lists_for_complex_numbers() {
    let dir = dir();
    let path = dir.path().join("p.json").display().to_string();
    let values = [(1.0, 2.0), (3.0, -1.0), (0.5, 0.0)];
    let values = values.map(|(re, im)| rowmill::Complex::new(re, im));
    let file = write(&dir, "z.npy", &[3], &values);
    run(&["partial", "-o", &path], &file).fails(2, &["partials look for minima and maxima"]);
    run(&["partial", "-o", &path, "--statistics", "max"], &file).fails(2, &["max is not for"]);
    let list = "sum,mean,count,var,std(1)";
    run(&["partial", "-o", &path, "--statistics", list, "--axis", "all"], &file).ok();
    let merged = rowmill(["merge", &path, "--json"]).json();
    let whole = run(&["reduce", list, "--json", "--nan", "skip"], &file).json();
    assert_eq!(answer(merged), answer(whole));
}
