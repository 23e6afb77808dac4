//! Jobs: cancelling, progress, panics, errors, changed files and memory.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::{engine, names, within};
use rowmill::engine::Isa;
use rowmill::file::Backend;
use rowmill::map::Chunk;
use rowmill::reduce::{All, CellPlace, Each, Kernel, Reduction, Selected};
use rowmill::view::SliceSource;
use rowmill::{
    Array, ArrayMut, CancelToken, ChunkSize, Engine, Error, FileError, Map, Mask, Moments,
    Normalize, OpenOptions, Result, Shape, Stats, Sum, map_elements, map_rows,
};

/// 4 MiB, in a few blocks.
const DIMS: [usize; 2] = [1024, 1024];

fn ones() -> Vec<f32> {
    vec![1.0; DIMS[0] * DIMS[1]]
}

fn builder(workers: usize) -> rowmill::EngineBuilder {
    Engine::builder().workers(workers).chunk(ChunkSize::Rows(64))
}

/// Counts blocks, after calling a function with the rows of each.
struct BeforeEach<F>(F);

impl<F: Fn(Range<usize>) -> Result<()> + Sync> Kernel<f32> for BeforeEach<F> {
    type State = usize;
    type Value = usize;

    fn new_state(&self) -> usize {
        0
    }
    fn fold(&self, cells: &mut [usize], selected: &Selected<'_, f32>) -> Result<()> {
        (self.0)(selected.rows())?;
        cells[0] += 1;
        Ok(())
    }
    fn merge(&self, state: &mut usize, next: usize) {
        *state += next;
    }
    fn value(&self, state: &usize, _: &CellPlace<'_>) -> Result<usize> {
        Ok(*state)
    }
}

fn before_each<F>(f: F) -> Reduction<Each<BeforeEach<F>>, All>
where
    F: Fn(Range<usize>) -> Result<()> + Sync,
{
    Reduction::of(BeforeEach(f), All)
}

/// The number of blocks of an array.
fn engine_blocks(x: &SliceSource<'_, f32>) -> usize {
    let blocks = builder(1).build().expect("an engine").reduce(x, before_each(|_| Ok(())));
    let blocks = blocks.expect("a count");
    assert!(blocks >= 4, "so few blocks ({blocks}) that nothing is tested");
    blocks
}

/// Copies rows, after calling a function with the rows of each chunk.
struct CopyAfter<F>(F);

impl<F: Fn(Range<usize>) -> Result<()> + Sync> Map<f32, f32> for CopyAfter<F> {
    fn map(&self, input: &Chunk<'_, f32>, output: &mut [f32]) -> Result<()> {
        (self.0)(input.rows())?;
        output.copy_from_slice(input.as_slice());
        Ok(())
    }
}

/// A folder that contains the output of an earlier job.
fn folder_with_old() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.npy");
    let mut old = ArrayMut::<u8>::create(&path, [3]).expect("created");
    old.write_rows(0, b"old").expect("written");
    old.close().expect("closed");
    (folder, path)
}

fn assert_untouched(path: &Path) {
    let old = Array::<u8>::open(path).expect("the old output");
    assert_eq!(old.as_slice(), Some(&b"old"[..]));
    assert_eq!(names(path.parent().expect("a folder")), ["out.npy"]);
}

#[test]
fn cancelled_from_another_thread() {
    for workers in [1, 2, 8] {
        let token = CancelToken::new();
        let engine = builder(workers).cancel(token.clone()).build().expect("an engine");
        // There are more blocks than all workers take at once.
        let data = vec![1.0_f32; 4096 * 1024];
        let x = SliceSource::new(&data, [4096, 1024]).expect("matching shape");
        let (started, go) = std::sync::mpsc::channel();
        let canceller = thread::spawn(move || {
            go.recv().expect("a start");
            token.cancel();
        });
        let started = std::sync::Mutex::new(Some(started));
        let blocks = AtomicUsize::new(0);
        let all = engine_blocks(&x);
        let slow = before_each(|_| {
            if let Some(started) = started.lock().expect("no panic").take() {
                started.send(()).expect("a listener");
            }
            blocks.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(40));
            Ok(())
        });
        assert!(matches!(engine.reduce(&x, slow), Err(Error::Cancelled)), "{workers} workers");
        assert!(blocks.into_inner() < all, "{workers} workers went on to the end");
        canceller.join().expect("no panic");
    }
}

