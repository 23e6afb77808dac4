//! Reductions with more state than sums and ranges, against naive ones: all dtypes, axes, masks and
//! NaN policies. The bits do not depend on how the work is split, and invalid partials are refused.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::common::erased::Erased;
use crate::common::exact::fsum;
use crate::common::layouts::{AnySource, every_layout};
use crate::common::oracle::bits;
use crate::common::value::{Kind, Total, Value};
use crate::common::{Rng, engine, two_workers};
use proptest::prelude::*;
use rowmill::{
    AllTrue, Answer, Answers, AnyTrue, ApproxQuantiles, ArgMax, ArgMin, ArgMinMax, Block,
    ChunkSize, Covariance, Distinct, Engine, Error, Extrema, Extremum, Histogram, HistogramCounts,
    Isa, Kurtosis, Mask, Mean, NanPolicy, Norm, NormOrder, Numeric, Product, Ptp, Reduce, Reducer,
    Result, Selector, Shape, Shared, Skewness, SliceSource, State, Sum, TopK, Unmasked, Values,
    WeightedMean, f16,
};

const EDGES: [f64; 5] = [-2.0, 0.5, 0.5, 3.0, 7.0];
const QUANTILES: [f64; 4] = [0.0, 0.3, 0.5, 1.0];
const WITHIN: f64 = 0.01;

fn uniform() -> Histogram {
    Histogram::uniform(7, -1.0, 6.0).expect("a range")
}

fn edged() -> Histogram {
    Histogram::with_edges(EDGES).expect("rising")
}

/// The answers of all kernels, for each cell.
struct KernelAnswers<T: Value> {
    extrema: Result<Vec<Extrema<T>>>,
    smallest: Result<Vec<Extremum<T>>>,
    largest: Result<Vec<Extremum<T>>>,
    product: Result<Vec<T::Sum>>,
    ptp: Result<Vec<T::Sum>>,
    sum: Result<Vec<T::Sum>>,
    mean: Vec<f64>,
    any: Vec<bool>,
    all: Vec<bool>,
    distinct: Vec<u64>,
    top: Vec<Vec<Extremum<T>>>,
    bottom: Vec<Vec<Extremum<T>>>,
    uniform: Vec<HistogramCounts>,
    edged: Vec<HistogramCounts>,
    shape: Vec<[f64; 3]>,
    norms: [Vec<f64>; 3],
    sketch: Vec<Vec<f64>>,
}

/// The outputs of kernels reduced together.
type Places<'a, T> = (
    Erased<'a, T, Result<Vec<Extrema<T>>>>,
    Erased<'a, T, Result<Vec<Extremum<T>>>>,
    Erased<'a, T, Result<Vec<Extremum<T>>>>,
    Erased<'a, T, Result<Vec<<T as Numeric>::Sum>>>,
    Erased<'a, T, Result<Vec<<T as Numeric>::Sum>>>,
    Erased<'a, T, Result<Vec<<T as Numeric>::Sum>>>,
    Erased<'a, T, Vec<f64>>,
);
type Lists<'a, T> = (
    Erased<'a, T, Vec<bool>>,
    Erased<'a, T, Vec<bool>>,
    Erased<'a, T, Vec<u64>>,
    Erased<'a, T, Vec<Vec<Extremum<T>>>>,
    Erased<'a, T, Vec<Vec<Extremum<T>>>>,
    Erased<'a, T, Vec<HistogramCounts>>,
    Erased<'a, T, Vec<HistogramCounts>>,
    Erased<'a, T, Vec<Vec<f64>>>,
);
type Floats<'a, T> = [Erased<'a, T, Vec<f64>>; 6];

