//! Finding the chunk size, the number of workers and the backend that suit a file on this machine:
//! `tune-chunks`.

mod check;
mod job;
mod report;
mod search;
mod settings;

use std::path::Path;
use std::time::Instant;

use rowmill_core::{Array, Backend, OpenOptions, match_array};
use rowmill_exec::{Engine, Isa, Normalize, Numeric, Profile, Stats, Sum};

pub use check::{Check, Pick, check};
pub use job::{Job, Step};
pub use report::Report;
pub use search::{Found, Plan, Tried, search};
pub use settings::Setting;

use crate::limit::{pread_all, read_all, write_all};
use crate::machine::Machine;
use crate::measure::{Clock, Monotonic, median};
use crate::{Error, Result};

/// Tunes for a job on an array file, in about `budget` seconds. `progress` is called with the part
/// of it that is spent.
///
/// # Errors
/// When the file cannot be read, or the job fails.
pub fn tune(path: &Path, job: &Job, budget: f64, progress: impl FnMut(f64)) -> Result<Report> {
    let clock = Monotonic::start();
    let (default, meta) = settings::default_for(path)?;
    let any = OpenOptions::new().backend(Backend::Mapped).open_any(path)?;
    let limit = match_array!(&any,
        x => limit(x, job, default.workers);
        complex x => crate::error::complex(x))?;
    drop(any);
    let plan = Plan {
        default,
        candidates: settings::coarse(default.workers, meta.byte_len()),
        near: settings::near,
        budget: (budget - clock.now().as_secs_f64()).max(budget / 2.0),
    };
    let found = search(plan, &clock, |setting| time_setting(path, job, setting), progress)?;
    Ok(Report {
        file: path.display().to_string(),
        dtype: meta.dtype.to_string(),
        shape: meta.shape.dims().to_vec(),
        bytes: meta.byte_len() as u64,
        machine: Machine::this(),
        job: job.name(),
        steps: job.steps().iter().map(|step| step.name()).collect(),
        budget,
        spent: clock.now().as_secs_f64(),
        limit,
        found,
    })
}

/// Runs of the bare read, after a warm-up.
const LIMIT_RUNS: usize = 3;

/// The least time of the reads and writes of a job, in seconds.
fn limit<T: Numeric>(x: &Array<T>, job: &Job, threads: usize) -> Result<f64> {
    let mut reads = Vec::new();
    for _ in 0..=LIMIT_RUNS {
        let start = Instant::now();
        match x.as_slice() {
            Some(all) => {
                std::hint::black_box(read_all(T::bytes(all), threads, Isa::detect()));
            }
            None => drop(pread_all(x.path(), threads)?),
        }
        reads.push(start.elapsed().as_secs_f64());
    }
    let read = median(&reads[1..]);
    let count = |of: fn(&Step) -> usize| job.steps().iter().map(of).sum::<usize>() as f64;
    let write = if job.writes() {
        let folder = output_folder(x.path())?;
        let to = folder.path().join("limit.npy");
        write_all(&to, x.meta().byte_len(), threads)?.durable.as_secs_f64()
    } else {
        0.0
    };
    Ok(read * count(|step| step.reads()) + write * count(|&step| (step == Step::Normalize).into()))
}

/// A folder for outputs beside the array: its disk is part of the measurement.
fn output_folder(array: &Path) -> Result<tempfile::TempDir> {
    let dir = array.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new().prefix("rowmill-tune-").tempdir_in(dir);
    folder.map_err(Error::io("make a folder in", dir))
}

/// The time of a job with a setting, not counting the opening of engine and file.
fn time_setting(path: &Path, job: &Job, setting: &Setting) -> Result<f64> {
    let engine = Engine::builder().workers(setting.workers).chunk(setting.chunk).build()?;
    let any = OpenOptions::new().backend(setting.backend).open_any(path)?;
    match_array!(&any, x => run(&engine, x, job); complex x => crate::error::complex(x))
}

fn run<T: Numeric>(engine: &Engine, x: &Array<T>, job: &Job) -> Result<f64> {
    let folder = job.writes().then(|| output_folder(x.path())).transpose()?;
    let start = Instant::now();
    for step in job.steps() {
        match step {
            Step::Sum => drop(std::hint::black_box(engine.reduce(x, Sum::all())?)),
            Step::Stats => drop(std::hint::black_box(engine.reduce(x, Stats::per_column())?)),
            Step::Normalize => {
                let Some(folder) = &folder else { continue };
                let to = folder.path().join("z.npy");
                engine
                    .normalize(x, Normalize::z_score().per_column())
                    .overwrite(true)
                    .write_npy(to)?;
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
    fn every_job_is_timed() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        let mut x = rowmill_core::ArrayMut::<f32>::create(&path, [1000, 10]).expect("room");
        x.rows_mut(0..1000).expect("in place").fill(1.0);
        x.close().expect("on disk");
        let jobs = Step::ALL.map(Job::one).into_iter().chain([Job::mix()]);
        for job in jobs {
            let report = tune(&path, &job, 0.05, |_| {}).expect("tuned");
            assert!(report.limit > 0.0 && report.spent >= 0.05);
            assert!(report.found.tried.len() > 5 && report.found.gains.len() >= 6);
            if let Some(profile) = report.profile() {
                assert!(profile.gain() > 1.0 && profile.job() == job.name());
            }
        }
        let check = check(&path, &Job::one(Step::Sum), 0.01, 2, 0.02).expect("checked");
        assert!(check.sweep.iter().all(|t| t.seconds.len() >= 3) && check.picks.len() == 2);
        assert!(check.to_string().contains(" of 2 picks are as fast"), "{check}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "outputs are removed");
    }
}
