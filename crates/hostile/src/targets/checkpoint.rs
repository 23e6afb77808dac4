//! Checkpoints and the journals of in-place jobs: whole files, and what is behind their checksums.

use std::ops::Range;

use rowmill_core::fuzzing::{check_journal, frame_journal};
use rowmill_core::{Complex, Shape, f16};
use rowmill_exec::fuzzing::{check_checkpoint, frame_checkpoint};
use rowmill_exec::{
    ApproxQuantiles, ArgMinMax, CheckpointError, Counts, Covariance, Distinct, Histogram, Kurtosis,
    Mean, MinMax, Moments, NanPolicy, Norm, Product, Reduce, Shared, Stats, Sum, TopK,
};

use crate::{Target, check_error};

/// The bytes of a checkpoint as they are, as a state behind the right head, and as the partials of
/// reductions of every kind.
pub const CHECKPOINT: Target =
    Target { name: "checkpoint", fixed: 8 << 20, per_byte: 200, run: checkpoint };

/// The bytes of a journal as they are, and behind the right head.
pub const JOURNAL: Target = Target { name: "journal", fixed: 64 << 10, per_byte: 8, run: journal };

fn checkpoint(bytes: &[u8]) {
    let parsed = check_checkpoint(bytes);
    if let Err(error) = &parsed {
        check_error(error);
    }
    let framed = frame_checkpoint(bytes);
    match check_checkpoint(&framed) {
        Ok(()) => {
            // A bit more or less is never another checkpoint.
            let mut other = framed;
            let last = other.len() - 1;
            other[last] ^= 1;
            let refused = check_checkpoint(&other);
            assert!(matches!(refused, Err(CheckpointError::Damaged { .. })), "{refused:?}");
        }
        Err(error) => check_error(&error),
    }
    // One block, and one that is not there; and many side by side.
    let [narrow, wide] = [[3000, 7], [3, 20_000]];
    for (dims, blocks) in [(narrow, 0..1), (narrow, 1..2), (wide, 0..1), (wide, 1..3)] {
        let of = (&Shape::new(dims).expect("small"), blocks);
        statistics(bytes, &of);
        kernels(bytes, &of);
    }
}

/// An array, and blocks of it.
type Of<'a> = (&'a Shape, Range<usize>);

/// As the partials of kernels that are made of sums, squares and ranges.
fn statistics(bytes: &[u8], of: &Of<'_>) {
    load::<f32, _>(Sum::all(), bytes, of);
    load::<f64, _>(Stats::per_column(), bytes, of);
    load::<i64, _>(Moments::per_row(), bytes, of);
    load::<u64, _>(Stats::all(), bytes, of);
    load::<u8, _>((MinMax::all(), Counts::per_column()), bytes, of);
    load::<f16, _>(MinMax::all().nan(NanPolicy::Skip), bytes, of);
    load::<Complex<f32>, _>(Moments::all(), bytes, of);
}

/// As the partials of kernels that keep something of their own.
fn kernels(bytes: &[u8], of: &Of<'_>) {
    load::<f32, _>(ArgMinMax::all(), bytes, of);
    load::<u8, _>(ArgMinMax::per_row(), bytes, of);
    load::<i64, _>(Product::all(), bytes, of);
    load::<f64, _>(Product::all(), bytes, of);
    load::<i64, _>(Sum::all().exact(), bytes, of);
    load::<f64, _>(Mean::per_row().exact(), bytes, of);
    load::<f64, _>(Kurtosis::all().unbiased(), bytes, of);
    load::<f64, _>(Covariance::columns().ddof(1), bytes, of);
    load::<f32, _>(Norm::all(), bytes, of);
    load::<f32, _>(Distinct::per_row().limit(3), bytes, of);
    load::<i64, _>(TopK::largest(3).expect("few").all(), bytes, of);
    load::<f32, _>(Histogram::uniform(3, 0.0, 1.0).expect("a range").all(), bytes, of);
    load::<f64, _>(ApproxQuantiles::new(&[0.3], 0.01).expect("coarse").all(), bytes, of);
}

/// A state that bytes are taken for can be merged, with itself and after itself, and finished.
fn load<T, R>(kernel: R, bytes: &[u8], (shape, blocks): &Of<'_>)
where
    T: rowmill_core::Element,
    R: Reduce<T>,
{
    let mut reducers = Vec::new();
    kernel.reducers(NanPolicy::Propagate, &mut reducers);
    for reducer in reducers {
        let load = |bytes: &[u8]| reducer.load(bytes, shape, blocks.clone());
        let Some(state) = load(bytes) else { continue };
        let saved = reducer.save(&state).expect("it was read");
        let again = || load(&saved).expect("it reads back");
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
