//! Finding the fastest of many settings in little time.
//!
//! ```text
//!   all settings --round--> the better half --round--> ... --> the best, and its neighbours
//!                                                              |
//!                              the default, in turns with the best, for the rest of the time
//! ```
//!
//! Each round gets an equal share of the time for searching: many settings run once, few run often.
//! Tests bring a clock of their own and wait for nothing.

use serde::Serialize;

use crate::Result;
use crate::measure::{Clock, Noise, median, quantile};

/// A setting and how long the job took with it, in seconds, in the order of the runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried<S> {
    /// The setting.
    pub setting: S,
    /// One entry for each run.
    pub seconds: Vec<f64>,
}

impl<S> Tried<S> {
    /// The median time.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(&self.seconds)
    }
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found<S> {
    /// Everything that was tried, the default first.
    pub tried: Vec<Tried<S>>,
    /// The fastest that is not the default, if anything else was tried.
    pub best: Option<S>,
    /// The speedup of the best over the default in each of the last rounds, in which both took
    /// turns.
    pub gains: Vec<f64>,
    /// Whether the best beats the default beyond noise.
    pub sure: bool,
    /// The probability of so many gains above 1 if both are equally fast (a sign test).
    pub luck: f64,
    /// The default against itself, from one turn to the next.
    pub noise: Option<Noise>,
}

impl<S> Found<S> {
    /// The median of the gains; 1 when there is none.
    #[must_use]
    pub fn gain(&self) -> f64 {
        if self.gains.is_empty() { 1.0 } else { median(&self.gains) }
    }

    /// The 95 % confidence interval of the gain, from order statistics: it holds for any
    /// distribution.
    #[must_use]
    pub fn gain_between(&self) -> [f64; 2] {
        let n = self.gains.len() as f64;
        // Half a width of 1.96 deviations of the binomial distribution around the middle.
        let part = (0.5 - 0.98 / n.sqrt()).max(0.0);
        [part, 1.0 - part].map(|part| quantile(&self.gains, part))
    }
}

/// The fewest rounds of turns that can show a difference.
const LEAST_TURNS: usize = 6;

/// The largest part of the time to spend before the default and the best take turns.
const SEARCHING: f64 = 0.6;

/// A gain that is not worth a profile.
const TRIFLE: f64 = 1.01;

/// The settings to search, and the time for it.
#[derive(Clone, Debug)]
pub struct Plan<S, N> {
    /// The setting without tuning.
    pub default: S,
    /// All other settings.
    pub candidates: Vec<S>,
    /// Returns the settings around one, for a second look.
    pub near: N,
    /// The time to spend, about, in seconds.
    pub budget: f64,
}

/// Runs settings, and keeps their times and the time that is spent.
struct Runs<'a, S, C, R, P> {
    clock: &'a C,
    start: f64,
    budget: f64,
    tried: Vec<Tried<S>>,
    run: R,
    progress: P,
}

