//! Files that are cut short or replaced in the middle of a job: an error with path and offset, and
//! nothing published. Every kind of job, layout and backend, with 1, 2 and 8 workers.
//!
//! Nothing here depends on time: the file is cut by the job itself, when it asks for a certain tile.

mod common;

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::value::Value;
use common::{encode, names};
use rowmill::file::{Backend, ByteOrder, Order, RawSpec};
use rowmill::map::Chunk;
use rowmill::reduce::{All, CellPlace, Kernel, Reduction, Selected};
use rowmill::view::{SliceSource, Tile, TileBuffer};
use rowmill::{
    Array, ArrayMut, CancelToken, ChunkSize, Element, Engine, Error, FileError, Map, Mask,
    Normalize, OpenOptions, Result, Shape, Source, Stats, Sum, map_elements,
};

/// 8 MiB of float32: 16 blocks, and enough for all workers to be used.
const DIMS: [usize; 2] = [2048, 1024];
const ELEMENTS: usize = DIMS[0] * DIMS[1];

const WORKERS: [usize; 3] = [1, 2, 8];

fn engine(workers: usize) -> Engine {
    let engine = Engine::builder().workers(workers).chunk(ChunkSize::Bytes(512 << 10));
    engine.build().expect("an engine")
}

/// An array to which something happens when so many tiles of it were asked for: 0 for none.
struct Disturbed<'a, T> {
    array: Array<T>,
    asked: AtomicUsize,
    after: usize,
    event: &'a (dyn Fn() + Sync),
}

impl<'a, T: Element> Disturbed<'a, T> {
    fn new(array: &Array<T>, after: usize, event: &'a (dyn Fn() + Sync)) -> Self {
        Self { array: array.clone(), asked: AtomicUsize::new(0), after, event }
    }

    fn asked(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) == self.after {
            (self.event)();
        }
    }

    fn happened(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > self.after
    }
}

impl<T: Element> Source<T> for Disturbed<'_, T> {
    fn shape(&self) -> &Shape {
        self.array.shape()
    }
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>, FileError> {
        self.asked();
        self.array.tile(rows, cols, buffer)
    }
    fn rows_at_a_time(&self) -> usize {
        self.array.rows_at_a_time()
    }
    fn check(&self) -> Result<(), FileError> {
        self.array.check()
    }
    fn verify(&self) -> Result<(), FileError> {
        self.array.verify()
    }
    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        self.array.release(rows, cols);
    }
    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        self.asked();
        self.array.stored(rows, cols)
    }
    fn in_place(&self) -> Option<&[T]> {
        self.asked();
        self.array.in_place()
    }
    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<(), FileError> {
        self.asked();
        self.array.read_rows(rows, to, buffer)
    }
}

/// A raw file without a sidecar, and the array in it.
fn file<T: Value>(
    path: &Path,
    values: &[T],
    dims: &[usize],
    (order, byte_order, backend): Layout,
) -> Array<T> {
    std::fs::write(path, encode(values, dims, order, byte_order)).expect("written");
    let shape = Shape::new(dims).expect("a shape");
    let spec = RawSpec::new(T::DTYPE, shape).order(order).byte_order(byte_order);
    OpenOptions::new().backend(backend).spec(spec).open(path).expect("opened")
}

type Layout = (Order, ByteOrder, Backend);

const NATIVE: Layout = (Order::C, ByteOrder::NATIVE, Backend::Mapped);

/// Lent in place, decoded from a mapping, gathered from one, read.
const LAYOUTS: [Layout; 4] = [
    NATIVE,
    (Order::C, ByteOrder::Big, Backend::Mapped),
    (Order::F, ByteOrder::NATIVE, Backend::Mapped),
    (Order::C, ByteOrder::NATIVE, Backend::Positioned),
];

fn ones() -> Vec<f32> {
    vec![1.0; ELEMENTS]
}

fn cut(path: &Path, len: usize) {
    let file = std::fs::File::options().write(true).open(path).expect("opened");
    file.set_len(len as u64).expect("shorter");
}

/// The offset of a fault in this file, which the result has to be.
#[track_caller]
fn fault<T: std::fmt::Debug>(result: Result<T>, path: &Path) -> u64 {
    match result {
        Err(Error::File(FileError::Fault { path: hit, offset, source: None })) => {
            assert_eq!(hit, path);
            offset
        }
        other => panic!("{other:?}"),
    }
}

// --- The array ----------------------------------------------------------------------------------

