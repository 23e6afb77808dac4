//! Jobs that are interrupted anywhere and resumed: the same bytes, and no avoidable work done
//! twice.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rowmill::error::CheckpointError;
use rowmill::file::Identity;
use rowmill::select::CompareOp;
use rowmill::view::{Tile, TileBuffer};
use rowmill::{
    ApproxQuantiles, ArgMinMax, Array, ArrayMut, Checkpoint, ChunkSize, Covariance, Element,
    Engine, Error, Histogram, Mask, Mean, MinMax, Moments, Norm, Normalize, Shape, Skewness,
    Source, Stats, Sum, TopK, map_elements, map_rows,
};

#[path = "../../../crates/core/tests/common/numbers.rs"]
mod numbers;
use numbers::{until_given_out_again, with_the_number_of};

/// An array whose reads start to fail.
struct Failing<'a, T> {
    array: &'a Array<T>,
    left: AtomicUsize,
    reads: AtomicUsize,
}

impl<'a, T: Element> Failing<'a, T> {
    fn after(array: &'a Array<T>, reads: usize) -> Self {
        Self { array, left: AtomicUsize::new(reads), reads: AtomicUsize::new(0) }
    }
}

impl<T: Element> Source<T> for Failing<'_, T> {
    fn shape(&self) -> &Shape {
        self.array.shape()
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>, rowmill::FileError> {
        let decrement = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, decrement).is_err() {
            let (path, action) = (self.array.path().to_owned(), "read");
            let source = std::io::Error::other("the disk is gone");
            return Err(rowmill::FileError::Io { action, path, source });
        }
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.array.tile(rows, cols, buffer)
    }

    fn identity(&self) -> Option<Identity> {
        self.array.identity()
    }
}

fn engine(workers: usize, rows: usize) -> Engine {
    let builder = Engine::builder().workers(workers).chunk(ChunkSize::Rows(rows));
    builder.build().expect("an engine")
}

fn write(path: &Path, rows: usize, cols: usize) -> Array<f32> {
    let mut x = ArrayMut::<f32>::create(path, [rows, cols]).expect("enough space");
    let mut state = 1_u32;
    for value in x.rows_mut(0..rows).expect("in place") {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (state >> 8) as f32 / 65_536.0 - 100.0;
    }
    x.close().expect("closed");
    Array::open(path).expect("just written")
}

fn refusal(error: Error) -> CheckpointError {
    match error {
        Error::Checkpoint { source, .. } => source,
        other => panic!("{other}"),
    }
}

