//! Random rows and shuffled batches: all layouts, all orders, any number of workers.

use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::layouts::every_layout;
use crate::common::value::{Kind, Value};
use crate::common::{Rng, engine, names, two_workers, within, write_npy};
use proptest::prelude::*;
use rowmill::engine::Isa;
use rowmill::file::{Backend, ByteOrder, Order};
use rowmill::train::{Batch, RowOrder};
use rowmill::view::{SliceSource, Tile, TileBuffer};
use rowmill::{
    Array, CancelToken, ChunkSize, CreateOptions, Element, Engine, Error, FileError, OpenOptions,
    Shape, Source, f16,
};

const ORDERS: [RowOrder; 6] = [
    RowOrder::Auto,
    RowOrder::AsGiven,
    RowOrder::Sorted,
    RowOrder::Window(1),
    RowOrder::Window(7),
    RowOrder::Window(usize::MAX),
];

/// The rows of NumPy's `x[indices]`.
fn gathered<T: Copy>(values: &[T], row_len: usize, indices: &[usize]) -> Vec<T> {
    indices.iter().flat_map(|&i| &values[i * row_len..(i + 1) * row_len]).copied().collect()
}

/// The bits of the elements, so that NaN are comparable.
fn bits<T: Value>(values: &[T]) -> Vec<u8> {
    T::bytes(values).to_vec()
}

fn random_rows(count: usize, rows: usize, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| rng.below(rows)).collect()
}

/// Runs of neighbours between single rows: rising, falling and repeated.
fn mixed_rows(rows: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..rows).rev().collect();
    indices.extend(0..rows);
    indices.extend([rows - 1, 0, 0, 0, rows / 2]);
    indices.extend(random_rows(rows, rows, 3));
    indices
}

fn every_layout_of<T: Value>(dims: &[usize]) {
    let dir = tempfile::tempdir().expect("a folder");
    let values = T::many(dims.iter().product(), Kind::Special, 5);
    let row_len = dims[1..].iter().product();
    let indices = mixed_rows(dims[0]);
    let expected = bits(&gathered(&values, row_len, &indices));
    let engine = engine(2, ChunkSize::Rows(10), Isa::detect());
    for source in every_layout(dir.path(), &values, dims) {
        for order in ORDERS {
            let rows = engine.rows(&source, &indices).order(order);
            let (found, shape) = rows.collect().expect(source.name);
            assert_eq!(shape.dims()[0], indices.len());
            assert_eq!(shape.dims()[1..], dims[1..]);
            assert!(bits(&found) == expected, "{}, {order:?}, {:?}", source.name, T::DTYPE);
        }
    }
}

#[test]
fn all_dtypes_in_every_layout() {
    every_layout_of::<bool>(&[40, 3]);
    every_layout_of::<i8>(&[40, 3]);
    every_layout_of::<i16>(&[40, 3]);
    every_layout_of::<i32>(&[40, 3]);
    every_layout_of::<i64>(&[40, 3]);
    every_layout_of::<u8>(&[40, 3]);
    every_layout_of::<u16>(&[40, 3]);
    every_layout_of::<u32>(&[40, 3]);
    every_layout_of::<u64>(&[40, 3]);
    every_layout_of::<f16>(&[40, 3]);
    every_layout_of::<f32>(&[40, 3]);
    every_layout_of::<f64>(&[40, 3]);
}

#[test]
fn every_rank() {
    every_layout_of::<f32>(&[50]);
    every_layout_of::<f32>(&[1]);
    every_layout_of::<i16>(&[1, 9]);
    every_layout_of::<u8>(&[9, 2, 3, 4]);
    every_layout_of::<f64>(&[5, 1, 1]);
    // A 0-d array has one row of one element.
    let x = SliceSource::new(&[4.0_f32], []).expect("one element");
    let (values, shape) = two_workers().rows(&x, &[0, 0]).collect().expect("a row");
    assert_eq!((values, shape.dims()), (vec![4.0, 4.0], &[2][..]));
}

