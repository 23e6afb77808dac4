//! One line of the report: a figure, its target, and whether it is met.

use std::fmt;

use serde::Serialize;

use crate::measure::{Samples, median, spread};

/// The figure of a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// A part of the yardstick: 1 is as fast.
    Ratio(f64),
    /// A time, in seconds.
    Seconds(f64),
}

/// The target for the figure of a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// At least this part of the yardstick.
    AtLeast(f64),
    /// Less than this many seconds.
    Below(f64),
}

/// One job against its yardstick.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The job.
    pub name: String,
    /// Bytes that are read (or written) in a run, where that makes sense.
    pub bytes: Option<u64>,
    /// The figure that was found: the median over the rounds.
    pub figure: Figure,
    /// The distance between the quartiles of the figure over the rounds, as a part of it.
    pub spread: f64,
    /// The target, if there is one.
    pub target: Option<Target>,
    /// The runs of the job.
    pub job: Option<Samples>,
    /// The runs that each of them is compared with.
    pub yardstick: Option<Samples>,
}

impl Line {
    /// A job that reads or writes `bytes` bytes, as a part of its yardstick. Lines without a target
    /// are there for comparison.
    pub(super) fn ratio(
        name: impl Into<String>,
        bytes: usize,
        target: impl Into<Option<f64>>,
        yardstick: &Samples,
        job: Samples,
    ) -> Self {
        let ratios = job.ratios(yardstick);
        Self {
            name: name.into(),
            bytes: Some(bytes as u64),
            figure: Figure::Ratio(median(&ratios)),
            spread: spread(&ratios),
            target: target.into().map(Target::AtLeast),
            job: Some(job),
            yardstick: Some(yardstick.clone()),
        }
    }

    /// A job with a time limit.
    pub(super) fn seconds(name: impl Into<String>, below: f64, job: Samples) -> Self {
        Self {
            name: name.into(),
            bytes: None,
            figure: Figure::Seconds(job.median()),
            spread: job.spread(),
            target: Some(Target::Below(below)),
            job: Some(job),
            yardstick: None,
        }
    }

    /// The overhead of a job over the bare work in it.
    pub(super) fn excess(name: impl Into<String>, below: f64, bare: Samples, job: Samples) -> Self {
        let pairs = job.seconds.iter().zip(&bare.seconds);
        let excess: Vec<_> = pairs.map(|(job, bare)| job - bare).collect();
        Self {
            figure: Figure::Seconds(median(&excess)),
            spread: spread(&excess),
            yardstick: Some(bare),
            ..Self::seconds(name, below, job)
        }
    }

    /// The lowest of some ratios, relative to the highest.
    pub(super) fn flat(name: impl Into<String>, at_least: f64, ratios: &[f64]) -> Self {
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self {
            name: name.into(),
            bytes: None,
            figure: Figure::Ratio(lowest / highest),
            spread: 0.0,
            target: Some(Target::AtLeast(at_least)),
            job: None,
            yardstick: None,
        }
    }

    /// Whether the target is met; `None` without one. A figure that could not be found meets none.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        let figure = self.figure.value();
        self.target.map(|target| match target {
            Target::AtLeast(least) => figure >= least,
            Target::Below(most) => figure < most,
        })
    }

    fn cells(&self) -> [String; 6] {
        let throughput = match (self.bytes, &self.job) {
            (Some(bytes), Some(job)) => format!("{:.1}", bytes as f64 / 1e9 / job.median()),
            _ => String::new(),
        };
        let met = match self.met() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        [
            self.name.clone(),
            throughput,
            self.figure.to_string(),
            format!("{:.1}%", self.spread * 100.0),
            self.target.map_or_else(String::new, |target| target.to_string()),
            met.to_owned(),
        ]
    }
}

impl Figure {
    /// The number.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::Ratio(value) | Self::Seconds(value) => value,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Ratio(ratio) => write!(f, "{ratio:.3}"),
            Self::Seconds(seconds) => write!(f, "{:.2} us", seconds * 1e6),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtLeast(ratio) => write!(f, ">= {ratio:.2}"),
            Self::Below(seconds) => write!(f, "< {:.0} us", seconds * 1e6),
        }
    }
}

/// Names and numbers, as wide as they get.
const WIDTHS: [usize; 6] = [42, 8, 10, 8, 8, 3];

/// A row of the table, which is Markdown and reads well without being rendered.
fn row(f: &mut impl fmt::Write, cells: &[String; 6]) -> fmt::Result {
    for (i, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        match i {
            0 => write!(f, "| {cell:width$}")?,
            _ => write!(f, " | {cell:>width$}")?,
        }
    }
    f.write_str(" |")
}

/// The two lines above the table.
#[must_use]
pub fn header() -> String {
    let names = ["job", "GB/s", "of limit", "spread", "target", "met"].map(str::to_owned);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = row(&mut text, &names);
    text.push('\n');
    for (i, width) in WIDTHS.into_iter().enumerate() {
        let end = if i == 0 { "-" } else { ":" };
        text.push_str(&format!("|{}{end}", "-".repeat(width + 1)));
    }
    text.push('|');
    text
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, &self.cells())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(seconds: &[f64]) -> Samples {
        Samples { name: String::new(), seconds: seconds.to_vec() }
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let (limit, job) = (samples(&[0.1, 0.2, 0.1]), samples(&[0.125, 0.25, 0.1]));
        let line = Line::ratio("sum f32", 1_000_000_000, 0.8, &limit, job.clone());
        assert_eq!(line.figure, Figure::Ratio(0.8));
        assert_eq!(line.met(), Some(true));
        assert_eq!(Line::ratio("sum", 1, 0.81, &limit, job.clone()).met(), Some(false));
        assert_eq!(Line::ratio("sum", 1, None, &limit, job).met(), None);
    }

    #[test]
    fn times_meet_their_target_from_below() {
        let line = |below| Line::seconds("open", below, samples(&[3e-6, 1e-6, 2e-6]));
        assert_eq!((line(2.5e-6).met(), line(2e-6).met()), (Some(true), Some(false)));
        let excess = Line::excess("call", 1.5e-6, samples(&[1e-6; 2]), samples(&[2e-6, 3e-6]));
        assert!((excess.figure.value() - 1.5e-6).abs() < 1e-12, "{excess}");
    }

    #[test]
    fn flat_is_the_lowest_by_the_highest() {
        assert_eq!(Line::flat("sizes", 0.9, &[0.9, 1.0, 0.95]).met(), Some(true));
        assert_eq!(Line::flat("sizes", 0.9, &[0.8, 1.0]).met(), Some(false));
        assert_eq!(Line::flat("sizes", 0.9, &[1.0]).met(), Some(true));
    }

    #[test]
    fn what_was_not_found_meets_no_target() {
        let line = Line::ratio("sum", 1, 0.5, &samples(&[]), samples(&[]));
        assert_eq!(line.met(), Some(false));
        assert_eq!(Line::flat("sizes", 0.9, &[]).met(), Some(false));
    }

    #[test]
    fn rows_are_as_wide_as_the_header() {
        let job = samples(&[0.1]);
        let line = Line::ratio("sum f32", 4_000_000_000, 0.95, &samples(&[0.098]), job);
        let text = line.to_string();
        assert_eq!(
            text.split('|').map(str::trim).collect::<Vec<_>>(),
            ["", "sum f32", "40.0", "0.980", "0.0%", ">= 0.95", "yes", ""]
        );
        for header in header().lines() {
            assert_eq!(header.len(), text.len(), "{header}\n{text}");
        }
    }
}
