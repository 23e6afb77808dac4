//! Exact quantiles against sorting.

use crate::common::oracle::{Axis, Cell, bits};
use crate::common::value::{Kind, Value};
use crate::common::{Rng, engine, two_workers};
use proptest::prelude::*;
use rowmill::engine::Isa;
use rowmill::view::SliceSource;
use rowmill::{ChunkSize, Engine, Error, Mask, NanPolicy, f16};

const FRACTIONS: [f64; 7] = [0.5, 0.0, 1.0, 0.25, 0.999, 0.1, 1.0 / 3.0];

/// Compares numbers; zeros of both signs are equal.
fn same(got: &[f64], expected: &[f64], at: &str) {
    let all = |list: &[f64]| list.iter().map(|x| bits(x + 0.0)).collect::<Vec<_>>();
    assert_eq!(all(got), all(expected), "{got:?} {expected:?} {at}");
}

fn check<T: Value>(engine: &Engine, values: &[T], dims: &[usize], memory: u64) {
    let x = SliceSource::new(values, dims).expect("matching shape");
    let cols = dims.iter().skip(1).product::<usize>();
    for nan in [NanPolicy::Propagate, NanPolicy::Skip] {
        let at = format!("{} {dims:?} {nan:?} in {memory} bytes", T::DTYPE);
        let all =
            engine.quantiles(&x, &FRACTIONS).nan(nan).memory(memory).all().expect("quantiles");
        let cells = |axis| Cell::along(axis, values, dims, &|_, _| true, nan);
        same(&all, &cells(Axis::All)[0].quantiles(&FRACTIONS), &at);
        let columns = engine.quantiles(&x, &FRACTIONS).nan(nan).memory(memory).per_column();
        let columns = columns.expect("quantiles");
        assert_eq!((columns.len(), columns.dims()), (cols, dims.get(1..).unwrap_or(&[])));
        for (i, (got, cell)) in columns.iter().zip(cells(Axis::Columns)).enumerate() {
            same(got, &cell.quantiles(&FRACTIONS), &format!("column {i} {at}"));
        }
        let rows =
            engine.quantiles(&x, &FRACTIONS).nan(nan).memory(memory).per_row().expect("quantiles");
        assert_eq!(rows.dims(), [dims.first().copied().unwrap_or(1)]);
        for (i, (got, cell)) in rows.iter().zip(cells(Axis::Rows)).enumerate() {
            same(got, &cell.quantiles(&FRACTIONS), &format!("row {i} {at}"));
        }
    }
}

/// Checks a single read, and so many reads that every range is fully refined.
fn every_way<T: Value>() {
    let engine = two_workers();
    for kind in [Kind::Small, Kind::Any, Kind::Special] {
        for dims in [&[][..], &[0], &[1], &[2], &[1000], &[0, 3], &[40, 5], &[3, 2, 7]] {
            let values = T::many(dims.iter().product(), kind, 8);
            check(&engine, &values, dims, u64::MAX);
            check(&engine, &values, dims, 10_000);
        }
        let values = T::many(40_000, kind, 9);
        check(&engine, &values, &[10_000, 4], 100_000);
        check(&engine, &values, &[2, 20_000], 1 << 20);
        check(&engine, &values, &[5, 8000], 64 << 20);
    }
}

#[test]
fn float_quantiles() {
    every_way::<f64>();
    every_way::<f32>();
    every_way::<f16>();
}

#[test]
fn integer_quantiles() {
    every_way::<bool>();
    every_way::<i8>();
    every_way::<i64>();
    every_way::<u64>();
    every_way::<u32>();
}

#[test]
fn masked_quantiles() {
    let values = f32::many(90_000, Kind::Special, 4);
    let x = SliceSource::new(&values, [300, 300]).expect("90,000");
    let engine = two_workers();
    for nan in [NanPolicy::Propagate, NanPolicy::Skip] {
        let mask = Mask::value(|x: f32| x.is_nan() || x >= 0.5);
        let got = engine.quantiles(&x, &FRACTIONS).masked(mask).nan(nan).memory(1 << 16).all();
        let keep = |_, x: f32| x.is_nan() || x >= 0.5;
        let cells = |axis| Cell::along(axis, &values, &[300, 300], &keep, nan);
        same(&got.expect("quantiles"), &cells(Axis::All)[0].quantiles(&FRACTIONS), "masked");
        let mask = Mask::value(|x: f32| x.is_nan() || x >= 0.5);
        let rows =
            engine.quantiles(&x, &FRACTIONS).masked(mask).nan(nan).per_row().expect("quantiles");
        assert_eq!(rows.len(), 300);
        for (cell, got) in cells(Axis::Rows).iter().zip(&rows) {
            same(got, &cell.quantiles(&FRACTIONS), "masked rows");
        }
    }
    let refused = engine.quantiles(&x, &[0.5]).nan(NanPolicy::Error).all();
    assert!(matches!(refused, Err(Error::NanFound { .. })));
}

#[test]
fn invalid_quantiles_are_refused() {
    let x = SliceSource::new(&[1.0_f64, 2.0], [2]).expect("two");
    let engine = two_workers();
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let refused = engine.quantiles(&x, &[0.5, bad]).all();
        assert!(matches!(refused, Err(Error::BadOption { knob: "a quantile", .. })), "{bad}");
    }
    assert!(engine.quantiles(&x, &[]).all().expect("none").is_empty());
    let wide = SliceSource::new(&[0_u8; 5000], [5, 1000]).expect("5000");
    let refused = engine.quantiles(&wide, &[0.5]).memory(1000).per_column().expect_err("no room");
    assert!(refused.to_string().contains("memory"), "{refused}");
}

#[test]
fn no_knob_changes_a_bit() {
    let values = f64::many(300_000, Kind::Any, 12);
    let x = SliceSource::new(&values, [3000, 100]).expect("300,000");
    let run = |engine: &Engine, memory| {
        let all = engine.quantiles(&x, &FRACTIONS).memory(memory).all().expect("quantiles");
        let columns =
            engine.quantiles(&x, &FRACTIONS).memory(memory).per_column().expect("quantiles");
        let rows = engine.quantiles(&x, &FRACTIONS).memory(memory).per_row().expect("quantiles");
        format!("{all:?} {columns:?} {rows:?}")
    };
    let first = run(&engine(1, ChunkSize::Auto, Isa::BASELINE), u64::MAX);
    for (workers, chunk) in [(2, ChunkSize::Rows(1)), (3, ChunkSize::Bytes(1 << 20))] {
        for memory in [1 << 17, 1 << 20, 1 << 26] {
            assert!(
                run(&engine(workers, chunk, Isa::detect()), memory) == first,
                "{workers} {memory}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_arrays(rows in 0..300_usize, cols in 1..20_usize, seed: u64, memory in 5000..200_000_u64) {
        let mut rng = Rng::new(seed);
        let kind = [Kind::Small, Kind::Any, Kind::Special][rng.below(3)];
        let values = f64::many(rows * cols, kind, seed);
        check(&two_workers(), &values, &[rows, cols], memory.max(cols as u64 * 3000));
    }
}
