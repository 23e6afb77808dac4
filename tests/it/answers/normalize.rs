//! Normalization against a naive oracle in `f64`.

use std::path::Path;

use crate::common::layouts::{AnySource, every_layout};
use crate::common::oracle::{Axis, cells_along};
use crate::common::two_workers;
use crate::common::value::{Kind, Value};
use rowmill::normalize::{FloatElement, NormalizeAxis, NormalizeMethod};
use rowmill::view::{SliceSource, TileBuffer};
use rowmill::{Array, DType, Normalize, Numeric, Source, f16};

const AXES: [NormalizeAxis; 3] = [NormalizeAxis::All, NormalizeAxis::Columns, NormalizeAxis::Rows];
const Z_SCORE: NormalizeMethod = NormalizeMethod::ZScore;
const MIN_MAX: NormalizeMethod = NormalizeMethod::MinMax { low: -2.0, high: 3.0 };

/// The normalized elements of a cell.
fn normalized_cell(cell: &[f64], method: NormalizeMethod) -> Vec<f64> {
    let kept: Vec<f64> = cell.iter().copied().filter(|x| !x.is_nan()).collect();
    let n = kept.len() as f64;
    let scaled = |shift: f64, scale: f64, span: f64, low: f64| {
        cell.iter().map(|x| (x - shift) / scale * span + low).collect()
    };
    match method {
        NormalizeMethod::MinMax { low, high } => {
            let min = kept.iter().copied().fold(f64::INFINITY, f64::min);
            let max = kept.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            scaled(min, if max == min { 1.0 } else { max - min }, high - low, low)
        }
        _ => {
            let mean = kept.iter().sum::<f64>() / n;
            let var = kept.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let noise = n * f64::EPSILON * var + (n * mean * f64::EPSILON).powi(2);
            scaled(mean, if var <= noise { 1.0 } else { var.sqrt() }, 1.0, 0.0)
        }
    }
}

/// The normalized elements of an array, in C order.
fn expected<T: Value>(
    values: &[T],
    dims: &[usize],
    axis: NormalizeAxis,
    method: NormalizeMethod,
) -> Vec<f64> {
    let axis = match axis {
        NormalizeAxis::All => Axis::All,
        NormalizeAxis::Columns => Axis::Columns,
        NormalizeAxis::Rows => Axis::Rows,
    };
    let mut out = vec![0.0; values.len()];
    for indices in cells_along(dims, axis) {
        let cell: Vec<f64> = indices.iter().map(|&i| values[i].float()).collect();
        for (i, x) in indices.into_iter().zip(normalized_cell(&cell, method)) {
            out[i] = x;
        }
    }
    out
}

/// Normalizes to a file of `U` and compares it: within a few roundings of `U` and of the
/// statistics.
fn check<T: Value, U: Value + FloatElement>(
    source: &AnySource<'_, T>,
    values: &[T],
    axis: NormalizeAxis,
    method: NormalizeMethod,
    path: &Path,
) {
    let engine = two_workers();
    let job = engine.normalize(source, Normalize::new(method).axis(axis));
    job.overwrite(true).write_npy_as::<U>(path).expect("an output");
    let out = Array::<U>::open(path).expect("the output");
    assert_eq!(out.shape(), source.shape());
    let at =
        format!("{} to {} {} {axis:?} {method:?} {}", T::DTYPE, U::DTYPE, out.shape(), source.name);
    let rounding = match U::DTYPE {
        DType::F16 => 1e-3,
        DType::F32 => 2e-7,
        _ => 1e-11,
    };
    let wanted = expected(values, out.shape().dims(), axis, method);
    let got = out.rows(0..out.shape().rows(), &mut TileBuffer::new()).expect("all").to_vec();
    assert_eq!(got.len(), wanted.len(), "{at}");
    for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        let (got, off) = (got.float(), (got.float() - wanted).abs());
        let fits = off <= rounding * (1.0 + wanted.abs()) || (got.is_nan() && wanted.is_nan());
        assert!(fits, "element {i} is {got}, expected {wanted}, {at}");
    }
}

fn every_axis<T: Value + Numeric<Normalized: Value>>(values: &[T], dims: &[usize]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.npy");
    let slice = SliceSource::new(values, dims).expect("matching shape");
    let source = AnySource::new("in memory", slice);
    for axis in AXES {
        for method in [Z_SCORE, MIN_MAX] {
            check::<T, T::Normalized>(&source, values, axis, method, &path);
        }
    }
}

#[test]
fn every_dtype() {
    fn one<T: Value + Numeric<Normalized: Value>>() {
        for dims in [&[40][..], &[13, 9], &[5, 3, 4], &[300, 70]] {
            // Statistics of integers are exact, but those of the oracle are rounded.
            let kind = if size_of::<T>() < 8 { Kind::Any } else { Kind::Small };
            every_axis(&T::many(dims.iter().product(), kind, 77), dims);
        }
    }
    one::<bool>();
    one::<i8>();
    one::<i16>();
    one::<i32>();
    one::<i64>();
    one::<u8>();
    one::<u16>();
    one::<u32>();
    one::<u64>();
    one::<f32>();
    one::<f64>();
    let values: Vec<f16> = f16::many(300 * 7, Kind::Small, 7);
    every_axis(&values, &[300, 7]);
}

