//! Timing several jobs against each other in one run.

use std::time::Instant;

use serde::Serialize;

use crate::Result;

/// The times of one job, in seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Samples {
    /// What was timed.
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

    /// How often this goes into `yardstick`, round by round: 1 is as fast, below 1 is slower.
    /// Neighbours in time are compared, so that a slow minute of the machine weighs on both.
    #[must_use]
    pub fn ratios(&self, yardstick: &Self) -> Vec<f64> {
        yardstick.seconds.iter().zip(&self.seconds).map(|(limit, own)| limit / own).collect()
    }
}

/// The median; NaN of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    match sorted(values).as_slice() {
        [] => f64::NAN,
        s if s.len() % 2 == 1 => s[s.len() / 2],
        s => f64::midpoint(s[s.len() / 2 - 1], s[s.len() / 2]),
    }
}

/// The distance between the quartiles, as a part of the median; 0 of fewer than two.
#[must_use]
pub fn spread(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    if sorted.len() < 2 {
        return 0.0;
    }
    let at = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
    (at(0.75) - at(0.25)) / median(&sorted)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// A job to be timed.
pub struct Timed<'a> {
    laps: Vec<String>,
    run: Box<dyn FnMut() -> Result<Vec<f64>> + 'a>,
}

impl<'a> Timed<'a> {
    /// A job that is timed as a whole.
    pub fn new(name: impl Into<String>, mut work: impl FnMut() -> Result<()> + 'a) -> Self {
        Self::laps([name.into()], move || {
            let start = Instant::now();
            work()?;
            Ok(vec![start.elapsed().as_secs_f64()])
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
}

impl std::fmt::Debug for Timed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Timed").field(&self.laps).finish()
    }
}

/// Times jobs in turns: a warm-up of each, then `runs` rounds in which each runs once, so that a
/// disturbance hits all alike. Gives the samples of each lap of each job, in their order.
///
/// # Errors
/// The first that a job gives: a job that fails would look fast.
pub fn interleaved(jobs: &mut [Timed<'_>], runs: usize) -> Result<Vec<Samples>> {
    rounds(jobs, 1)?;
    rounds(jobs, runs)
}

/// As [`interleaved`], without the warm-up.
///
/// # Errors
/// The first that a job gives.
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
    fn medians_of_few_and_many() {
        assert_eq!(of(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert!(of(&[]).median().is_nan());
        assert_eq!(of(&[3.0, 1.0]).best(), 1.0);
    }

    #[test]
    fn spread_is_the_middle_half() {
        assert_eq!(of(&[1.0, 1.0, 1.0]).spread(), 0.0);
        assert_eq!(of(&[7.0]).spread(), 0.0);
        // The outlier does not count.
        assert_eq!(of(&[1.0, 2.0, 3.0, 2.0, 99.0]).spread(), 0.5);
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
