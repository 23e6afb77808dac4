//! The report of `limit`: throughput of the bare read and write, and of the kernels beside them.

use std::fmt;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use rowmill_core::{Array, Backend, OpenOptions, match_array};
use rowmill_exec::{Engine, Isa, Numeric};
use serde::Serialize;

use crate::cache::Cold;
use crate::chart::{Figure, Kind, Look, Page, Table, Value};
use crate::limit::{pread_all, read_all, write_all};
use crate::machine::Machine;
use crate::measure::{Noise, Samples, Timed, interleaved, outlier_warning, rounds};
use crate::output::{Shown, up_to};
use crate::scan::{Axis, Kernel, Scan};
use crate::{Error, Result};

/// The options of a measurement.
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
    /// Whether the file is read as well when it is not in the page cache.
    pub cold: bool,
}

/// The measurements of one file.
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
    /// The reads of the file when it was not in the page cache.
    pub cold: Vec<Samples>,
    /// The bare read on all threads against itself.
    pub noise: Option<Noise>,
    /// Figures that could not be measured, and figures that are doubtful.
    pub notes: Vec<String>,
}

/// Measures the bare read on 1 to `threads` threads and, if asked, the bare write and the kernels.
///
/// # Errors
/// When the file cannot be opened, or holds elements that cannot be lent in place; when there is no
/// room to write.
pub fn limit(path: &Path, options: &Options) -> Result<Report> {
    let any = OpenOptions::new().backend(Backend::Mapped).open_any(path)?;
    let mut report =
        match_array!(&any, x => measure(x, options); complex x => crate::error::complex(x))?;
    drop(any); // mapped pages stay in the page cache
    if options.cold {
        let any = OpenOptions::new().backend(Backend::Positioned).open_any(path)?;
        match match_array!(&any, x => Cold::find(x)) {
            Ok(way) => {
                report.cold = match_array!(&any,
                    x => cold(x, way, options);
                    complex x => crate::error::complex(x))?;
            }
            Err(reason) => report.notes.push(format!("cold reads were not possible: {reason}")),
        }
    }
    report.notes.extend(outlier_warning(report.samples.iter().chain(&report.cold)));
    Ok(report)
}

/// Readers, each 1 MiB at a time: some disks need many to be busy.
const READERS: [usize; 3] = [1, 4, 16];

/// Reads the file when it is not in the page cache, through a mapping and at positions.
fn cold<T: Numeric>(x: &Array<T>, way: Cold, options: &Options) -> Result<Vec<Samples>> {
    let (path, isa) = (x.path(), Isa::detect());
    let cold = |name: String, read: Box<dyn Fn() -> Result<u64>>| {
        Timed::laps([name], move || {
            way.empty(path).map_err(Error::io("empty the page cache for", path))?;
            let start = std::time::Instant::now();
            black_box(read()?);
            Ok(vec![start.elapsed().as_secs_f64()])
        })
    };
    let mut jobs = Vec::new();
    for threads in up_to(options.threads) {
        let file = path.to_owned();
        let read = move || {
            let x: Array<T> = OpenOptions::new().backend(Backend::Mapped).open(&file)?;
            let elements = x.as_slice().ok_or(Error::NotInPlace { path: file.clone() })?;
            Ok(read_all(T::bytes(elements), threads, isa))
        };
        jobs.push(cold(format!("cold limit, mapped, {threads} threads"), Box::new(read)));
    }
    for readers in READERS {
        let file = path.to_owned();
        let read = move || pread_all(&file, readers);
        jobs.push(cold(format!("cold limit, {readers} readers"), Box::new(read)));
    }
    // No warm-up: there is nothing to warm.
    rounds(&mut jobs, options.runs)
}