/// Runs a reduction that fails after `step` more reads each time, until it completes.
fn in_steps<R>(array: &Array<f32>, kernel: R, checkpoint: &Checkpoint, step: usize) -> R::Output
where
    R: rowmill::reduce::Reduce<f32> + Copy,
{
    let mut reads = 0;
    for run in 0.. {
        // Workers and chunks may differ each time.
        let source = Failing::after(array, step);
        let result =
            engine(1 + run % 3, 128 << (run % 4)).on(&source).checkpoint(checkpoint).reduce(kernel);
        reads += source.reads.load(Ordering::SeqCst);
        match result {
            Ok(output) => {
                // A failure costs at most the chunks in progress.
                let blocks = array.shape().rows().div_ceil(128);
                assert!(reads <= blocks + run * 3 * 8, "{reads} reads of {blocks} blocks");
                return output;
            }
            Err(Error::File(_)) => assert!(run < 10_000),
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!()
}

#[test]
fn resumed_reductions_give_the_same_bits() {
    let dir = tempfile::tempdir().expect("a folder");
    let x = write(&dir.path().join("x.npy"), 10_000, 1000); // 79 blocks
    let checkpoint = Checkpoint::at(dir.path().join("c")).every(Duration::ZERO);
    let whole = engine(2, 500);
    macro_rules! same {
        ($kernel:expr, $step:expr) => {
            let (once, steps) = (
                whole.reduce(&x, $kernel).expect("read"),
                in_steps(&x, $kernel, &checkpoint, $step),
            );
            assert_eq!(format!("{once:?}"), format!("{steps:?}"));
            assert!(!checkpoint.path().exists(), "the job is done");
        };
    }
    same!(Sum::all(), 9);
    same!((Sum::all(), Mean::per_column(), MinMax::all()), 20);
    same!(Moments::per_row(), 13);
    same!(Stats::per_column(), 31);
    same!(Stats::per_row().masked(Mask::compare(CompareOp::Gt, 0.5)), 40);
    same!((Sum::all().exact(), ArgMinMax::per_column(), Skewness::per_row(), Norm::all()), 23);
    let histogram = Histogram::uniform(9, -100.0, 100.0).expect("a range").per_column();
    let sketch = ApproxQuantiles::new(&[0.1, 0.5], 0.02).expect("an error").all();
    let positive = Mask::compare(CompareOp::Gt, 0.0);
    let top = TopK::largest(20).expect("a small k").all().masked(positive);
    same!((&histogram, &sketch, &top, &Covariance::columns().masked(positive)), 27);
}

#[test]
fn other_jobs_inputs_and_damage_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, place) = (dir.path().join("x.npy"), dir.path().join("c"));
    let x = write(&path, 2000, 1000);
    let checkpoint = Checkpoint::at(&place).every(Duration::ZERO);
    let stop = || {
        let failing = Failing::after(&x, 5);
        engine(1, 128).on(&failing).checkpoint(&checkpoint).reduce(Sum::all()).unwrap_err();
        std::fs::read(&place).expect("a checkpoint")
    };
    let saved = stop();
    let engine = engine(2, 128);
    let other = engine.on(&x).checkpoint(&checkpoint).reduce(Mean::all()).unwrap_err();
    assert!(other.to_string().contains("belongs to another job"), "{other}");
    assert!(matches!(refusal(other), CheckpointError::OtherJob { .. }));
    let masked = Sum::all().masked(Mask::compare(CompareOp::Gt, 0.5));
    let other = engine.on(&x).checkpoint(&checkpoint).reduce(masked).unwrap_err();
    assert!(matches!(refusal(other), CheckpointError::OtherJob { .. }));
    let map = map_elements(|v: f32| v);
    let out = dir.path().join("y.npy");
    let labelled = checkpoint.clone().label("copy");
    let other = engine.map(&x, map).checkpoint(&labelled).write_npy(&out).unwrap_err();
    assert!(matches!(refusal(other), CheckpointError::OtherJob { .. }));
    assert!(!out.exists());
    let closure = Sum::all().masked(Mask::value(|v| v > 0.5));
    let unnamed = engine.on(&x).checkpoint(&checkpoint).reduce(closure).unwrap_err();
    assert_eq!(refusal(unnamed), CheckpointError::NoLabel);
    let map = engine.map(&x, map).checkpoint(&checkpoint).write_npy(&out).unwrap_err();
    assert_eq!(refusal(map), CheckpointError::NoLabel);
    let memory = rowmill::view::SliceSource::new(&[1.0_f32], [1]).expect("one");
    let memory = engine.on(&memory).checkpoint(&checkpoint).reduce(Sum::all()).unwrap_err();
    assert_eq!(refusal(memory), CheckpointError::InMemory);

    for at in [0, 8, 12, 30, saved.len() - 1] {
        let mut damaged = saved.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&place, &damaged).expect("written");
        let error = engine.on(&x).checkpoint(&checkpoint).reduce(Sum::all()).unwrap_err();
        assert_eq!(std::fs::read(&place).expect("still exists"), damaged, "nothing is touched");
        if at == 0 {
            // The file may be anything, so the error does not suggest removing it.
            assert!(!error.to_string().contains("remove"), "{error}");
            assert!(matches!(error, Error::File(rowmill::FileError::OtherKind { .. })), "{error}");
            continue;
        }
        assert!(error.to_string().contains("remove"), "{error}");
        let error = refusal(error);
        let refused =
            matches!(error, CheckpointError::Damaged { .. } | CheckpointError::Version { .. });
        assert!(refused, "byte {at}: {error}");
        assert_eq!(std::fs::read(&place).expect("still exists"), damaged, "nothing is touched");
    }
    // The same content, written again.
    std::fs::write(&place, &saved).expect("written");
    drop(x);
    let mut again = ArrayMut::<f32>::open(&path).expect("nobody else writes");
    again.rows_mut(0..1).expect("in place")[0] += 1.0;
    again.close().expect("closed");
    let x = Array::<f32>::open(&path).expect("still an array");
    let error = engine.on(&x).checkpoint(&checkpoint).reduce(Sum::all()).unwrap_err();
    assert!(matches!(refusal(error), CheckpointError::InputChanged { .. }));
    // Without the checkpoint the job starts over.
    std::fs::remove_file(&place).expect("our own file");
    let sum = engine.on(&x).checkpoint(&checkpoint).reduce(Sum::all()).expect("a new job");
    assert_eq!(sum, engine.reduce(&x, Sum::all()).expect("read"));
}

/// Runs a job that fails after some more calls each time, until it completes. Returns the number of
/// runs.
fn until_done(mut job: impl FnMut(usize) -> rowmill::Result<()>) -> usize {
    (1..)
        .find(|&run| match job(run) {
            Ok(()) => true,
            Err(Error::Kernel(_) | Error::File(_)) if run < 1000 => false,
            Err(other) => panic!("{other}"),
        })
        .unwrap_or_default()
}