#[test]
fn workers_order_and_chunks_change_no_bit() {
    // Several megabytes, to involve the workers, with rows longer and shorter than a page.
    for (rows, row_len) in [(3000, 300), (100_000, 4), (200_000, 1), (40, 20_000)] {
        let values = f32::many(rows * row_len, Kind::Any, 1);
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.npy");
        write_npy(&path, &values, &[rows, row_len], Order::C, ByteOrder::NATIVE);
        let indices = random_rows(rows + 17, rows, 2);
        let expected = gathered(&values, row_len, &indices);
        for backend in [Backend::Mapped, Backend::Positioned] {
            let x = OpenOptions::new().backend(backend).open::<f32>(&path).expect("x.npy");
            for workers in [1, 2, 5] {
                for chunk in [ChunkSize::Auto, ChunkSize::Rows(999), ChunkSize::Bytes(1)] {
                    if chunk == ChunkSize::Bytes(1) && rows > 3000 {
                        continue;
                    }
                    let engine = engine(workers, chunk, Isa::detect());
                    for order in ORDERS {
                        if order == RowOrder::Window(1) && rows > 3000 {
                            continue;
                        }
                        let mut out = vec![f32::NAN; expected.len()];
                        let rows = engine.rows(&x, &indices).order(order);
                        rows.read_into(&mut out).expect("rows");
                        assert!(out == expected, "{workers} workers, {chunk}, {order:?}");
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_indices_in_any_shape(
        rows in 1_usize..60,
        row_len in 0_usize..40,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..200),
        window in 0_usize..50,
        chunk in 1_usize..70,
    ) {
        let values = u16::many(rows * row_len, Kind::Any, 9);
        let x = SliceSource::new(&values, [rows, row_len]).expect("matching shape");
        let indices: Vec<usize> = picks.iter().map(|pick| pick.index(rows)).collect();
        let expected = gathered(&values, row_len, &indices);
        let engine = engine(2, ChunkSize::Rows(chunk), Isa::detect());
        for order in [RowOrder::Auto, RowOrder::Sorted, RowOrder::Window(window)] {
            let (found, shape) = engine.rows(&x, &indices).order(order).collect().expect("rows");
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(shape.dims(), [indices.len(), row_len]);
        }
    }
}

#[test]
fn empty_selections() {
    let engine = two_workers();
    let dims_of = |dims: [usize; 2], indices: &[usize]| {
        let x = SliceSource::new(&[] as &[i32], dims).expect("no values");
        let (values, shape) = engine.rows(&x, indices).collect().expect("nothing");
        assert!(values.is_empty());
        shape.dims().to_vec()
    };
    assert_eq!(dims_of([0, 4], &[]), [0, 4]);
    assert_eq!(dims_of([0, 0], &[]), [0, 0]);
    assert_eq!(dims_of([3, 0], &[2, 2, 0, 1]), [4, 0]);
    let x = SliceSource::new(&[1, 2], [2, 1]).expect("two values");
    let (values, shape) = engine.rows(&x, &[]).collect().expect("nothing");
    assert_eq!((values, shape.dims()), (vec![], &[0, 1][..]));
    engine.rows(&x, &[]).read_into(&mut []).expect("nothing");
}

#[test]
fn an_index_out_of_range_is_named() {
    let x = SliceSource::new(&[1, 2, 3, 4], [2, 2]).expect("four values");
    let engine = two_workers();
    let dir = tempfile::tempdir().expect("a folder");
    let bad = [0, 1, 2, usize::MAX];
    let outcomes = [
        engine.rows(&x, &bad).collect().map(|_| ()),
        engine.rows(&x, &bad).read_into(&mut [0; 8]),
        engine.rows(&x, &bad).write_npy(dir.path().join("never.npy")),
    ];
    for outcome in outcomes {
        let error = outcome.expect_err("there is no row 2");
        assert!(matches!(error, Error::RowIndex { position: 2, index: 2, rows: 2 }), "{error}");
        assert!(error.to_string().contains("entry 2 of the row indices is 2"), "{error}");
    }
    assert!(names(dir.path()).is_empty());
    // An array without elements has no row either.
    let x = SliceSource::new(&[] as &[i32], [0, 0]).expect("no values");
    let error = engine.rows(&x, &[0]).collect().expect_err("no rows");
    assert!(matches!(error, Error::RowIndex { position: 0, index: 0, rows: 0 }), "{error}");
}

#[test]
fn an_output_of_another_length_is_refused() {
    let x = SliceSource::new(&[1, 2, 3, 4], [2, 2]).expect("four values");
    for mut out in [vec![], vec![0; 5], vec![0; 7]] {
        let len = out.len();
        let error = two_workers().rows(&x, &[1, 0, 1]).read_into(&mut out).expect_err("not 6");
        assert!(
            matches!(error, Error::OutputLength { rows: 3, row_len: 2, found } if found == len),
            "{error}"
        );
    }
}

/// A source of a petabyte that is never allocated.
struct Endless(Shape);

impl Source<f64> for Endless {
    fn shape(&self) -> &Shape {
        &self.0
    }
    fn tile<'a>(
        &'a self,
        _: Range<usize>,
        _: Range<usize>,
        _: &'a mut TileBuffer<f64>,
    ) -> Result<Tile<'a, f64>, FileError> {
        panic!("nobody can want these")
    }
}

#[test]
fn more_than_memory_is_an_error() {
    let x = Endless(Shape::new([2, usize::MAX >> 5]).expect("a valid shape"));
    for indices in [vec![0], vec![0; 100]] {
        let error = two_workers().rows(&x, &indices).collect().expect_err("no memory");
        assert!(matches!(error, Error::TooManyRows { .. }), "{error}");
    }
}

#[test]
fn rows_are_written_to_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let values = f64::many(5000 * 30, Kind::Any, 4);
    let x = SliceSource::new(&values, [5000, 5, 6]).expect("matching shape");
    let indices = random_rows(7000, 5000, 8);
    let expected = gathered(&values, 30, &indices);
    let path = dir.path().join("picked.npy");
    for order in [RowOrder::Auto, RowOrder::Sorted, RowOrder::Window(100)] {
        two_workers()
            .rows(&x, &indices)
            .order(order)
            .overwrite(true)
            .write_npy(&path)
            .expect("enough space");
        let found = Array::<f64>::open(&path).expect("just written");
        assert_eq!(found.shape().dims(), [7000, 5, 6]);
        assert!(found.as_slice() == Some(&expected), "{order:?}");
    }
    let raw = dir.path().join("picked.dat");
    let options = CreateOptions::new();
    two_workers().rows(&x, &[]).write(&raw, &options).expect("an empty file");
    assert_eq!(Array::<f64>::open(&raw).expect("just written").shape().dims(), [0, 5, 6]);
    assert_eq!(names(dir.path()), ["picked.dat", "picked.dat.meta.json", "picked.npy"]);
}

#[test]
fn bool_rows_are_written_to_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let x = SliceSource::new(&[true, false, false, true], [4]).expect("four");
    let path = dir.path().join("mask.npy");
    two_workers().rows(&x, &[3, 1, 0]).overwrite(true).write_npy(&path).expect("enough space");
    let mut buffer = TileBuffer::new();
    let mask = Array::<bool>::open(&path).expect("just written");
    assert_eq!(mask.rows(0..3, &mut buffer).expect("inside"), [true, false, true]);
}

