//! Timing several jobs against each other in one run.

mod clock;
mod stats;

use serde::Serialize;

#[cfg(test)]
pub(crate) use clock::Mock;
pub use clock::{Clock, Monotonic};
pub use stats::{Noise, median, outlier_warning, outliers, quantile, spread};

use crate::Result;

/// The times of one job, in seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Samples {
    /// The name of the job that was timed.
    pub name: String,
    /// One entry for each run, in order, without the warm-up.
    pub seconds: Vec<f64>,
}

impl Samples {
    /// The median.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(&self.seconds)
    }

    /// The fastest run.
    #[must_use]
    pub fn best(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The distance between the quartiles, as a part of the median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        spread(&self.seconds)
    }

    /// The speed relative to `yardstick`, round by round: 1 is as fast, below 1 is slower. Runs of
    /// the same round are compared, so that a slow minute of the machine affects both.
    #[must_use]
    pub fn ratios(&self, yardstick: &Self) -> Vec<f64> {
        yardstick.seconds.iter().zip(&self.seconds).map(|(limit, own)| limit / own).collect()
    }
}

/// A job to be timed.
pub struct Timed<'a> {
    laps: Vec<String>,
    run: Box<dyn FnMut() -> Result<Vec<f64>> + 'a>,
}

impl<'a> Timed<'a> {
    /// A job that is timed as a whole.
    pub fn new(name: impl Into<String>, work: impl FnMut() -> Result<()> + 'a) -> Self {
        Self::by(Monotonic::start(), name, work)
    }

    /// As [`new`](Self::new), with another clock.
    pub fn by(
        clock: impl Clock + 'a,
        name: impl Into<String>,
        mut work: impl FnMut() -> Result<()> + 'a,
    ) -> Self {
        Self::laps([name.into()], move || {
            let start = clock.now();
            work()?;
            Ok(vec![(clock.now() - start).as_secs_f64()])
        })
    }

    /// A job that times itself: `work` gives the seconds of each lap. What it does before and after
    /// (removing old outputs, emptying caches) is then not counted.
    pub fn laps<S: Into<String>>(
        laps: impl IntoIterator<Item = S>,
        work: impl FnMut() -> Result<Vec<f64>> + 'a,
    ) -> Self {
        Self { laps: laps.into_iter().map(Into::into).collect(), run: Box::new(work) }
    }

    /// The same job with other names for its laps.
    #[must_use]
    pub fn named<S: Into<String>>(self, laps: impl IntoIterator<Item = S>) -> Self {
        Self { laps: laps.into_iter().map(Into::into).collect(), ..self }
    }
}

impl std::fmt::Debug for Timed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Timed").field(&self.laps).finish()
    }
}

/// Times jobs in turns: a warm-up of each, then `runs` rounds in which each runs once, so that a
/// disturbance hits all alike. Returns the samples of each lap of each job, in their order.
///
/// # Errors
/// The first error of a job: a job that fails would look fast.
pub fn interleaved(jobs: &mut [Timed<'_>], runs: usize) -> Result<Vec<Samples>> {
    rounds(jobs, 1)?;
    rounds(jobs, runs)
}

/// As [`interleaved`], without the warm-up.
///
/// # Errors
/// The first error of a job.
pub fn rounds(jobs: &mut [Timed<'_>], runs: usize) -> Result<Vec<Samples>> {
    let names = jobs.iter().flat_map(|job| job.laps.iter().cloned());
    let mut samples: Vec<_> =
        names.map(|name| Samples { name, seconds: Vec::with_capacity(runs) }).collect();
    for _ in 0..runs {
        let mut laps = samples.iter_mut();
        for job in &mut *jobs {
            let seconds = (job.run)()?;
            debug_assert_eq!(seconds.len(), job.laps.len(), "{job:?} gives a time for each lap");
            for (samples, seconds) in laps.by_ref().take(job.laps.len()).zip(seconds) {
                samples.seconds.push(seconds);
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: &[f64]) -> Samples {
        Samples { name: String::new(), seconds: seconds.to_vec() }
    }

    #[test]
    fn ratios_compare_neighbours_in_time() {
        // The machine halved its speed in the second round: the job is 0.8 of the limit in both.
        let (limit, job) = (of(&[0.8, 1.6]), of(&[1.0, 2.0]));
        assert_eq!(job.ratios(&limit), [0.8, 0.8]);
    }

    #[test]
    fn each_job_runs_once_a_round_after_a_warm_up() {
        let order = std::cell::RefCell::new(Vec::new());
        let mut jobs = [
            Timed::new("a", || {
                order.borrow_mut().push('a');
                Ok(())
            }),
            Timed::laps(["b", "c"], || {
                order.borrow_mut().push('b');
                Ok(vec![1.0, 2.0])
            }),
        ];
        let samples = interleaved(&mut jobs, 2).expect("nothing fails");
        drop(jobs);
        assert_eq!(order.into_inner(), ['a', 'b', 'a', 'b', 'a', 'b']);
        let names: Vec<_> = samples.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(samples[0].seconds.len(), 2);
        assert_eq!(samples[2].seconds, [2.0, 2.0]);
    }

    #[test]
    fn times_are_those_of_the_clock() {
        let (clock, mut lasts) = (&Mock::default(), [9.0, 0.25, 0.5, 4.0].into_iter());
        let work = || {
            clock.pass(lasts.next().unwrap_or(f64::NAN));
            Ok(())
        };
        let samples = interleaved(&mut [Timed::by(clock, "a", work)], 3).expect("nothing fails");
        assert_eq!(samples[0].seconds, [0.25, 0.5, 4.0], "without the warm-up");
        assert_eq!((samples[0].median(), samples[0].best()), (0.5, 0.25));
    }

    #[test]
    fn a_failure_ends_the_run() {
        let mut runs = 0;
        let mut jobs = [Timed::new("a", || {
            runs += 1;
            Err(crate::Error::TooSmall { found: 0, least: 1 })
        })];
        assert!(interleaved(&mut jobs, 3).is_err());
        drop(jobs);
        assert_eq!(runs, 1);
    }
}
