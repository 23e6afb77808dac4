//! `rowmill partial` and `rowmill merge`

use serde_json::Value;

use crate::common::{dir, rowmill, run, weather, write};

/// An answer without what differs from run to run.
fn answer(mut json: Value) -> Value {
    let object = json.as_object_mut().expect("an object");
    for key in ["file", "files", "seconds", "bytes"] {
        object.remove(key);
    }
    json
}

#[test]
fn merged_partials_are_the_answer_of_a_single_run() {
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
fn what_does_not_fit_is_refused() {
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
    std::fs::write(&out, text.replacen("\"level\": 0", "\"level\": 1", 1)).expect("room");
    rowmill(["merge", &out]).fails(1, &["p.json: the partial was damaged"]);
    std::fs::write(&out, "{}").expect("room");
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
