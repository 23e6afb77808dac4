//! Checks every kernel's states, for each class of dtypes: states of real blocks are accepted, and
//! any accepted state can be merged and finished.

use std::ops::Range;

use proptest::prelude::*;
use rowmill_core::{Complex, Element, Shape, SliceSource, bf16, f16};

use super::*;
use crate::engine::grid::Grid;
use crate::kernel::blocks::{Blocks, States, TypedBlocks};
use crate::kernel::reduce::{Reduce, Reducer};
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::Cell;

/// An array, and the axes that are kept.
struct Case<T> {
    shape: Shape,
    values: Vec<T>,
    cell: Cell,
    dims: Vec<usize>,
    /// Changes of the bytes of a state.
    changes: Vec<Change>,
}

/// A change of the bytes of a state, at an offset taken modulo their number.
#[derive(Clone, Debug)]
enum Change {
    Byte(usize, u8),
    Flip(usize, u8),
    /// The largest integer, in its serialized form.
    Largest(usize, usize),
    Cut(usize),
    Twice(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![Just(0_u8), Just(1), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()];
    prop_oneof![
        4 => (any::<usize>(), byte).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        3 => (any::<usize>(), 1..11_usize).prop_map(|(at, len)| Change::Largest(at, len)),
        1 => any::<usize>().prop_map(Change::Cut),
        1 => (any::<usize>(), 1..20_usize).prop_map(|(at, len)| Change::Twice(at, len)),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len().max(1);
        match *self {
            _ if bytes.is_empty() => bytes.push(1),
            Self::Byte(at, byte) => bytes[at % len] = byte,
            Self::Flip(at, bit) => bytes[at % len] ^= 1 << bit,
            Self::Largest(at, n) => {
                let mut varint = vec![0xff; n];
                varint[n - 1] = 1;
                bytes.splice(at % len..at % len + 1, varint);
            }
            Self::Cut(at) => bytes.truncate(at % len),
            Self::Twice(at, n) => {
                let part = at % len..(at % len + n).min(len);
                let copy = bytes[part.clone()].to_vec();
                bytes.splice(part.start..part.start, copy);
            }
        }
    }
}

impl<T: Element> Case<T> {
    fn new(dims: [usize; 2], cell: Cell, changes: &[Change], value: impl Fn(usize) -> T) -> Self {
        let shape = Shape::new(dims).expect("small");
        let values = (0..shape.len()).map(value).collect();
        let kept = match cell {
            Cell::All => Vec::new(),
            Cell::Column => vec![dims[1]],
            Cell::Row => vec![dims[0]],
        };
        Self { shape, values, cell, dims: kept, changes: changes.to_vec() }
    }

    fn axes(&self) -> Axes<'_> {
        Axes { cell: self.cell, shape: &self.shape, dims: &self.dims }
    }

    /// A shell: all but this is compiled once, not for each kernel and dtype.
    fn holds<R: Reduce<T>>(&self, kernel: &R, name: &str) {
        let mut reducers = Vec::new();
        kernel.reducers(NanPolicy::Propagate, &mut reducers);
        self.hold(reducers, name);
    }

    fn hold(&self, reducers: Vec<Box<dyn Reducer<T> + '_>>, name: &str) {
        let x = SliceSource::new(&self.values, self.shape.dims()).expect("as many as it has");
        states_hold(&TypedBlocks::new(&x, Isa::BASELINE, reducers), &self.changes, name);
    }
}

/// Real states are accepted unchanged; others are refused, or do no harm.
fn states_hold(job: &dyn Blocks, changes: &[Change], name: &str) {
    let all = job.grid().len();
    for blocks in [0..1, 0..all, all / 2..all] {
        let real = job.save(&states_of(job, blocks.clone())).expect("a state");
        let load = |bytes: &[u8]| job.load(bytes, blocks.clone());
        let own = || load(&real).unwrap_or_else(|| panic!("{name} of {blocks:?}: {real:?}"));
        assert_eq!(job.save(&own()).expect("a state"), real, "{name} of {blocks:?}");
        survives(job, [&own, &own]);
        // Other blocks have less state, or a different one.
        let outside = job.load(&real, all..all + 1);
        assert!(outside.is_none(), "{name}: blocks outside");
        assert!(load(&[&real[..], &[0]].concat()).is_none(), "{name}: a byte too many");
        if real.len() > 4000 && blocks != (0..1) {
            continue; // Changes would rarely hit anything.
        }
        let mut changed = real.clone();
        for (i, change) in changes.iter().enumerate() {
            if i % 3 == 0 {
                changed.clone_from(&real);
            }
            change.apply(&mut changed);
            if load(&changed).is_some() {
                let other = || load(&changed).expect("the same bytes");
                survives(job, [&own, &other]);
                survives(job, [&other, &own]);
                survives(job, [&other, &other]);
            }
        }
    }
}

/// The states of some blocks.
fn states_of(job: &dyn Blocks, blocks: Range<usize>) -> States {
    let shared = job.unshared();
    let (mut worker, mut all) = (job.worker(false), None);
    job.fold(&mut *worker, blocks, &shared, &mut |_, states| match &mut all {
        None => all = Some(states),
        Some(all) => job.merge(all, states),
    })
    .expect("sound blocks");
    all.expect("blocks")
}

/// Merges and finishes two states; the merged one is merged once more with both.
fn survives(job: &dyn Blocks, [a, b]: [&dyn Fn() -> States; 2]) {
    let mut merged = a();
    job.merge(&mut merged, b());
    let mut more = b();
    job.merge(&mut more, merged);
    job.merge(&mut more, a());
    for states in [a(), b(), more] {
        // An answer, or an error.
        let _ = job.finish(job.unshared(), Some(states));
    }
}