#[test]
fn resumed_maps_write_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    let x = write(&path("x.npy"), 9001, 300);
    let checkpoint = Checkpoint::at(path("c")).every(Duration::ZERO).label("ends");
    let ends = |row: &[f32], out: &mut [f64]| {
        out[0] = f64::from(row[0]);
        out[2] = f64::from(row[299]); // the elements between them are skipped
    };
    engine(2, 1000).map(&x, map_rows([3], ends)).write_npy(path("golden.npy")).expect("written");
    let calls = AtomicUsize::new(0);
    let runs = until_done(|run| {
        let left = AtomicUsize::new(2000);
        let kernel = map_rows([3], |row: &[f32], out: &mut [f64]| {
            let decrement = |left: usize| left.checked_sub(1);
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, decrement).is_err() {
                panic!("stopped");
            }
            calls.fetch_add(1, Ordering::SeqCst);
            ends(row, out);
        });
        let workers = 1 + run % 3;
        let job = engine(workers, 100 * run)
            .map(&x, kernel)
            .checkpoint(&checkpoint)
            .write_npy(path("y.npy"));
        assert_eq!(job.is_ok(), path("y.npy").exists(), "complete or not there");
        job.map_err(|e| match e {
            Error::KernelPanicked { .. } => Error::kernel("stopped"),
            other => other,
        })
    });
    assert!(runs > 4, "{runs} runs");
    let (golden, found) = (std::fs::read(path("golden.npy")), std::fs::read(path("y.npy")));
    assert!(golden.expect("exists") == found.expect("exists"));
    let calls = calls.into_inner();
    assert!(calls < 9001 * 2, "{calls} rows computed");
    assert_eq!(leftovers(dir.path()), Vec::<String>::new());
}

/// Hidden files and checkpoints.
fn leftovers(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).expect("a folder");
    let names = names.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.ends_with(".npy") || name.starts_with('.')).collect()
}

#[test]
fn a_missing_or_foreign_output_is_written_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    let x = write(&path("x.npy"), 3000, 300);
    let checkpoint = Checkpoint::at(path("c")).every(Duration::ZERO);
    let normalize = Normalize::z_score().per_column();
    let golden = path("golden.npy");
    engine(1, 100).normalize(&x, normalize).write_npy(&golden).expect("written");
    let stop = || {
        // The first read completes after 7 tiles, the second has 30.
        let failing = Failing::after(&x, 20);
        let job = engine(1, 100);
        let job = job.normalize(&failing, normalize).checkpoint(&checkpoint);
        assert!(matches!(job.write_npy(path("y.npy")).unwrap_err(), Error::File(_)));
        assert!(checkpoint.path().exists() && path(".y.npy.rowmill-partial").exists());
    };
    let finish = || {
        let job = engine(2, 100);
        job.normalize(&x, normalize)
            .checkpoint(&checkpoint)
            .write_npy(path("y.npy"))
            .expect("completed");
        assert!(std::fs::read(&golden).unwrap() == std::fs::read(path("y.npy")).unwrap());
        assert_eq!(leftovers(dir.path()), Vec::<String>::new());
        std::fs::remove_file(path("y.npy")).expect("our own file");
    };
    stop();
    finish();
    // The unfinished output was removed.
    stop();
    std::fs::remove_file(path(".y.npy.rowmill-partial")).expect("our own file");
    finish();
    // It was replaced by a killed job without a checkpoint: the same length and header, but zeros.
    stop();
    let mut other = rowmill::CreateOptions::new()
        .stage::<f32>(path("y.npy"), [3000, 300])
        .expect("enough space");
    other.keep_unfinished();
    drop(other);
    finish();
    // It was truncated.
    stop();
    let partial = std::fs::OpenOptions::new().write(true).open(path(".y.npy.rowmill-partial"));
    partial.expect("exists").set_len(5000).expect("shorter");
    finish();
}