#[test]
fn cancelled_from_the_progress_callback() {
    for workers in [1, 2] {
        let token = CancelToken::new();
        let in_callback = token.clone();
        let engine = builder(workers).cancel(token.clone()).progress(move |_| in_callback.cancel());
        let engine = engine.build().expect("an engine");
        let data = ones();
        let x = SliceSource::new(&data, DIMS).expect("matching shape");
        let wait = |_: Range<usize>| {
            thread::sleep(Duration::from_millis(60));
            Ok(())
        };
        assert!(matches!(engine.reduce(&x, before_each(wait)), Err(Error::Cancelled)));
        token.reset();
        let (_folder, path) = folder_with_old();
        let outcome = engine.map(&x, CopyAfter(wait)).overwrite(true).write_npy(&path);
        assert!(matches!(outcome, Err(Error::Cancelled)), "{workers} workers: {outcome:?}");
        assert_untouched(&path);
        // The job is cancelled before it begins.
        let outcome = engine.normalize(&x, Normalize::z_score()).overwrite(true).write_npy(&path);
        assert!(matches!(outcome, Err(Error::Cancelled)), "{workers} workers: {outcome:?}");
        let stream = engine.stream(&x, |_| Ok(()), |_, ()| panic!("nothing was computed"));
        assert!(matches!(stream, Err(Error::Cancelled)));
        assert_untouched(&path);
        token.reset();
        assert!(engine.reduce(&x, Sum::all()).is_ok(), "as good as new");
    }
}

#[test]
fn panics_and_errors_of_kernels() {
    for workers in [1, 2, 8] {
        let (sum, panicked, failed) = within(60, move || {
            let engine = builder(workers).build().expect("an engine");
            let data = ones();
            let x = SliceSource::new(&data, DIMS).expect("matching shape");
            let panics = |rows: Range<usize>| {
                if rows.contains(&330) { panic!("row 330 is bad") } else { Ok(()) }
            };
            let fails = |rows: Range<usize>| {
                if rows.end > 640 { Err(Error::kernel("unsorted")) } else { Ok(()) }
            };
            let (_folder, path) = folder_with_old();
            let mut panicked = vec![engine.reduce(&x, before_each(panics)).map(drop)];
            let mut failed = vec![engine.reduce(&x, before_each(fails)).map(drop)];
            panicked.push(engine.map(&x, CopyAfter(panics)).overwrite(true).write_npy(&path));
            failed.push(engine.map(&x, CopyAfter(fails)).overwrite(true).write_npy(&path));
            assert_untouched(&path);
            for (kernel, outcomes) in [
                (&panics as &(dyn Fn(Range<usize>) -> Result<()> + Sync), &mut panicked),
                (&fails, &mut failed),
            ] {
                let mut next = 0;
                let compute = |chunk: &Chunk<'_, f32>| kernel(chunk.rows());
                outcomes.push(engine.stream(&x, compute, |rows, ()| {
                    assert_eq!(rows.start, next);
                    next = rows.end;
                    std::ops::ControlFlow::Continue(())
                }));
                // The chunks before the failed one were consumed.
                assert!([320, 640].contains(&next), "{next}");
            }
            // The engine still works.
            (engine.reduce(&x, Sum::all()).expect("a sum"), panicked, failed)
        });
        assert_eq!(sum, (DIMS[0] * DIMS[1]) as f64);
        for outcome in panicked {
            let Err(Error::KernelPanicked { message, .. }) = outcome else {
                panic!("{workers} workers: {outcome:?}");
            };
            assert_eq!(message, "row 330 is bad");
        }
        for outcome in failed {
            assert!(matches!(&outcome, Err(Error::Kernel(e)) if e.to_string() == "unsorted"));
        }
    }
}

