//! The check of tuning: its picks against the best of a full sweep.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::{Job, Setting, Tried, settings, time_setting, tune};
use crate::Result;
use crate::machine::Machine;
use crate::measure::{Clock, Monotonic, median, quantile};

/// A pick this much slower than the best of the sweep still counts as found.
const TOLERANCE: f64 = 0.03;

/// Turns in which a pick and the best of the sweep are compared.
const TURNS: usize = 15;

/// A sweep of every setting, and the picks of tuning.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The file.
    pub file: String,
    /// Bytes of elements.
    pub bytes: u64,
    /// The machine.
    pub machine: Machine,
    /// The job.
    pub job: &'static str,
    /// The seconds that the sweep took.
    pub sweep_seconds: f64,
    /// Every setting, with all its runs.
    pub sweep: Vec<Tried<Setting>>,
    /// The fastest of them.
    pub best: Setting,
    /// The settings that tuning picked, each time.
    pub picks: Vec<Pick>,
}

/// A setting that tuning picked, against the best of the sweep.
#[derive(Clone, Debug, Serialize)]
pub struct Pick {
    /// The setting: the default where nothing was better beyond noise.
    pub setting: Setting,
    /// The seconds that tuning took.
    pub seconds: f64,
    /// Its speed relative to the best of the sweep, in turns with it: 1 is as fast, below 1 is
    /// slower.
    pub ratios: Vec<f64>,
}

impl Pick {
    /// Whether it is as fast as the best of the sweep, within 3 %.
    #[must_use]
    pub fn is_right(&self) -> bool {
        median(&self.ratios) >= 1.0 - TOLERANCE
    }
}

/// Sweeps every setting for `sweep` seconds, then tunes `times` times in `budget` seconds each, and
/// compares every pick with the best of the sweep, in turns.
///
/// # Errors
/// As [`tune`].
pub fn check(path: &Path, job: &Job, sweep: f64, times: usize, budget: f64) -> Result<Check> {
    let clock = Monotonic::start();
    let now = || clock.now().as_secs_f64();
    let (default, meta) = settings::default_for(path)?;
    let everything = settings::everything(default.workers, meta.byte_len());
    let mut tried: Vec<Tried<Setting>> =
        everything.into_iter().map(|setting| Tried { setting, seconds: Vec::new() }).collect();
    time_setting(path, job, &default)?; // in the page cache from here on
    while now() < sweep || tried.iter().any(|t| t.seconds.len() < 3) {
        for one in &mut tried {
            one.seconds.push(time_setting(path, job, &one.setting)?);
        }
    }
    let sweep_seconds = now();
    // Disturbances only make runs longer; the minimum is luck.
    let cost = |t: &Tried<Setting>| quantile(&t.seconds, 0.25);
    let fastest = tried.iter().min_by(|a, b| cost(a).total_cmp(&cost(b)));
    let best = fastest.map_or(default, |t| t.setting);
    let mut picks = Vec::new();
    for _ in 0..times {
        let start = now();
        let report = tune(path, job, budget, |_| {})?;
        let seconds = now() - start;
        let setting = report.found.best.filter(|_| report.found.sure).unwrap_or(default);
        let mut ratios = Vec::new();
        for turn in 0..TURNS {
            let mut pair = [&setting, &best];
            if turn % 2 == 1 {
                pair.reverse();
            }
            let mut seconds = Vec::new();
            for one in pair {
                seconds.push(time_setting(path, job, one)?);
            }
            if turn % 2 == 1 {
                seconds.reverse();
            }
            ratios.push(seconds[1] / seconds[0]);
        }
        picks.push(Pick { setting, seconds, ratios });
    }
    Ok(Check {
        file: path.display().to_string(),
        bytes: meta.byte_len() as u64,
        machine: Machine::this(),
        job: job.name(),
        sweep_seconds,
        sweep: tried,
        best,
        picks,
    })
}

impl Check {
    /// Every sample, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = self.bytes as f64 / 1e9;
        writeln!(f, "{}  {gb:.2} GB, {}\n{}", self.file, self.job, self.machine)?;
        let runs: usize = self.sweep.iter().map(|t| t.seconds.len()).sum();
        writeln!(
            f,
            "swept {} settings in {:.0} s, {runs} runs; the best by the lower quartile: {}",
            self.sweep.len(),
            self.sweep_seconds,
            self.best
        )?;
        let mut sweep: Vec<_> = self.sweep.iter().collect();
        sweep.sort_by(|a, b| quantile(&a.seconds, 0.25).total_cmp(&quantile(&b.seconds, 0.25)));
        for t in sweep.iter().take(5).chain(sweep.iter().skip(5).rev().take(1)) {
            let (low, mid) = (quantile(&t.seconds, 0.25), t.median());
            writeln!(
                f,
                "  {:28} lower quartile {:7.2} GB/s, median {:7.2}",
                t.setting,
                gb / low,
                gb / mid
            )?;
        }
        writeln!(f, "\n{:28} {:>7} {:>12}", "pick", "tuned s", "of the best")?;
        for pick in &self.picks {
            let (part, right) = (median(&pick.ratios), pick.is_right());
            let right = if right { "" } else { "  slower by more than 3 %" };
            writeln!(f, "{:28} {:7.1} {part:12.3}{right}", pick.setting, pick.seconds)?;
        }
        let right = self.picks.iter().filter(|p| p.is_right()).count();
        writeln!(
            f,
            "\n{right} of {} picks are as fast as the best of the sweep, within 3 %",
            self.picks.len()
        )
    }
}