#[test]
fn nan_are_skipped_and_kept() {
    let mut values = f64::many(50 * 8, Kind::Small, 1);
    for i in [3, 4, 77, 399] {
        values[i] = f64::NAN;
    }
    // One row and one column consist of NaN only.
    values[80..88].fill(f64::NAN);
    values.iter_mut().skip(5).step_by(8).for_each(|x| *x = f64::NAN);
    every_axis(&values, &[50, 8]);
    let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    every_axis(&values, &[50, 8]);
}

/// The normalized elements of an array in memory.
fn normalized(values: &[f64], dims: &[usize], how: Normalize) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.npy");
    let source = SliceSource::new(values, dims).expect("matching shape");
    two_workers().normalize(&source, how).write_npy(&path).expect("an output");
    let out = Array::<f64>::open(&path).expect("the output");
    out.as_slice().expect("in place").to_vec()
}

#[test]
fn constant_columns_become_zero_or_the_low_end() {
    // The mean and the variance of 0.1 have rounding errors.
    for constant in [0.0, 0.1, -3.7e8, 1e-300, 1e150, 16_777_217.1] {
        for n in [1, 2, 3, 10, 1000, 70_000] {
            let values: Vec<f64> =
                (0..2 * n).map(|i| if i % 2 == 0 { constant } else { i as f64 }).collect();
            let z = normalized(&values, &[n, 2], Normalize::z_score());
            let worst = z.iter().step_by(2).fold(0.0_f64, |a, x| a.max(x.abs()));
            // The mean of a constant can be off by one rounding, which a scale of 1 does not hide.
            assert!(worst <= constant.abs() * f64::EPSILON, "{n} x {constant}: {worst}");
            let m = normalized(&values, &[n, 2], Normalize::min_max_to(2.0, 5.0));
            assert!(m.iter().step_by(2).all(|&x| x == 2.0), "{n} x {constant}");
            let all = normalized(&vec![constant; n], &[n], Normalize::min_max().all());
            assert!(all.iter().all(|&x| x == 0.0), "{n} x {constant}");
            let rows = normalized(&vec![constant; n], &[1, n], Normalize::z_score().per_row());
            assert!(rows.iter().all(|x| x.abs() <= constant.abs() * f64::EPSILON));
        }
    }
}

#[test]
fn the_ends_of_the_interval_are_reached() {
    let values = f64::many(999, Kind::Any, 8);
    let out = normalized(&values, &[999], Normalize::min_max_to(-1.0, 1.0));
    let min = out.iter().copied().fold(f64::INFINITY, f64::min);
    let max = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!((min, max), (-1.0, 1.0));
}

#[test]
fn the_whole_range_of_f64() {
    let values = [f64::MIN, -1.0, 0.0, 1.0, f64::MAX];
    assert_eq!(normalized(&values, &[5], Normalize::min_max()), [0.0, 0.5, 0.5, 0.5, 1.0]);
}

#[test]
fn an_infinity_makes_its_column_nan() {
    for infinity in [f64::INFINITY, f64::NEG_INFINITY] {
        let values = [1.0, 5.0, infinity, 6.0, 2.0, 7.0];
        for how in [Normalize::z_score(), Normalize::min_max()] {
            let out = normalized(&values, &[3, 2], how);
            assert!(out.iter().step_by(2).all(|x| x.is_nan()), "{how:?} {infinity}: {out:?}");
            assert!(out.iter().skip(1).step_by(2).all(|x| x.is_finite()), "{how:?}: {out:?}");
        }
    }
}

#[test]
fn empty_arrays_give_empty_arrays() {
    for dims in [&[0][..], &[0, 3], &[3, 0], &[2, 0, 4]] {
        for axis in AXES {
            for method in [Z_SCORE, MIN_MAX] {
                assert!(normalized(&[], dims, Normalize::new(method).axis(axis)).is_empty());
            }
        }
    }
    // A single element is a constant.
    assert_eq!(normalized(&[5.0], &[], Normalize::z_score().all()), [0.0]);
}

#[test]
fn wide_rows() {
    // Rows longer than 16 KiB are read twice, and cut into chunks.
    every_axis(&f32::many(3 * 4_099, Kind::Any, 1), &[3, 4_099]);
    every_axis(&f64::many(2_051, Kind::Any, 2), &[1, 2_051]);
    every_axis(&i16::many(70 * 8_193, Kind::Any, 3), &[70, 8_193]);
}

#[test]
fn every_layout_and_output_dtype() {
    for dims in [[130, 17], [3, 4_100]] {
        let values = f32::many(dims[0] * dims[1], Kind::Any, 6);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.npy");
        for source in every_layout(folder.path(), &values, &dims) {
            for (axis, method) in AXES.into_iter().zip([Z_SCORE, MIN_MAX, Z_SCORE]) {
                check::<f32, f32>(&source, &values, axis, method, &path);
                check::<f32, f64>(&source, &values, axis, method, &path);
                check::<f32, f16>(&source, &values, axis, method, &path);
            }
        }
    }
}
