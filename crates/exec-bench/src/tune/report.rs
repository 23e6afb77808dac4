//! The output of `tune-chunks`.

use std::fmt::{self, Write as _};

use rowmill_core::Backend;
use rowmill_exec::ChunkSize;
use serde::Serialize;

use super::{Found, Setting, Tried};
use crate::chart::{Figure, Kind, Look, Page, Table, Value, short};
use crate::machine::Machine;
use crate::measure::{Samples, outlier_warning, spread};
use crate::output::Shown;

/// The findings for one file.
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
    /// The machine.
    pub machine: Machine,
    /// The job that was run.
    pub job: &'static str,
    /// Its steps.
    pub steps: Vec<&'static str>,
    /// The time that it was allowed to take, in seconds.
    pub budget: f64,
    /// The time that it took.
    pub spent: f64,
    /// The time of the bare reads and writes of the job, in seconds.
    pub limit: f64,
    /// Everything that was tried, and the pick.
    #[serde(flatten)]
    pub found: Found<Setting>,
}

/// Characters of the longest bar.
const BAR: usize = 30;

impl Report {
    /// Everything that was tried, by backend and workers, chunks rising.
    fn sorted(&self) -> Vec<&Tried<Setting>> {
        let key = |t: &&Tried<Setting>| {
            (t.setting.backend == Backend::Positioned, t.setting.workers, t.setting.chunk_bytes())
        };
        let mut tried: Vec<_> = self.found.tried.iter().filter(|t| !t.seconds.is_empty()).collect();
        tried.sort_by_key(key);
        tried
    }

    /// The pick, and how sure it is.
    fn finding(&self) -> String {
        let Found { best, gains, luck, .. } = &self.found;
        let (gain, turns) = (self.found.gain(), gains.len());
        let Some(best) = best else { return "Nothing but the default was tried.".to_owned() };
        let [low, high] = self.found.gain_between();
        let won = gains.iter().filter(|&&gain| gain > 1.0).count();
        let how_sure = format!(
            "it won {won} of {turns} turns (by luck: {:.2} %), and 19 times of 20 the gain lies \
             between {low:.3} and {high:.3}",
            luck * 100.0
        );
        if self.found.sure {
            format!("{best} is {gain:.3} times as fast as the default, beyond noise: {how_sure}.")
        } else {
            format!(
                "The default stays: {best} was {gain:.3} times as fast in the median of {turns} \
                 turns, which is within noise or a trifle: {how_sure}."
            )
        }
    }

    fn notes(&self) -> Vec<String> {
        let named = |t: &&Tried<Setting>| Samples {
            name: t.setting.to_string(),
            seconds: t.seconds.clone(),
        };
        let all: Vec<Samples> = self.sorted().iter().map(named).collect();
        self.found.noise.iter().map(ToString::to_string).chain(outlier_warning(&all)).collect()
    }

    fn write(&self, look: Look, f: &mut String) -> fmt::Result {
        let gb = self.bytes as f64 / 1e9;
        writeln!(f, "{}  {} {:?}  {gb:.2} GB, {}", self.file, self.dtype, self.shape, self.job)?;
        writeln!(f, "{}", self.machine)?;
        writeln!(
            f,
            "\n{:28} {:>4} {:>9} {:>7} {:>8} {:>7}",
            "", "runs", "median s", "GB/s", "of limit", "spread"
        )?;
        let tried = self.sorted();
        let fastest = tried.iter().map(|t| t.median()).fold(f64::INFINITY, f64::min);
        for t in tried {
            let median = t.median();
            let mark = if Some(t.setting) == self.found.best {
                " <- fastest"
            } else if t.setting.chunk == ChunkSize::Auto {
                " <- default"
            } else {
                ""
            };
            writeln!(
                f,
                "{:28} {:4} {median:9.4} {:7.2} {:8.3} {:6.1}%  {}{mark}",
                t.setting,
                t.seconds.len(),
                gb / median,
                self.limit / median,
                spread(&t.seconds) * 100.0,
                look.bar(fastest / median, BAR).trim_end_matches(['.', ' ']),
            )?;
        }
        writeln!(f, "\n{}", self.finding())?;
        for note in self.notes() {
            writeln!(f, "{note}")?;
        }
        Ok(())
    }

    /// The curves: speed over the chunk size, for each backend and number of workers.
    fn curves(&self) -> Figure {
        let gb = self.bytes as f64 / 1e9;
        let mut series: Vec<String> = Vec::new();
        let mut lines: Vec<Vec<(u64, Value)>> = Vec::new();
        let mut references = Vec::new();
        for t in self.sorted() {
            let value = Value::rate(gb, &t.seconds);
            if t.setting.chunk == ChunkSize::Auto {
                references.push(("default".to_owned(), value.mid));
                continue;
            }
            let Setting { workers, .. } = t.setting;
            let plural = if workers == 1 { "" } else { "s" };
            let name = format!("{}, {workers} worker{plural}", t.setting.backend_name());
            if series.last() != Some(&name) {
                series.push(name);
                lines.push(Vec::new());
            }
            let point = (t.setting.chunk_bytes() as u64, value);
            lines.last_mut().into_iter().for_each(|line| line.push(point));
        }
        references.push(("limit".to_owned(), gb / self.limit));
        Figure {
            title: format!("Speed of {} over the chunk size", self.job),
            unit: "GB/s of the array",
            series,
            references,
            kind: Kind::Lines(lines),
        }
    }
}

impl Shown for Report {
    /// The curve: one line for each setting, by backend and workers, chunks rising.
    fn text(&self, look: Look) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(look, &mut text);
        text
    }

    fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    fn page(&self) -> Page {
        let gb = self.bytes as f64 / 1e9;
        let curves = self.curves();
        let turns = self.found.best.map(|best| {
            let of = |setting: &Setting| {
                let tried = self.found.tried.iter().find(|t| t.setting == *setting);
                tried.map(|t| Value::rate(gb, &t.seconds))
            };
            let default = self.found.tried.first().map(|t| t.setting);
            let group = |(name, setting): (&str, Option<Setting>)| {
                (
                    format!("{name}: {}", setting.map_or(String::new(), |s| s.to_string())),
                    vec![setting.and_then(|s| of(&s))],
                )
            };
            Figure {
                title: "The default and the fastest".to_owned(),
                unit: "GB/s of the array",
                series: vec![String::new()],
                references: vec![("limit".to_owned(), gb / self.limit)],
                kind: Kind::Bars([("default", default), ("fastest", Some(best))].map(group).into()),
            }
        });
        let row = |t: &&Tried<Setting>| {
            let figures = [t.median(), gb / t.median(), self.limit / t.median()].map(short);
            let mut row = vec![t.setting.to_string(), t.seconds.len().to_string()];
            row.extend(figures);
            row.push(format!("{:.1} %", spread(&t.seconds) * 100.0));
            row
        };
        Page {
            title: format!("Chunks, workers and backends for {}", self.file),
            facts: vec![
                ("array", format!("{} {:?}, {gb:.2} GB", self.dtype, self.shape)),
                ("job", self.steps.join(", ")),
                ("machine", self.machine.to_string()),
                ("time", format!("{:.1} s of {:.0} s", self.spent, self.budget)),
            ],
            findings: vec![self.finding()],
            figures: [curves].into_iter().chain(turns).filter(|f| !f.is_empty()).collect(),
            tables: vec![Table {
                title: "All settings".to_owned(),
                head: vec!["setting", "runs", "median s", "GB/s", "of limit", "spread"],
                rows: self.sorted().iter().map(row).collect(),
            }],
            notes: self.notes(),
        }
    }
}
