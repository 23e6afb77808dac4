//! The memory ceiling, and the contents of reports. Tests of the memory of a whole process run in
//! their own process.

mod common;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::layouts::every_layout;
use common::oracle::bits;
use common::value::{Kind, Value};
use common::{names, write_npy};
use rowmill::engine::RunReport;
use rowmill::file::{Backend, ByteOrder, Order, RawSpec};
use rowmill::map::Chunk;
use rowmill::normalize::NormalizeAxis;
use rowmill::view::SliceSource;
use rowmill::{
    Array, ArrayMut, ChunkSize, DType, Element, Engine, EngineBuilder, Error, Mask, Mean, MinMax,
    Normalize, OpenOptions, Over, Shape, Source, Stats, Sum, map_elements, map_rows,
};

const MIB: u64 = 1 << 20;

/// An engine that records the reports of its jobs.
fn reporting(builder: EngineBuilder) -> (Engine, Arc<Mutex<Vec<RunReport>>>) {
    let reports: Arc<Mutex<Vec<RunReport>>> = Arc::default();
    let list = Arc::clone(&reports);
    let builder = builder.report(move |r| list.lock().expect("no panic").push(r.clone()));
    (builder.build().expect("an engine"), reports)
}

fn take(reports: &Mutex<Vec<RunReport>>) -> Vec<RunReport> {
    std::mem::take(&mut *reports.lock().expect("no panic"))
}

// --- In a process of its own ---------------------------------------------------------------------

/// Names the case, in the process that runs it.
const CASE: &str = "ROWMILL_MEMORY_CASE";

const CEILING: u64 = 64 * MIB;

/// The size of the input file of each case in bytes: eight times the ceiling.
const FILE: u64 = 512 * MIB;

