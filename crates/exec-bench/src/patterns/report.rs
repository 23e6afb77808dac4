//! What `access-patterns` prints.

use std::fmt;

use serde::Serialize;

use super::{Pattern, Sample, Visits};
use crate::machine::Machine;
use crate::measure::{median, spread};

/// What was measured of one file.
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
    #[serde(flatten)]
    pub machine: Machine,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
    /// Every order, reached in every way, with every sample.
    pub visits: Vec<Visits>,
}

impl Report {
    /// Every sample, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The visits of the same rows in the same way, but from the first to the last.
    fn sequential(&self, of: &Visits) -> Option<&Visits> {
        let alike = |v: &&Visits| (v.access, v.cold, v.workers) == (of.access, of.cold, of.workers);
        self.visits.iter().filter(alike).find(|v| v.pattern == Pattern::Sequential)
    }

    /// The speed of an order as a part of that of reading from the first row to the last.
    #[must_use]
    pub fn of_sequential(&self, visits: &Visits) -> f64 {
        self.sequential(visits).map_or(f64::NAN, |all| visits.speed() / all.speed())
    }
}

impl Visits {
    fn median(&self, what: impl Fn(&Sample) -> f64) -> f64 {
        median(&self.samples.iter().map(what).collect::<Vec<_>>())
    }

    /// The median time, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.median(|s| s.seconds)
    }

    /// Bytes a second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.bytes as f64 / self.seconds()
    }

    /// The distance between the quartiles, as a part of the median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        spread(&self.samples.iter().map(|s| s.seconds).collect::<Vec<_>>())
    }
}

/// Characters of the longest bar.
const BAR: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = self.bytes as f64 / 1e9;
        writeln!(f, "{}  {} {:?}  {gb:.2} GB", self.file, self.dtype, self.shape)?;
        writeln!(f, "{}", self.machine)?;
        let mut section = None;
        for visits in &self.visits {
            let this = (visits.cold, visits.workers, visits.access);
            if section != Some(this) {
                section = Some(this);
                let warmth =
                    if visits.cold { "not in the page cache" } else { "in the page cache" };
                let workers = if visits.workers == 1 { "worker" } else { "workers" };
                let Visits { workers: n, access, .. } = visits;
                writeln!(f, "\n{}, {n} {workers}, {warmth}", access.name())?;
                writeln!(
                    f,
                    "{:22} {:>8} {:>7} {:>10} {:>7} {:>9} {:>9} {:>8} {:>8}  of sequential",
                    "",
                    "median s",
                    "GB/s",
                    "rows/s",
                    "spread",
                    "first row",
                    "faults",
                    "waiting",
                    "peak MB"
                )?;
            }
            self.line(visits, f)?;
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

impl Report {
    fn line(&self, visits: &Visits, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = visits.seconds();
        let known = |what: fn(&Sample) -> Option<u64>, unit: f64| {
            let all: Option<Vec<f64>> =
                visits.samples.iter().map(|s| what(s).map(|n| n as f64)).collect();
            all.map_or_else(|| "-".to_owned(), |all| format!("{:.0}", median(&all) / unit))
        };
        let part = self.of_sequential(visits);
        let filled = (part.clamp(0.0, 1.0) * BAR as f64).round() as usize;
        writeln!(
            f,
            "{:22} {seconds:8.4} {:7.2} {:10.0} {:6.1}% {:9} {:>9} {:>8} {:>8}  {part:5.2} {}{}",
            visits.pattern,
            visits.speed() / 1e9,
            visits.rows as f64 / seconds,
            visits.spread() * 100.0,
            time(visits.median(|s| s.first_row)),
            known(|s| s.minor_faults, 1.0),
            known(|s| s.major_faults, 1.0),
            known(|s| s.peak_resident, 1e6),
            "#".repeat(filled),
            ".".repeat(BAR - filled),
        )
    }
}

/// A time that may be short.
fn time(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.0} us", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::Access;

    fn visits(pattern: Pattern, access: Access, seconds: &[f64]) -> Visits {
        let sample = |&seconds: &f64| Sample {
            seconds,
            first_row: seconds / 100.0,
            minor_faults: Some(12),
            major_faults: None,
            peak_resident: Some(5_000_000),
        };
        let samples = seconds.iter().map(sample).collect();
        Visits { pattern, access, cold: false, workers: 2, rows: 1000, bytes: 4_000_000, samples }
    }

    #[test]
    fn speeds_are_compared_with_the_same_way_of_reaching_rows() {
        let report = Report {
            file: "x.npy".to_owned(),
            dtype: "float32".to_owned(),
            shape: vec![1000, 1000],
            bytes: 4_000_000,
            machine: Machine::this(),
            notes: vec!["cold runs were not possible: no root".to_owned()],
            visits: vec![
                visits(Pattern::Sequential, Access::Mapped, &[0.1, 0.3, 0.2]),
                visits(Pattern::Random, Access::Mapped, &[0.8]),
                visits(Pattern::Sequential, Access::Positioned, &[0.4]),
                visits(Pattern::Random, Access::Positioned, &[0.8]),
            ],
        };
        let parts: Vec<f64> = report.visits.iter().map(|v| report.of_sequential(v)).collect();
        assert_eq!(parts, [1.0, 0.25, 1.0, 0.5]);
        let text = report.to_string();
        assert!(text.contains("mapped, 2 workers, in the page cache"), "{text}");
        assert!(text.contains(" 0.25 #####..............."), "{text}");
        assert!(text.contains("note: cold runs were not possible: no root"), "{text}");
        let random = text.lines().find(|line| line.starts_with("random rows ")).expect("a line");
        assert!(random.contains(" 8.0 ms ") && random.contains(" - "), "{random}");
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
        assert_eq!(json["visits"][0]["samples"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["visits"][1]["pattern"], "random");
    }

    #[test]
    fn short_and_long_times() {
        assert_eq!([12.3e-6, 0.0123, 1.5].map(time), ["12 us", "12.3 ms", "1.50 s"]);
    }
}
