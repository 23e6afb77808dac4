//! The report of `limit`: throughput of the bare read, and of the kernels beside it.

use std::fmt;
use std::path::Path;

use rowmill_core::{Array, match_array};
use rowmill_exec::{Engine, Error, Isa, Mask, Mean, MinMax, Moments, Numeric, Stats, Sum};
use serde::Serialize;

use crate::limit::read_all;
use crate::measure::{Samples, Timed, interleaved};

/// What was measured of one file.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// Its dtype.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Bytes of elements.
    pub bytes: u64,
    /// The instruction set.
    pub isa: &'static str,
    /// Threads of the last limit and of the kernels.
    pub threads: usize,
    /// The processor.
    pub cpu: String,
    /// The operating system's version.
    pub os: String,
    /// The bare reads, then the kernels.
    pub samples: Vec<Samples>,
}

/// Measures the bare read on 1 to `threads` threads and, if asked, the kernels.
///
/// # Errors
/// When the file cannot be opened, or holds elements that cannot be lent in place.
pub fn limit(
    path: &Path,
    threads: usize,
    runs: usize,
    kernels: bool,
    isa: Isa,
) -> Result<Report, Error> {
    let any = rowmill_core::open(path)?;
    match_array!(&any, x => measure(x, threads, runs, kernels, isa))
}

fn measure<T: Numeric>(
    x: &Array<T>,
    threads: usize,
    runs: usize,
    kernels: bool,
    isa: Isa,
) -> Result<Report, Error> {
    let bytes = T::bytes(x.as_slice().ok_or_else(|| {
        Error::kernel(format!(
            "{} cannot be read in place: it is of foreign byte order, misaligned, in Fortran \
             order, or bool",
            x.path().display()
        ))
    })?);
    let engine = Engine::builder().workers(threads).isa(isa).build()?;
    let mut jobs: Vec<Timed<'_>> = Vec::new();
    for threads in 1..=threads {
        let job = move || {
            std::hint::black_box(read_all(bytes, threads, isa));
        };
        jobs.push((format!("limit, {threads} threads"), Box::new(job)));
    }
    if kernels {
        add_kernels(&mut jobs, &engine, x);
    }
    let samples = interleaved(&mut jobs, runs);
    drop(jobs);
    Ok(Report {
        file: x.path().display().to_string(),
        dtype: T::DTYPE.to_string(),
        shape: x.shape().dims().to_vec(),
        bytes: bytes.len() as u64,
        isa: isa.name(),
        threads,
        cpu: proc_line("/proc/cpuinfo", "model name"),
        os: std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_| std::env::consts::OS.to_owned(), |s| s.trim().to_owned()),
        samples,
    })
}

fn add_kernels<'a, T: Numeric>(jobs: &mut Vec<Timed<'a>>, engine: &'a Engine, x: &'a Array<T>) {
    macro_rules! job {
        ($name:expr, $kernel:expr) => {
            jobs.push((
                $name.to_owned(),
                Box::new(move || {
                    // A kernel that fails would look fast.
                    if let Err(error) = engine.reduce(x, $kernel) {
                        panic!("{}: {error}", $name);
                    }
                }),
            ));
        };
    }
    let half = || Mask::compare(rowmill_exec::CompareOp::Gt, 0.5);
    job!("sum", Sum::all());
    job!("mean", Mean::all());
    job!("masked sum x > 0.5", Sum::all().masked(half()));
    job!("min, max", MinMax::all());
    job!("moments", Moments::all());
    job!("stats (five and more)", Stats::all());
    job!("sum per column", Sum::per_column());
    job!("mean per column", Mean::per_column());
    job!("masked sum per column", Sum::per_column().masked(half()));
    job!("min, max per column", MinMax::per_column());
    job!("moments per column", Moments::per_column());
    job!("stats per column", Stats::per_column());
    job!("mean per row", Mean::per_row());
    job!("stats per row", Stats::per_row());
}

fn proc_line(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find(|l| l.starts_with(key)).and_then(|l| l.split(": ").nth(1));
    value.unwrap_or("unknown").to_owned()
}

impl Report {
    /// Every sample, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The median of the bare read on all threads, in seconds.
    fn limit(&self) -> f64 {
        self.samples.get(self.threads - 1).map_or(f64::NAN, Samples::median)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = self.bytes as f64 / 1e9;
        writeln!(f, "{}  {} {:?}  {gb:.2} GB", self.file, self.dtype, self.shape)?;
        writeln!(f, "{}, {} threads, {}, {}", self.cpu, self.threads, self.isa, self.os)?;
        writeln!(f, "{:28} {:>9} {:>8} {:>9} {:>7}", "", "median s", "GB/s", "of limit", "spread")?;
        for s in &self.samples {
            let median = s.median();
            writeln!(
                f,
                "{:28} {median:9.4} {:8.2} {:9.3} {:6.1}%",
                s.name,
                gb / median,
                self.limit() / median,
                s.spread() * 100.0
            )?;
        }
        Ok(())
    }
}
