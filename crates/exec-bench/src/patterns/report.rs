//! The output of `access-patterns`.

use std::fmt;

use serde::Serialize;

use super::{Access, Limit, Pattern, Sample, Visits};
use crate::chart::{Look, Page, time};
use crate::machine::Machine;
use crate::measure::{Noise, Samples, median, spread};
use crate::output::Shown;

/// The measurements of one file.
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
    /// Figures that could not be measured, and why.
    pub notes: Vec<String>,
    /// The bare read of all of it, for each number of workers.
    pub limits: Vec<Limit>,
    /// Every order, reached in every way, with every sample.
    pub visits: Vec<Visits>,
}

impl Report {
    /// Every sample, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The sequential visits that were made in the same way.
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

/// The conditions of a comparison: whether the file was cold, and the workers.
pub(super) type Sitting = (bool, usize);

impl Report {
    /// The speed of the bare read in the same sitting.
    pub(super) fn limit(&self, (cold, workers): Sitting) -> f64 {
        let limit = self.limits.iter().find(|l| (l.cold, l.workers) == (cold, workers));
        limit.map_or(f64::NAN, |limit| self.bytes as f64 / median(&limit.seconds))
    }

    /// The noise between the two mapped, sequential visits.
    pub(super) fn noise(&self, sitting: Sitting) -> Option<Noise> {
        let of = |v: &&Visits| {
            (v.cold, v.workers) == sitting
                && (v.access, v.pattern) == (Access::Mapped, Pattern::Sequential)
        };
        let one = self.visits.iter().find(of)?;
        let limit = self.limits.iter().find(|l| (l.cold, l.workers) == sitting)?;
        Noise::of(&one.to_samples().seconds, &limit.again)
    }

    pub(super) fn sittings(&self) -> impl Iterator<Item = Sitting> {
        self.limits.iter().map(|l| (l.cold, l.workers))
    }
}

/// The name of a sitting.
pub(super) fn sitting_name((cold, workers): Sitting) -> String {
    let plural = if workers == 1 { "worker" } else { "workers" };
    let warmth = if cold { "not in the page cache" } else { "in the page cache" };
    format!("{workers} {plural}, {warmth}")
}

impl Visits {
    /// The times, under a name that says what was timed.
    #[must_use]
    pub fn to_samples(&self) -> Samples {
        let sitting = sitting_name((self.cold, self.workers));
        let name = format!("{}, {}, {sitting}", self.pattern, self.access.name());
        Samples { name, seconds: self.samples.iter().map(|s| s.seconds).collect() }
    }

    pub(super) fn median(&self, what: impl Fn(&Sample) -> f64) -> f64 {
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

impl Shown for Report {
    fn text(&self, look: Look) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(look, &mut text);
        text
    }

    fn json(&self) -> String {
        self.to_json()
    }

    fn page(&self) -> Page {
        self.to_page()
    }
}

impl Report {
    fn write(&self, look: Look, f: &mut impl fmt::Write) -> fmt::Result {
        let gb = self.bytes as f64 / 1e9;
        writeln!(f, "{}  {} {:?}  {gb:.2} GB", self.file, self.dtype, self.shape)?;
        writeln!(f, "{}", self.machine)?;
        let mut section = None;
        for visits in &self.visits {
            let sitting = (visits.cold, visits.workers);
            let this = (sitting, visits.access);
            if section != Some(this) {
                section = Some(this);
                writeln!(f, "\n{}, {}", visits.access.name(), sitting_name(sitting))?;
                writeln!(
                    f,
                    "{:22} {:>8} {:>7} {:>8} {:>10} {:>7} {:>9} {:>9} {:>8} {:>8}  of sequential",
                    "",
                    "median s",
                    "GB/s",
                    "of limit",
                    "rows/s",
                    "spread",
                    "first row",
                    "faults",
                    "waiting",
                    "peak MB"
                )?;
            }
            self.line(visits, look, f)?;
        }
        writeln!(f)?;
        for sitting in self.sittings() {
            let name = sitting_name(sitting);
            writeln!(
                f,
                "bare read of all of it, {name}: {:.2} GB/s, the limit",
                self.limit(sitting) / 1e9
            )?;
            if let Some(noise) = self.noise(sitting) {
                writeln!(f, "{noise}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        Ok(())
    }

    fn line(&self, visits: &Visits, look: Look, f: &mut impl fmt::Write) -> fmt::Result {
        let seconds = visits.seconds();
        let [faults, waiting, peak] = visits.counts();
        let part = self.of_sequential(visits);
        writeln!(
            f,
            "{:22} {seconds:8.4} {:7.2} {:8.3} {:10.0} {:6.1}% {:9} {faults:>9} {waiting:>8} \
             {peak:>8}  {part:5.2} {}",
            visits.pattern,
            visits.speed() / 1e9,
            visits.speed() / self.limit((visits.cold, visits.workers)),
            visits.rows as f64 / seconds,
            visits.spread() * 100.0,
            time(visits.median(|s| s.first_row)),
            look.bar(part, BAR),
        )
    }
}

impl Visits {
    /// Page faults, those that waited for a disk, and the peak of memory in MB, in the median.
    pub(super) fn counts(&self) -> [String; 3] {
        let known = |what: fn(&Sample) -> Option<u64>, unit: f64| {
            let all: Option<Vec<f64>> =
                self.samples.iter().map(|s| what(s).map(|n| n as f64)).collect();
            all.map_or_else(|| "-".to_owned(), |all| format!("{:.0}", median(&all) / unit))
        };
        [
            known(|s| s.minor_faults, 1.0),
            known(|s| s.major_faults, 1.0),
            known(|s| s.peak_resident, 1e6),
        ]
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
            limits: vec![Limit {
                cold: false,
                workers: 2,
                seconds: vec![0.1],
                again: vec![0.11, 0.3, 0.2],
            }],
            visits: vec![
                visits(Pattern::Sequential, Access::Mapped, &[0.1, 0.3, 0.2]),
                visits(Pattern::Random, Access::Mapped, &[0.8]),
                visits(Pattern::Sequential, Access::Positioned, &[0.4]),
                visits(Pattern::Random, Access::Positioned, &[0.8]),
            ],
        };
        let parts: Vec<f64> = report.visits.iter().map(|v| report.of_sequential(v)).collect();
        assert_eq!(parts, [1.0, 0.25, 1.0, 0.5]);
        let text = report.text(Look::Ascii);
        assert!(text.contains("mapped, 2 workers, in the page cache"), "{text}");
        assert!(text.contains(" 0.25 #####..............."), "{text}");
        assert!(text.contains("note: cold runs were not possible: no root"), "{text}");
        let random = text.lines().find(|line| line.starts_with("random rows ")).expect("a line");
        assert!(random.contains(" 8.0 ms ") && random.contains(" - "), "{random}");
        assert!(
            text.contains(", the limit") && text.contains("differed by 0.0 % from run"),
            "{text}"
        );
        assert!(report.text(Look::Unicode).contains("█████  "), "a quarter of twenty");
        let page = report.page();
        let titles: Vec<_> = page.figures.iter().map(|f| f.title.as_str()).collect();
        let expected = [
            "Speed, 2 workers, in the page cache",
            "Time to the first row, 2 workers, in the page cache",
        ];
        assert_eq!(titles, expected, "nothing was cold");
        assert_eq!(page.figures[0].references[0].1, 0.04);
        assert_eq!(page.tables[0].rows.len(), 4);
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
        assert_eq!(json["visits"][0]["samples"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["visits"][1]["pattern"], "random");
    }
}