type Job = fn(&Engine, &Disturbed<'_, f32>, &Path) -> Result<()>;

/// Jobs, and after how many tiles the file is cut: at once, and in the middle.
const JOBS: [(&str, &[usize], Job); 7] = [
    ("reduce", &[0, 5], |engine, x, _| {
        engine.reduce(x, (Stats::per_column(), Sum::all())).map(drop)
    }),
    ("map", &[0, 5], |engine, x, out| {
        engine.map(x, map_elements(|v: f32| f64::from(v))).overwrite(true).write_npy(out)
    }),
    ("stream", &[0, 5], |engine, x, _| {
        let sum = |chunk: &Chunk<'_, f32>| Ok(chunk.as_slice().iter().sum::<f32>());
        engine.stream(x, sum, |rows, sum| {
            // The rows that are handed out were there.
            assert_eq!(sum, (rows.len() * DIMS[1]) as f32);
            ControlFlow::Continue(())
        })
    }),
    ("rows", &[0], |engine, x, _| {
        let rows: Vec<usize> = (0..DIMS[0]).rev().collect();
        engine.rows(x, &rows).collect().map(drop)
    }),
    ("rows to a file", &[0], |engine, x, out| {
        let rows: Vec<usize> = (0..DIMS[0]).rev().collect();
        engine.rows(x, &rows).overwrite(true).write_npy(out)
    }),
    ("normalize, statistics", &[5], |engine, x, out| {
        engine.normalize(x, Normalize::z_score().per_column()).overwrite(true).write_npy(out)
    }),
    ("normalize, output", &[20], |engine, x, out| {
        engine.normalize(x, Normalize::min_max().per_column()).overwrite(true).write_npy(out)
    }),
];

#[test]
fn a_file_that_is_cut_short_under_a_job() {
    let values = ones();
    for layout in LAYOUTS {
        for workers in WORKERS {
            let engine = engine(workers);
            for (name, moments, job) in JOBS {
                for &after in moments {
                    let folder = tempfile::tempdir().expect("a folder");
                    let path = folder.path().join("x.dat");
                    let array = file(&path, &values, &DIMS, layout);
                    let event = || cut(&path, 0);
                    let x = Disturbed::new(&array, after, &event);
                    let result = job(&engine, &x, &folder.path().join("out.npy"));
                    let what = format!("{name} after {after}, {workers} workers, {layout:?}");
                    assert!(x.happened(), "{what}: too few tiles");
                    assert!(result.is_err(), "{what}");
                    let offset = fault(result, &path);
                    assert!(offset < ELEMENTS as u64 * 4, "{what}: {offset}");
                    if layout.2 == Backend::Positioned {
                        assert_eq!(offset, 0, "{what}: the length that is left");
                    }
                    assert_eq!(names(folder.path()), ["x.dat"], "{what}: nothing is published");
                }
            }
        }
    }
}

#[test]
fn the_offset_is_that_of_the_first_page_that_is_gone() {
    let values = ones();
    for workers in WORKERS {
        for layout in LAYOUTS {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("x.dat");
            let array = file(&path, &values, &DIMS, layout);
            // A multiple of every page size, far behind what is read first.
            let keep = ELEMENTS * 4 - (256 << 10);
            let event = || cut(&path, keep);
            let x = Disturbed::new(&array, 0, &event);
            let result = engine(workers).reduce(&x, Sum::all());
            let offset = fault(result, &path);
            if layout.0 == Order::C {
                assert_eq!(offset, keep as u64, "{workers} workers, {layout:?}");
            } else {
                assert!(offset >= keep as u64);
            }
        }
    }
}

/// Below a memory ceiling pages are let go after use, and zeros that took their place as well.
#[test]
fn a_file_that_is_cut_short_while_pages_are_released() {
    let (rows, cols) = (8192, 1024);
    let values = vec![1.0_f32; rows * cols];
    for layout in LAYOUTS {
        for workers in [1, 2] {
            let builder =
                Engine::builder().workers(workers).memory_ceiling(workers as u64 * (8 << 20));
            let engine = builder.build().expect("an engine");
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("x.dat");
            let array = file(&path, &values, &[rows, cols], layout);
            let event = || cut(&path, 0);
            let x = Disturbed::new(&array, 7, &event);
            fault(engine.reduce(&x, Sum::per_row()), &path);
            let out = folder.path().join("out.npy");
            fault(engine.map(&x, map_elements(|v: f32| v)).overwrite(true).write_npy(&out), &path);
            assert_eq!(names(folder.path()), ["x.dat"]);
        }
    }
}

#[test]
fn batches_of_a_file_that_is_cut_short() {
    let values = ones();
    for layout in LAYOUTS {
        for workers in WORKERS {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("x.dat");
            let array = file(&path, &values, &DIMS, layout);
            let engine = engine(workers);
            let batches = engine.shuffled_batches(array, 7).batch_rows(32).window_rows(32);
            let mut seen = 0;
            let failure = batches.into_iter().enumerate().find_map(|(i, batch)| {
                if i == 1 {
                    cut(&path, 0);
                }
                let whole =
                    |batch: &rowmill::train::Batch<f32>| batch.as_slice().iter().all(|&v| v == 1.0);
                seen += 1;
                batch.map(|batch| assert!(whole(&batch), "batch {i}")).err()
            });
            match failure.unwrap_or_else(|| panic!("{seen} batches, {layout:?}")) {
                // Between two windows: nothing was read that was not there.
                Error::File(FileError::Changed { path: hit, .. }) => assert_eq!(hit, path),
                failure => drop(fault(Err::<(), _>(failure), &path)),
            }
        }
    }
}

/// A kernel that fails, or panics, at zeros: there are none in the file.
struct NoZeros {
    panics: bool,
}

impl Kernel<f32> for NoZeros {
    type State = ();
    type Value = ();

    fn new_state(&self) {}
    fn fold(&self, _: &mut [()], selected: &Selected<'_, f32>) -> Result<()> {
        let mut zero = false;
        selected.each_element(|_, x, _| zero |= x == 0.0);
        assert!(!(zero && self.panics), "a zero");
        if zero { Err(Error::kernel("a zero")) } else { Ok(()) }
    }
    fn merge(&self, (): &mut (), (): ()) {}
    fn value(&self, (): &(), _: &CellPlace<'_>) -> Result<()> {
        Ok(())
    }
}

impl Map<f32, f32> for NoZeros {
    fn map(&self, input: &Chunk<'_, f32>, output: &mut [f32]) -> Result<()> {
        assert!(!(self.panics && input.as_slice().contains(&0.0)), "a zero");
        if input.as_slice().contains(&0.0) {
            return Err(Error::kernel("a zero"));
        }
        output.copy_from_slice(input.as_slice());
        Ok(())
    }
}

#[test]
fn what_a_kernel_makes_of_zeros_that_are_not_there_is_not_its_fault() {
    let values = ones();
    for workers in WORKERS {
        for panics in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("x.dat");
            let event = || cut(&path, 0);
            let array = file(&path, &values, &DIMS, NATIVE);
            let x = Disturbed::new(&array, 3, &event);
            fault(engine(workers).reduce(&x, Reduction::of(NoZeros { panics }, All)), &path);
            let array = file(&path, &values, &DIMS, NATIVE);
            let x = Disturbed::new(&array, 3, &event);
            let out = folder.path().join("out.npy");
            fault(
                engine(workers).map(&x, NoZeros { panics }).overwrite(true).write_npy(&out),
                &path,
            );
            assert_eq!(names(folder.path()), ["x.dat"]);
        }
    }
}

