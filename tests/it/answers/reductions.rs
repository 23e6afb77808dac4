//! Reductions with more state than sums and ranges, against naive ones: all dtypes, axes, masks and
//! NaN policies. The bits do not depend on how the work is split, and invalid partials are refused.

use crate::common::erased::Erased;
use crate::common::exact::fsum;
use crate::common::layouts::{AnySource, every_layout};
use crate::common::oracle::case::Boxed;
use crate::common::oracle::reductions::close;
use crate::common::oracle::{Axis, Cell, bits};
use crate::common::value::{Kind, Value};
use crate::common::{Rng, engine, two_workers};
use proptest::prelude::*;
use rowmill::engine::Isa;
use rowmill::reduce::{
    Answer, Answers, Block, Extrema, Extremum, HistogramCounts, NormOrder, Reduce, Reducer, Shared,
    State, Values,
};
use rowmill::select::{Selector, Unmasked};
use rowmill::view::SliceSource;
use rowmill::{
    AllTrue, AnyTrue, ApproxQuantiles, ArgMax, ArgMin, ArgMinMax, ChunkSize, Covariance, Distinct,
    Engine, Error, Histogram, Kurtosis, Mask, Mean, NanPolicy, Norm, Numeric, Product, Ptp, Result,
    Shape, Skewness, Sum, TopK, WeightedMean, f16,
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
        fn $name<'m, T: Value>(
            engine: &Engine,
            x: &SliceSource<'_, T>,
            mask: &dyn Fn() -> Boxed<'m, T>,
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
over!(all, all, |v| vec![v]);
over!(over_columns, per_column, Values::into_vec);
over!(over_rows, per_row, Values::into_vec);

fn check_cells<T: Value>(cells: &[Cell<T>], got: &KernelAnswers<T>, at: &str) {
    let empty = cells.iter().position(Cell::is_empty);
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
                cell.check_ptp(*got, at);
            }
        }
        Err(Error::SumOverflow { .. }) => {
            assert!(cells.iter().any(Cell::ptp_overflows), "{at}");
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
            assert!(cell.product_overflows(), "{at}");
        }
        if let Some(sum) = one(&got.sum, i) {
            cell.check_exact(&sum, got.mean[i], &at);
        }
        cell.check_truth(got.any[i], got.all[i], &at);
        cell.check_distinct(got.distinct[i], &at);
        cell.check_best(&got.top[i], 3, true, &at);
        cell.check_best(&got.bottom[i], 5, false, &at);
        cell.check_histogram(&got.uniform[i], &at);
        cell.check_histogram(&got.edged[i], &at);
        cell.check_shape(got.shape[i], &at);
        cell.check_norms([0, 1, 2].map(|k| got.norms[k][i]), &at);
        cell.check_sketch(&got.sketch[i], &QUANTILES, WITHIN, &at);
    }
}

fn check_masked<'m, T: Value, M: Selector<T> + 'm>(
    values: &[T],
    dims: &[usize],
    keep: &dyn Fn(usize) -> bool,
    mask: &dyn Fn() -> M,
) {
    let mask: &dyn Fn() -> Boxed<'m, T> = &|| Box::new(mask());
    let engine = two_workers();
    let x = SliceSource::new(values, dims).expect("matching shape");
    for nan in [NanPolicy::Propagate, NanPolicy::Skip] {
        for axis in [Axis::All, Axis::Columns, Axis::Rows] {
            let cells = Cell::along(axis, values, dims, &|i, _| keep(i), nan);
            let got = match axis {
                Axis::All => all(&engine, &x, mask, nan),
                Axis::Columns => over_columns(&engine, &x, mask, nan),
                Axis::Rows => over_rows(&engine, &x, mask, nan),
            };
            let at = format!("{} {dims:?} {axis:?} {nan:?}", T::DTYPE);
            check_cells(&cells, &got.expect("answers"), &at);
        }
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
            TopK::largest(7).expect("a small k").all(),
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
                engine.reduce(x, Covariance::columns().nan(NanPolicy::Skip)).expect("few columns")
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
    let x = SliceSource::new(&values, [rows, cols]).expect("matching shape");
    let got = two_workers();
    let got =
        got.reduce(&x, Covariance::columns().ddof(1).nan(NanPolicy::Skip)).expect("few columns");
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
    let wide = SliceSource::new(&values[..1025], [1, 1025]).expect("matching shape");
    let refused = two_workers().reduce(&wide, Covariance::columns()).expect_err("too many columns");
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
    let found = engine.histogram(&x, rowmill::reduce::BinCount::Auto).expect("bins");
    assert_eq!((found.counts.len(), found.counts.iter().sum::<u64>()), (11, 1000));
    let none = SliceSource::new(&[0.0_f32; 0], [0]).expect("nothing");
    let found = engine.histogram(&none, rowmill::reduce::BinCount::Fixed(2)).expect("bins");
    assert_eq!((&found.edges[..], &found.counts[..]), (&[0.0, 0.5, 1.0][..], &[0, 0][..]));
    let inf = SliceSource::new(&[0.0, f64::INFINITY], [2]).expect("two");
    assert!(engine.histogram(&inf, rowmill::reduce::BinCount::Auto).is_err());
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
    assert_eq!(engine.reduce(&x, Distinct::all().limit(1000)).expect("matching shape"), 1000);
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
            Covariance::columns();
            uniform().all();
            TopK::smallest(9).expect("a small k").all();
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