fn kernel_answers<T: Value>(
    engine: &Engine,
    x: &SliceSource<'_, T>,
    (places, lists, floats): (Places<'_, T>, Lists<'_, T>, Floats<'_, T>),
) -> Result<KernelAnswers<T>> {
    let (extrema, smallest, largest, product, ptp, sum, mean) = engine.reduce(x, places)?;
    let (any, all, distinct, top, bottom, uniform, edged, sketch) = engine.reduce(x, lists)?;
    let [a, b, c, d, e, f] = floats;
    let (skewness, kurtosis, unbiased, l1, l2, most) = engine.reduce(x, (a, b, c, d, e, f))?;
    let shape = skewness.into_iter().zip(kurtosis).zip(unbiased);
    let shape = shape.map(|((a, b), c)| [a, b, c]).collect();
    let norms = [l1, l2, most];
    Ok(KernelAnswers {
        extrema,
        smallest,
        largest,
        product,
        ptp,
        sum,
        mean,
        any,
        all,
        distinct,
        top,
        bottom,
        uniform,
        edged,
        shape,
        norms,
        sketch,
    })
}

macro_rules! over {
    ($name:ident, $axis:ident, $list:expr) => {
        fn $name<T: Value, M: Selector<T>>(
            engine: &Engine,
            x: &SliceSource<'_, T>,
            mask: &dyn Fn() -> M,
            nan: NanPolicy,
        ) -> Result<KernelAnswers<T>> {
            macro_rules! kernel {
                ($kernel:expr) => {
                    Erased::new($kernel.masked(mask()).nan(nan), $list)
                };
            }
            macro_rules! tried {
                ($kernel:expr) => {
                    Erased::tried($kernel.masked(mask()).nan(nan), $list)
                };
            }
            let places = (
                tried!(ArgMinMax::$axis()),
                tried!(ArgMin::$axis()),
                tried!(ArgMax::$axis()),
                tried!(Product::$axis()),
                tried!(Ptp::$axis()),
                tried!(Sum::$axis().exact()),
                kernel!(Mean::$axis().exact()),
            );
            let lists = (
                kernel!(AnyTrue::$axis()),
                kernel!(AllTrue::$axis()),
                kernel!(Distinct::$axis()),
                kernel!(TopK::largest(3)?.$axis()),
                kernel!(TopK::smallest(5)?.$axis()),
                kernel!(uniform().$axis()),
                kernel!(edged().$axis()),
                kernel!(ApproxQuantiles::new(&QUANTILES, WITHIN)?.$axis()),
            );
            let floats = [
                kernel!(Skewness::$axis()),
                kernel!(Kurtosis::$axis()),
                kernel!(Skewness::$axis().unbiased()),
                kernel!(Norm::$axis().order(NormOrder::L1)),
                kernel!(Norm::$axis()),
                kernel!(Norm::$axis().order(NormOrder::Max)),
            ];
            kernel_answers(engine, x, (places, lists, floats))
        }
    };
}
over!(over_all, all, |v| vec![v]);
over!(over_columns, per_column, Values::into_vec);
over!(over_rows, per_row, Values::into_vec);

/// Numeric order; NaN is not allowed.
fn order<T: Value>(a: T, b: T) -> Ordering {
    match (a.integer(), b.integer()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.float().partial_cmp(&b.float()).expect("no NaN"),
    }
}

fn close(got: f64, expected: f64, off: f64, at: &str) {
    let same = got == expected || (got.is_nan() && expected.is_nan());
    assert!(same || (got - expected).abs() <= off, "{got} is not {expected} within {off:e}, {at}");
}

/// The elements of a cell, with their indices within it.
struct Cell<T>(Vec<(usize, T)>);

impl<T: Value> Cell<T> {
    fn floats(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().map(|(_, x)| x.float())
    }

    fn has_nan(&self) -> bool {
        self.floats().any(f64::is_nan)
    }

    /// The best elements first: NaN, then by value, then by index.
    fn ranked(&self, largest: bool) -> Vec<(usize, T)> {
        let mut ranked = self.0.clone();
        ranked.sort_by(|&(i, a), &(j, b)| match (a.float().is_nan(), b.float().is_nan()) {
            (false, false) if largest => order(b, a).then(i.cmp(&j)),
            (false, false) => order(a, b).then(i.cmp(&j)),
            (a, b) => b.cmp(&a).then(i.cmp(&j)),
        });
        ranked
    }

    fn check_best(&self, got: &[Extremum<T>], k: usize, largest: bool, at: &str) {
        let expected = self.ranked(largest);
        assert_eq!(got.len(), expected.len().min(k), "{at}");
        for (got, expected) in got.iter().zip(expected) {
            assert_eq!(got.index, expected.0, "{largest} {at}");
            // Zeros of both signs are equal.
            assert_eq!(bits(got.value.float() + 0.0), bits(expected.1.float() + 0.0), "{at}");
        }
    }

    fn integers(&self) -> Option<Vec<i128>> {
        self.0
            .iter()
            .map(|(_, x)| x.integer())
            .collect::<Option<_>>()
            .filter(|_| !T::DTYPE.is_float())
    }

    fn check_integer(got: &Result<T::Sum>, exact: Option<i128>, at: &str) {
        let exact = exact.filter(|&x| x >= T::SUMS.0 && x <= T::SUMS.1);
        match (got, exact) {
            (Ok(got), Some(exact)) => assert_eq!(got.integer(), Some(exact), "{at}"),
            (Err(Error::SumOverflow { .. } | Error::ProductOverflow { .. }), None) => {}
            (got, _) => panic!("{got:?} is not {exact:?}, {at}"),
        }
    }

    fn check_product(&self, got: &Result<T::Sum>, at: &str) {
        if let Some(integers) = self.integers() {
            let zero = integers.contains(&0).then_some(0);
            let product = || integers.iter().try_fold(1_i128, |a, &b| a.checked_mul(b));
            return Self::check_integer(got, zero.or_else(product), at);
        }
        let got = got.as_ref().expect("no overflow of floats").float();
        let (mut zero, mut inf, mut negative, mut log) = (false, false, false, 0.0);
        for x in self.floats() {
            zero |= x == 0.0;
            inf |= x.is_infinite();
            negative ^= x.is_sign_negative();
            log += x.abs().log2();
        }
        if self.has_nan() || (zero && inf) {
            assert!(got.is_nan(), "{got} {at}");
        } else if zero || inf {
            assert_eq!(got.abs(), if zero { 0.0 } else { f64::INFINITY }, "{at}");
        } else if (-1000.0..1000.0).contains(&log) {
            close(got.abs().log2(), log, 1e-9 * (1.0 + self.0.len() as f64), at);
        }
        assert!(got.is_nan() || got.is_sign_negative() == negative, "{got} {at}");
    }

    fn check_exact(&self, sum: &Result<T::Sum>, mean: f64, at: &str) {
        let n = self.0.len() as f64;
        if let Some(integers) = self.integers() {
            let exact: i128 = integers.iter().sum();
            close(mean, exact as f64 / n, mean.abs() * 1e-15, at);
            return Self::check_integer(sum, Some(exact), at);
        }
        let sum = sum.as_ref().expect("no overflow of floats").float();
        let (above, below) = (
            self.floats().any(|x| x == f64::INFINITY),
            self.floats().any(|x| x == f64::NEG_INFINITY),
        );
        let special = match (self.has_nan(), above, below) {
            (false, false, false) => None,
            (false, true, false) => Some(f64::INFINITY),
            (false, false, true) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        };
        let exact = special.unwrap_or_else(|| fsum(self.floats()));
        assert_eq!(bits(sum + 0.0), bits(exact + 0.0), "exact sum {sum} {exact}, {at}");
        // One rounding if the sum is divided by a power of two, else at most one more for the sum.
        let off = if (n as u64).is_power_of_two() { 0.0 } else { f64::EPSILON };
        close(mean, exact / n, (exact / n).abs() * off, at);
    }

    fn check_histogram(&self, got: &HistogramCounts, at: &str) {
        let (edges, last) = (&got.edges, got.counts.len() - 1);
        let mut expected = vec![0; got.counts.len()];
        let (mut below, mut above, mut nan) = (0, 0, 0);
        for x in self.floats() {
            let bin = (0..=last).find(|&i| {
                let up_to = if i == last { x <= edges[i + 1] } else { x < edges[i + 1] };
                x >= edges[i] && up_to
            });
            match bin {
                Some(i) => expected[i] += 1,
                None if x.is_nan() => nan += 1,
                None if x < edges[0] => below += 1,
                None => above += 1,
            }
        }
        assert_eq!(got.counts, expected, "{at}");
        assert_eq!((got.below, got.above, got.nan), (below, above, nan), "{at}");
    }

    fn check_shape(&self, got: [f64; 3], at: &str) {
        let n = self.0.len() as f64;
        let mean = fsum(self.floats().filter(|x| x.is_finite())) / n;
        let moment = |power| fsum(self.floats().map(|x| (x - mean).powi(power))) / n;
        if !self.floats().all(f64::is_finite) || self.0.is_empty() {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let (m2, m3, m4) = (moment(2), moment(3), moment(4));
        if m2 <= (f64::EPSILON * mean).powi(2) {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let (skewness, kurtosis) = (m3 / m2.powf(1.5), m4 / (m2 * m2) - 3.0);
        let correction = if n > 2.0 { ((n - 1.0) * n).sqrt() / (n - 2.0) } else { 1.0 };
        close(got[0], skewness, 1e-8 * (1.0 + skewness.abs()), at);
        close(got[1], kurtosis, 1e-8 * (4.0 + kurtosis.abs()), at);
        close(got[2], skewness * correction, 1e-8 * (1.0 + skewness.abs()) * correction, at);
    }

    fn check_norms(&self, got: [f64; 3], at: &str) {
        if self.has_nan() {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let most = self.floats().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert_eq!(got[2], most, "{at}");
        if most == 0.0 || most.is_infinite() {
            return assert_eq!(got, [most; 3], "{at}");
        }
        let sum = fsum(self.floats().map(f64::abs));
        close(got[0], sum, sum * 1e-15, at);
        let root = most * fsum(self.floats().map(|x| (x / most).powi(2))).sqrt();
        close(got[1], root, root * 1e-14, at);
    }

    fn check_sketch(&self, got: &[f64], at: &str) {
        if self.has_nan() || self.0.is_empty() {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let mut sorted: Vec<f64> = self.floats().collect();
        sorted.sort_by(f64::total_cmp);
        for (&got, q) in got.iter().zip(QUANTILES) {
            let place = q * (sorted.len() - 1) as f64;
            let (a, b) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            if a.is_finite() && b.is_finite() {
                let exact = a + (b - a) * place.fract();
                let off = WITHIN * a.abs().max(b.abs()) + f64::MIN_POSITIVE;
                close(got, exact, off * (1.0 + 1e-9), at);
            } else {
                assert!(!got.is_finite(), "{got} {at}");
            }
        }
    }
}

fn check_cells<T: Value>(cells: &[Cell<T>], got: &KernelAnswers<T>, at: &str) {
    let empty = cells.iter().position(|cell| cell.0.is_empty());
    let refused =
        |error: &Error| matches!(error, Error::NoElements { cell, .. } if Some(*cell) == empty);
    match (&got.extrema, &got.smallest, &got.largest) {
        (Ok(extrema), Ok(smallest), Ok(largest)) => {
            assert_eq!((empty, extrema.len()), (None, cells.len()), "{at}");
            for (i, cell) in cells.iter().enumerate() {
                let at = format!("cell {i} {at}");
                cell.check_best(&[smallest[i]], 1, false, &at);
                cell.check_best(&[largest[i]], 1, true, &at);
                assert_eq!(bits(extrema[i].min.value.float()), bits(smallest[i].value.float()));
                assert_eq!(extrema[i].min.index, smallest[i].index, "{at}");
                assert_eq!(extrema[i].max.index, largest[i].index, "{at}");
            }
        }
        (Err(a), Err(b), Err(c)) => assert!(refused(a) && refused(b) && refused(c), "{a} {at}"),
        _ => panic!("some of the extrema, {at}"),
    }
    match &got.ptp {
        Ok(ptp) => {
            for (got, cell) in ptp.iter().zip(cells) {
                let (low, high) = (cell.ranked(false)[0].1, cell.ranked(true)[0].1);
                match low.integer().zip(high.integer()) {
                    Some((low, high)) => assert_eq!(got.integer(), Some(high - low), "{at}"),
                    None if cell.has_nan() => assert!(got.float().is_nan(), "{at}"),
                    None => close(got.float(), high.float() - low.float(), 0.0, at),
                }
            }
        }
        Err(Error::SumOverflow { .. }) => {
            let overflows = |cell: &Cell<T>| {
                let ends = (cell.ranked(false)[0].1.integer(), cell.ranked(true)[0].1.integer());
                matches!(ends, (Some(low), Some(high)) if high - low > T::SUMS.1)
            };
            assert!(cells.iter().any(overflows), "{at}");
        }
        Err(error) => assert!(refused(error), "{error} {at}"),
    }
    // Each cell by itself, because a failure of one fails the whole reduction.
    let one = |all: &Result<Vec<T::Sum>>, i: usize| all.as_ref().ok().map(|all| Ok(all[i]));
    for (i, cell) in cells.iter().enumerate() {
        let at = format!("cell {i} {at}");
        if let Some(product) = one(&got.product, i) {
            cell.check_product(&product, &at);
        } else if cells.len() == 1 {
            Cell::<T>::check_integer(&Err(Error::ProductOverflow { result_type: "" }), None, &at);
            let integers = cell.integers().expect("floats have a product");
            let product = integers.iter().try_fold(1_i128, |a, &b| a.checked_mul(b));
            let fits = |p: i128| p >= T::SUMS.0 && p <= T::SUMS.1;
            assert!(!integers.contains(&0) && !product.is_some_and(fits), "{at}");
        }
        if let Some(sum) = one(&got.sum, i) {
            cell.check_exact(&sum, got.mean[i], &at);
        }
        assert_eq!(got.any[i], cell.floats().any(|x| x != 0.0), "{at}");
        assert_eq!(got.all[i], cell.floats().all(|x| x != 0.0), "{at}");
        // Integers beyond 2^53 are not distinct as floats.
        let key = |&(_, x): &(usize, T)| (x.integer(), bits(x.float() + 0.0));
        let distinct: HashSet<_> = cell.0.iter().map(key).collect();
        assert_eq!(got.distinct[i], distinct.len() as u64, "{at}");
        cell.check_best(&got.top[i], 3, true, &at);
        cell.check_best(&got.bottom[i], 5, false, &at);
        cell.check_histogram(&got.uniform[i], &at);
        cell.check_histogram(&got.edged[i], &at);
        cell.check_shape(got.shape[i], &at);
        cell.check_norms([0, 1, 2].map(|k| got.norms[k][i]), &at);
        cell.check_sketch(&got.sketch[i], &at);
    }
}

fn check_masked<T: Value, M: Selector<T>>(
    values: &[T],
    dims: &[usize],
    keep: &dyn Fn(usize) -> bool,
    mask: &dyn Fn() -> M,
) {
    let engine = two_workers();
    let x = SliceSource::new(values, dims).expect("as many values as the shape has");
    let shape = Shape::new(dims).expect("a shape");
    let (rows, cols) = (shape.rows(), shape.row_len());
    for nan in [NanPolicy::Propagate, NanPolicy::Skip] {
        let cells = |n: usize, place: &dyn Fn(usize) -> (usize, usize)| {
            let mut cells: Vec<Cell<T>> = (0..n).map(|_| Cell(Vec::new())).collect();
            for (i, &x) in values.iter().enumerate() {
                if keep(i) && !(nan == NanPolicy::Skip && x.float().is_nan()) {
                    let (cell, at) = place(i);
                    cells[cell].0.push((at, x));
                }
            }
            cells
        };
        let at = |axis| format!("{} {dims:?} over {axis} {nan:?}", T::DTYPE);
        let got = over_all(&engine, &x, mask, nan).expect("answers");
        check_cells(&cells(1, &|i| (0, i)), &got, &at("all"));
        let got = over_columns(&engine, &x, mask, nan).expect("answers");
        check_cells(&cells(cols, &|i| (i % cols, i / cols)), &got, &at("columns"));
        let got = over_rows(&engine, &x, mask, nan).expect("answers");
        check_cells(&cells(rows, &|i| (i / cols, i % cols)), &got, &at("rows"));
    }
    let any_nan = values.iter().enumerate().any(|(i, x)| keep(i) && x.float().is_nan());
    let refused = engine.reduce(&x, AnyTrue::all().masked(mask()).nan(NanPolicy::Error));
    assert_eq!(matches!(refused, Err(Error::NanFound { .. })), any_nan);
}

fn check<T: Value>(dims: &[usize], kind: Kind) {
    let values = T::many(dims.iter().product(), kind, dims.iter().sum::<usize>() as u64);
    check_masked(&values, dims, &|_| true, &|| Unmasked);
}

fn check_with_masks<T: Value>(dims: &[usize], kind: Kind) {
    let values = T::many(dims.iter().product(), kind, 5);
    let mut rng = Rng::new(9);
    let bools: Vec<bool> = values.iter().map(|_| rng.below(3) > 0).collect();
    let mask = SliceSource::new(&bools, dims).expect("the same shape");
    check_masked(&values, dims, &|i| bools[i], &|| Mask::array(&mask));
}

/// Checks shapes of every rank, around the lanes, and with partial blocks.
fn shapes<T: Value>() {
    let fixed: [&[usize]; 9] =
        [&[], &[0], &[1], &[3, 0], &[5, 3, 2], &[70], &[1, 513], &[64, 9], &[33, 17]];
    for dims in fixed {
        for kind in [Kind::Small, Kind::Any, Kind::Special] {
            check::<T>(dims, kind);
        }
    }
    let size = size_of::<T>().max(4);
    let (block, whole) = ((512 << 10) / size, (16 << 10) / size);
    check::<T>(&[block + 1], Kind::Any);
    check::<T>(&[3, whole + 1], Kind::Special);
}

macro_rules! dtypes {
    ($($name:ident: $t:ty;)*) => {$(
        #[test]
        fn $name() {
            shapes::<$t>();
        }
    )*};
}
dtypes! {
    bools: bool;
    bytes: u8;
    longs: i64;
    halves: f16;
    singles: f32;
    doubles: f64;
}

#[test]
fn masks() {
    check_with_masks::<f64>(&[], Kind::Special);
    check_with_masks::<f64>(&[9, 64], Kind::Special);
    check_with_masks::<f64>(&[131, 2100], Kind::Special);
    check_with_masks::<f64>(&[3, 4], Kind::Any);
    // A mask by value that may keep nothing.
    let values = i64::many(200, Kind::Small, 3);
    check_masked(&values, &[20, 10], &|i| values[i] > 6, &|| Mask::value(|x: i64| x > 6));
    check_masked(&values, &[20, 10], &|_| false, &|| Mask::value(|x: i64| x > 60));
}

/// All bits of all kernels.
fn answers(engine: &Engine, x: &AnySource<'_, f64>, weights: &SliceSource<'_, f64>) -> String {
    let skip = NanPolicy::Skip;
    let first = engine.reduce(
        x,
        (
            ArgMinMax::per_column().nan(skip),
            Sum::all().exact(),
            Mean::per_row().exact().nan(skip),
            Skewness::all().nan(skip),
            Kurtosis::per_column().nan(skip),
            Product::per_row(),
            Norm::all().nan(skip),
            uniform().per_column(),
        ),
    );
    let second = engine.reduce(
        x,
        (
            TopK::largest(7).expect("few").all(),
            Distinct::per_row(),
            ApproxQuantiles::new(&QUANTILES, WITHIN).expect("an error").per_column().nan(skip),
            WeightedMean::by(weights).per_column().nan(skip),
            ArgMin::per_row(),
            Sum::per_column().exact().nan(skip),
            Kurtosis::per_row().nan(skip).unbiased(),
            Norm::per_column().nan(skip),
        ),
    );
    format!("{:?} {:?}", first.expect("answers"), second.expect("answers"))
}

#[test]
fn no_knob_or_layout_changes_a_bit() {
    for dims in [[1_500, 301], [70_001, 3], [130, 4 * 512 + 80]] {
        let mut values = f64::many(dims[0] * dims[1], Kind::Any, 77);
        values[dims[1] + 1] = f64::NAN;
        let folder = tempfile::tempdir().expect("a folder");
        let sources = every_layout(folder.path(), &values, &dims);
        let weights: Vec<f64> = (0..dims[0]).map(|i| 1.0 + i as f64 / 7.0).collect();
        let weights = SliceSource::new(&weights, [dims[0]]).expect("one for each row");
        let narrow = dims[1] < 500;
        let run = |engine: &Engine, x: &AnySource<'_, f64>| {
            let covariance = narrow.then(|| {
                engine.reduce(x, Covariance::new().nan(NanPolicy::Skip)).expect("few columns")
            });
            format!("{} {covariance:?}", answers(engine, x, &weights))
        };
        let expected = run(&engine(1, ChunkSize::Auto, Isa::BASELINE), &sources[0]);
        let chunks = [ChunkSize::Rows(1), ChunkSize::Bytes(3 << 20), ChunkSize::Rows(usize::MAX)];
        let settings = Isa::available().into_iter().flat_map(|isa| {
            [1, 2, 8].into_iter().zip(chunks).map(move |(workers, chunk)| (workers, chunk, isa))
        });
        for ((workers, chunk, isa), x) in settings.zip(sources.iter().cycle()) {
            let got = run(&engine(workers, chunk, isa), x);
            assert!(got == expected, "{dims:?} {} {workers} {chunk} {isa}", x.name);
        }
    }
}

#[test]
fn covariances_match_two_passes() {
    let (rows, cols) = (3000, 37);
    let mut rng = Rng::new(4);
    let mut values: Vec<f64> =
        (0..rows * cols).map(|i| 1e6 + (i % cols) as f64 * rng.normal()).collect();
    for row in values.chunks_mut(cols) {
        row[5] = 2.0 * row[3] + 1.0;
    }
    values[cols * 7 + 2] = f64::NAN;
    let x = SliceSource::new(&values, [rows, cols]).expect("as many");
    let got = two_workers();
    let got = got.reduce(&x, Covariance::new().ddof(1).nan(NanPolicy::Skip)).expect("few columns");
    let kept: Vec<&[f64]> = values.chunks(cols).filter(|row| !row[2].is_nan()).collect();
    assert_eq!((got.count, got.columns()), (kept.len() as u64, cols));
    let column = |j: usize| kept.iter().map(move |row| row[j]);
    let means: Vec<f64> = (0..cols).map(|j| fsum(column(j)) / kept.len() as f64).collect();
    for i in 0..cols {
        for j in 0..cols {
            let products = column(i).zip(column(j)).map(|(a, b)| (a - means[i]) * (b - means[j]));
            let expected = fsum(products) / (kept.len() - 1) as f64;
            let scale = (got.get(i, i) * got.get(j, j)).sqrt();
            close(got.get(i, j), expected, 1e-11 * scale, &format!("{i} {j}"));
            assert_eq!(bits(got.get(i, j)), bits(got.get(j, i)));
        }
        close(got.mean[i], means[i], 1e-9, "mean");
    }
    let correlation = got.correlation();
    assert!((correlation[3 * cols + 5] - 1.0).abs() < 1e-12);
    assert!(correlation[0].is_nan(), "column 0 is constant");
    let wide = SliceSource::new(&values[..1025], [1, 1025]).expect("as many");
    let refused = two_workers().reduce(&wide, Covariance::new()).expect_err("too many columns");
    assert!(refused.to_string().contains("1024"), "{refused}");
}

#[test]
fn weights_of_the_wrong_shape_are_refused() {
    let engine = two_workers();
    let x = SliceSource::new(&[1.0_f32, 2.0, 3.0, f32::NAN], [2, 2]).expect("four");
    let each = SliceSource::new(&[1.0_f32, 1.0, 2.0, 4.0], [2, 2]).expect("four");
    let skip = NanPolicy::Skip;
    let kernels =
        (WeightedMean::by(&each).all().nan(skip), WeightedMean::by(&each).per_row().nan(skip));
    let (all, rows) = engine.reduce(&x, kernels).expect("means");
    assert_eq!((all.mean, all.weight, all.count), (9.0 / 4.0, 4.0, 3));
    assert_eq!((rows[0].mean, rows[1].mean), (1.5, 3.0));
    assert!(engine.reduce(&x, WeightedMean::by(&each).all()).expect("a mean").mean.is_nan());
    let wrong = SliceSource::new(&[1_u8, 2, 3], [3]).expect("three");
    let refused = engine.reduce(&x, WeightedMean::by(&wrong).all()).expect_err("three weights");
    assert!(matches!(refused, Error::WeightsShape { .. }), "{refused}");
}

#[test]
fn histograms_with_automatic_ranges_and_bad_options() {
    let engine = two_workers();
    let values: Vec<f64> = (0..1000).map(|i| f64::from(i) / 999.0).collect();
    let x = SliceSource::new(&values, [1000]).expect("1000");
    // Sturges: 1 / (log2(1000) + 1) makes 11; Freedman and Diaconis: 2 * 0.5 / 10 makes 10.
    let found = engine.histogram(&x, rowmill::BinCount::Auto).expect("bins");
    assert_eq!((found.counts.len(), found.counts.iter().sum::<u64>()), (11, 1000));
    let none = SliceSource::new(&[0.0_f32; 0], [0]).expect("nothing");
    let found = engine.histogram(&none, rowmill::BinCount::Fixed(2)).expect("bins");
    assert_eq!((&found.edges[..], &found.counts[..]), (&[0.0, 0.5, 1.0][..], &[0, 0][..]));
    let inf = SliceSource::new(&[0.0, f64::INFINITY], [2]).expect("two");
    assert!(engine.histogram(&inf, rowmill::BinCount::Auto).is_err());
    for bad in [
        Histogram::uniform(0, 0.0, 1.0),
        Histogram::uniform(3, 1.0, 0.0),
        Histogram::uniform(3, f64::NAN, 0.0),
        Histogram::with_edges([1.0]),
        Histogram::with_edges([1.0, 0.0]),
        Histogram::with_edges([1.0, f64::NAN, 2.0]),
    ] {
        assert!(matches!(bad, Err(Error::BadOption { .. })));
    }
    // The histograms are those of the existing rows, not of all rows that a block could have.
    let narrow = SliceSource::new(&[1_u8, 3, 3], [3, 1]).expect("three");
    let rows = Histogram::uniform(10, 0.0, 10.0).expect("a range").per_row();
    let rows = engine.reduce(&narrow, rows).expect("three histograms");
    assert_eq!((rows.len(), rows[0].counts[1], rows[2].counts[3]), (3, 1, 1));
    let few = Distinct::all().limit(999);
    assert!(matches!(engine.reduce(&x, few), Err(Error::TooManyDistinct { limit: 999, .. })));
    assert_eq!(engine.reduce(&x, Distinct::all().limit(1000)).expect("as many"), 1000);
}

/// Loads bytes as a state; no bytes may cause a panic.
fn load(reducer: &dyn Reducer<f32>, bytes: &[u8], shape: &Shape) -> bool {
    let Some(mut state) = reducer.load(bytes, shape, 0..2) else { return false };
    let again = reducer.load(bytes, shape, 0..2).expect("the same bytes");
    reducer.merge(&mut state, again);
    let _ = reducer.finish(Shared::default(), Some(state), shape);
    true
}

/// The reducer of a reduction.
fn reducer<'a, R: Reduce<f32>>(kernel: &'a R) -> Box<dyn Reducer<f32> + 'a> {
    let mut reducers = Vec::new();
    kernel.reducers(NanPolicy::Propagate, &mut reducers);
    reducers.pop().expect("one")
}

/// A reduction whose output is the bytes of its state.
struct Saved<'a, R>(&'a R);

struct Saving<'a>(Box<dyn Reducer<f32> + 'a>);

