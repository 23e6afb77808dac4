//! The check of the advice: every choice, measured in full.

use std::path::{Path, PathBuf};

use rowmill_core::{Array, Backend, OpenOptions, match_array};
use rowmill_exec::{Engine, Numeric};
use serde::Serialize;
use tempfile::TempDir;

use super::work::run;
use super::{Choice, Pattern, Plan, Report, advise};
use crate::cache::Cold;
use crate::measure::{Samples, median, outlier_warning};
use crate::{Error, Result};

/// A choice that is slower than the best by less than this fraction is right.
const TOLERANCE: f64 = 0.1;

/// The times of every choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Whether the file was not in the page cache before each run.
    pub cold: bool,
    /// The seconds of all passes, opening and loading included, one for each round, in the order of
    /// [`Choice::ALL`]. Empty for a choice that needs more memory than there is.
    pub seconds: [Vec<f64>; 3],
}

impl Measured {
    /// The fastest choice.
    #[must_use]
    pub fn best(&self) -> Choice {
        let cost = |choice: &Choice| median(&self.seconds[*choice as usize]);
        let measured = Choice::ALL.into_iter().filter(|c| !self.seconds[*c as usize].is_empty());
        measured.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(Choice::Map)
    }

    /// The time of a choice as a multiple of that of the fastest.
    #[must_use]
    pub fn of_best(&self, choice: Choice) -> f64 {
        median(&self.seconds[choice as usize]) / median(&self.seconds[self.best() as usize])
    }

    /// Whether a choice is as good as the fastest, within 10 %.
    #[must_use]
    pub fn is_right(&self, choice: Choice) -> bool {
        self.of_best(choice) <= 1.0 + TOLERANCE
    }
}

/// Advises, then carries out the plan with each choice, in turns, `rounds` times. The file stays as
/// it is: copies beside it are rewritten.
///
/// # Errors
/// As [`advise`]; [`Error::NotCold`] when the file cannot be made cold and `cold` asks for it.
pub fn check(path: &Path, plan: Plan, cold: bool, rounds: usize) -> Result<Report> {
    let any = OpenOptions::new().backend(Backend::Positioned).open_any(path)?;
    let way = if cold {
        let way = match_array!(&any, x => Cold::find(x));
        Some(way.map_err(|reason| Error::NotCold { path: path.to_owned(), reason })?)
    } else {
        match_array!(&any, x => warm(x); complex x => crate::error::complex(x))?;
        None
    };
    let mut report = advise(path, plan)?;
    let measured = match_array!(&any,
        x => measure(x, &report, way, rounds);
        complex x => crate::error::complex(x))?;
    let samples = |choice: Choice| Samples {
        name: choice.name().to_owned(),
        seconds: measured.seconds[choice as usize].clone(),
    };
    report.notes.extend(outlier_warning(&Choice::ALL.map(samples)));
    report.check = Some(measured);
    Ok(report)
}

/// Reads all of it, which brings it into the page cache if there is room.
fn warm<T: Numeric>(array: &Array<T>) -> Result<()> {
    crate::limit::pread_all(array.path(), 4).map(drop)
}

fn measure<T: Numeric>(
    array: &Array<T>,
    report: &Report,
    way: Option<Cold>,
    rounds: usize,
) -> Result<Measured> {
    let plan = report.facts.plan;
    let engine = Engine::new()?;
    let mut seconds: [Vec<f64>; 3] = Default::default();
    let feasible = |choice: &Choice| report.advice.expected[*choice as usize].is_some();
    for _ in 0..rounds {
        for choice in Choice::ALL.into_iter().filter(feasible) {
            let copy =
                (plan.pattern == Pattern::Rewrite).then(|| copy(array.path())).transpose()?;
            let path = copy.as_ref().map_or(array.path(), |(_, path)| path);
            if let Some(way) = way {
                way.empty(path).map_err(Error::io("empty the page cache for", path))?;
            }
            let took = run::<T>(path, 0..array.shape().rows(), choice, &plan, &engine)?;
            seconds[choice as usize].push(took.total());
        }
    }
    Ok(Measured { cold: way.is_some(), seconds })
}

/// A copy beside the file, on the disk; removed with its folder.
fn copy(path: &Path) -> Result<(TempDir, PathBuf)> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new().prefix("rowmill-advise-").tempdir_in(dir);
    let folder = folder.map_err(Error::io("make a folder in", dir))?;
    let to = folder.path().join("copy.npy");
    std::fs::copy(path, &to).map_err(Error::io("copy", path))?;
    std::fs::File::open(&to).and_then(|file| file.sync_all()).map_err(Error::io("sync", &to))?;
    Ok((folder, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_is_within_a_tenth_of_the_best() {
        let seconds = [vec![1.0, 1.2, 1.1], vec![1.0, 1.0, 9.0], vec![2.0, 2.0, 2.0]];
        let measured = Measured { cold: false, seconds };
        assert_eq!(measured.best(), Choice::Read);
        assert!((measured.of_best(Choice::Map) - 1.1).abs() < 1e-9);
        assert_eq!(Choice::ALL.map(|c| measured.is_right(c)), [true, true, false]);
        let small = Measured { seconds: [vec![2.0], vec![1.0], Vec::new()], ..measured };
        assert_eq!(small.best(), Choice::Read, "what was not measured is not the best");
        assert!(!small.is_right(Choice::Load));
    }

    #[test]
    fn every_pattern_is_advised_and_checked() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        let mut x = rowmill_core::ArrayMut::<f64>::create(&path, [2000, 30]).expect("room");
        x.rows_mut(0..2000).expect("in place").fill(1.5);
        x.close().expect("on disk");
        let before = std::fs::read(&path).expect("there");
        for pattern in [Pattern::Sequential, Pattern::Random, Pattern::Epochs, Pattern::Rewrite] {
            let plan = Plan { pattern, passes: 2, picked: 100 };
            let report = check(&path, plan, false, 2).expect("checked");
            assert!(report.facts.bytes == 480_000 && !report.facts.remote, "{report:?}");
            let measured = report.check.as_ref().expect("asked for");
            assert!(measured.seconds.iter().all(|s| s.len() == 2 && s.iter().all(|&s| s > 0.0)));
            assert!(report.advice.expected.iter().all(|e| e.is_some_and(|e| e > 0.0)));
        }
        assert_eq!(std::fs::read(&path).expect("there"), before, "only copies are rewritten");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1, "and removed");
        let empty = dir.path().join("empty.npy");
        rowmill_core::ArrayMut::<u8>::create(&empty, [0, 3]).expect("room").close().expect("disk");
        let plan = Plan { pattern: Pattern::Sequential, passes: 1, picked: 1 };
        assert!(advise(&empty, plan).is_err());
    }
}
