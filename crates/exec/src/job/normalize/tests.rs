//! Fitted normalizations as values. Written arrays are tested against an oracle in
//! `tests/it/answers/normalize.rs`.

use crate::error::FittedError;
use rowmill_core::{Array, SliceSource};

use super::*;
use crate::engine::Engine;
use crate::error::Error;

fn error(result: Result<impl std::fmt::Debug, Error>) -> FittedError {
    match result {
        Err(Error::Fitted(error)) => error,
        other => panic!("expected an error of a fitted normalization, got {other:?}"),
    }
}

/// Columns with a NaN, an infinity, a single value, and only NaN.
const VALUES: [f64; 20] = {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    [
        1.0, inf, 7.0, nan, 0.1, //
        nan, 2.0, 7.0, nan, 0.2, //
        4.0, 3.0, 7.0, nan, 0.3, //
        -9.0, 4.0, 7.0, nan, 1e300,
    ]
};

const METHODS: [NormalizeMethod; 5] = [
    NormalizeMethod::Robust { low: 0.1, high: 0.75 },
    NormalizeMethod::Norm(NormOrder::L2),
    NormalizeMethod::ZScore,
    NormalizeMethod::MinMax { low: -1.0, high: 3.0 },
    NormalizeMethod::MaxAbs,
];

#[test]
fn json_keeps_every_bit() {
    let x = SliceSource::new(&VALUES, [4, 5]).expect("four rows");
    let engine = Engine::builder().workers(1).build().expect("a worker");
    for method in METHODS {
        for how in [Normalize::new(method), Normalize::new(method).all().clip(true)] {
            let fitted = engine.fit(&x, how).expect("floats");
            let again = Fitted::from_json(&fitted.to_json()).expect("just made");
            assert_eq!(format!("{again:?}"), format!("{fitted:?}"));
            let bits = |f: &Fitted| -> Vec<u64> {
                let scalings = f.scalings_for(&rowmill_core::Shape::new([9, 5]).expect("small"));
                scalings.expect("five columns").iter().map(|s| s.scale.to_bits()).collect()
            };
            assert_eq!(bits(&again), bits(&fitted));
        }
    }
}

#[test]
fn an_earlier_fit_gives_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a place for files");
    let x = SliceSource::new(&VALUES, [4, 5]).expect("four rows");
    let engine = Engine::builder().workers(1).build().expect("a worker");
    for method in METHODS {
        let how = Normalize::new(method);
        let (one, two) = (dir.path().join("1.npy"), dir.path().join("2.npy"));
        engine.normalize(&x, how).overwrite(true).write_npy(&one).expect("room");
        let fitted = engine.fit(&x, how).expect("floats");
        engine.normalize_by(&x, &fitted).overwrite(true).write_npy(&two).expect("room");
        let bytes = std::fs::read(&one).expect("written");
        assert_eq!(bytes, std::fs::read(&two).expect("written"));
        // And the inverse, where it was finite.
        let y = Array::<f64>::open(&one).expect("written");
        engine.denormalize(&y, &fitted).overwrite(true).write_npy(&two).expect("room");
        let back = Array::<f64>::open(&two).expect("written");
        for (i, (&x, &back)) in VALUES.iter().zip(back.as_slice().expect("mapped")).enumerate() {
            // The second column has an infinity, the fourth no number.
            let kept = i % 5 != 1 && x.is_finite();
            assert!(!kept || (x - back).abs() <= 1e-12 * x.abs().max(VALUES[i % 5 + 15].abs()));
        }
    }
}

#[test]
fn more_rows_one_by_one() {
    let values: Vec<f64> = (0..600).map(|i| f64::from(i * 37 % 101).sqrt() + 1e6).collect();
    let engine = Engine::builder().workers(1).build().expect("a worker");
    let array = |rows: std::ops::Range<usize>| {
        SliceSource::new(&values[3 * rows.start..3 * rows.end], [rows.len(), 3]).expect("rows of 3")
    };
    for method in &METHODS[2..] {
        let how = Normalize::new(*method);
        let mut fitted = engine.fit(&array(0..0), how).expect("nothing");
        for (start, end) in [(0, 1), (1, 2), (2, 100), (100, 100), (100, 200)] {
            fitted = engine.fit_more(&array(start..end), &fitted).expect("rows of 3");
        }
        let whole = engine.fit(&array(0..200), how).expect("rows of 3");
        for (a, b) in fitted.found.iter().zip(&whole.found) {
            let close =
                |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs() || a.is_nan() && b.is_nan();
            assert_eq!(a.moments.count, b.moments.count);
            assert!(close(a.moments.mean, b.moments.mean) && close(a.moments.var, b.moments.var));
            assert!(a.min.to_bits() == b.min.to_bits() && a.max.to_bits() == b.max.to_bits());
        }
    }
}