macro_rules! statistics {
    ($case:expr, $nan:expr, $($statistic:ident),*) => {$({
        let kernel = $statistic::over($case.axes()).nan($nan);
        $case.holds(&kernel, stringify!($statistic));
        // A selective mask, so that counts differ from cell to cell.
        let masked = kernel.masked(Mask::compare(CompareOp::Gt, 3));
        $case.holds(&masked, concat!(stringify!($statistic), " masked"));
    })*};
}

macro_rules! kernels {
    ($case:expr, $nan:expr, $($kernel:expr;)*) => {$(
        $case.holds(&$kernel.over($case.axes()).nan($nan), stringify!($kernel));
    )*};
    (of $case:expr, $nan:expr, $($kernel:ident $(. $option:ident($($value:expr)?))*;)*) => {$(
        let kernel = $kernel::over($case.axes()) $(. $option($($value)?))*;
        $case.holds(&kernel.nan($nan), stringify!($kernel $(. $option($($value)?))*));
    )*};
}

/// All kernels.
fn all<T: Numeric>(case: &Case<T>, nan: NanPolicy) {
    statistics!(case, nan, Sum, Stats, Moments, MinMax);
    kernels!(of case, nan,
        Mean; Counts; Ptp;
        Sum.exact(); Mean.exact();
        ArgMin; ArgMax; ArgMinMax; AnyTrue; AllTrue; Product;
        Skewness; Kurtosis.unbiased(); Distinct; Distinct.limit(2);
        Norm; Norm.order(NormOrder::L1); Norm.order(NormOrder::Max);
    );
    case.holds(&Reduction::new(min_max::MaybeMinMax, case.axes()).nan(nan), "MaybeMinMax");
    let weights: Vec<f32> = (0..case.shape.rows()).map(|i| i as f32).collect();
    let weights = SliceSource::new(&weights, [weights.len()]).expect("a weight a row");
    kernels!(case, nan,
        WeightedMean::by(&weights);
        TopK::largest(3).expect("few"); TopK::smallest(2).expect("few");
        Histogram::uniform(4, 0.0, 8.0).expect("a range");
        ApproxQuantiles::new(&[0.1, 0.5], 0.01).expect("coarse");
    );
    if case.cell == Cell::Column && case.shape.row_len() <= 16 {
        case.holds(&Covariance::columns().nan(nan), "Covariance");
    }
    case.holds(&(Sum::over(case.axes()), ArgMin::over(case.axes())), "a tuple");
}

/// Many tiles of a few rows; and elements that fill a block soon, one block below another.
fn large_shapes(size: usize) -> Vec<[usize; 2]> {
    let block_rows = Grid::new(1 << 20, 500, size).band_rows();
    let wide = [2, (17 << 10) / size];
    if size == 8 { vec![wide, [block_rows + 3, 500]] } else { vec![wide] }
}

fn policies(float: bool) -> &'static [NanPolicy] {
    if float { &[NanPolicy::Propagate, NanPolicy::Skip] } else { &[NanPolicy::Propagate] }
}

macro_rules! classes {
    ($($test:ident: $t:ty, |$i:ident| $value:expr;)*) => {$(
        mod $test {
            use super::*;

            fn value($i: usize) -> $t {
                $value
            }

            proptest! {
                #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

                #[test]
                fn small(changes in prop::collection::vec(change(), 60)) {
                    for cell in [Cell::All, Cell::Column, Cell::Row] {
                        for &nan in policies(<$t>::DTYPE.is_float()) {
                            all(&Case::new([3, 2], cell, &changes, value), nan);
                        }
                    }
                }
            }

            #[test]
            fn large() {
                let changes = [Change::Largest(9, 9), Change::Byte(77, 0xff), Change::Flip(5, 6)];
                for dims in large_shapes(size_of::<$t>()) {
                    for cell in [Cell::All, Cell::Column, Cell::Row] {
                        all(&Case::new(dims, cell, &changes, value), NanPolicy::Propagate);
                    }
                }
            }
        }
    )*};
}

/// Every class of floats.
fn float(i: usize) -> f64 {
    match i % 17 {
        3 => f64::NAN,
        5 => f64::INFINITY,
        7 => -0.0,
        11 => f64::MAX,
        13 => f64::from_bits(1),
        _ => (i % 1000) as f64 * 0.37 - 7.0,
    }
}

classes! {
    bools: bool, |i| i % 3 == 1;
    bytes: u8, |i| [0, 255, 7, 200][i % 4];
    shorts: i16, |i| [i16::MIN, i16::MAX, 4, -3, 5][i % 5];
    longs: i64, |i| [i64::MIN, i64::MAX, 4, -3, i64::MIN][i % 5];
    unsigned_longs: u64, |i| [u64::MAX, 4, u64::MAX, 5][i % 4];
    halves: f16, |i| f16::from_f64(float(i));
    brains: bf16, |i| bf16::from_f64(float(i));
    floats: f32, |i| float(i) as f32;
    doubles: f64, |i| float(i);
    plain_doubles: f64, |i| 1e9 + (i % 1000) as f64;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn complex(changes in prop::collection::vec(change(), 60)) {
        let value = |i: usize| Complex::new(float(i) as f32, float(i + 4) as f32);
        for cell in [Cell::All, Cell::Column, Cell::Row] {
            for &nan in policies(true) {
                let case = Case::new([3, 2], cell, &changes, value);
                kernels!(of case, nan, Sum; Mean; Moments; Counts;);
                let case = Case::new([2, 5000], cell, &changes[..6], value);
                kernels!(of case, nan, Sum; Moments; Counts;);
            }
        }
    }
}