/// The layout of the file of a case: dtype, shape, order, byte order.
type Layout = (DType, &'static [usize], Order, ByteOrder);

const NATIVE: ByteOrder = ByteOrder::NATIVE;
const TALL: &[usize] = &[131_072, 1024];
const ROWS_OF_8_MIB: &[usize] = &[64, 2 << 20];

type Case = (&'static str, Layout, fn(&Engine, &Array<f32>, &Path));

const CASES: [Case; 16] = [
    ("sum", (DType::F32, TALL, Order::C, NATIVE), sum),
    ("columns", (DType::F32, TALL, Order::C, NATIVE), |engine, x, _| {
        let stats = engine.reduce(x, Stats::per_column()).expect("stats");
        assert_eq!((stats.len(), stats[1023].count), (1024, 131_072));
    }),
    ("rows", (DType::F32, TALL, Order::C, NATIVE), |engine, x, _| {
        assert_eq!(engine.reduce(x, MinMax::per_row()).expect("ranges").len(), 131_072);
    }),
    ("vector", (DType::F32, &[128 << 20], Order::C, NATIVE), sum),
    ("wide", (DType::F32, ROWS_OF_8_MIB, Order::C, NATIVE), sum),
    ("big-endian", (DType::F32, TALL, Order::C, ByteOrder::Big), sum),
    ("fortran", (DType::F32, TALL, Order::F, NATIVE), |engine, x, _| {
        assert_eq!(engine.reduce(x, Sum::per_column()).expect("sums").len(), 1024);
    }),
    ("fortran-wide", (DType::F32, &[512, 512, 512], Order::F, NATIVE), sum),
    ("fortran-short", (DType::F32, &[100, 1_342_177], Order::F, NATIVE), sum),
    // The elements of a block are far apart.
    ("axes", (DType::F32, &[128, 1024, 1024], Order::C, NATIVE), over_middle),
    ("axes-wide", (DType::F32, &[2, 8192, 8192], Order::C, NATIVE), over_middle),
    ("mask", (DType::F32, TALL, Order::C, NATIVE), |engine, x, folder| {
        let path = folder.join("mask.dat");
        sparse(&path, FILE / 4);
        let spec = RawSpec::new(DType::Bool, x.shape().clone());
        let mask = Array::<bool>::open_raw(&path, &spec).expect("opened");
        let masked = Sum::all().masked(Mask::array(&mask));
        assert_eq!(engine.reduce(x, masked).expect("a sum"), 0.0);
    }),
    ("stream", (DType::F32, TALL, Order::C, NATIVE), |engine, x, _| {
        let mut rows = 0;
        let kernel = |chunk: &Chunk<'_, f32>| Ok(chunk.as_slice().iter().sum::<f32>());
        let consume = |some: std::ops::Range<usize>, sum| {
            rows += some.len();
            assert_eq!(sum, 0.0);
            ControlFlow::Continue(())
        };
        engine.stream(x, kernel, consume).expect("a stream");
        assert_eq!(rows, 131_072);
    }),
    ("normalize", (DType::F32, &[65_536, 1024], Order::C, NATIVE), normalize),
    ("normalize-wide", (DType::F32, &[32, 2 << 20], Order::C, NATIVE), normalize),
    ("map-wide", (DType::F32, ROWS_OF_8_MIB, Order::C, NATIVE), |engine, x, folder| {
        // Each row is needed as a whole: 8 MiB of input for each worker.
        let ends =
            map_rows([2], |row: &[f32], out: &mut [f32]| out[1] = row.iter().sum::<f32>() + 1.0);
        engine.map(x, ends).write_npy(folder.join("out.npy")).expect("an output");
        let out = Array::<f32>::open(folder.join("out.npy")).expect("opened");
        assert_eq!(out.as_slice(), Some(&[0.0, 1.0].repeat(64)[..]));
    }),
];

fn sum(engine: &Engine, x: &Array<f32>, _: &Path) {
    assert_eq!(engine.reduce(x, Sum::all()).expect("a sum"), 0.0);
}

fn over_middle(engine: &Engine, x: &Array<f32>, _: &Path) {
    let over = Over::new(x, &[1]).expect("three axes");
    let sums = engine.reduce(over.view(), Sum::over(over.axes())).expect("sums");
    assert_eq!(sums.len(), x.shape().len() / x.shape().dims()[1]);
}

fn normalize(engine: &Engine, x: &Array<f32>, folder: &Path) {
    let z = Normalize::z_score().axis(NormalizeAxis::All);
    engine.normalize(x, z).write_npy(folder.join("out.npy")).expect("an output");
    let out = Array::<f32>::open(folder.join("out.npy")).expect("opened");
    assert_eq!(out.shape(), x.shape());
}

/// Creates a file of zeros that takes no space.
fn sparse(path: &Path, bytes: u64) {
    std::fs::File::create(path).expect("created").set_len(bytes).expect("a sparse file");
}

fn raw(path: &Path, (dtype, dims, order, byte_order): Layout) -> Array<f32> {
    let shape = Shape::new(dims).expect("a shape");
    sparse(path, shape.byte_len(4).expect("small") as u64);
    let spec = RawSpec::new(dtype, shape).order(order).byte_order(byte_order);
    Array::open_raw(path, &spec).expect("opened")
}

/// Runs a test of this file in its own process. Returns whether this is that process.
fn in_own_process(test: &str, case: &str) -> bool {
    if std::env::var(CASE).is_ok_and(|running| running == case) {
        return true;
    }
    let own = std::env::current_exe().expect("a path");
    let output = Command::new(own)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(CASE, case)
        .output()
        .expect("the process starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}:\n{text}\n{errors}");
    for line in errors.lines().filter(|line| line.starts_with(case)) {
        println!("{line}");
    }
    false
}

fn is_linux() -> bool {
    if !cfg!(target_os = "linux") {
        eprintln!("NOT TESTED: only Linux tells how much memory a process has");
    }
    cfg!(target_os = "linux")
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib << 10
}

#[test]
fn jobs_stay_below_the_ceiling() {
    if !is_linux() {
        return;
    }
    for (case, layout, job) in CASES {
        if std::env::var(CASE).is_ok_and(|running| running != case)
            || !in_own_process("jobs_stay_below_the_ceiling", case)
        {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let x = raw(&folder.path().join("x.dat"), layout);
        let (engine, reports) = reporting(Engine::builder().workers(2).memory_ceiling(CEILING));
        let before = resident();
        job(&engine, &x, folder.path());
        for report in take(&reports) {
            let grown = report.peak_resident.expect("Linux").saturating_sub(before);
            eprintln!("{case}: {} MiB more than before; {report}", grown / MIB);
            assert!(report.released, "{case}: {report}");
            assert!(grown <= CEILING, "{case}: {grown} bytes more, {report}");
        }
        // Hardly anything stays resident.
        let left = resident().saturating_sub(before);
        assert!(left <= CEILING / 2, "{case}: {left} bytes stayed");
    }
}

#[test]
fn without_a_ceiling_everything_is_resident() {
    // Otherwise the test above would prove nothing.
    if !is_linux() || !in_own_process("without_a_ceiling_everything_is_resident", "all") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let layout = (DType::F32, &[65_536, 1024][..], Order::C, NATIVE);
    let x = raw(&folder.path().join("x.dat"), layout);
    let (engine, reports) = reporting(Engine::builder().workers(2).memory_ceiling(1 << 40));
    let before = resident();
    sum(&engine, &x, folder.path());
    let [report] = &take(&reports)[..] else { panic!("one job, one report") };
    assert!(!report.released);
    let grown = report.peak_resident.expect("Linux").saturating_sub(before);
    assert!(grown >= FILE / 2 - 16 * MIB, "{grown} bytes more, {report}");
}

#[test]
fn page_faults_of_warm_passes() {
    if !is_linux() || !in_own_process("page_faults_of_warm_passes", "warm") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let layout = (DType::F32, &[65_536, 1024][..], Order::C, NATIVE);
    let x = raw(&folder.path().join("x.dat"), layout);
    let pages = FILE / 2 / 4096;
    let faults = |engine: &Engine, reports: &Mutex<Vec<RunReport>>| {
        sum(engine, &x, folder.path());
        let report = take(reports).pop().expect("a report");
        (report.major_faults.expect("Linux"), report.minor_faults.expect("Linux"))
    };
    let (small, of_small) = reporting(Engine::builder().workers(2).memory_ceiling(CEILING));
    let (large, of_large) = reporting(Engine::builder().workers(2).memory_ceiling(1 << 40));
    // Another process may evict the page cache; then try again.
    let passes = (0..5).map(|_| {
        let _ = faults(&small, &of_small); // now the file is in the page cache
        let again = faults(&small, &of_small);
        [again, faults(&large, &of_large), faults(&large, &of_large)]
    });
    let mut warm = passes.skip_while(|passes| passes.iter().any(|(major, _)| *major > 0));
    let [small, first, second] = warm.next().expect("a pass without major faults in five");
    // A fault maps at least 16 pages that are in the page cache.
    assert!(small.1 <= pages / 4, "{} faults for {pages} pages under a ceiling", small.1);
    assert!(first.1 <= pages / 8, "{} faults for {pages} pages", first.1);
    assert!(second.1 <= pages / 32, "{} faults for {pages} mapped pages", second.1);
}

// --- Answers -------------------------------------------------------------------------------------

/// From the smallest ceiling for one worker to none at all.
fn engines() -> Vec<(String, Engine)> {
    let mut engines = Vec::new();
    for (workers, ceiling) in [(1, 8 * MIB), (3, 24 * MIB), (2, 1 << 40)] {
        for chunk in [ChunkSize::Auto, ChunkSize::Rows(1100)] {
            let builder = Engine::builder().workers(workers).chunk(chunk).memory_ceiling(ceiling);
            let name = format!("{workers} workers below {ceiling}, {chunk}");
            engines.push((name, builder.build().expect("an engine")));
        }
    }
    engines
}

/// All bits of some answers, and the bytes of an output.
fn answers<S: Source<f32>>(engine: &Engine, x: &S, out: &Path) -> (Vec<u64>, Vec<u8>) {
    let kernels = (Sum::all(), Stats::per_column(), Mean::per_row());
    let (sum, stats, means) = engine.reduce(x, kernels).expect("answers");
    let mut all = vec![bits(sum)];
    all.extend(stats.iter().flat_map(|s| [bits(s.sum), bits(s.var), s.count]));
    all.extend(means.iter().map(|&m| bits(m)));
    let mut rows = 0;
    let kernel = |chunk: &Chunk<'_, f32>| Ok(chunk.rows());
    let consume = |some: std::ops::Range<usize>, same| {
        assert_eq!((some.start, &some), (rows, &same));
        rows = some.end;
        ControlFlow::Continue(())
    };
    engine.stream(x, kernel, consume).expect("a stream");
    assert_eq!(rows, x.shape().rows());
    engine.normalize(x, Normalize::z_score()).overwrite(true).write_npy(out).expect("an output");
    (all, std::fs::read(out).expect("the output"))
}

#[test]
fn the_same_bits_below_any_ceiling() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.npy");
    // The arrays are larger than half of the largest ceiling above, and one has wide rows.
    for dims in [[4501, 1013], [3, 1_400_003], [500_003, 9]] {
        let values = f32::many(dims[0] * dims[1], Kind::Any, 5);
        let mut expected: Option<(Vec<u64>, Vec<u8>)> = None;
        for (order, byte_order) in [
            (Order::C, ByteOrder::Little),
            (Order::C, ByteOrder::Big),
            (Order::F, ByteOrder::Little),
        ] {
            let path = folder.path().join("x.npy");
            write_npy(&path, &values, &dims, order, byte_order);
            let backends: &[Backend] = match byte_order {
                ByteOrder::Little => &[Backend::Mapped],
                ByteOrder::Big => &[Backend::Mapped, Backend::Positioned],
            };
            for &backend in backends {
                let x = OpenOptions::new().backend(backend).open::<f32>(&path).expect("opened");
                for (name, engine) in engines() {
                    let found = answers(&engine, &x, &out);
                    let same = *expected.get_or_insert_with(|| found.clone()) == found;
                    assert!(same, "{dims:?} {order:?} {byte_order:?} {backend:?}: {name}");
                }
            }
        }
    }
}

#[test]
fn the_same_bits_of_masked_sums_below_any_ceiling() {
    let folder = tempfile::tempdir().expect("a folder");
    let dims = [30_011, 331];
    let values = f32::many(dims[0] * dims[1], Kind::Any, 5);
    let keep: Vec<u8> =
        values.iter().map(|v| if *v > 0.1 { 1 + v.to_bits() as u8 / 2 } else { 0 }).collect();
    let exact = values.iter().zip(&keep).filter(|(_, k)| **k > 0).map(|(v, _)| f64::from(*v));
    let rough: f64 = exact.sum();
    let x = folder.path().join("x.npy");
    write_npy(&x, &values, &dims, Order::C, ByteOrder::Little);
    let x = Array::<f32>::open(&x).expect("just written");
    // Any nonzero byte is true.
    let path = folder.path().join("keep.dat");
    std::fs::write(&path, &keep).expect("written");
    let spec = RawSpec::new(DType::Bool, x.shape().clone());
    let mut expected = None;
    for backend in [Backend::Mapped, Backend::Positioned] {
        let options = OpenOptions::new().backend(backend).spec(spec.clone());
        let mask = options.open::<bool>(&path).expect("opened");
        for (name, engine) in engines() {
            let masked = Sum::all().masked(Mask::array(&mask));
            let sum = engine.reduce(&x, masked).expect("a sum");
            assert!((sum - rough).abs() <= rough.abs() * 1e-9, "{sum} {rough}");
            assert_eq!(bits(*expected.get_or_insert(sum)), bits(sum), "{backend:?}: {name}");
        }
    }
}

#[test]
fn releasing_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for dims in [vec![70, 1001], vec![3, 50_001], vec![31, 7, 5, 11]] {
        let values = u16::many(dims.iter().product(), Kind::Any, 9);
        for x in every_layout(folder.path(), &values, &dims) {
            let (rows, cols) = (x.shape().rows(), x.shape().row_len());
            let mut buffer = rowmill::view::TileBuffer::new();
            for (some, part) in [
                (0..rows, 0..cols),
                (1..rows - 1, cols / 3..cols / 2),
                (0..0, 0..cols),
                (2..3, cols..cols),
                (0..rows + 1, 0..cols),
                (0..1, 5..cols + 5),
            ] {
                x.release(some, part);
                assert!(x.rows(0..rows, &mut buffer).expect("all") == values, "{}", x.name);
            }
        }
    }
}

// --- Knobs and reports ---------------------------------------------------------------------------

#[test]
fn low_ceilings_are_refused() {
    let build =
        |workers, ceiling| Engine::builder().workers(workers).memory_ceiling(ceiling).build();
    assert_eq!(build(1, 8 * MIB).expect("the minimum").memory_ceiling(), 8 * MIB);
    assert_eq!(build(4, 32 * MIB).expect("the minimum").memory_ceiling(), 32 * MIB);
    for (workers, ceiling) in [(1, 0), (1, 8 * MIB - 1), (2, 8 * MIB), (4, 32 * MIB - 1)] {
        let Err(error) = build(workers, ceiling) else { panic!("{ceiling} was accepted") };
        assert!(matches!(error, Error::BadOption { knob: "the memory ceiling", .. }));
        let text = error.to_string();
        for part in [&format!("{ceiling} bytes for {workers} workers"), "at least 8 MiB"] {
            assert!(text.contains(part), "{text}");
        }
    }
    let engine = Engine::new().expect("an engine");
    assert!(engine.memory_ceiling() >= 8 * MIB * engine.workers() as u64);
}

/// Writes an array file of these values.
fn file<T: Element>(folder: &Path, dims: &[usize], values: &[T]) -> PathBuf {
    let path = folder.join("x.npy");
    let mut x = ArrayMut::<T>::create(&path, dims).expect("created");
    x.write_rows(0, values).expect("matching shape");
    x.close().expect("closed");
    path
}

/// The fields of a report that do not differ from run to run.
fn summary(report: &RunReport) -> (&'static str, u64, u64, usize, usize, bool) {
    let RunReport { job, read, written, workers, chunks, released, .. } = *report;
    assert!(report.elapsed.as_nanos() > 0 && report.bytes_per_second() > 0.0, "{report}");
    if is_linux() {
        assert!(report.peak_resident > Some(0) && report.major_faults.is_some(), "{report}");
        assert!(report.minor_faults.is_some(), "{report}");
    }
    (job, read, written, workers, chunks, released)
}

#[test]
fn reports_add_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dims, bytes) = ([4096, 1024], 16 * MIB);
    let path = file(folder.path(), &dims, &vec![1.0_f32; 4096 * 1024]);
    let x = Array::<f32>::open(path).expect("opened");
    let out = folder.path().join("out.npy");
    for (ceiling, released) in [(1 << 40, false), (16 * MIB, true)] {
        let builder = Engine::builder().workers(2).chunk(ChunkSize::Rows(256));
        let (engine, reports) = reporting(builder.memory_ceiling(ceiling));
        let last = || {
            let mut list = take(&reports);
            assert_eq!(list.len(), 1, "one job, one report: {list:?}");
            summary(&list.remove(0))
        };
        engine.reduce(&x, Sum::all()).expect("a sum");
        assert_eq!(last(), ("reduce", bytes, 0, 2, 16, released));
        engine.map(&x, map_elements(f64::from)).overwrite(true).write_npy(&out).expect("an output");
        // Under a ceiling of 16 MiB, a chunk is at most 1 MiB: 128 rows of f64.
        let chunks = if released { 32 } else { 16 };
        assert_eq!(last(), ("map", bytes, 2 * bytes, 2, chunks, released));
        let first = map_rows([1], |row: &[f32], out: &mut [f32]| out[0] = row[0]);
        engine.map(&x, first).overwrite(true).write_npy(&out).expect("an output");
        assert_eq!(last(), ("map", bytes, 4 * 4096, 2, 16, released));
        engine.stream(&x, |_| Ok(()), |_, ()| ControlFlow::Continue(())).expect("a stream");
        assert_eq!(last(), ("stream", bytes, 0, 2, 16, released));
        // Small jobs run on the calling thread.
        engine.rows(&x, &[5; 1000]).collect().expect("rows");
        assert_eq!(last(), ("rows", 4096 * 1000, 0, 1, 4, false));
        engine.rows(&x, &[5; 1000]).overwrite(true).write_npy(&out).expect("rows");
        assert_eq!(last(), ("rows", 4096 * 1000, 4096 * 1000, 1, 4, false));
        // Two reads, or only one per row.
        engine
            .normalize(&x, Normalize::z_score())
            .overwrite(true)
            .write_npy(&out)
            .expect("an output");
        let jobs: Vec<_> = take(&reports).iter().map(|r| (r.job, r.read, r.written)).collect();
        assert_eq!(jobs, [("reduce", bytes, 0), ("map", bytes, bytes)]);
        engine
            .normalize(&x, Normalize::z_score().per_row())
            .overwrite(true)
            .write_npy(&out)
            .expect("an output");
        assert_eq!(last(), ("map", bytes, bytes, 2, 16, released));
    }
}