#[test]
fn panics_in_closures() {
    let engine = builder(2).build().expect("an engine");
    let data = ones();
    let x = SliceSource::new(&data, DIMS).expect("matching shape");
    let (_folder, path) = folder_with_old();
    let each = map_elements(|v: f32| if v > 0.0 { panic!("positive") } else { v });
    let rows = map_rows([3], |row: &[f32], out: &mut [f32]| out.copy_from_slice(row));
    let mask = Mask::value(|v: f32| if v > 0.0 { panic!("masked") } else { true });
    let outcomes = [
        engine.map(&x, each).overwrite(true).write_npy(&path),
        engine.map(&x, rows).overwrite(true).write_npy(&path),
        engine.reduce(&x, Sum::all().masked(mask)).map(drop),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(Error::KernelPanicked { .. })), "{outcome:?}");
    }
    assert_untouched(&path);
}

#[test]
fn progress_rises_to_the_total_on_the_callers_thread() {
    for workers in [1, 2] {
        let seen: Arc<std::sync::Mutex<Vec<_>>> = Arc::default();
        let log = Arc::clone(&seen);
        let record = move |p: &rowmill::Progress| {
            let entry = (p.job, p.done, p.total, thread::current().id());
            log.lock().expect("no panic").push(entry);
        };
        let engine = builder(workers).progress(record).build().expect("an engine");
        let data = ones();
        let x = SliceSource::new(&data, DIMS).expect("matching shape");
        let wait = |_: Range<usize>| {
            thread::sleep(Duration::from_millis(30));
            Ok(())
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.npy");
        engine.reduce(&x, before_each(wait)).expect("a count");
        engine.map(&x, CopyAfter(wait)).write_npy(&path).expect("an output");
        let consume = |_, ()| std::ops::ControlFlow::Continue(());
        engine.stream(&x, |chunk| wait(chunk.rows()), consume).expect("a stream");
        let seen = seen.lock().expect("no panic");
        for job in ["reduce", "map", "stream"] {
            let of: Vec<_> = seen.iter().filter(|entry| entry.0 == job).collect();
            assert!(of.len() > 1, "{job}: {of:?}");
            assert!(of.is_sorted_by_key(|entry| entry.1), "{job}: {of:?}");
            assert!(of.iter().all(|entry| entry.2 == 4 << 20), "{job}: {of:?}");
            assert_eq!(of.last().map(|entry| entry.1), Some(4 << 20), "{job}");
            let caller = thread::current().id();
            assert!(of.iter().all(|entry| entry.3 == caller), "{job} with {workers}: {of:?}");
        }
    }
}

#[test]
fn nested_jobs_do_not_wait_for_each_other() {
    for workers in [1, 2, 3] {
        let (expected, blocks, sum) = within(60, move || {
            let outer = builder(workers).build().expect("an engine");
            let inner = builder(workers).build().expect("an engine");
            let data = ones();
            let x = SliceSource::new(&data, DIMS).expect("matching shape");
            let total = std::sync::Mutex::new(0.0);
            let nested = before_each(|_| {
                let own = outer.reduce(&x, Sum::all())?;
                let other = inner
                    .reduce(&x, before_each(|_| outer.reduce(&x, Moments::all()).map(drop)))?;
                outer.stream(&x, |_| Ok(()), |_, ()| std::ops::ControlFlow::Continue(()))?;
                *total.lock().expect("no panic") += own + other as f64;
                Ok(())
            });
            let blocks = outer.reduce(&x, nested).expect("no failure");
            (engine_blocks(&x), blocks, total.into_inner().expect("no panic"))
        });
        assert_eq!(blocks, expected, "{workers} workers");
        let each = f64::from(1 << 20) + expected as f64;
        assert_eq!(sum, expected as f64 * each, "{workers} workers");
    }
}

/// Writes an array file of `DIMS` ones.
fn file_of_ones(folder: &Path) -> PathBuf {
    let path = folder.join("x.npy");
    let mut x = ArrayMut::<f32>::create(&path, DIMS).expect("created");
    x.rows_mut(0..DIMS[0]).expect("native").fill(1.0);
    x.close().expect("closed");
    path
}

/// Whether the outcome is the error for a file that changed this way.
fn is_reported<T>(what: &str, outcome: &Result<T>) -> bool {
    match outcome {
        Err(Error::File(FileError::Changed { .. })) => what != "truncated",
        // The first incomplete read reports it, with the remaining length.
        Err(Error::File(FileError::Fault { offset, .. })) => {
            what == "truncated" && *offset == 1 << 20
        }
        _ => false,
    }
}

#[test]
fn a_file_that_changes_during_a_job() {
    type Change = fn(&std::fs::File);
    let changes: [(&str, Change); 3] = [
        ("appended to", |f| f.set_len(f.metadata().expect("a length").len() + 4).expect("longer")),
        ("truncated", |f| f.set_len(1 << 20).expect("shorter")),
        ("written to", |f| {
            thread::sleep(Duration::from_millis(20));
            std::io::Write::write_all(&mut &*f, b"\x93NUMPY").expect("written");
        }),
    ];
    for (what, change) in changes {
        for workers in [1, 2] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = file_of_ones(folder.path());
            let options = OpenOptions::new().backend(Backend::Positioned);
            let x = options.open::<f32>(&path).expect("opened");
            let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opened");
            let done = AtomicBool::new(false);
            let disturb = |rows: Range<usize>| {
                if rows.start >= 256 && !done.swap(true, Ordering::Relaxed) {
                    change(&file);
                }
                Ok(())
            };
            let engine = builder(workers).build().expect("an engine");
            let outcome = engine.reduce(&x, (before_each(disturb), Sum::all()));
            assert!(is_reported(what, &outcome), "{what}, {workers} workers: {outcome:?}");
            let out = folder.path().join("out.npy");
            let outcome = engine.map(&x, map_elements(|v: f32| v)).write_npy(&out);
            assert!(is_reported(what, &outcome), "{what}, {workers} workers: {outcome:?}");
            assert_eq!(names(folder.path()), ["x.npy"]);
        }
    }
}

