//! The fixtures: files written by NumPy, with the results of NumPy and exact arithmetic.
//!
//! Integers agree exactly. Sums and means of floats are within one rounding of the exact value
//! (`f64`), or within `1e-15` of the sum of magnitudes (`f16`, `f32`). Standard deviations are
//! within `1e-13`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::two_workers;
use crate::common::value::{Total, Value};
use rowmill::file::{Backend, ByteOrder, Order, RawSpec};
use rowmill::reduce::Summary;
use rowmill::{
    AnyArray, Array, DType, Engine, Mask, Mean, Moments, NanPolicy, OpenOptions, Shape, Stats, Sum,
    match_array,
};
use serde_json::{Map, Value as Json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The facts about `good` files, or the messages of `bad` ones. A missing folder is a failure,
/// because nothing would be tested.
fn expected(kind: &str) -> Map<String, Json> {
    let path = fixtures().join("expected.json");
    let text = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let json: Json = serde_json::from_slice(&text).expect("expected.json is JSON");
    let files = json[kind].as_object().expect("files by name").clone();
    assert!(files.len() > 60, "only {} {kind} files", files.len());
    for name in files.keys() {
        assert!(fixtures().join(name).is_file(), "{name} is missing");
    }
    files
}

/// A float in the script's notation: NaN is null, infinities are strings.
fn float(json: &Json) -> f64 {
    match json {
        Json::Null => f64::NAN,
        Json::String(text) => text.parse().expect("inf or -inf"),
        number => number.as_f64().expect("a number"),
    }
}

fn integer(json: &Json) -> i128 {
    let signed = json.as_i64().map(i128::from);
    signed.or_else(|| json.as_u64().map(i128::from)).expect("an integer")
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

fn dims(facts: &Json) -> Vec<usize> {
    list(&facts["shape"]).iter().map(|d| d.as_u64().expect("a dimension") as usize).collect()
}

fn open(name: &str, facts: &Json, backend: Backend) -> AnyArray {
    let mut options = OpenOptions::new().backend(backend);
    if facts["spec"] == true {
        let dtype: DType = facts["dtype"].as_str().expect("a name").parse().expect("a dtype");
        let order = if facts["fortran_order"] == true { Order::F } else { Order::C };
        let bytes = if facts["byte_order"] == "big" { ByteOrder::Big } else { ByteOrder::Little };
        let shape = Shape::new(dims(facts)).expect("a shape");
        let offset = facts["offset"].as_u64().expect("an offset");
        options =
            options.spec(RawSpec::new(dtype, shape).offset(offset).order(order).byte_order(bytes));
    }
    options.open_any(fixtures().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn check_meta(name: &str, facts: &Json, x: &AnyArray) {
    let meta = x.meta();
    assert_eq!(meta.dtype.name(), facts["dtype"].as_str().expect("a name"), "{name}");
    assert_eq!(meta.shape.dims(), dims(facts), "{name}");
    assert_eq!(meta.order == Order::F, facts["fortran_order"] == true, "{name}");
    assert_eq!(facts["offset"], meta.offset, "{name}");
    match facts["byte_order"].as_str() {
        Some("little") => assert_eq!(meta.byte_order, ByteOrder::Little, "{name}"),
        Some("big") => assert_eq!(meta.byte_order, ByteOrder::Big, "{name}"),
        _ => assert_eq!(meta.dtype.size(), 1, "{name}"),
    }
    let columns = facts.get("columns").map(|names| {
        list(names).iter().map(|name| name.as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(meta.columns, columns, "{name}");
}

/// Checks that the numbers are equal, both NaN, or within `bound`.
fn near(got: f64, expected: f64, bound: f64, what: &str) {
    let fits = got == expected
        || (got.is_nan() && expected.is_nan())
        || (expected.is_finite() && (got - expected).abs() <= bound);
    assert!(fits, "{what}: {got}, expected {expected}, bound {bound:e}");
}

/// The allowed error of a sum of these elements.
fn bound<T: Value>(elements: &[T], exact: f64) -> f64 {
    let size: f64 = elements.iter().map(|x| x.float().abs()).filter(|x| x.is_finite()).sum();
    match T::DTYPE {
        DType::F64 => exact.abs() * f64::EPSILON,
        _ => size * 1e-15,
    }
}

fn check_sum<T: Value>(got: T::Sum, mean: f64, facts: (&Json, &Json), cell: &[T], at: &str) {
    let (sum, exact_mean) = (facts.0, float(facts.1));
    if T::DTYPE.is_float() {
        let bound = bound(cell, float(sum));
        near(got.float(), float(sum), bound, &format!("sum of {at}"));
        let each = bound / cell.len() as f64 + exact_mean.abs() * f64::EPSILON;
        near(mean, exact_mean, each, &format!("mean of {at}"));
    } else {
        assert_eq!(got.integer(), Some(integer(sum)), "sum of {at}");
        // The mean is exact, and rounded once on both sides.
        near(mean, exact_mean, 0.0, &format!("mean of {at}"));
    }
}

/// Checks the statistics over everything; `prefix` selects those without NaN.
fn check_all<T: Value>(stats: &Summary<T>, facts: &Json, prefix: &str, cell: &[T], at: &str) {
    let fact = |key: &str| &facts[format!("{prefix}{key}")];
    check_sum(stats.sum, stats.mean, (fact("sum"), fact("mean")), cell, at);
    let std = float(fact("std"));
    near(stats.std(), std, std * 1e-13, &format!("std of {at}"));
    near(stats.var, std * std, std * std * 3e-13, &format!("var of {at}"));
    let or_nan = |x: Option<T>| x.map_or(f64::NAN, Value::float);
    near(or_nan(stats.min), float(fact("min")), 0.0, &format!("min of {at}"));
    near(or_nan(stats.max), float(fact("max")), 0.0, &format!("max of {at}"));
}

fn check<T: Value>(engine: &Engine, name: &str, facts: &Json, x: &Array<T>) {
    let (rows, cols) = (x.shape().rows(), x.shape().row_len());
    let values = rowmill::Source::rows(x, 0..rows, &mut rowmill::view::TileBuffer::new())
        .expect("all rows")
        .to_vec();
    let (all, per_column, per_row) = engine
        .reduce(x, (Stats::all(), Stats::per_column(), Stats::per_row()))
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    check_all(&all, facts, "", &values, name);
    assert_eq!(all.count, values.len() as u64, "{name}");
    for (axis, got, cells) in [("per_column", &per_column, cols), ("per_row", &per_row, rows)] {
        let (sums, means) = (list(&facts[axis]["sum"]), list(&facts[axis]["mean"]));
        assert_eq!((got.len(), got.len(), got.len()), (cells, sums.len(), means.len()), "{name}");
        for (i, stats) in got.iter().enumerate() {
            let cell: Vec<T> = match axis {
                "per_row" => values[i * cols..(i + 1) * cols].to_vec(),
                _ => values.iter().skip(i).step_by(cols).copied().collect(),
            };
            check_sum(
                stats.sum,
                stats.mean,
                (&sums[i], &means[i]),
                &cell,
                &format!("{axis} {i} {name}"),
            );
        }
    }
    let skip = engine.reduce(x, Stats::all().nan(NanPolicy::Skip)).expect("stats");
    if let Some(nan) = facts.get("nan_count") {
        let nan = nan.as_u64().expect("a count");
        assert_eq!((all.nan, skip.nan), (nan, nan), "{name}");
        assert_eq!(facts["inf_count"], all.inf, "{name}");
        assert_eq!(skip.count, values.len() as u64 - nan, "{name}");
        let kept: Vec<T> = values.into_iter().filter(|x| !x.float().is_nan()).collect();
        check_all(&skip, facts, "nan", &kept, &format!("{name} without NaN"));
    } else {
        assert_eq!((all.nan, all.inf), (0, 0), "{name}");
        check_all(&skip, facts, "", &values, name);
    }
}

#[test]
fn good_files_agree_with_numpy() {
    let engine = two_workers();
    for (name, facts) in &expected("good") {
        for backend in [Backend::Mapped, Backend::Positioned] {
            let x = open(name, facts, backend);
            check_meta(name, facts, &x);
            match_array!(&x, x => check(&engine, name, facts, x); complex _x => panic!("no fixture is complex"));
        }
    }
}

#[test]
fn bad_files_are_refused_with_a_reason() {
    for (name, message) in &expected("bad") {
        let message = message.as_str().expect("a part of the message");
        for backend in [Backend::Mapped, Backend::Positioned] {
            let path = fixtures().join(name);
            let error = match OpenOptions::new().backend(backend).open_any(&path) {
                Ok(x) => panic!("{name} opened as {} {}", x.dtype(), x.shape()),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(message), "{name}: {error:?} does not say {message:?}");
            let file = name.rsplit('/').next().expect("a name").trim_end_matches(".dat");
            assert!(error.contains(file), "{name}: {error:?} does not name the file");
        }
        let any_type = rowmill::ArrayMut::<f32>::open(fixtures().join(name));
        assert!(any_type.is_err(), "{name} opened for writing");
        assert!(rowmill::CowArray::<f32>::open(fixtures().join(name)).is_err(), "{name}");
    }
}

#[test]
fn the_wrong_dtype_is_refused() {
    let error = Array::<f32>::open(fixtures().join("npy/tall-f8.npy")).expect_err("it holds f64");
    let text = error.to_string();
    assert!(text.contains("float64") && text.contains("float32"), "{text}");
    let error = Array::<f64>::open(fixtures().join("raw/spec-only.dat")).expect_err("no sidecar");
    assert!(error.to_string().contains("nothing says what it holds"), "{error}");
}

/// Scanner images: big-endian, in Fortran order, after a header.
#[test]
fn nifti_images_open_as_raw_arrays() {
    for (name, shape) in
        [("functional.nii", &[17, 21, 3, 20][..]), ("anatomical.nii", &[33, 41, 25])]
    {
        let path = fixtures().join("nifti").join(name);
        let facts = &expected("good")[&format!("nifti/{name}")];
        let spec = RawSpec::new(DType::I16, Shape::new(shape).expect("a shape"))
            .offset(352)
            .order(Order::F)
            .byte_order(ByteOrder::Big);
        let x = Array::<i16>::open_raw(&path, &spec).expect("opened");
        let kernels = (Mean::all(), Sum::all(), Moments::all());
        let (mean, sum, moments) = two_workers().reduce(&x, kernels).expect("a mean");
        assert_eq!((mean, i128::from(sum)), (float(&facts["mean"]), integer(&facts["sum"])));
        near(moments.std(), float(&facts["std"]), 1e-9, name);
        let above = Sum::all().masked(Mask::value(|v: i16| v > 1000));
        let below = Sum::all().masked(Mask::value(|v: i16| v <= 1000));
        let (above, below) = two_workers().reduce(&x, (above, below)).expect("sums");
        assert_eq!(above + below, sum);
        // The wrong byte order gives another array; the wrong length is refused.
        let swapped = spec.clone().byte_order(ByteOrder::Little);
        let swapped = Array::<i16>::open_raw(&path, &swapped).expect("opened");
        assert_ne!(two_workers().reduce(&swapped, Sum::all()).expect("a sum"), sum);
        assert!(Array::<i16>::open_raw(&path, &spec.offset(350)).is_err());
    }
}