#[test]
fn reports_of_small_and_failed_jobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.npy");
    let (engine, reports) = reporting(Engine::builder().workers(2).chunk(ChunkSize::Rows(100)));
    let last = || take(&reports).pop().map(|report| summary(&report));
    let data = vec![1_i16; 1000];
    let x = SliceSource::new(&data, [1000]).expect("a thousand");
    engine.reduce(&x, Sum::all()).expect("a sum");
    assert_eq!(last(), Some(("reduce", 2000, 0, 1, 1, false)));
    // A consumer that stops early.
    let stop = |rows: std::ops::Range<usize>, ()| {
        if rows.end < 300 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    engine.stream(&x, |_| Ok(()), stop).expect("a stream");
    assert_eq!(last(), Some(("stream", 600, 0, 1, 10, false)));
    // A failed job has no report.
    assert!(engine.reduce(&x, MinMax::all().masked(Mask::value(|v| v > 1))).is_err());
    let fails = |chunk: &Chunk<'_, i16>| {
        if chunk.rows().end > 500 { Err(Error::kernel("no")) } else { Ok(()) }
    };
    assert!(engine.stream(&x, fails, |_, ()| ControlFlow::Continue(())).is_err());
    let panics = map_elements(|_: i16| -> i16 { panic!("on purpose") });
    assert!(engine.map(&x, panics).write_npy(&out).is_err());
    assert!(engine.rows(&x, &[1000]).collect().is_err());
    let nowhere = folder.path().join("no/such/folder/out.npy");
    assert!(engine.map(&x, map_elements(|v: i16| v)).write_npy(nowhere).is_err());
    assert_eq!(last(), None);
    assert_eq!(names(folder.path()), [""; 0]);
    // Empty jobs also report: no elements, no chunks.
    let none = SliceSource::new(&[] as &[i16], [0, 7]).expect("no values");
    let zero = |job| (job, 0, 0, 1, 0, false);
    let summary = |reports: Vec<RunReport>| {
        let of = |r: &RunReport| (r.job, r.read, r.written, r.workers, r.chunks, r.released);
        reports.iter().map(of).collect::<Vec<_>>()
    };
    engine.reduce(&none, Sum::all()).expect("a sum");
    engine.map(&none, map_elements(|v: i16| v)).overwrite(true).write_npy(&out).expect("an output");
    engine.stream(&none, |_| Ok(()), |_, ()| ControlFlow::Continue(())).expect("a stream");
    engine.rows(&none, &[]).collect().expect("rows");
    assert_eq!(summary(take(&reports)), ["reduce", "map", "stream", "rows"].map(zero));
}

