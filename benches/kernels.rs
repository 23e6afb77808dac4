//! The built-in kernels over everything, per column and per row, on arrays in memory.
//!
//! `cargo bench --bench kernels -- min_max/f32` runs some of them.

mod common;

use std::time::Duration;

use common::{COLUMNS, array_bytes, numbers};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rowmill::{
    Engine, Mask, Mean, MinMax, Moments, Numeric, Reduce, SliceSource, Source, Stats, Sum,
};

/// Benches a kernel along one axis.
fn bench<T: Numeric, R: Reduce<T>>(
    c: &mut Criterion,
    id: (&str, &str, &str),
    engine: &Engine,
    x: &SliceSource<'_, T>,
    kernel: R,
) {
    let (name, dtype, axis) = id;
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes((x.shape().len() * size_of::<T>()) as u64));
    group.bench_function(BenchmarkId::new(dtype, axis), |b| {
        b.iter(|| engine.reduce(x, &kernel).expect("finite numbers have every answer"));
    });
}

/// Benches a kernel along every axis. The closure gives it a mask.
macro_rules! every_axis {
    ($c:expr, $name:literal, $dtype:expr, $engine:expr, $x:expr, $kernel:ident) => {
        every_axis!($c, $name, $dtype, $engine, $x, $kernel, |kernel| kernel)
    };
    ($c:expr, $name:literal, $dtype:expr, $engine:expr, $x:expr, $kernel:ident, |$k:ident| $masked:expr) => {{
        let $k = $kernel::all();
        bench($c, ($name, $dtype, "all"), $engine, $x, $masked);
        let $k = $kernel::per_column();
        bench($c, ($name, $dtype, "columns"), $engine, $x, $masked);
        let $k = $kernel::per_row();
        bench($c, ($name, $dtype, "rows"), $engine, $x, $masked);
    }};
}

fn every_kernel<T: Numeric + PartialOrd>(c: &mut Criterion, dtype: &str, data: &[T], half: T) {
    let rows = data.len() / COLUMNS;
    let x = &SliceSource::new(data, [rows, COLUMNS]).expect("whole rows");
    let keep: Vec<bool> = data.iter().map(|&v| v > half).collect();
    let keep = &SliceSource::new(&keep, [rows, COLUMNS]).expect("whole rows");
    let engine = &Engine::new().expect("threads can be started");
    every_axis!(c, "sum", dtype, engine, x, Sum);
    every_axis!(c, "mean", dtype, engine, x, Mean);
    every_axis!(c, "masked_sum_value", dtype, engine, x, Sum, |sum| {
        sum.masked(Mask::value(|v: T| v > half))
    });
    every_axis!(c, "masked_sum_array", dtype, engine, x, Sum, |sum| sum.masked(Mask::array(keep)));
    every_axis!(c, "min_max", dtype, engine, x, MinMax);
    every_axis!(c, "moments", dtype, engine, x, Moments);
    every_axis!(c, "stats", dtype, engine, x, Stats);
}

fn kernels(c: &mut Criterion) {
    let bytes = array_bytes();
    let data: Vec<f32> = numbers(bytes / size_of::<f32>()).map(|v| v as f32).collect();
    every_kernel(c, "f32", &data, 0.5);
    let data: Vec<f64> = numbers(bytes / size_of::<f64>()).collect();
    every_kernel(c, "f64", &data, 0.5);
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
