//! Checkpoints and the journals of in-place jobs: whole files, and the contents that their
//! checksums protect.

use std::ops::Range;

use rowmill_core::fuzzing::{check_journal, frame_journal};
use rowmill_core::{Complex, Shape, f16};
use rowmill_exec::fuzzing::{check_checkpoint, frame_checkpoint};
use rowmill_exec::{
    ApproxQuantiles, ArgMinMax, CheckpointError, Counts, Covariance, Distinct, Histogram, Kurtosis,
    Mean, MinMax, Moments, NanPolicy, Norm, Product, Reduce, Shared, Stats, Sum, TopK,
};

use crate::{Target, check_error};

/// Takes the bytes as a checkpoint, as a state behind a valid header, and as the partials of all
/// kinds of reductions.
pub const CHECKPOINT: Target =
    Target { name: "checkpoint", fixed: 8 << 20, per_byte: 200, run: checkpoint };

/// Takes the bytes as a journal, and as its contents behind a valid header.
pub const JOURNAL: Target = Target { name: "journal", fixed: 64 << 10, per_byte: 8, run: journal };

fn checkpoint(bytes: &[u8]) {
    let parsed = check_checkpoint(bytes);
    if let Err(error) = &parsed {
        check_error(error);
    }
    let framed = frame_checkpoint(bytes);
    match check_checkpoint(&framed) {
        Ok(()) => {
            // A flipped bit never gives another valid checkpoint.
            let mut other = framed;
            let last = other.len() - 1;
            other[last] ^= 1;
            let refused = check_checkpoint(&other);
            assert!(matches!(refused, Err(CheckpointError::Damaged { .. })), "{refused:?}");
        }
        Err(error) => check_error(&error),
    }
    // A grid of one block, a block out of range, and several blocks side by side.
    let [narrow, wide] = [[3000, 7], [3, 20_000]];
    for (dims, blocks) in [(narrow, 0..1), (narrow, 1..2), (wide, 0..1), (wide, 1..3)] {
        let blocks = (&Shape::new(dims).expect("small"), blocks);
        statistics(bytes, &blocks);
        kernels(bytes, &blocks);
    }
}

/// An array shape, and a range of its blocks.
type BlockRange<'a> = (&'a Shape, Range<usize>);

/// Loads the bytes as partials of kernels made of sums, squares and ranges.
fn statistics(bytes: &[u8], blocks: &BlockRange<'_>) {
    load::<f32, _>(Sum::all(), bytes, blocks);
    load::<f64, _>(Stats::per_column(), bytes, blocks);
    load::<i64, _>(Moments::per_row(), bytes, blocks);
    load::<u64, _>(Stats::all(), bytes, blocks);
    load::<u8, _>((MinMax::all(), Counts::per_column()), bytes, blocks);
    load::<f16, _>(MinMax::all().nan(NanPolicy::Skip), bytes, blocks);
    load::<Complex<f32>, _>(Moments::all(), bytes, blocks);
}

/// Loads the bytes as partials of kernels with states of their own.
fn kernels(bytes: &[u8], blocks: &BlockRange<'_>) {
    load::<f32, _>(ArgMinMax::all(), bytes, blocks);
    load::<u8, _>(ArgMinMax::per_row(), bytes, blocks);
    load::<i64, _>(Product::all(), bytes, blocks);
    load::<f64, _>(Product::all(), bytes, blocks);
    load::<i64, _>(Sum::all().exact(), bytes, blocks);
    load::<f64, _>(Mean::per_row().exact(), bytes, blocks);
    load::<f64, _>(Kurtosis::all().unbiased(), bytes, blocks);
    load::<f64, _>(Covariance::columns().ddof(1), bytes, blocks);
    load::<f32, _>(Norm::all(), bytes, blocks);
    load::<f32, _>(Distinct::per_row().limit(3), bytes, blocks);
    load::<i64, _>(TopK::largest(3).expect("a small k").all(), bytes, blocks);
    load::<f32, _>(Histogram::uniform(3, 0.0, 1.0).expect("a range").all(), bytes, blocks);
    load::<f64, _>(ApproxQuantiles::new(&[0.3], 0.01).expect("coarse").all(), bytes, blocks);
}

/// Checks that any accepted state can be merged, with itself and after itself, and finished.
fn load<T, R>(kernel: R, bytes: &[u8], (shape, blocks): &BlockRange<'_>)
where
    T: rowmill_core::Element,
    R: Reduce<T>,
{
    let mut reducers = Vec::new();
    kernel.reducers(NanPolicy::Propagate, &mut reducers);
    for reducer in reducers {
        let load = |bytes: &[u8]| reducer.load(bytes, shape, blocks.clone());
        let Some(state) = load(bytes) else { continue };
        let saved = reducer.save(&state).expect("loaded");
        let again = || load(&saved).expect("saved by us");
        let mut twice = again();
        reducer.merge(&mut twice, state);
        let mut merged = again();
        reducer.merge(&mut merged, twice);
        for state in [again(), merged] {
            if let Err(error) = reducer.finish(Shared::default(), Some(state), shape) {
                check_error(&error);
            }
        }
    }
}

fn journal(bytes: &[u8]) {
    for bytes in [bytes, &frame_journal(bytes)] {
        if let Err(error) = check_journal(bytes) {
            check_error(&error);
        }
    }
}