/// Writes an array file of `rows` x 3 whose elements are the number of their row.
fn numbered(path: &std::path::Path, rows: usize) {
    let values: Vec<f32> = (0..rows * 3).map(|i| (i / 3) as f32).collect();
    write_npy(path, &values, &[rows, 3], Order::C, ByteOrder::NATIVE);
}

#[test]
fn a_file_that_changed_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    numbered(&path, 1000);
    for backend in [Backend::Mapped, Backend::Positioned] {
        let x = OpenOptions::new().backend(backend).open::<f32>(&path).expect("x.npy");
        let mut longer = fs::OpenOptions::new().append(true).open(&path).expect("x.npy");
        std::io::Write::write_all(&mut longer, &[0; 12]).expect("written");
        let changed = |outcome: Result<(), Error>| {
            assert!(matches!(outcome, Err(Error::File(FileError::Changed { .. }))), "{outcome:?}");
        };
        let out = dir.path().join("never.npy");
        changed(two_workers().rows(&x, &[5, 7]).collect().map(|_| ()));
        changed(two_workers().rows(&x, &[5, 7]).read_into(&mut [0.0; 6]));
        changed(two_workers().rows(&x, &[5, 7]).overwrite(true).write_npy(&out));
        assert!(!out.exists());
        let mut batches = two_workers().shuffled_batches(x, 1).into_iter();
        changed(batches.next().expect("an item").map(|_| ()));
        assert!(batches.next().is_none());
        numbered(&path, 1000);
    }
}

#[test]
fn a_cancelled_job_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = CancelToken::new();
    let engine = Engine::builder().workers(2).cancel(token.clone()).build().expect("an engine");
    token.cancel();
    let values = vec![1.0_f32; 400_000];
    let x = SliceSource::new(&values, [1000, 400]).expect("matching shape");
    let outcome = engine.rows(&x, &[1, 2]).write_npy(dir.path().join("never.npy"));
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    assert!(names(dir.path()).is_empty());
    token.reset();

    let path = dir.path().join("x.npy");
    numbered(&path, 1000);
    let x = Array::<f32>::open(&path).expect("x.npy");
    let mut batches = engine.shuffled_batches(x, 1).batch_rows(10).into_iter();
    assert!(batches.next().expect("an item").is_ok());
    token.cancel();
    assert!(matches!(batches.next(), Some(Err(Error::Cancelled))));
    assert!(batches.next().is_none() && batches.next().is_none());
}

