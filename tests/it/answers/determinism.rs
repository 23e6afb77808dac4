//! No setting, layout or backend changes a bit of an answer.

use std::path::Path;

use crate::common::erased::Erased;
use crate::common::layouts::{AnySource, every_layout};
use crate::common::oracle::bits;
use crate::common::oracle::case::Boxed;
use crate::common::value::{Kind, Total, Value};
use crate::common::{Rng, engine};
use proptest::prelude::*;
use rowmill::engine::Isa;
use rowmill::normalize::NormalizeAxis;
use rowmill::reduce::{
    All, CellPlace, Each, Kernel, MeanVar, Reduce, Reduction, Selected, Summary, Values,
};
use rowmill::select::{CompareOp, Selector, Unmasked};
use rowmill::view::SliceSource;
use rowmill::{
    ChunkSize, Engine, Mask, Mean, MinMax, Moments, NanPolicy, Normalize, Numeric, Result, Stats,
    Sum, f16, map_elements, map_rows,
};

const CHUNKS: [ChunkSize; 5] = [
    ChunkSize::Rows(1),
    ChunkSize::Rows(7),
    ChunkSize::Bytes(64 << 10),
    ChunkSize::Bytes(4 << 20),
    ChunkSize::Rows(usize::MAX),
];

/// One in this many settings is tried for each array, because unoptimized runs take ten times as
/// long.
const EVERY: usize = if cfg!(debug_assertions) { 16 } else { 4 };

/// All combinations of the settings.
fn knobs() -> Vec<(usize, ChunkSize, Isa)> {
    let mut all = Vec::new();
    for isa in Isa::available() {
        for workers in [1, 2, 3, 8] {
            all.extend(CHUNKS.map(|chunk| (workers, chunk, isa)));
        }
    }
    all
}

fn reference() -> Engine {
    engine(1, ChunkSize::Auto, Isa::BASELINE)
}

/// A kernel sensitive to every difference: the blocks, their elements, and the merge tree.
struct Fingerprint;

fn mix(a: u64, b: u64) -> u64 {
    (a ^ b.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

impl<T: Value> Kernel<T> for Fingerprint {
    type State = u64;
    type Value = u64;

    fn new_state(&self) -> u64 {
        7
    }
    fn fold(&self, cells: &mut [u64], selected: &Selected<'_, T>) -> Result<()> {
        for bound in [selected.rows(), selected.cols()] {
            cells[0] = mix(mix(cells[0], bound.start as u64), bound.end as u64);
        }
        selected.each_element(|cell, x: T, _| cells[cell] = mix(cells[cell], bits(x.float())));
        Ok(())
    }
    fn merge(&self, state: &mut u64, next: u64) {
        *state = mix(state.wrapping_add(3), next);
    }
    fn value(&self, state: &u64, _: &CellPlace<'_>) -> Result<u64> {
        Ok(*state)
    }
}

fn summary_bits<T: Value>(s: &Summary<T>, to: &mut Vec<u64>) {
    to.extend([s.count, s.nan, s.inf, bits(s.sum.float()), bits(s.mean), bits(s.var)]);
    to.extend([s.min, s.max].map(|x| x.map_or(1, |x| bits(x.float()))));
}

/// Kernels reduced together, and their answers.
type Kernels<'a, T> = (
    Erased<'a, T, Vec<Summary<T>>>,
    Erased<'a, T, Vec<Summary<T>>>,
    Erased<'a, T, Vec<Summary<T>>>,
    Erased<'a, T, <T as Numeric>::Sum>,
    Erased<'a, T, Vec<f64>>,
    Erased<'a, T, Vec<f64>>,
    Erased<'a, T, Vec<MeanVar>>,
    Reduction<Each<Fingerprint>, All>,
);

fn reduced<'a, T: Value>(
    engine: &Engine,
    source: &AnySource<'_, T>,
    kernels: Kernels<'a, T>,
) -> <Kernels<'a, T> as Reduce<T>>::Output {
    engine.reduce(source, kernels).expect("an answer")
}