/// Another file with the inode number of the unfinished output: the same length and header, but
/// zeros.
#[test]
fn a_reused_inode_is_not_the_output_of_a_checkpoint() {
    let normalize = Normalize::z_score().per_column();
    until_given_out_again("a checkpoint", || {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        let x = write(&path("x.npy"), 3000, 300);
        let checkpoint = Checkpoint::at(path("c")).every(Duration::ZERO);
        let golden = path("golden.npy");
        engine(1, 100).normalize(&x, normalize).write_npy(&golden).expect("written");
        let failing = Failing::after(&x, 20);
        let job = engine(1, 100);
        let job = job.normalize(&failing, normalize).checkpoint(&checkpoint);
        job.write_npy(path("y.npy")).expect_err("stopped");
        let partial = path(".y.npy.rowmill-partial");
        let mut bytes = std::fs::read(&partial).expect("exists");
        let header = bytes.len() - 3000 * 300 * 4;
        assert!(bytes[header..].iter().any(|&byte| byte != 0), "some of it is done");
        bytes[header..].fill(0);
        let again = with_the_number_of(&partial, &bytes);
        if again {
            let job = engine(2, 100);
            let job = job.normalize(&x, normalize).checkpoint(&checkpoint);
            job.write_npy(path("y.npy")).expect("completed");
            assert!(std::fs::read(&golden).unwrap() == std::fs::read(path("y.npy")).unwrap());
        }
        again
    });
}

#[test]
fn an_output_published_before_the_kill_is_written_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    let x = write(&path("x.npy"), 3000, 300);
    let checkpoint = Checkpoint::at(path("c")).every(Duration::ZERO);
    let how = Normalize::z_score().per_column();
    let failing = Failing::after(&x, 20);
    let one = engine(1, 100);
    let stopped = one.normalize(&failing, how).checkpoint(&checkpoint);
    stopped.write_npy(path("y.npy")).unwrap_err();
    let saved = std::fs::read(path("c")).expect("a checkpoint");
    let run = || engine(2, 100).normalize(&x, how).checkpoint(&checkpoint).write_npy(path("y.npy"));
    run().expect("completed");
    let golden = std::fs::read(path("y.npy")).expect("exists");
    if std::fs::metadata(path("y.npy")).and_then(|m| m.created()).is_err() {
        eprintln!("NOT TESTED: this filesystem does not keep when files were made");
        return;
    }
    // The state after a kill between the rename and the removal of the checkpoint.
    std::fs::write(path("c"), &saved).expect("written");
    run().expect("done once more");
    assert!(std::fs::read(path("y.npy")).expect("exists") == golden);
    assert_eq!(leftovers(dir.path()), Vec::<String>::new());
    // A completed output is a file like any other.
    let refused = run().unwrap_err();
    assert!(refused.to_string().contains("it exists (a numpy array)"), "{refused}");
    // The checkpoint does not apply to another file.
    std::fs::write(path("c"), &saved).expect("written");
    std::fs::copy(path("y.npy"), path("copy")).expect("copied");
    std::fs::rename(path("copy"), path("y.npy")).expect("replaced");
    run().unwrap_err();
    assert!(std::fs::read(path("y.npy")).expect("exists") == golden);
}

#[test]
fn normalizations_resume_in_both_reads() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    let x = write(&path("x.npy"), 5000, 300); // 12 blocks
    for how in [
        Normalize::z_score().per_column(),
        Normalize::min_max().all(),
        Normalize::z_score().per_row(),
    ] {
        let one = engine(2, 1000);
        let golden = one.normalize(&x, how).overwrite(true);
        golden.write_npy(path("golden.npy")).expect("written");
        let checkpoint = Checkpoint::at(path("c")).every(Duration::ZERO);
        let runs = until_done(|run| {
            let engine = engine(1 + run % 2, 500);
            let failing = Failing::after(&x, 7);
            let job = engine.normalize(&failing, how).checkpoint(&checkpoint);
            job.overwrite(true).write_npy(path("y.npy"))
        });
        assert!(runs >= 2, "{runs} runs");
        let (golden, found) = (std::fs::read(path("golden.npy")), std::fs::read(path("y.npy")));
        assert!(golden.expect("exists") == found.expect("exists"), "{how:?}");
        assert_eq!(leftovers(dir.path()), Vec::<String>::new());
    }
}

#[test]
fn streams_resume_after_the_consumed_chunks() {
    let dir = tempfile::tempdir().expect("a folder");
    let x = write(&dir.path().join("x.npy"), 1000, 2000);
    let checkpoint = Checkpoint::at(dir.path().join("c")).every(Duration::ZERO).label("rows");
    for workers in [1, 3] {
        let mut seen = Vec::new();
        let mut runs = 0;
        while seen.len() < 1000 {
            runs += 1;
            let mut consumed = 0;
            let engine = engine(workers, 70);
            let stream = engine.on(&x).checkpoint(&checkpoint).stream(
                |chunk| Ok(chunk.rows()),
                |rows, computed| {
                    assert_eq!(rows, computed);
                    seen.extend(rows);
                    consumed += 1;
                    if consumed == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );
            stream.expect("read");
        }
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
        assert_eq!(runs, 4);
        assert!(!checkpoint.path().exists() || runs == 4);
        let _ = std::fs::remove_file(checkpoint.path());
    }
}