impl<S, C, R, P> Runs<'_, S, C, R, P>
where
    S: Clone + PartialEq,
    C: Clock,
    R: FnMut(&S) -> Result<f64>,
    P: FnMut(f64),
{
    fn spent(&self) -> f64 {
        self.clock.now().as_secs_f64() - self.start
    }

    fn time(&mut self, setting: &S) -> Result<f64> {
        let seconds = (self.run)(setting)?;
        let part = (self.spent() / self.budget).min(1.0);
        (self.progress)(part);
        match self.tried.iter_mut().find(|t| t.setting == *setting) {
            Some(known) => known.seconds.push(seconds),
            None => {
                self.tried.push(Tried { setting: setting.clone(), seconds: vec![seconds] });
            }
        }
        Ok(seconds)
    }

    /// The lower quartile of the times: disturbances only make runs longer, and the minimum is
    /// luck.
    fn cost(&self, setting: &S) -> f64 {
        let known = self.tried.iter().find(|t| t.setting == *setting);
        known.map_or(f64::INFINITY, |t| quantile(&t.seconds, 0.25))
    }

    /// Runs each setting at least once, in turns until `end`, and sorts them, the fastest first.
    fn round(&mut self, left: &mut [S], end: f64) -> Result<()> {
        loop {
            let start = self.spent();
            for setting in &*left {
                self.time(setting)?;
            }
            let one = self.spent() - start;
            if self.spent() + one > end {
                break;
            }
        }
        left.sort_by(|a, b| self.cost(a).total_cmp(&self.cost(b)));
        Ok(())
    }

    /// The fastest of the candidates, in about `time` seconds.
    fn fastest(
        &mut self,
        candidates: Vec<S>,
        near: impl Fn(&S) -> Vec<S>,
        time: f64,
    ) -> Result<Option<S>> {
        let mut left = candidates;
        // The field is halved until one is left, then its neighbours are tried.
        let rounds = left.len().next_power_of_two().ilog2() + 1;
        let share = time / f64::from(rounds + 1);
        let begin = self.spent();
        let mut round = 0.0;
        while left.len() > 1 && self.spent() - begin < time {
            round += 1.0;
            self.round(&mut left, begin + share * round)?;
            left.truncate(left.len().div_ceil(2));
        }
        left.truncate(1);
        if let Some(best) = left.first().cloned() {
            let is_new = |s: &S| self.tried.iter().all(|t| t.setting != *s);
            let more: Vec<S> = near(&best).into_iter().filter(is_new).collect();
            if !more.is_empty() && self.spent() - begin < time {
                left.extend(more);
                self.round(&mut left, begin + time)?;
            }
        }
        Ok(left.into_iter().next())
    }
}

/// Searches for the fastest setting in about the time of the plan. `run` runs the job with a
/// setting and returns its time; `progress` is called with the part of the time that is spent.
///
/// # Errors
/// The first error of a run.
pub fn search<S: Clone + PartialEq, N: Fn(&S) -> Vec<S>>(
    plan: Plan<S, N>,
    clock: &impl Clock,
    run: impl FnMut(&S) -> Result<f64>,
    progress: impl FnMut(f64),
) -> Result<Found<S>> {
    let Plan { default, candidates, near, budget } = plan;
    let start = clock.now().as_secs_f64();
    let mut runs = Runs { clock, start, budget, tried: Vec::new(), run, progress };
    runs.time(&default)?;
    // Warm-up: from here on the file is in the page cache.
    runs.tried[0].seconds.clear();
    let best = runs.fastest(candidates, near, budget * SEARCHING)?;
    let (mut defaults, mut gains) = (Vec::new(), Vec::new());
    if let Some(best) = &best {
        while runs.spent() < budget || gains.len() < LEAST_TURNS {
            // The order alternates, so that a drift of the machine affects both.
            let (of_default, of_best) = if gains.len().is_multiple_of(2) {
                (runs.time(&default)?, runs.time(best)?)
            } else {
                let of_best = runs.time(best)?;
                (runs.time(&default)?, of_best)
            };
            defaults.push(of_default);
            gains.push(of_default / of_best);
        }
    }
    let (one, other): (Vec<_>, Vec<_>) = defaults.chunks_exact(2).map(|d| (d[0], d[1])).unzip();
    let (sure, luck) = (is_better(&gains), luck(&gains));
    Ok(Found { tried: runs.tried, best, gains, sure, luck, noise: Noise::of(&one, &other) })
}

/// Whether gains are above 1 beyond noise: by a sign test at about 1 %, and by a median gain that
/// is worth a profile.
fn is_better(gains: &[f64]) -> bool {
    gains.len() >= LEAST_TURNS && luck(gains) < 0.02 && median(gains) > TRIFLE
}