#[test]
fn progress_ends_with_all_bytes() {
    let last = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&last);
    let builder = Engine::builder().workers(2).progress(move |p| {
        assert!(p.job == "rows" || p.job == "batches");
        assert!(p.done <= p.total);
        seen.store(p.done as usize, Ordering::Relaxed);
    });
    let engine = builder.build().expect("an engine");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    numbered(&path, 1000);
    let x = Array::<f32>::open(&path).expect("x.npy");
    engine.rows(&x, &[3; 70]).collect().expect("rows");
    assert_eq!(last.load(Ordering::Relaxed), 70 * 12);
    assert_eq!(engine.shuffled_batches(x, 0).into_iter().count(), 4);
    assert_eq!(last.load(Ordering::Relaxed), 1000 * 12);
}

#[test]
fn rows_within_a_job_of_the_same_engine() {
    let done = within(60, || {
        let values: Vec<f32> = (0..400_000).map(|i| i as f32).collect();
        let x = SliceSource::new(&values, [4000, 100]).expect("matching shape");
        let engine = engine(2, ChunkSize::Rows(500), Isa::detect());
        let mut firsts = Vec::new();
        let outcome = engine.stream(
            &x,
            |chunk| Ok(chunk.rows().start),
            |_, first| {
                let indices = vec![first; 2000];
                let (rows, _) = engine.rows(&x, &indices).collect().expect("rows");
                firsts.push(rows[199_900]);
                std::ops::ControlFlow::Continue(())
            },
        );
        outcome.expect("a stream");
        firsts
    });
    assert_eq!(done, [0.0, 5e4, 1e5, 1.5e5, 2e5, 2.5e5, 3e5, 3.5e5]);
}

// Shuffled batches.

fn epoch<T: Element>(batches: impl IntoIterator<Item = Result<Batch<T>, Error>>) -> Vec<Batch<T>> {
    batches.into_iter().map(|batch| batch.expect("a batch")).collect()
}

fn indices<T: Element>(batches: &[Batch<T>]) -> Vec<usize> {
    batches.iter().flat_map(|batch| batch.indices().to_vec()).collect()
}

/// The order is fixed forever: a seed gives the same order with every later version, on every
/// machine.
#[test]
fn the_order_of_a_seed_never_changes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    numbered(&path, 40);
    let x = Array::<f32>::open(&path).expect("x.npy");
    let order = |seed, number| {
        let batches = two_workers().shuffled_batches(x.clone(), seed).epoch(number);
        indices(&epoch(batches.window_rows(8).windows_together(2)))
    };
    assert_eq!(order(42, 0)[..16], GOLDEN_0);
    assert_eq!(order(42, 1)[..16], GOLDEN_1);
}

/// Computed by an independent implementation of the documented algorithm, in Python.
const GOLDEN_0: [usize; 16] = [21, 17, 34, 16, 36, 38, 32, 18, 22, 39, 20, 37, 33, 19, 35, 23];
const GOLDEN_1: [usize; 16] = [27, 18, 26, 29, 22, 20, 28, 24, 16, 25, 23, 19, 31, 30, 17, 21];

#[test]
fn batches_hold_the_rows_that_they_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let values = i16::many(1003 * 6, Kind::Any, 6);
    let files = [
        ("plain.npy", Order::C, ByteOrder::NATIVE),
        ("big.npy", Order::C, ByteOrder::Big),
        ("fortran.npy", Order::F, ByteOrder::NATIVE),
    ];
    let mut orders = Vec::new();
    for (name, order, byte_order) in files {
        let path = dir.path().join(name);
        write_npy(&path, &values, &[1003, 2, 3], order, byte_order);
        for backend in [Backend::Mapped, Backend::Positioned] {
            for (workers, batch) in [(1, 64), (3, 64), (3, 1), (2, 1003), (2, 5000)] {
                let x = OpenOptions::new().backend(backend).open::<i16>(&path).expect(name);
                let engine = engine(workers, ChunkSize::Auto, Isa::detect());
                let batches = engine.shuffled_batches(x, 5).batch_rows(batch);
                let batches = epoch(batches.window_rows(50).windows_together(3));
                for (number, found) in batches.iter().enumerate() {
                    let rows = batch.min(1003 - number * batch);
                    assert_eq!((found.number(), found.indices().len()), (number, rows));
                    assert_eq!(found.dims(), [rows, 2, 3]);
                    assert_eq!(found.as_slice(), gathered(&values, 6, found.indices()));
                    assert!(found.iter_rows().eq(found.as_slice().chunks(6)));
                }
                orders.push(indices(&batches));
            }
        }
    }
    // Layout, backend, workers and batch size do not matter.
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
    let mut rows = orders.remove(0);
    assert_ne!(rows, (0..1003).collect::<Vec<_>>());
    rows.sort_unstable();
    assert_eq!(rows, (0..1003).collect::<Vec<_>>());
}

