//! The report of `limit`: throughput of the bare read and write, and of the kernels beside them.

use std::fmt;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use rowmill_core::{Array, match_array};
use rowmill_exec::{Engine, Isa, Numeric};
use serde::Serialize;

use crate::limit::{read_all, write_all};
use crate::machine::Machine;
use crate::measure::{Samples, Timed, interleaved};
use crate::scan::{Axis, Kernel, Scan};
use crate::{Error, Result};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads to go up to; the kernels run on all of them.
    pub threads: usize,
    /// Runs of each job after the warm-up.
    pub runs: usize,
    /// Whether the kernels are timed as well.
    pub kernels: bool,
    /// Where a file of the same size is written, if writing is timed as well.
    pub write: Option<PathBuf>,
}

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
    /// Threads of the last limit and of the kernels.
    pub threads: usize,
    /// The machine.
    #[serde(flatten)]
    pub machine: Machine,
    /// The bare reads on 1 to `threads` threads, the bare writes, then the kernels.
    pub samples: Vec<Samples>,
}

/// Measures the bare read on 1 to `threads` threads and, if asked, the bare write and the kernels.
///
/// # Errors
/// When the file cannot be opened, or holds elements that cannot be lent in place; when there is no
/// room to write.
pub fn limit(path: &Path, options: &Options) -> Result<Report> {
    let any = rowmill_core::open(path)?;
    match_array!(&any, x => measure(x, options); complex x => crate::error::complex(x))
}

fn measure<T: Numeric>(x: &Array<T>, options: &Options) -> Result<Report> {
    let elements = x.as_slice().ok_or_else(|| Error::NotInPlace { path: x.path().to_owned() })?;
    let bytes = T::bytes(elements);
    let isa = Isa::detect();
    let engine = Engine::builder().workers(options.threads).isa(isa).build()?;
    let mut jobs: Vec<Timed<'_>> = Vec::new();
    for threads in 1..=options.threads {
        jobs.push(Timed::new(format!("limit, {threads} threads"), move || {
            black_box(read_all(bytes, threads, isa));
            Ok(())
        }));
    }
    // Removed with all that is in it, however this ends.
    let folder = options.write.as_deref().map(outputs).transpose()?;
    if let Some(folder) = &folder {
        let path = folder.path().join("write.npy");
        jobs.push(write_limit(path, bytes.len(), options.threads));
    }
    if options.kernels {
        let engine = &engine;
        jobs.extend(KERNELS.map(|scan| Timed::new(scan.to_string(), move || scan.run(engine, x))));
    }
    let samples = interleaved(&mut jobs, options.runs)?;
    drop(jobs);
    Ok(Report {
        file: x.path().display().to_string(),
        dtype: T::DTYPE.to_string(),
        shape: x.shape().dims().to_vec(),
        bytes: bytes.len() as u64,
        threads: options.threads,
        machine: Machine::this(),
        samples,
    })
}

fn outputs(dir: &Path) -> Result<tempfile::TempDir> {
    let action = "make a folder in";
    tempfile::Builder::new()
        .prefix("rowmill-limit-")
        .tempdir_in(dir)
        .map_err(Error::io(action, dir))
}

/// The bare write of a new file, which is removed before the next: its stores, and all of it.
pub(crate) fn write_limit<'a>(path: PathBuf, len: usize, threads: usize) -> Timed<'a> {
    let laps = ["write limit, stores", "write limit, durable"];
    Timed::laps(laps, move || {
        let written = write_all(&path, len, threads)?;
        std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        Ok(vec![written.stores.as_secs_f64(), written.durable.as_secs_f64()])
    })
}

const KERNELS: [Scan; 14] = {
    use Axis::{All, Columns, Rows};
    const HALF: Kernel = Kernel::MaskedSum { above: 0.5 };
    [
        Scan::new(Kernel::Sum, All),
        Scan::new(Kernel::Mean, All),
        Scan::new(HALF, All),
        Scan::new(Kernel::MinMax, All),
        Scan::new(Kernel::Moments, All),
        Scan::new(Kernel::Stats, All),
        Scan::new(Kernel::Sum, Columns),
        Scan::new(Kernel::Mean, Columns),
        Scan::new(HALF, Columns),
        Scan::new(Kernel::MinMax, Columns),
        Scan::new(Kernel::Moments, Columns),
        Scan::new(Kernel::Stats, Columns),
        Scan::new(Kernel::Mean, Rows),
        Scan::new(Kernel::Stats, Rows),
    ]
};

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
        writeln!(f, "{}, {} threads", self.machine, self.threads)?;
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
