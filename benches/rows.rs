//! Random rows and shuffled batches from a file in the page cache.
//!
//! `cargo bench --bench rows -- read_into` runs some of them. Cold files are measured by
//! `cargo run --release -p rowmill-exec-bench --bin gather`.

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{COLUMNS, array_bytes, numbers};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rowmill::file::Backend;
use rowmill::train::RowOrder;
use rowmill::{Array, CreateOptions, Engine, OpenOptions};
use rowmill_core::zeros;

/// A file with rows of this length, and as many random indices as it has rows.
fn file(dir: &tempfile::TempDir, row_len: usize) -> (PathBuf, Vec<usize>) {
    let path = dir.path().join(format!("{row_len}.npy"));
    let data: Vec<f32> = numbers(array_bytes() / size_of::<f32>()).map(|v| v as f32).collect();
    let rows = data.len() / row_len;
    let mut x = CreateOptions::new().create(&path, [rows, row_len]).expect("enough space");
    x.write_rows(0, &data).expect("whole rows");
    x.close().expect("closed");
    (path, numbers(rows).map(|v| (v * rows as f64) as usize).collect())
}

fn open(path: &Path, backend: Backend) -> Array<f32> {
    OpenOptions::new().backend(backend).open(path).expect("just written")
}

/// Reads into the same memory each time, by row length, order and backend.
fn read_into(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Engine::new().expect("threads can be started");
    let mut group = c.benchmark_group("read_into");
    for row_len in [1, COLUMNS, 1024, 65_536] {
        let (path, indices) = file(&dir, row_len);
        for backend in [Backend::Mapped, Backend::Positioned] {
            let x = open(&path, backend);
            let mut out = zeros(x.shape().len()).expect("enough space");
            group.throughput(Throughput::Bytes(size_of_val(out.as_slice()) as u64));
            for order in [RowOrder::AsGiven, RowOrder::Sorted, RowOrder::Window(4096)] {
                if backend == Backend::Positioned && (row_len == 1 || order != RowOrder::AsGiven) {
                    continue;
                }
                let id = BenchmarkId::new(format!("{backend:?}/{order:?}"), row_len);
                group.bench_function(id, |b| {
                    b.iter(|| {
                        engine.rows(&x, &indices).order(order).read_into(&mut out).expect("rows");
                    });
                });
            }
        }
    }
}

/// Reads into a new vector each time.
fn collect(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Engine::new().expect("threads can be started");
    let (path, indices) = file(&dir, 1024);
    let x = open(&path, Backend::Mapped);
    let mut group = c.benchmark_group("collect");
    group.throughput(Throughput::Bytes((x.shape().len() * size_of::<f32>()) as u64));
    group.bench_function("1024", |b| {
        b.iter(|| engine.rows(&x, &indices).collect().expect("rows"));
    });
}

/// Iterates over an epoch without using the batches.
fn batches(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Engine::new().expect("threads can be started");
    let mut group = c.benchmark_group("batches");
    for row_len in [COLUMNS, 1024] {
        let x = open(&file(&dir, row_len).0, Backend::Mapped);
        group.throughput(Throughput::Bytes((x.shape().len() * size_of::<f32>()) as u64));
        group.bench_function(BenchmarkId::from_parameter(row_len), |b| {
            b.iter(|| {
                engine.shuffled_batches(x.clone(), 1).into_iter().map(Result::unwrap).count()
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
    targets = read_into, collect, batches
}
criterion_main!(benches);
