//! `rowmill normalize`: its outputs and its messages.

use std::path::Path;

use rowmill::file::Sidecar;
use rowmill::{Array, DType, f16, open};
use serde_json::json;

use crate::common::{dir, rowmill, weather, write};

fn normalize(args: &[&str], x: &Path, out: &Path) -> crate::common::CommandResult {
    let paths = [x.to_str().expect("text"), out.to_str().expect("text")];
    rowmill([&["normalize"][..], args, &paths].concat())
}

#[test]
fn z_scores_with_their_names() {
    let dir = dir();
    let out = dir.path().join("z.npy");
    let result = normalize(&[], &weather(), &out);
    assert!(
        result.err.starts_with("wrote ") && result.err.contains("z.npy: float32 (26115, 9) in ")
    );
    assert_eq!(result.ok(), "", "notes are not data");
    let (x, z) = (Array::<f32>::open(weather()).expect("x"), Array::<f32>::open(&out).expect("z"));
    assert_eq!(z.meta().columns, x.meta().columns);
    assert!(Sidecar::path_for(&out).exists());
    let element = |a: &Array<f32>, row| f64::from(a.get(&[row, 0]).expect("inside"));
    for row in [0, 1, 1000, 26114] {
        // NumPy's nanmean and nanstd of the column.
        let expected = (element(&x, row) - 55.26039214155033) / 17.78751157693728;
        assert!((element(&z, row) - expected).abs() < 1e-6 || expected.is_nan());
    }
}

#[test]
fn ranges_axes_and_dtypes() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[0_i32, 10, 4, 20]);
    let out = dir.path().join("out.npy");
    let report = normalize(&["--method", "minmax", "--range", "-1,1", "--json"], &x, &out).json();
    assert!(report["seconds"].as_f64().expect("a number") > 0.0);
    for (key, value) in [
        ("file", json!(x)),
        ("output", json!(out)),
        ("dtype", json!("int32")),
        ("output_dtype", json!("float64")),
        ("shape", json!([2, 2])),
        ("axis", json!("columns")),
        ("method", json!("minmax")),
        ("bytes", json!(16)),
    ] {
        assert_eq!(report[key], value, "{key}");
    }
    let values = |out: &Path| Array::<f64>::open(out).expect("f64").as_slice().map(<[f64]>::to_vec);
    assert_eq!(values(&out), Some(vec![-1.0, -1.0, 1.0, 1.0]));
    normalize(&["--overwrite", "--method=minmax", "--axis=all"], &x, &out).ok();
    assert_eq!(values(&out), Some(vec![0.0, 0.5, 0.2, 1.0]));
    normalize(&["--overwrite", "--axis=rows"], &x, &out).ok();
    assert_eq!(values(&out), Some(vec![-1.0, 1.0, -1.0, 1.0]));
    normalize(&["--overwrite", "--output-dtype", "f16"], &x, &out).ok();
    let small = Array::<f16>::open(&out).expect("f16");
    assert_eq!(small.as_slice().expect("in place")[3], f16::from_f32(1.0));
    normalize(&["--overwrite", "--output-dtype", "float32"], &x, &out).ok();
    assert_eq!(open(&out).expect("f32").dtype(), DType::F32);
}

#[test]
fn the_input_is_never_the_output() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2], &[1.0_f32, 2.0]);
    let before = std::fs::read(&x).expect("x");
    normalize(&[], &x, &x).fails(2, &["rowmill: ", "that is the input "]);
    let roundabout = dir.path().join(".").join("x.npy");
    normalize(&[], &x, &roundabout).fails(2, &["that is the input "]);
    let other_name = dir.path().join("y.npy");
    std::fs::hard_link(&x, &other_name).expect("a link");
    normalize(&[], &x, &other_name).fails(2, &["that is the input "]);
    assert_eq!(std::fs::read(&x).expect("x"), before);
}

#[test]
fn only_npy_can_be_written() {
    let out = dir().path().join("out.dat");
    normalize(&[], &weather(), &out).fails(2, &["has to end in .npy"]);
}

#[test]
fn fitted_and_applied_to_another_file() {
    let dir = dir();
    let train = write(&dir, "train.npy", &[3, 2], &[1.0_f64, 10.0, 3.0, 20.0, 5.0, 60.0]);
    let test = write(&dir, "test.npy", &[1, 2], &[9.0_f64, 35.0]);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (fit, out, back) = (path("fit.json"), path("out.npy"), path("back.npy"));
    let (train, test) = (train.display().to_string(), test.display().to_string());
    let read = |path: &str| {
        let x = Array::<f64>::open(path).expect("written");
        x.as_slice().expect("mapped").to_vec()
    };
    for (method, expected) in [
        (&["--method", "minmax", "--range", "0,4"][..], [8.0, 2.0]),
        (&["--method", "minmax", "--range", "0,4", "--clip"], [4.0, 2.0]),
        (&["--method", "maxabs"], [1.8, 35.0 / 60.0]),
        (&["--method", "robust"], [3.0, 0.6]),
    ] {
        let args =
            [&["normalize", &train, &out, "--save-fit", &fit, "--overwrite"], method].concat();
        rowmill(args).ok();
        let report =
            rowmill(["normalize", &test, &out, "--by", &fit, "--json", "--overwrite"]).json();
        assert_eq!((&report["method"], &report["axis"]), (&method[1].into(), &"columns".into()));
        assert_eq!(read(&out), expected, "{method:?}");
        rowmill(["normalize", &out, &back, "--by", &fit, "--inverse", "--overwrite"]).ok();
        if !method.contains(&"--clip") {
            assert!((read(&back)[0] - 9.0).abs() < 1e-12 && (read(&back)[1] - 35.0).abs() < 1e-12);
        }
    }
    rowmill(["normalize", &train, &out, "--method", "l2", "--axis", "rows", "--overwrite"]).ok();
    assert_eq!(read(&out)[4].hypot(read(&out)[5]), 1.0);
    let wide = write(&dir, "wide.npy", &[1, 3], &[1.0_f64, 2.0, 3.0]).display().to_string();
    let wrong = rowmill(["normalize", &wide, &back, "--by", &fit, "--overwrite"]);
    wrong.fails(1, &["fitted to rows of shape [2], these have [3]"]);
    rowmill(["normalize", &train, &out, "--axis", "rows", "--save-fit", &fit, "--overwrite"])
        .fails(1, &["fit columns or everything"]);
    std::fs::write(&fit, "{}").expect("enough space");
    rowmill(["normalize", &test, &back, "--by", &fit, "--overwrite"])
        .fails(1, &["fit.json: this is no fitted"]);
    rowmill(["normalize", &test, &back, "--inverse"]).fails(2, &["--by"]);
    rowmill(["normalize", &test, &back, "--method", "l1", "--range", "0,1", "--overwrite"])
        .fails(2, &["l1 has no range"]);
}