#[test]
fn streams_keep_the_requested_chunk_rows() {
    let data = vec![0_u8; 64 << 20];
    let x = SliceSource::new(&data, [64, 1 << 20]).expect("64 MiB");
    // Chunks of 20 MiB, which a ceiling of 16 MiB would cut to about a megabyte each.
    let engine = Engine::builder().workers(2).chunk(ChunkSize::Rows(20)).memory_ceiling(16 * MIB);
    let mut seen = Vec::new();
    let consume = |rows, ()| {
        seen.push(rows);
        ControlFlow::Continue(())
    };
    engine.build().expect("an engine").stream(&x, |_| Ok(()), consume).expect("a stream");
    assert_eq!(seen, [0..20, 20..40, 40..60, 60..64]);
}

#[test]
fn reports_as_text() {
    let (engine, reports) = reporting(Engine::builder().workers(1));
    let data = vec![1.0_f32; 1 << 20];
    let x = SliceSource::new(&data, [1 << 20]).expect("a vector");
    engine.reduce(&x, Sum::all()).expect("a sum");
    let line = take(&reports).pop().expect("a report").to_string();
    assert!(line.starts_with("reduce: 4.2 MB read in 0."), "{line}");
    assert!(line.contains(" GB/s), 1 worker, ") && !line.contains('\n'), "{line}");
}
