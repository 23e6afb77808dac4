//! Finding the chunk size, the number of workers and the backend that suit a file on this machine:
//! `tune-chunks`.

mod report;
mod search;

use std::path::Path;
use std::time::Instant;

use rowmill_core::{Array, Backend, OpenOptions, match_array};
use rowmill_exec::{ChunkSize, Engine, Normalize, Numeric, Profile, Stats, Sum};
use serde::Serialize;

pub use report::Report;
pub use search::{Found, Tried, search};

use crate::Result;
use crate::machine::Machine;

/// The job that is tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// The sum of everything.
    Sum,
    /// Five statistics per column.
    Stats,
    /// A z-score per column to a new file, which is removed.
    Normalize,
    /// A sum and five statistics per column, one after the other.
    Mix,
}

impl Job {
    /// As it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Stats => "stats",
            Self::Normalize => "normalize",
            Self::Mix => "mix",
        }
    }
}

/// A setting of the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// How much a worker takes at a time.
    pub chunk: ChunkSize,
    /// The number of workers.
    pub workers: usize,
    /// How the bytes are reached.
    pub backend: Backend,
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let backend = if self.backend == Backend::Positioned { "positioned" } else { "mapped" };
        let text = format!("{} x {} {backend}", self.chunk, self.workers);
        f.pad(&text)
    }
}

impl Serialize for Setting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The smallest and the largest chunk that are tried.
const CHUNKS: (usize, usize) = (256 << 10, 64 << 20);

/// What is used when nobody tunes, and everything that is tried beside it.
fn candidates(cores: usize, bytes: usize) -> (Setting, Vec<Setting>) {
    let default = Setting { chunk: ChunkSize::Auto, workers: cores, backend: Backend::Mapped };
    let mut workers = vec![cores, cores.div_ceil(2), 2 * cores];
    workers.dedup();
    let mut all = Vec::new();
    for backend in [Backend::Mapped, Backend::Positioned] {
        for &workers in &workers {
            let mut size = CHUNKS.0;
            while size <= CHUNKS.1.min(bytes.max(CHUNKS.0)) {
                all.push(Setting { chunk: ChunkSize::Bytes(size), workers, backend });
                size *= 4;
            }
        }
    }
    (default, all)
}

/// What lies between a setting and its neighbours.
fn near(setting: &Setting) -> Vec<Setting> {
    let ChunkSize::Bytes(bytes) = setting.chunk else { return Vec::new() };
    let other = |size: usize| Setting { chunk: ChunkSize::Bytes(size), ..*setting };
    let sizes = [bytes / 2, bytes * 2, bytes * 3 / 2];
    sizes.into_iter().filter(|size| (64 << 10..=CHUNKS.1 * 2).contains(size)).map(other).collect()
}

/// Tunes for a job on an array file, in about `budget` seconds. `progress` hears which part of it is
/// spent.
///
/// # Errors
/// When the file cannot be read, or the job fails.
pub fn tune(path: &Path, job: Job, budget: f64, progress: impl FnMut(f64)) -> Result<Report> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let any = OpenOptions::new().backend(Backend::Positioned).open_any(path)?;
    let meta = any.meta().clone();
    drop(any);
    let (default, all) = candidates(cores, meta.byte_len());
    let run = |setting: &Setting| time(path, job, setting);
    let found = search(default, all, near, budget, run, progress)?;
    Ok(Report {
        file: path.display().to_string(),
        dtype: meta.dtype.to_string(),
        shape: meta.shape.dims().to_vec(),
        bytes: meta.byte_len() as u64,
        machine: Machine::this(),
        job: job.name(),
        budget,
        found,
    })
}

/// How long a job takes with a setting, its engine and file being open.
fn time(path: &Path, job: Job, setting: &Setting) -> Result<f64> {
    let engine = Engine::builder().workers(setting.workers).chunk(setting.chunk).build()?;
    let any = OpenOptions::new().backend(setting.backend).open_any(path)?;
    match_array!(&any, x => run(&engine, x, job); complex x => crate::error::complex(x))
}

fn run<T: Numeric>(engine: &Engine, x: &Array<T>, job: Job) -> Result<f64> {
    let output = match job {
        // Beside the file: the disk is part of what is measured.
        Job::Normalize => {
            let dir = x.path().parent().unwrap_or_else(|| Path::new("."));
            let folder = tempfile::Builder::new().prefix("rowmill-tune-").tempdir_in(dir);
            Some(folder.map_err(crate::Error::io("make a folder in", dir))?)
        }
        _ => None,
    };
    let start = Instant::now();
    match &output {
        Some(folder) => {
            let to = folder.path().join("z.npy");
            engine.normalize(x, Normalize::z_score().per_column()).write_npy(to)?;
        }
        None => {
            if job != Job::Stats {
                std::hint::black_box(engine.reduce(x, Sum::all())?);
            }
            if job != Job::Sum {
                std::hint::black_box(engine.reduce(x, Stats::per_column())?.len());
            }
        }
    }
    Ok(start.elapsed().as_secs_f64())
}

impl Report {
    /// The profile to keep; `None` when nothing beats the default beyond noise.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        let best = self.found.best.filter(|_| self.found.sure)?;
        let Setting { chunk, workers, backend } = best;
        Some(Profile::new(self.job, chunk, workers, backend, self.found.gain()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_around_the_default() {
        let (default, all) = candidates(2, 1 << 30);
        assert_eq!((default.chunk, default.workers), (ChunkSize::Auto, 2));
        assert!(!all.contains(&default));
        assert_eq!(all.len(), 2 * 3 * 5, "backends, workers, sizes");
        assert!(candidates(1, 10).1.iter().all(|s| s.chunk == ChunkSize::Bytes(256 << 10)));
        let some =
            Setting { chunk: ChunkSize::Bytes(4 << 20), workers: 2, backend: Backend::Mapped };
        assert_eq!(near(&some).len(), 3);
        assert_eq!(near(&default), []);
        assert_eq!(some.to_string(), "4MiB x 2 mapped");
    }

    #[test]
    fn every_job_is_timed() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        let mut x = rowmill_core::ArrayMut::<f32>::create(&path, [1000, 10]).expect("room");
        x.rows_mut(0..1000).expect("in place").fill(1.0);
        x.close().expect("on disk");
        for job in [Job::Sum, Job::Stats, Job::Normalize, Job::Mix] {
            let report = tune(&path, job, 0.05, |_| {}).expect("tuned");
            assert!(report.found.tried.len() > 5 && report.found.gains.len() >= 6);
            if let Some(profile) = report.profile() {
                assert!(profile.gain() > 1.0 && profile.job() == job.name());
            }
        }
        let left: Vec<_> = std::fs::read_dir(dir.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "outputs are removed");
    }
}
