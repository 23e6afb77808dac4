//! Checkpoints and the journals of in-place jobs: whole files, and what is behind their checksums.

use rowmill_core::{Shape, check_journal, frame_journal};
use rowmill_exec::{
    CheckpointError, Counts, MinMax, Moments, Resume, Stats, Sum, check_checkpoint,
    frame_checkpoint,
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
    let shape = Shape::new([3000, 7]).expect("small");
    for blocks in [0..1, 0..2, 1..2] {
        load::<f32, _>(Sum::all(), bytes, &shape, blocks.clone());
        load::<f64, _>(Stats::per_column(), bytes, &shape, blocks.clone());
        load::<i64, _>(Moments::per_row(), bytes, &shape, blocks.clone());
        load::<u8, _>((MinMax::all(), Counts::per_column()), bytes, &shape, blocks);
    }
}

/// What is taken for a partial can be merged and finished.
fn load<T, R>(kernel: R, bytes: &[u8], shape: &Shape, blocks: std::ops::Range<usize>)
where
    T: rowmill_core::Element,
    R: Resume<T>,
{
    let load = || kernel.load(bytes, shape, blocks.clone());
    if let (Some(mut partial), Some(same)) = (load(), load()) {
        let saved = kernel.save(&partial);
        assert!(kernel.load(&saved, shape, blocks.clone()).is_some(), "it reads back");
        kernel.merge(&mut partial, same);
        if let Err(error) = kernel.finish(partial, shape) {
            check_error(&error);
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