/// The probability of at most so many losses if both are equally fast (binomial distribution).
fn luck(gains: &[f64]) -> f64 {
    let n = gains.len();
    let losses = gains.iter().filter(|&&gain| gain <= 1.0).count();
    // In logarithms: with a thousand turns the first term underflows.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut luck = 0.0;
    for k in 0..=losses {
        luck += term.exp();
        term += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    luck.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Mock;

    /// Chunks of a power of two of 64 KiB; the default is 6.
    fn find(budget: f64, time: impl Fn(i32, usize) -> f64) -> (Found<i32>, f64) {
        let (clock, mut runs) = (Mock::default(), 0);
        let run = |s: &i32| {
            runs += 1;
            let seconds = time(*s, runs);
            clock.pass(seconds * 1.05); // the overhead of a run takes time as well
            Ok(seconds)
        };
        let mut parts = Vec::new();
        let candidates = (0..12).filter(|&s| s != 6).collect();
        let near = |s: &i32| vec![s * 10 - 5, s * 10 + 5];
        let plan = Plan { default: 6, candidates, near, budget };
        let found = search(plan, &clock, run, |part| parts.push(part));
        assert!(parts.is_sorted() && parts.iter().all(|p| (0.0..=1.0).contains(p)));
        (found.expect("nothing fails"), clock.now().as_secs_f64())
    }

    /// Noise of some percent that never makes a run faster.
    fn noise(run: usize) -> f64 {
        1.0 + ((run * 7919) % 101) as f64 / 101.0 * 0.08
    }

    #[test]
    fn the_fastest_is_found_within_the_budget() {
        let cost = |s: i32, run| (1.0 + 0.1 * f64::from((s - 9).abs().min(50))) * 0.1 * noise(run);
        let (found, spent) = find(10.0, cost);
        assert_eq!(found.best, Some(9));
        assert!(found.sure && (found.gain() - 1.3).abs() < 0.1, "{found:?}");
        assert!((10.0..11.0).contains(&spent), "{spent}");
        assert_eq!(found.tried[0].setting, 6);
        // The neighbourhood of the best was looked at.
        assert!(found.tried.iter().any(|t| t.setting == 85));
    }

    #[test]
    fn what_is_no_better_than_the_default_is_not_kept() {
        for seed in 0..20 {
            let (found, _) = find(10.0, |_, run| 0.1 * noise(run + seed * 13));
            assert!(!found.sure, "{seed}: {:?}", found.gains);
        }
        // Better, but by less than a profile is worth.
        let (found, _) = find(10.0, |s, _| if s == 3 { 0.0995 } else { 0.1 });
        assert!(found.best == Some(3) && !found.sure);
    }

    #[test]
    fn a_slow_job_gets_its_turns_all_the_same() {
        let (found, spent) = find(1.0, |s, _| if s == 2 { 1.0 } else { 2.0 });
        assert!(found.gains.len() == LEAST_TURNS && spent > 1.0);
        assert!(found.best.is_some());
    }

    #[test]
    fn the_first_failure_ends_it() {
        let mut runs = 0;
        let fails = |_: &i32| {
            runs += 1;
            Err(crate::Error::WorkerPanicked)
        };
        let near = |_: &i32| Vec::new();
        let plan = Plan { default: 0, candidates: vec![1, 2], near, budget: 1.0 };
        let found = search(plan, &Mock::default(), fails, |_| {});
        assert!(found.is_err() && runs == 1);
    }

    #[test]
    fn few_or_mixed_gains_show_nothing() {
        assert!(!is_better(&[2.0; 5]));
        assert!(is_better(&[1.1; 6]));
        assert!(!is_better(&[1.1, 1.1, 1.1, 1.1, 1.1, 0.9]));
        assert!(is_better(&[1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 0.99]));
        assert!(!is_better(&[]));
        assert_eq!((luck(&[]), luck(&[2.0, 2.0]), luck(&[0.5])), (1.0, 0.25, 1.0));
        assert!(luck(&[2.0; 5000]) < 1e-9 && luck(&[0.5; 5000]) > 0.999);
    }

    #[test]
    fn noise_and_intervals_come_from_the_turns() {
        let (found, _) = find(10.0, |s, run| if s == 3 { 0.05 } else { 0.1 } * noise(run));
        let [low, high] = found.gain_between();
        assert!(
            low <= found.gain() && found.gain() <= high && 1.8 < low && high < 2.2,
            "{found:?}"
        );
        let noise = found.noise.expect("turns");
        assert!(noise.runs > 0.005 && noise.runs < 0.08, "{noise:?}");
        assert!(found.luck < 1e-3);
        // A good setting is run more often than a bad one.
        let runs =
            |setting| found.tried.iter().find(|t| t.setting == setting).map(|t| t.seconds.len());
        assert!(runs(3) > runs(11), "{found:?}");
    }
}