#[test]
fn clipped_and_not_centred() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("y.npy");
    let engine = Engine::builder().workers(1).build().expect("a worker");
    let train = SliceSource::new(&[2.0_f32, 4.0, 6.0], [3, 1]).expect("three rows");
    let test = SliceSource::new(&[-100.0_f32, 3.0, f32::NAN, 100.0], [4, 1]).expect("four rows");
    let by = |how: Normalize| {
        let fitted = engine.fit(&train, how).expect("floats");
        engine.normalize_by(&test, &fitted).overwrite(true).write_npy(&path).expect("room");
        Array::<f32>::open(&path).expect("written").as_slice().expect("mapped").to_vec()
    };
    let shown = |how| format!("{:?}", by(how));
    assert_eq!(shown(Normalize::min_max_to(0.0, 4.0)), "[-102.0, 1.0, NaN, 98.0]");
    assert_eq!(shown(Normalize::min_max_to(0.0, 4.0).clip(true)), "[0.0, 1.0, NaN, 4.0]");
    assert_eq!(shown(Normalize::max_abs().clip(true)), "[-1.0, 0.5, NaN, 1.0]");
    let std = (8.0_f64 / 3.0).sqrt();
    let plain = by(Normalize::z_score().centred(false));
    assert_eq!(plain[1].to_bits(), ((3.0 / std) as f32).to_bits());
}

#[test]
fn robust_and_norms() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("y.npy");
    let engine = Engine::builder().workers(1).build().expect("a worker");
    let data = [3.0_f64, -4.0, 0.0, 0.0, f64::NAN, 2.0, 1.0, 5.0, 1000.0, 7.0];
    let x = SliceSource::new(&data, [5, 2]).expect("five rows");
    let by = |how: Normalize| {
        engine.normalize(&x, how).overwrite(true).write_npy(&path).expect("room");
        format!("{:?}", Array::<f64>::open(&path).expect("written").as_slice().expect("mapped"))
    };
    let l2 = by(Normalize::norm(NormOrder::L2));
    assert!(l2.starts_with("[0.6, -0.8, 0.0, 0.0, NaN, 1.0, 0.19611613513818"), "{l2}");
    let l1 = by(Normalize::norm(NormOrder::L1));
    assert!(
        l1.starts_with("[0.42857142857142855, -0.5714285714285714, 0.0, 0.0, NaN, 1.0"),
        "{l1}"
    );
    let most = by(Normalize::norm(NormOrder::Max));
    assert!(most.starts_with("[0.75, -1.0, 0.0, 0.0, NaN, 1.0, 0.2, 1.0, 1.0, 0.007"), "{most}");
    // Quartiles of 0, 1, 3, 1000: 0.75, 2, 252.25. Of -4, 0, 2, 5, 7: 0, 2, 5.
    let robust = by(Normalize::robust());
    assert!(robust.starts_with(&format!("[{:?}, -1.2, ", 1.0 / 251.5)), "{robust}");
    let per_row = by(Normalize::robust().per_row().centred(false));
    let expected = "[0.8571428571428571, -1.1428571428571428, 0.0, 0.0, NaN, 2.0";
    assert!(per_row.starts_with(expected), "{per_row}");
    let fitted = engine.fit(&x, Normalize::robust()).expect("floats");
    assert_eq!(error(engine.fit_more(&x, &fitted)), FittedError::NoUpdate);
}

#[test]
fn arrays_that_do_not_match_are_refused() {
    let engine = Engine::builder().workers(1).build().expect("a worker");
    let x = SliceSource::new(&VALUES, [4, 5]).expect("four rows");
    let other = SliceSource::new(&VALUES, [5, 4]).expect("five rows");
    let fitted = engine.fit(&x, Normalize::z_score()).expect("floats");
    let wrong = FittedError::RowShape { expected: vec![5], found: vec![4] };
    let nowhere = std::path::Path::new("never.npy");
    assert_eq!(
        error(engine.normalize_by(&other, &fitted).overwrite(true).write_npy(nowhere)),
        wrong
    );
    assert_eq!(error(engine.fit_more(&other, &fitted)), wrong);
    assert_eq!(error(engine.fit(&x, Normalize::z_score().per_row())), FittedError::PerRow);
    let point = engine.fit(&x, Normalize::min_max_to(2.0, 2.0)).expect("floats");
    assert_eq!(
        error(engine.denormalize(&x, &point).overwrite(true).write_npy(nowhere)),
        FittedError::NoInverse
    );
    let json = fitted.to_json();
    let newer = json.replace("\"version\": 1", "\"version\": 2");
    assert_eq!(error(Fitted::from_json(&newer)), FittedError::Version { found: 2 });
    let more = json.replace("    5\n", "    6\n");
    for text in ["", "[]", "{}", &more, &json.replace("zscore", "z")] {
        assert!(matches!(error(Fitted::from_json(text)), FittedError::Unreadable { .. }), "{text}");
    }
}
