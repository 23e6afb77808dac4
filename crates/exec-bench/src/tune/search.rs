//! Finding the fastest of many settings in little time.
//!
//! ```text
//!   all settings --round--> the better half --round--> ... --> the best, and its neighbours
//!                                                              |
//!                              the default, in turns with the best, for the rest of the time
//! ```
//!
//! Time is what the measured job says it took: tests bring a clock of their own and wait for nothing.

use crate::Result;
use crate::measure::median;

/// A setting and how long the job took with it, in seconds, in the order of the runs.
#[derive(Clone, Debug, PartialEq)]
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

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<S> {
    /// Everything that was tried, the default first.
    pub tried: Vec<Tried<S>>,
    /// The fastest that is not the default, if anything else was tried.
    pub best: Option<S>,
    /// How often the time of the best goes into that of the default: round by round, of the last
    /// rounds, in which both took turns.
    pub gains: Vec<f64>,
    /// Whether the best beats the default beyond noise.
    pub sure: bool,
}

impl<S> Found<S> {
    /// The median of the gains; 1 when there is none.
    #[must_use]
    pub fn gain(&self) -> f64 {
        if self.gains.is_empty() { 1.0 } else { median(&self.gains) }
    }
}

/// Fewer rounds of turns show nothing.
const LEAST_TURNS: usize = 6;

/// More than this part of the time is not spent before the default and the best take turns.
const SEARCHING: f64 = 0.6;

/// A gain that is not worth a profile.
const TRIFLE: f64 = 1.01;

/// Searches `candidates`, which do not include the `default`, for the fastest, in about `budget`
/// seconds. `near` gives settings between and around one, for the second look; `run` runs the job and
/// says how long it took; `progress` hears which part of the budget is spent.
///
/// # Errors
/// The first that a run gives.
pub fn search<S: Clone + PartialEq>(
    default: S,
    candidates: Vec<S>,
    near: impl Fn(&S) -> Vec<S>,
    budget: f64,
    mut run: impl FnMut(&S) -> Result<f64>,
    mut progress: impl FnMut(f64),
) -> Result<Found<S>> {
    let mut spent = 0.0;
    let mut tried = vec![Tried { setting: default.clone(), seconds: Vec::new() }];
    let mut time = |setting: &S, tried: &mut Vec<Tried<S>>| -> Result<f64> {
        let seconds = run(setting)?;
        spent += seconds;
        progress((spent / budget).min(1.0));
        match tried.iter_mut().find(|t| t.setting == *setting) {
            Some(known) => known.seconds.push(seconds),
            None => tried.push(Tried { setting: setting.clone(), seconds: vec![seconds] }),
        }
        Ok(spent)
    };
    // What is not in the page cache yet is then.
    time(&default, &mut Vec::new())?;
    let mut left = candidates;
    let mut looked_near = false;
    while !left.is_empty() {
        let mut spent = 0.0;
        for setting in &left {
            spent = time(setting, &mut tried)?;
        }
        let best = |tried: &[Tried<S>], s: &S| {
            let of = tried.iter().find(|t| t.setting == *s);
            // The best run: what disturbs a run only ever makes it longer.
            of.map_or(f64::INFINITY, |t| t.seconds.iter().copied().fold(f64::INFINITY, f64::min))
        };
        left.sort_by(|a, b| best(&tried, a).total_cmp(&best(&tried, b)));
        let over = spent > budget * SEARCHING;
        if left.len() == 1 || over {
            left.truncate(1);
            if looked_near || over {
                break;
            }
            looked_near = true;
            let more = near(&left[0]);
            left.extend(more.into_iter().filter(|s| tried.iter().all(|t| t.setting != *s)));
            if left.len() == 1 {
                break;
            }
        } else {
            left.truncate(left.len().div_ceil(2));
        }
    }
    let best = left.into_iter().next();
    let mut gains = Vec::new();
    if let Some(best) = &best {
        let last = |tried: &[Tried<S>], s: &S| {
            let of = tried.iter().find(|t| t.setting == *s);
            of.and_then(|t| t.seconds.last().copied()).unwrap_or(f64::NAN)
        };
        loop {
            time(&default, &mut tried)?;
            let spent = time(best, &mut tried)?;
            gains.push(last(&tried, &default) / last(&tried, best));
            if spent >= budget && gains.len() >= LEAST_TURNS {
                break;
            }
        }
    }
    let sure = is_better(&gains);
    Ok(Found { tried, best, gains, sure })
}

/// Whether gains are above 1 beyond noise: nearly all of them (a sign test at about 1 %), and by more
/// than a trifle in the median.
fn is_better(gains: &[f64]) -> bool {
    let n = gains.len();
    let losses = gains.iter().filter(|&&gain| gain <= 1.0).count();
    // P(at most so many losses of n | both alike), from the binomial distribution.
    let mut term = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut chance = 0.0;
    for k in 0..=losses {
        chance += term;
        term *= (n - k) as f64 / (k + 1) as f64;
    }
    n >= LEAST_TURNS && chance < 0.02 && median(gains) > TRIFLE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks of a power of two of 64 KiB; the default is 6.
    fn find(budget: f64, time: impl Fn(i32, usize) -> f64) -> (Found<i32>, f64) {
        let mut runs = 0;
        let mut spent = 0.0;
        let near = |s: &i32| vec![s * 10 - 5, s * 10 + 5];
        let run = |s: &i32| {
            runs += 1;
            let seconds = time(*s, runs);
            spent += seconds;
            Ok(seconds)
        };
        let mut parts = Vec::new();
        let found = search(6, (0..12).filter(|&s| s != 6).collect(), near, budget, run, |part| {
            parts.push(part);
        });
        assert!(parts.is_sorted() && parts.iter().all(|p| (0.0..=1.0).contains(p)));
        (found.expect("nothing fails"), spent)
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
        // What lies around the best was looked at.
        assert!(found.tried.iter().any(|t| t.setting == 85));
    }

    #[test]
    fn what_is_no_better_than_the_default_is_not_kept() {
        for seed in 0..20 {
            let (found, _) = find(10.0, |_, run| 0.1 * noise(run + seed * 13));
            assert!(!found.sure, "{seed}: {:?}", found.gains);
        }
        // Better, but by less than anybody notices.
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
        let found = search(
            0,
            vec![1, 2],
            |_| Vec::new(),
            1.0,
            |_| {
                runs += 1;
                Err(crate::Error::WorkerPanicked)
            },
            |_| {},
        );
        assert!(found.is_err() && runs == 1);
    }

    #[test]
    fn few_or_mixed_gains_show_nothing() {
        assert!(!is_better(&[2.0; 5]));
        assert!(is_better(&[1.1; 6]));
        assert!(!is_better(&[1.1, 1.1, 1.1, 1.1, 1.1, 0.9]));
        assert!(is_better(&[1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 0.99]));
        assert!(!is_better(&[]));
    }
}