fn measure<T: Numeric>(x: &Array<T>, options: &Options) -> Result<Report> {
    let elements = x.as_slice().ok_or_else(|| Error::NotInPlace { path: x.path().to_owned() })?;
    let bytes = T::bytes(elements);
    let isa = Isa::detect();
    let engine = Engine::builder().workers(options.threads).isa(isa).build()?;
    let mut jobs: Vec<Timed<'_>> = Vec::new();
    let read = |name: String, threads| {
        Timed::new(name, move || {
            black_box(read_all(bytes, threads, isa));
            Ok(())
        })
    };
    for threads in 1..=options.threads {
        jobs.push(read(format!("limit, {threads} threads"), threads));
    }
    // Twice in a row: the difference is noise.
    jobs.push(read("again".to_owned(), options.threads));
    // Removed with all that is in it, however this ends.
    let folder = options.write.as_deref().map(outputs).transpose()?;
    if let Some(folder) = &folder {
        let path = folder.path().join("write.npy");
        for threads in up_to(options.threads) {
            let job = write_limit(path.clone(), bytes.len(), threads);
            let [stores, durable] =
                ["stores", "durable"].map(|lap| format!("write limit, {lap}, {threads} threads"));
            jobs.push(if threads == options.threads { job } else { job.named([stores, durable]) });
        }
    }
    if options.kernels {
        let engine = &engine;
        jobs.extend(KERNELS.map(|scan| Timed::new(scan.to_string(), move || scan.run(engine, x))));
    }
    let mut samples = interleaved(&mut jobs, options.runs)?;
    drop(jobs);
    let again = samples.remove(options.threads);
    let noise = Noise::of(&samples[options.threads - 1].seconds, &again.seconds);
    Ok(Report {
        file: x.path().display().to_string(),
        dtype: T::DTYPE.to_string(),
        shape: x.shape().dims().to_vec(),
        bytes: bytes.len() as u64,
        threads: options.threads,
        machine: Machine::this(),
        samples,
        cold: Vec::new(),
        noise,
        notes: Vec::new(),
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
        for s in self.samples.iter().chain(&self.cold) {
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

impl Report {
    /// The remarks to read beside the table.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.noise.iter().map(Noise::to_string).chain(self.notes.iter().cloned())
    }
}

impl Shown for Report {
    fn text(&self, _: Look) -> String {
        self.to_string()
    }

    fn json(&self) -> String {
        self.to_json()
    }

    fn page(&self) -> Page {
        let gb = self.bytes as f64 / 1e9;
        let bars = |samples: &[Samples]| {
            let bar = |s: &Samples| (s.name.clone(), vec![Some(Value::rate(gb, &s.seconds))]);
            Kind::Bars(samples.iter().map(bar).collect())
        };
        let figure = |title: &str, samples: &[Samples], references| Figure {
            title: title.to_owned(),
            unit: "GB/s",
            series: vec![String::new()],
            references,
            kind: bars(samples),
        };
        let limit = gb / self.limit();
        let (reads, others) = self.samples.split_at(self.threads);
        let is_write = |s: &&Samples| s.name.starts_with("write");
        let writes: Vec<Samples> = others.iter().filter(is_write).cloned().collect();
        let kernels: Vec<Samples> = others.iter().filter(|s| !is_write(s)).cloned().collect();
        let reference = vec![("read limit".to_owned(), limit)];
        let figures = [
            figure("Bare read, in the page cache", reads, Vec::new()),
            figure("Bare write of a new file", &writes, Vec::new()),
            figure("Kernels", &kernels, reference.clone()),
            figure("Bare read, not in the page cache", &self.cold, reference),
        ];
        let rows = self.samples.iter().chain(&self.cold).map(|s| {
            let figures = [s.median(), gb / s.median(), self.limit() / s.median()];
            let spread = format!("{:.1} %", s.spread() * 100.0);
            let figures = figures.map(|v| format!("{v:.4}")).into_iter().chain([spread]);
            [s.name.clone()].into_iter().chain(figures).collect()
        });
        Page {
            title: format!("How fast {} can be read", self.file),
            facts: vec![
                ("array", format!("{} {:?}, {gb:.2} GB", self.dtype, self.shape)),
                ("machine", self.machine.to_string()),
            ],
            findings: vec![format!(
                "{limit:.1} GB/s on {} threads is the limit that other figures are parts of.",
                self.threads
            )],
            figures: figures.into_iter().filter(|f| !f.is_empty()).collect(),
            tables: vec![Table {
                title: "All".to_owned(),
                head: vec!["", "median s", "GB/s", "of limit", "spread"],
                rows: rows.collect(),
            }],
            notes: self.remarks().collect(),
        }
    }
}