/// All bits of all kernels over all axes.
fn answers<'m, T: Value>(
    engine: &Engine,
    source: &AnySource<'_, T>,
    mask: &dyn Fn() -> Boxed<'m, T>,
    nan: NanPolicy,
) -> Vec<u64> {
    macro_rules! kernel {
        ($kernel:expr, $list:expr) => {
            Erased::new($kernel.masked(mask()).nan(nan), $list)
        };
    }
    let summary = |s: Summary<T>| vec![s];
    let got = reduced(
        engine,
        source,
        (
            kernel!(Stats::all(), summary),
            kernel!(Stats::per_column(), Values::into_vec),
            kernel!(Stats::per_row(), Values::into_vec),
            kernel!(Sum::all(), |sum| sum),
            kernel!(Mean::per_column(), Values::into_vec),
            kernel!(Mean::per_row(), Values::into_vec),
            kernel!(Moments::per_column(), Values::into_vec),
            Reduction::of(Fingerprint, All),
        ),
    );
    let mut all = vec![bits(got.3.float()), got.7];
    got.0.iter().chain(&got.1).chain(&got.2).for_each(|s| summary_bits(s, &mut all));
    all.extend(got.4.iter().chain(&got.5).map(|&x| bits(x)));
    all.extend(got.6.iter().map(|m| bits(m.var)));
    all
}

/// The position of the first difference, so that a failure does not print megabytes.
fn difference(a: &[u64], b: &[u64]) -> Option<usize> {
    if a.len() != b.len() {
        return Some(a.len().min(b.len()));
    }
    a.iter().zip(b).position(|(a, b)| a != b)
}