#[test]
fn bool_batches() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    let values = bool::many(90, Kind::Any, 6);
    write_npy(&path, &values, &[90], Order::C, ByteOrder::NATIVE);
    let x = Array::<bool>::open(&path).expect("x.npy");
    for batch in epoch(two_workers().shuffled_batches(x, 5).batch_rows(7)) {
        assert_eq!(batch.as_slice(), gathered(&values, 1, batch.indices()));
        let (indices, values) = batch.clone().into_parts();
        assert_eq!((&indices[..], &values[..]), (batch.indices(), batch.as_slice()));
    }
}

#[test]
fn batches_of_tiny_arrays() {
    let engine = two_workers();
    let count = |dims: [usize; 2]| {
        let x = SliceSource::new(&[] as &[f32], dims).expect("no values");
        let batches = epoch(engine.shuffled_batches(x, 1).batch_rows(2));
        let mut rows = indices(&batches);
        rows.sort_unstable();
        assert_eq!(rows, (0..dims[0]).collect::<Vec<_>>());
        batches.len()
    };
    assert_eq!(count([0, 4]), 0);
    assert_eq!(count([3, 0]), 2);
    let x = SliceSource::new(&[7_u8, 8], [1, 2]).expect("a row");
    let batches = epoch(engine.shuffled_batches(x, 1));
    assert_eq!((batches.len(), batches[0].as_slice()), (1, &[7, 8][..]));
}

#[test]
fn zero_sizes_are_refused() {
    let x = SliceSource::new(&[7_u8, 8], [1, 2]).expect("a row");
    let engine = two_workers();
    let all = [
        engine.shuffled_batches(x.clone(), 1).batch_rows(0),
        engine.shuffled_batches(x.clone(), 1).window_rows(0),
        engine.shuffled_batches(x, 1).windows_together(0),
    ];
    for batches in all {
        let items: Vec<_> = batches.into_iter().collect();
        assert!(matches!(items[..], [Err(Error::BadOption { .. })]), "{items:?}");
    }
}

#[test]
fn dropping_an_iterator_ends_its_threads() {
    within(60, || {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.npy");
        numbered(&path, 100_000);
        let x = Array::<f32>::open(&path).expect("x.npy");
        for taken in [0, 1, 5, 3000] {
            let batches = two_workers().shuffled_batches(x.clone(), 1).batch_rows(10);
            let mut batches = batches.window_rows(100).into_iter();
            assert_eq!(batches.by_ref().take(taken).count(), taken);
        }
    });
}

/// A source that fails, or panics, at one of its rows.
struct Broken {
    shape: Shape,
    panics: bool,
}

impl Source<u8> for Broken {
    fn shape(&self) -> &Shape {
        &self.shape
    }
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        _: Range<usize>,
        _: &'a mut TileBuffer<u8>,
    ) -> Result<Tile<'a, u8>, FileError> {
        assert!(!(self.panics && rows.contains(&500)), "row 500 is broken");
        if rows.contains(&500) {
            return Err(FileError::RowRange { start: 500, end: 501, rows: 500 });
        }
        const ZEROS: [u8; 1000] = [0; 1000];
        Ok(Tile::new(&ZEROS, rows.len(), 1, 1))
    }
}

#[test]
fn source_failures_and_panics_are_the_last_item() {
    for panics in [false, true] {
        let items = within(60, move || {
            let x = Broken { shape: Shape::new([1000]).expect("small"), panics };
            let batches = two_workers().shuffled_batches(x, 3).batch_rows(1).window_rows(10);
            batches.windows_together(1).into_iter().collect::<Vec<_>>()
        });
        let (last, before) = items.split_last().expect("an item");
        assert!(before.iter().all(Result::is_ok));
        assert!(before.iter().flatten().all(|batch| batch.indices() != [500]));
        match last {
            Err(Error::KernelPanicked { message, .. }) if panics => {
                assert_eq!(message, "row 500 is broken");
            }
            Err(Error::File(FileError::RowRange { .. })) if !panics => {}
            other => panic!("{other:?}"),
        }
    }
}
