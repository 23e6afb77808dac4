//! The built-in kernels over everything, per column and per row, on arrays in memory.
//!
//! `cargo bench --bench kernels -- min_max/f32` runs some of them.
//!
//! Names never change, so that figures stay comparable over the years: `KERNEL/DTYPE/AXIS` on an
//! array far larger than the caches, `KERNEL/DTYPE/AXIS/cached` on one of 256 KiB.
//!
//! | part | values |
//! |---|---|
//! | kernel | `sum`, `mean`, `masked_sum_value`, `masked_sum_array`, `min_max`, `moments`, `stats` |
//! | dtype | `f16`, `f32`, `f64`, `u8`, `i32`, `i64` |
//! | axis | `all`, `columns`, `rows` |
//!
//! Throughput is in bytes of the array. `engine.rs` has `call/SIZE`, `chunk/SIZE`, `workers/N`,
//! `backend/NAME` and `normalize/METHOD/AXIS`; `rows.rs` has `read_into/BACKEND/ORDER/LENGTH`,
//! `collect/LENGTH` and `batches/LENGTH`.

mod common;

use std::time::Duration;

use common::{COLUMNS, array_bytes, numbers};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::f16;
use rowmill::reduce::Reduce;
use rowmill::view::SliceSource;
use rowmill::{Engine, Mask, Mean, MinMax, Moments, Numeric, Source, Stats, Sum};

/// Benches a kernel along one axis.
fn bench<T: Numeric, R: Reduce<T>>(
    c: &mut Criterion,
    id: (&str, &str, &str, &str),
    engine: &Engine,
    x: &SliceSource<'_, T>,
    kernel: R,
) {
    let (name, dtype, axis, size) = id;
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes((x.shape().len() * size_of::<T>()) as u64));
    group.bench_function(BenchmarkId::new(dtype, format!("{axis}{size}")), |b| {
        b.iter(|| engine.reduce(x, &kernel).expect("finite numbers have every answer"));
    });
}

/// Benches a kernel along every axis. The closure returns it with a mask applied.
macro_rules! every_axis {
    ($c:expr, $name:literal, ($dtype:expr, $size:expr), $engine:expr, $x:expr, $kernel:ident) => {
        every_axis!($c, $name, ($dtype, $size), $engine, $x, $kernel, |kernel| kernel)
    };
    ($c:expr, $name:literal, ($dtype:expr, $size:expr), $engine:expr, $x:expr, $kernel:ident, |$k:ident| $masked:expr) => {{
        let $k = $kernel::all();
        bench($c, ($name, $dtype, "all", $size), $engine, $x, $masked);
        let $k = $kernel::per_column();
        bench($c, ($name, $dtype, "columns", $size), $engine, $x, $masked);
        let $k = $kernel::per_row();
        bench($c, ($name, $dtype, "rows", $size), $engine, $x, $masked);
    }};
}

fn every_kernel<T: Numeric + PartialOrd>(c: &mut Criterion, id: (&str, &str), data: &[T], half: T) {
    let (dtype, size) = id;
    let rows = data.len() / COLUMNS;
    let x = &SliceSource::new(data, [rows, COLUMNS]).expect("whole rows");
    let keep: Vec<bool> = data.iter().map(|&v| v > half).collect();
    let keep = &SliceSource::new(&keep, [rows, COLUMNS]).expect("whole rows");
    let engine = &Engine::new().expect("threads can be started");
    every_axis!(c, "sum", (dtype, size), engine, x, Sum);
    every_axis!(c, "mean", (dtype, size), engine, x, Mean);
    every_axis!(c, "masked_sum_value", (dtype, size), engine, x, Sum, |sum| {
        sum.masked(Mask::value(|v: T| v > half))
    });
    every_axis!(c, "masked_sum_array", (dtype, size), engine, x, Sum, |sum| sum
        .masked(Mask::array(keep)));
    every_axis!(c, "min_max", (dtype, size), engine, x, MinMax);
    every_axis!(c, "moments", (dtype, size), engine, x, Moments);
    every_axis!(c, "stats", (dtype, size), engine, x, Stats);
}

/// Every kernel on a large array, and on its first part, which stays in the caches.
fn both_sizes<T: Numeric + PartialOrd>(c: &mut Criterion, dtype: &str, number: impl Fn(f64) -> T) {
    let data: Vec<T> = numbers(array_bytes() / size_of::<T>()).map(&number).collect();
    every_kernel(c, (dtype, ""), &data, number(0.5));
    let small = &data[..(256 << 10) / size_of::<T>()];
    every_kernel(c, (dtype, "/cached"), small, number(0.5));
}

fn kernels(c: &mut Criterion) {
    both_sizes(c, "f16", f16::from_f64);
    both_sizes(c, "f32", |v| v as f32);
    both_sizes(c, "f64", |v| v);
    both_sizes(c, "u8", |v| (v * 256.0) as u8);
    both_sizes(c, "i32", |v| (v * 2e9) as i32 - 1_000_000_000);
    // Sums of these do not overflow.
    both_sizes(c, "i64", |v| (v * 2e9) as i64 - 1_000_000_000);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = kernels
}
criterion_main!(benches);