fn sweep_with<'m, T: Value, M: Selector<T> + 'm>(
    sources: &[AnySource<'_, T>],
    turn: usize,
    mask: &dyn Fn() -> M,
) {
    let mask: &dyn Fn() -> Boxed<'m, T> = &|| Box::new(mask());
    for (k, nan) in [NanPolicy::Propagate, NanPolicy::Skip].into_iter().enumerate() {
        let expected = answers(&reference(), &sources[0], mask, nan);
        // Every layout once, and some of the settings with the layouts in turn.
        let layouts = sources.iter().map(|s| (s, (2, ChunkSize::Auto, Isa::detect())));
        let turning = sources.iter().cycle().skip(turn + k);
        let settings = turning.zip(knobs().into_iter().skip((turn + k) % EVERY).step_by(EVERY));
        for (source, (workers, chunk, isa)) in layouts.chain(settings) {
            let got = answers(&engine(workers, chunk, isa), source, mask, nan);
            let at = difference(&got, &expected);
            let dims = rowmill::Source::shape(source);
            assert_eq!(
                at,
                None,
                "{} {dims} {} {workers} {chunk} {isa} {nan:?}",
                T::DTYPE,
                source.name
            );
        }
    }
}

fn sweep<T: Value>(kind: Kind, dims: &[usize]) {
    let len = dims.iter().product();
    let mut values = T::many(len, kind, len as u64);
    let mut rng = Rng::new(3);
    if kind == Kind::Any {
        // Special values are so rare that most columns and rows have none.
        for special in [f64::NAN, f64::NAN, f64::INFINITY] {
            values[rng.below(len)] = T::near(special);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sources = every_layout(folder.path(), &values, dims);
    sweep_with(&sources, 0, &|| Unmasked);
    sweep_with(&sources, 1, &|| Mask::compare(CompareOp::Gt, 0.25));
    let bools: Vec<bool> = values.iter().map(|_| rng.below(3) > 0).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let masks = every_layout(folder.path(), &bools, dims);
    // There are as many turns as layouts, so that all masks are also read from files.
    let turn = dims.iter().sum::<usize>() % masks.len();
    sweep_with(&sources, turn, &|| Mask::array(&masks[turn]));
}

#[test]
fn whole_rows_f32() {
    sweep::<f32>(Kind::Any, &[1_500, 301]);
}

#[test]
fn narrow_rows_f32() {
    sweep::<f32>(Kind::Any, &[150_001, 3]);
}

#[test]
fn wide_rows_f32() {
    // The last tile of each row has five columns.
    sweep::<f32>(Kind::Any, &[131, 5 * 1024 + 5]);
}

#[test]
fn one_huge_row_f64() {
    sweep::<f64>(Kind::Any, &[1, 100_003]);
}

#[test]
fn wide_rows_f64() {
    // The last tile of each row has eighty columns.
    sweep::<f64>(Kind::Any, &[130, 4 * 512 + 80]);
}

#[test]
fn one_dimension_f64() {
    sweep::<f64>(Kind::Any, &[200_001]);
}

#[test]
fn wide_rows_f16() {
    sweep::<f16>(Kind::Any, &[130, 8195]);
}

#[test]
fn three_dimensions_i16() {
    sweep::<i16>(Kind::Special, &[300, 20, 51]);
}

#[test]
fn ranges() {
    let values = f32::many(90_000, Kind::Special, 1);
    for dims in [[300, 300], [10, 9000]] {
        let source = SliceSource::new(&values, dims).expect("90,000 values");
        let range = |engine: &Engine| {
            let skip = NanPolicy::Skip;
            let kernels = (MinMax::per_column().nan(skip), MinMax::per_row().nan(skip));
            let (a, b) = engine.reduce(&source, kernels).expect("ranges");
            let bits = |r: &rowmill::reduce::ValueRange<f32>| (r.min.to_bits(), r.max.to_bits());
            a.iter().chain(&b).map(bits).collect::<Vec<_>>()
        };
        let expected = range(&reference());
        for (workers, chunk, isa) in knobs() {
            // The elements include zeros of both signs: the chosen one must not change.
            assert!(range(&engine(workers, chunk, isa)) == expected, "{workers} {chunk} {isa}");
        }
    }
}

/// The bytes of the file written by a job.
fn output(path: &Path, job: impl FnOnce(&Path) -> Result<()>) -> Vec<u8> {
    job(path).expect("an output");
    let bytes = std::fs::read(path).expect("the output");
    std::fs::remove_file(path).expect("removed");
    bytes
}

#[test]
fn outputs_are_the_same_bytes() {
    for dims in [[1501, 83], [37, 4099], [1, 60_001]] {
        let mut values = f32::many(dims[0] * dims[1], Kind::Any, 21);
        values[5] = f32::NAN;
        let folder = tempfile::tempdir().expect("a folder");
        let sources = every_layout(folder.path(), &values, &dims);
        let path = folder.path().join("out.npy");
        let mut jobs: Vec<Box<Job<'_>>> = vec![
            Box::new(|e, s, p| {
                e.map(s, map_elements(|x: f32| f64::from(x) * 1.5)).overwrite(true).write_npy(p)
            }),
            Box::new(|e, s, p| {
                let last_two = map_rows([2], |row: &[f32], out: &mut [f32]| {
                    out.copy_from_slice(&row[row.len() - 2..]);
                });
                e.map(s, last_two).overwrite(true).write_npy(p)
            }),
        ];
        for axis in [NormalizeAxis::All, NormalizeAxis::Columns, NormalizeAxis::Rows] {
            for how in [Normalize::z_score(), Normalize::min_max_to(-1.0, 3.0)] {
                let how = how.axis(axis);
                jobs.push(Box::new(move |e, s, p| {
                    e.normalize(s, how).overwrite(true).write_npy(p)
                }));
            }
        }
        for (i, job) in jobs.iter().enumerate() {
            let expected = output(&path, |p| job(&reference(), &sources[0], p));
            let turning = sources
                .iter()
                .cycle()
                .zip(knobs().into_iter().skip(i % (EVERY / 2)).step_by(EVERY / 2));
            for (source, (workers, chunk, isa)) in turning {
                let got = output(&path, |p| job(&engine(workers, chunk, isa), source, p));
                let name = source.name;
                assert!(got == expected, "job {i} {dims:?} {name} {workers} {chunk} {isa}");
            }
        }
    }
}

type Job<'a> = dyn Fn(&Engine, &AnySource<'_, f32>, &Path) -> Result<()> + 'a;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn random_arrays_and_settings(
        dims in prop_oneof![
            (1..6_usize, 1..9000_usize).prop_map(|(n, m)| vec![n, m]),
            (1..3000_usize, 1..40_usize).prop_map(|(n, m)| vec![n, m]),
            (1..90_000_usize).prop_map(|n| vec![n]),
        ],
        seed: u64,
    ) {
        let values = f64::many(dims.iter().product(), Kind::Any, seed);
        let folder = tempfile::tempdir().expect("a folder");
        let sources = every_layout(folder.path(), &values, &dims);
        let mut rng = Rng::new(seed);
        let unmasked: &dyn Fn() -> Boxed<'static, f64> = &|| Box::new(Unmasked);
        let expected = answers(&reference(), &sources[0], unmasked, NanPolicy::Propagate);
        for source in &sources {
            let all = knobs();
            let (workers, chunk, isa) = all[rng.below(all.len())];
            let got = answers(&engine(workers, chunk, isa), source, unmasked, NanPolicy::Propagate);
            prop_assert_eq!(difference(&got, &expected), None, "{}", source.name);
        }
    }
}
