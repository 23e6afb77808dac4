//! The engine around the kernels: the cost of a call, chunk sizes, workers, backends, and writing.
//!
//! `cargo bench --bench engine -- workers` runs some of them.

mod common;

use std::path::Path;
use std::time::Duration;

use common::{COLUMNS, array_bytes, numbers};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rowmill::file::Backend;
use rowmill::view::SliceSource;
use rowmill::{ChunkSize, CreateOptions, Engine, Normalize, OpenOptions, Sum};

/// The elements of an array of this many bytes.
fn data(bytes: usize) -> Vec<f32> {
    numbers(bytes / size_of::<f32>()).map(|v| v as f32).collect()
}

fn whole_rows(data: &[f32]) -> SliceSource<'_, f32> {
    SliceSource::new(data, [data.len() / COLUMNS, COLUMNS]).expect("whole rows")
}

fn engine() -> Engine {
    Engine::new().expect("threads can be started")
}

/// Small sums, dominated by the cost of a call.
fn call(c: &mut Criterion) {
    let engine = engine();
    let mut group = c.benchmark_group("call");
    for (name, bytes) in [("1KiB", 1 << 10), ("1MiB", 1 << 20)] {
        let data = data(bytes);
        let x = whole_rows(&data);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |b| b.iter(|| engine.reduce(&x, Sum::all()).expect("finite")));
    }
}

/// The chunk size.
fn chunk(c: &mut Criterion) {
    let data = data(array_bytes());
    let x = whole_rows(&data);
    let mut group = c.benchmark_group("chunk");
    group.throughput(Throughput::Bytes(size_of_val(data.as_slice()) as u64));
    let sizes = [256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20].map(ChunkSize::Bytes);
    for size in [ChunkSize::Auto].into_iter().chain(sizes) {
        let engine = Engine::builder().chunk(size).build().expect("threads can be started");
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| engine.reduce(&x, Sum::all()).expect("finite"));
        });
    }
}

/// From one worker to one per core.
fn workers(c: &mut Criterion) {
    let data = data(array_bytes());
    let x = whole_rows(&data);
    let mut group = c.benchmark_group("workers");
    group.throughput(Throughput::Bytes(size_of_val(data.as_slice()) as u64));
    for workers in 1..=engine().workers() {
        let engine = Engine::builder().workers(workers).build().expect("threads can be started");
        group.bench_function(BenchmarkId::from_parameter(workers), |b| {
            b.iter(|| engine.reduce(&x, Sum::all()).expect("finite"));
        });
    }
}

/// Writes a file of numbers.
fn write(path: &Path, bytes: usize) {
    let data = data(bytes);
    let dims = [data.len() / COLUMNS, COLUMNS];
    let mut x = CreateOptions::new().create(path, dims).expect("enough space");
    x.write_rows(0, &data).expect("whole rows");
    x.close().expect("closed");
}

/// The backends, on a file that is in the page cache after the first read.
fn backend(c: &mut Criterion) {
    let bytes = array_bytes();
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    write(&path, bytes);
    let engine = engine();
    let mut group = c.benchmark_group("backend");
    group.throughput(Throughput::Bytes(bytes as u64));
    for (name, backend) in [("mapped", Backend::Mapped), ("positioned", Backend::Positioned)] {
        let x = OpenOptions::new().backend(backend).open::<f32>(&path).expect("just written");
        group.bench_function(name, |b| b.iter(|| engine.reduce(&x, Sum::all()).expect("finite")));
    }
}

/// Two reads and a durable write. The throughput counts the input only once.
fn normalize(c: &mut Criterion) {
    let data = data(array_bytes());
    let x = whole_rows(&data);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("z.npy");
    let engine = engine();
    let mut group = c.benchmark_group("normalize");
    group.throughput(Throughput::Bytes(size_of_val(data.as_slice()) as u64));
    group.sample_size(10);
    for (name, how) in [
        ("z_score/columns", Normalize::z_score().per_column()),
        ("z_score/rows", Normalize::z_score().per_row()),
        ("min_max/columns", Normalize::min_max().per_column()),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                engine.normalize(&x, how).overwrite(true).write_npy(&path).expect("enough space");
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = call, chunk, workers, backend, normalize
}
criterion_main!(benches);
