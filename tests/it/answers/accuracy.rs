//! Numbers on which naive summation fails.

use crate::common::exact::{fsum, mean_and_squares};
use crate::common::{Rng, two_workers};
use rowmill::reduce::MeanVar;
use rowmill::view::SliceSource;
use rowmill::{Mean, Moments, Stats, Sum};

/// The number of correct digits (NIST's LRE, at most 17).
fn digits(got: f64, expected: f64) -> f64 {
    let off = ((got - expected) / expected).abs();
    if off == 0.0 { 17.0 } else { -off.log10() }
}

/// The moments of the same numbers over everything, as one column, as one row, and beside other
/// columns.
fn every_way(values: &[f64], ddof: u64) -> Vec<(&'static str, MeanVar)> {
    let engine = two_workers();
    let n = values.len();
    let long = SliceSource::new(values, [n]).expect("n values");
    let wide = SliceSource::new(values, [1, n]).expect("n values");
    let beside: Vec<f64> = values.iter().flat_map(|&x| [-x, x, 0.5]).collect();
    let beside = SliceSource::new(&beside, [n, 3]).expect("3 n values");
    let (all, column, stats) =
        (Moments::all().ddof(ddof), Moments::per_column().ddof(ddof), Stats::all().ddof(ddof));
    let (all, columns, stats) = engine.reduce(&long, (all, column, stats)).expect("moments");
    let row = engine.reduce(&wide, Moments::per_row().ddof(ddof)).expect("moments");
    let third = engine.reduce(&beside, Moments::per_column().ddof(ddof)).expect("moments");
    let stats = MeanVar { count: stats.count, mean: stats.mean, var: stats.var };
    vec![
        ("all", all),
        ("column", columns[0]),
        ("stats", stats),
        ("row", row[0]),
        ("beside", third[1]),
    ]
}

/// A first value, followed by `pairs` pairs of two others.
fn numacc(first: f64, a: f64, b: f64, pairs: usize) -> Vec<f64> {
    let mut values = vec![first];
    values.extend([a, b].repeat(pairs));
    values
}

/// The data sets `NumAcc1` to `NumAcc4` of NIST's Statistical Reference Datasets, with the required
/// digits: those that survive rounding the data to `f64`.
#[test]
fn nist_data_sets() {
    let sets = [
        ("NumAcc1", vec![10_000_001.0, 10_000_003.0, 10_000_002.0], 10_000_002.0, 1.0, 15.0),
        ("NumAcc2", numacc(1.2, 1.1, 1.3, 500), 1.2, 0.1, 13.5),
        ("NumAcc3", numacc(1_000_000.2, 1_000_000.1, 1_000_000.3, 500), 1_000_000.2, 0.1, 9.0),
        ("NumAcc4", numacc(10_000_000.2, 10_000_000.1, 10_000_000.3, 500), 10_000_000.2, 0.1, 8.0),
    ];
    for (name, values, mean, std, required) in sets {
        for (way, got) in every_way(&values, 1) {
            let right = digits(got.mean, mean);
            assert!(right >= 13.0, "{name} {way}: {right:.1} digits of the mean");
            let right = digits(got.std(), std);
            assert!(right >= required, "{name} {way}: {right:.2} digits of std {}", got.std());
        }
    }
}