#[test]
fn who_cancels_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.dat");
    let array = file(&path, &ones(), &DIMS, NATIVE);
    let token = CancelToken::new();
    let event = || {
        token.cancel();
        cut(&path, ELEMENTS * 4 - 4096);
    };
    let x = Disturbed::new(&array, 0, &event);
    let engine = Engine::builder().workers(1).chunk(ChunkSize::Bytes(512 << 10));
    let engine = engine.cancel(token.clone()).build().expect("an engine");
    assert!(matches!(engine.reduce(&x, Sum::all()), Err(Error::Cancelled)));
}

// --- The mask -----------------------------------------------------------------------------------

#[test]
fn a_mask_that_is_cut_short_under_a_job() {
    let data = ones();
    let x = SliceSource::new(&data, DIMS).expect("as many values");
    // One entry for each element, and one for each row. Small masks have few pages to lose.
    let masks: [&[usize]; 2] = [&DIMS, &[DIMS[0], 1]];
    for dims in masks {
        for layout in LAYOUTS {
            for workers in WORKERS {
                for after in [0, 5] {
                    let folder = tempfile::tempdir().expect("a folder");
                    let path: PathBuf = folder.path().join("mask.dat");
                    let kept = vec![true; dims.iter().product()];
                    let array = file(&path, &kept, dims, layout);
                    let event = || cut(&path, 0);
                    let mask = Disturbed::new(&array, after, &event);
                    let masked = Sum::all().masked(Mask::array(&mask));
                    let result = engine(workers).reduce(&x, masked);
                    assert!(mask.happened(), "{dims:?}, {layout:?}, {workers} workers");
                    fault(result, &path);
                }
            }
        }
    }
}