impl<R: Reduce<f32>> Reduce<f32> for Saved<'_, R> {
    type Output = Vec<u8>;
    fn reducers<'a>(&'a self, _: NanPolicy, to: &mut Vec<Box<dyn Reducer<f32> + 'a>>) {
        to.push(Box::new(Saving(reducer(self.0))));
    }
    fn output(&self, answers: &mut Answers) -> Vec<u8> {
        answers.take()
    }
}

impl Reducer<f32> for Saving<'_> {
    fn fold(&self, shared: &Shared, block: &Block<'_, f32>) -> Result<Option<State>> {
        self.0.fold(shared, block)
    }
    fn merge(&self, state: &mut State, next: State) {
        self.0.merge(state, next);
    }
    fn finish(&self, _: Shared, state: Option<State>, _: &Shape) -> Result<Answer> {
        Ok(Box::new(self.0.save(&state.expect("blocks"))?))
    }
    fn save(&self, state: &State) -> Result<Vec<u8>> {
        self.0.save(state)
    }
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: std::ops::Range<usize>) -> Option<State> {
        self.0.load(bytes, shape, blocks)
    }
}

/// Loads the state of a kernel with some of its bytes changed.
fn tamper<R: Reduce<f32>>(kernel: &R, values: &[f32], changes: &[(usize, u8)]) {
    let shape = Shape::new([values.len()]).expect("a shape");
    let x = SliceSource::new(values, [values.len()]).expect("a shape");
    let mut bytes = two_workers().reduce(&x, Saved(kernel)).expect("bytes");
    let reducer = &*reducer(kernel);
    assert!(load(reducer, &bytes, &shape), "its own bytes");
    for &(at, byte) in changes {
        let at = at % bytes.len().max(1);
        if let Some(old) = bytes.get_mut(at) {
            *old = byte;
        }
        load(reducer, &bytes, &shape);
    }
    bytes.truncate(changes.len() % (bytes.len() + 1));
    load(reducer, &bytes, &shape);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(seed: u64, changes: Vec<(usize, u8)>, noise: Vec<u8>) {
        let values = f32::many((128 << 10) + 5, Kind::Special, seed); // two blocks
        let shape = Shape::new([values.len()]).expect("a shape");
        macro_rules! kernels {
            ($($kernel:expr;)*) => {$(
                tamper(&$kernel, &values, &changes);
                load(&*reducer(&$kernel), &noise, &shape);
            )*};
        }
        kernels! {
            ArgMinMax::all();
            ArgMax::all();
            Product::all();
            AnyTrue::all();
            Sum::all().exact();
            Mean::all().exact();
            Skewness::all();
            Covariance::new();
            uniform().all();
            TopK::smallest(9).expect("few").all();
            Distinct::all();
            Norm::all();
            ApproxQuantiles::new(&QUANTILES, WITHIN).expect("an error").all();
        }
    }

    #[test]
    fn exact_sums_of_any_order(seed: u64, n in 1..5000_usize, reach in 0..1000_i32) {
        let mut rng = Rng::new(seed);
        let mut values: Vec<f64> = (0..n)
            .map(|_| rng.normal() * 2.0_f64.powi(rng.below(2 * reach as usize + 1) as i32 - reach))
            .collect();
        let sum = |values: &[f64]| {
            let x = SliceSource::new(values, [values.len()]).expect("a shape");
            let sum: f64 = two_workers().reduce(&x, Sum::all().exact()).expect("a sum");
            bits(sum)
        };
        let first = sum(&values);
        prop_assert_eq!(first, bits(fsum(values.iter().copied())));
        values.reverse();
        prop_assert_eq!(sum(&values), first);
        let negated: Vec<f64> = values.iter().map(|x| -x).collect();
        values.extend(negated);
        values.push(1e-300);
        prop_assert_eq!(sum(&values), bits(1e-300));
    }
}