#[test]
fn a_mask_file_that_changes_during_a_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mask.npy");
    let mut mask = ArrayMut::<bool>::create(&path, DIMS).expect("created");
    mask.write_rows(0, &vec![true; DIMS[0] * DIMS[1]]).expect("written");
    mask.close().expect("closed");
    let mask = Array::<bool>::open(&path).expect("opened");
    let data = ones();
    let x = SliceSource::new(&data, DIMS).expect("matching shape");
    let disturb = |rows: Range<usize>| {
        if rows.contains(&512) {
            thread::sleep(Duration::from_millis(20));
            let file = std::fs::OpenOptions::new().append(true).open(&path).expect("opened");
            std::io::Write::write_all(&mut &file, b"more").expect("written");
        }
        Ok(())
    };
    let engine = builder(2).build().expect("an engine");
    let kernels = (before_each(disturb), Sum::all().masked(Mask::array(&mask)));
    let outcome = engine.reduce(&x, kernels);
    assert!(matches!(outcome, Err(Error::File(FileError::Changed { .. }))), "{outcome:?}");
}

/// The private memory of this process in bytes, if the system provides it.
fn private_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[test]
fn memory_does_not_grow_with_the_file() {
    if private_memory().is_none() {
        eprintln!("NOT TESTED: this system does not tell how much private memory a process has");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let growth = |rows: usize, backend| {
        let path = folder.path().join(format!("{rows}.dat"));
        let file = std::fs::File::create(&path).expect("created");
        file.set_len(rows as u64 * 4096).expect("a sparse file");
        let spec =
            rowmill::file::RawSpec::new(rowmill::DType::F32, Shape::new([rows, 1024]).expect("ok"));
        let x = OpenOptions::new().backend(backend).spec(spec).open::<f32>(&path).expect("opened");
        let engine = engine(2, ChunkSize::Auto, Isa::detect());
        let before = private_memory().expect("seen above");
        let peak = Arc::new(AtomicUsize::new(0));
        let (seen, ended) = (Arc::clone(&peak), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&ended);
        let watcher = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let now = private_memory().unwrap_or(0) as usize;
                seen.fetch_max(now, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        });
        let stats = engine.reduce(&x, Stats::per_column()).expect("stats");
        assert_eq!((stats.len(), stats[7].count), (1024, rows as u64));
        ended.store(true, Ordering::Relaxed);
        watcher.join().expect("no panic");
        (peak.load(Ordering::Relaxed) as u64).saturating_sub(before)
    };
    for backend in [Backend::Mapped, Backend::Positioned] {
        let (small, large) = (growth(64 << 8, backend), growth(512 << 8, backend));
        // Other tests of this file run in parallel, and allocate a few arrays of 4 MiB.
        assert!(large < small + (96 << 20), "{backend:?}: {small} then {large} bytes");
    }
}