/// A data set of NIST's Statistical Reference Datasets as published: certified mean and standard
/// deviation, and the data.
fn reference(name: &str) -> (f64, f64, Vec<f64>) {
    let path = format!("{}/tests/fixtures/nist/{name}.dat", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a fixture");
    let number = |text: &str| text.trim().parse::<f64>().expect("a number");
    let after = |what: &str| {
        let line = text.lines().find(|line| line.starts_with(what)).expect("a certified value");
        number(line.rsplit(':').next().unwrap_or_default())
    };
    let (mean, std) = (after("Sample Mean"), after("Sample Standard Deviation"));
    let count = after("Number of Observations");
    let data = text.lines().skip_while(|line| !line.starts_with("Data: Y")).skip(2);
    let values: Vec<f64> = data.filter(|line| !line.trim().is_empty()).map(number).collect();
    assert_eq!(values.len() as f64, count, "{name}");
    (mean, std, values)
}

/// NIST's univariate sets of observations: 13 digits of the certified values, as far as rounding
/// the data to `f64` permits.
#[test]
fn nist_data_sets_of_observations() {
    for name in ["Lew", "Lottery", "Mavro", "Michelso", "PiDigits"] {
        let (mean, std, values) = reference(name);
        for (way, got) in every_way(&values, 1) {
            let (mean, std) = (digits(got.mean, mean), digits(got.std(), std));
            let required = if name == "Mavro" { 12.5 } else { 13.0 };
            assert!(mean >= 13.0 && std >= required, "{name} {way}: {mean:.1}, {std:.1} digits");
        }
        let x = SliceSource::new(&values, [values.len()]).expect("matching shape");
        let exact = two_workers().reduce(&x, Mean::all().exact()).expect("a mean");
        assert!(digits(exact, mean) >= 13.0, "{name}: {exact}");
    }
}

/// A variance far below the square of the mean keeps as many digits as a careful two-pass
/// algorithm: the error is at most `1e-11`, whatever the size of the mean.
#[test]
fn a_small_spread_far_from_zero() {
    for (n, centre) in [(1001, 1e8), (50_000, 1e8), (100_003, -1e8), (5000, 1e4), (40_000, 1e10)] {
        let mut rng = Rng::new(n as u64);
        let values: Vec<f64> = (0..n).map(|_| centre + rng.normal()).collect();
        let (mean, squares) = mean_and_squares(&values);
        for (way, got) in every_way(&values, 0) {
            let var = squares / f64::from(n);
            let off = ((got.var - var) / var).abs();
            assert!(off <= 1e-11, "{n} {centre} {way}: var {} is off by {off:e}", got.var);
            assert!((got.mean - mean).abs() <= mean.abs() * f64::EPSILON, "{n} {centre} {way}");
        }
    }
}

#[test]
fn the_variance_of_a_constant_is_zero() {
    for value in [0.1, 1e8 + 0.1, -1e300, 1e-300, 123_456_789.012_345_67] {
        for n in [1, 2, 3, 1000, 70_000] {
            for (way, got) in every_way(&vec![value; n], 0) {
                let noise = value.abs() * f64::EPSILON;
                assert!(got.var <= noise * noise, "{n} x {value} {way}: {}", got.var);
            }
        }
    }
}

#[test]
fn ten_million_tenths() {
    let n = 10_000_000;
    let values = vec![0.1_f32; n];
    let flat = SliceSource::new(&values, [n]).expect("n values");
    let narrow = SliceSource::new(&values, [n / 4, 4]).expect("n values");
    let engine = two_workers();
    let kernels = (Mean::all(), Sum::all(), Mean::per_column());
    let (mean, sum, column) = engine.reduce(&flat, kernels).expect("a mean");
    // 24 digits times 10^7 is below 2^53: nothing is rounded.
    assert_eq!((mean, sum), (f64::from(0.1_f32), f64::from(0.1_f32) * n as f64));
    assert_eq!(*column, [f64::from(0.1_f32)]);
    let columns = engine.reduce(&narrow, Mean::per_column()).expect("means");
    assert_eq!(*columns, [f64::from(0.1_f32); 4]);
}

/// The result is as good as twice the precision: one rounding, and `1e-31` of the sum of
/// magnitudes.
#[test]
fn sums_of_f64_are_compensated() {
    let n = 30_000;
    let patterns: [(&str, Vec<f64>); 5] = [
        ("three", vec![1e16, 1.0, -1e16]),
        ("cancelling", [1e16, 1.0, -1e16, 1.0].repeat(n)),
        ("small first", (0..n).map(|i| if i == n - 1 { 1e18 } else { 0.7 }).collect()),
        ("falling", (1..n).map(|i| (-1.0_f64).powi(i as i32) / i as f64 * 1e12).collect()),
        ("ends", [vec![1e20], vec![0.1; n], vec![-1e20]].concat()),
    ];
    for (name, values) in patterns {
        let n = values.len();
        let expected = fsum(values.iter().copied());
        let size = fsum(values.iter().map(|x| x.abs()));
        let long = SliceSource::new(&values, [n]).expect("n values");
        let wide = SliceSource::new(&values, [1, n]).expect("n values");
        let engine = two_workers();
        let (all, column) = engine.reduce(&long, (Sum::all(), Sum::per_column())).expect("a sum");
        let row = engine.reduce(&wide, Sum::per_row()).expect("a sum");
        for got in [all, column[0], row[0]] {
            let off = (got - expected).abs();
            assert!(
                off <= expected.abs() * f64::EPSILON + size * 1e-31,
                "{name}: {got}, expected {expected}"
            );
        }
    }
}

/// Elements excluded by the mask have no influence, however large they are.
#[test]
fn masked_outliers_leave_no_trace() {
    for outlier in [1e100, 1e200, f64::MAX, f64::INFINITY, f64::NAN] {
        for place in [0, 25, 50, 99] {
            let mut values: Vec<f64> = (0..100).map(f64::from).collect();
            values[place] = outlier;
            let keep: Vec<bool> = (0..100).map(|i| i != place).collect();
            let source = SliceSource::new(&values, [100]).expect("100 values");
            let keep = SliceSource::new(&keep, [100]).expect("100 values");
            let (_, squares) =
                mean_and_squares(&values.iter().copied().filter(|x| *x < 1e3).collect::<Vec<_>>());
            let (all, column) = (Moments::all(), Moments::per_column());
            let masks = || rowmill::Mask::array(&keep);
            let kernels = (all.masked(masks()), column.masked(masks()));
            let (all, column) = two_workers().reduce(&source, kernels).expect("moments");
            for got in [all, column[0]] {
                let off = (got.var - squares / 99.0).abs();
                assert!(off < 1e-9, "{outlier} at {place}: var {}", got.var);
            }
        }
    }
}