// --- The output ---------------------------------------------------------------------------------

/// Cuts its own output.
struct CutsOutput<'a> {
    partial: &'a Path,
    calls: AtomicUsize,
}

impl Map<f32, f32> for CutsOutput<'_> {
    fn map(&self, input: &Chunk<'_, f32>, output: &mut [f32]) -> Result<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 7 {
            cut(self.partial, 4096);
        }
        output.copy_from_slice(input.as_slice());
        Ok(())
    }
}

#[test]
fn an_output_that_is_cut_short_under_a_job() {
    let data = ones();
    let x = SliceSource::new(&data, DIMS).expect("as many values");
    for workers in WORKERS {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out.npy");
        ArrayMut::<f32>::create(&out, [1]).expect("room").close().expect("written");
        let before = std::fs::read(&out).expect("there");
        let partial = folder.path().join(".out.npy.rowmill-partial");
        let kernel = CutsOutput { partial: &partial, calls: AtomicUsize::new(0) };
        let result = engine(workers).map(&x, kernel).overwrite(true).write_npy(&out);
        // At the store, or when its pages are prepared.
        let told = matches!(
            &result,
            Err(Error::File(FileError::Fault { path, .. } | FileError::Io { path, .. })) if *path == out
        );
        assert!(told, "{result:?}");
        assert_eq!(std::fs::read(&out).expect("there"), before, "nothing is published");
        assert_eq!(names(folder.path()), ["out.npy"]);
    }
}

#[test]
fn an_array_that_is_cut_short_while_it_is_changed_in_place() {
    for workers in WORKERS {
        // On a page boundary, and within the last page, where no access tells.
        for keep in [0, ELEMENTS * 4 - 4] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("x.dat");
            file(&path, &ones(), &DIMS, NATIVE);
            let spec = RawSpec::new(f32::DTYPE, Shape::new(DIMS).expect("a shape"));
            let mut x = ArrayMut::<f32>::open_raw(&path, &spec).expect("opened");
            let calls = AtomicUsize::new(0);
            let twice = map_elements(|v: f32| {
                if calls.fetch_add(1, Ordering::Relaxed) == ELEMENTS / 4 {
                    cut(&path, keep);
                }
                v * 2.0
            });
            match engine(workers).map_in_place(&mut x, twice, "twice") {
                Err(Error::File(FileError::Fault { path: hit, .. })) => {
                    assert_eq!((hit, keep), (path, 0));
                }
                Err(Error::File(FileError::Resized { path: hit, found, .. })) => {
                    assert_eq!((hit, found), (path, keep as u64));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

// --- Replaced, overwritten ----------------------------------------------------------------------

#[test]
fn a_file_that_is_replaced_or_overwritten_under_a_job() {
    let values = ones();
    let twos = encode(&vec![2.0_f32; ELEMENTS], &DIMS, Order::C, ByteOrder::NATIVE);
    for workers in WORKERS {
        for layout in LAYOUTS {
            let folder = tempfile::tempdir().expect("a folder");
            let (path, other) = (folder.path().join("x.dat"), folder.path().join("other"));
            std::fs::write(&other, &twos).expect("written");
            // Another file takes its name: the job reads the one that it has open.
            let array = file(&path, &values, &DIMS, layout);
            let rename = || std::fs::rename(&other, &path).expect("renamed");
            let x = Disturbed::new(&array, 5, &rename);
            let sum = engine(workers).reduce(&x, Sum::all()).expect("it is as it was");
            assert!(x.happened());
            assert_eq!(sum, ELEMENTS as f64);
            // Its bytes are replaced: `cp`, or a writer.
            let array = file(&path, &values, &DIMS, layout);
            std::fs::write(&other, &twos).expect("written");
            let copy = || {
                // Long enough for the clock of the filesystem to show another time.
                std::thread::sleep(std::time::Duration::from_millis(20));
                std::fs::copy(&other, &path).map(drop).expect("copied");
            };
            let x = Disturbed::new(&array, 5, &copy);
            let result = engine(workers).reduce(&x, Sum::all());
            let (changed, faulted) = match &result {
                Err(Error::File(FileError::Changed { path: hit, .. })) => (*hit == path, false),
                // A worker read on while the copy had cut it.
                Err(Error::File(FileError::Fault { path: hit, .. })) => (false, *hit == path),
                _ => (false, false),
            };
            assert!(
                changed || (faulted && workers > 1),
                "{workers} workers, {layout:?}: {result:?}"
            );
        }
    }
}
