//! The output of `advise`.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::{Advice, Choice, Facts, Measured, Pattern};
use crate::chart::{Figure, Kind, Look, Page, Table, Value, time};
use crate::machine::Machine;
use crate::measure::{median, spread};
use crate::output::Shown;

/// The advice for one file.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// Its dtype.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The machine.
    pub machine: Machine,
    /// The facts that were measured.
    pub facts: Facts,
    /// The advice that follows from them.
    pub advice: Advice,
    /// The times of every choice, if they were asked for.
    pub check: Option<Measured>,
    /// The figures that are doubtful.
    pub notes: Vec<String>,
}

/// Characters of the longest bar.
const BAR: usize = 24;

impl Report {
    /// The plan that was asked about, in words.
    fn plan(&self) -> String {
        let super::Plan { pattern, passes, picked } = self.facts.plan;
        let plural = if passes == 1 { "pass" } else { "passes" };
        match pattern {
            Pattern::Random => format!("{passes} {plural}, each of {picked} random rows"),
            _ => format!("{passes} {plural}, {}", pattern.name()),
        }
    }

    fn finding(&self) -> String {
        let choice = self.advice.choice;
        let expected = self.advice.expected[choice as usize].map_or_else(|| "?".to_owned(), time);
        let how = match choice {
            Choice::Map => "map it (Backend::Mapped)",
            Choice::Read => "read it at positions (Backend::Positioned)",
            Choice::Load => "load it into memory first",
        };
        format!(
            "{}: {how}. Expected: {expected} for {}.",
            choice.name().to_uppercase(),
            self.plan()
        )
    }

    /// Whether it was right, if that was checked.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let measured = self.check.as_ref()?;
        let (choice, best) = (self.advice.choice, measured.best());
        let times = measured.of_best(choice);
        Some(match measured.is_right(choice) {
            true if choice == best => "The advice was right: it was the fastest.".to_owned(),
            true => format!(
                "The advice was right: {times:.2} times the time of the fastest, {}.",
                best.name()
            ),
            false => format!(
                "The advice was wrong: {times:.2} times the time of the fastest, {}.",
                best.name()
            ),
        })
    }

    fn write(&self, look: Look, f: &mut String) -> fmt::Result {
        let gb = self.facts.bytes as f64 / 1e9;
        writeln!(f, "{}  {} {:?}  {gb:.2} GB", self.file, self.dtype, self.shape)?;
        writeln!(f, "{}\n\n{}\n", self.machine, self.finding())?;
        let expected = self.advice.expected;
        let most = expected.iter().flatten().copied().fold(0.0, f64::max);
        for choice in Choice::ALL {
            let mark = if choice == self.advice.choice { " <- advised" } else { "" };
            match expected[choice as usize] {
                Some(seconds) => {
                    let bar = look.bar(seconds / most, BAR);
                    write!(f, "{:5} {:>9}  {bar}", choice.name(), time(seconds))?;
                }
                None => write!(f, "{:5} does not fit into memory", choice.name())?,
            }
            if let Some(found) = self.check.as_ref().map(|c| &c.seconds[choice as usize])
                && !found.is_empty()
            {
                write!(
                    f,
                    " measured {}, spread {:.0} %",
                    time(median(found)),
                    spread(found) * 100.0
                )?;
            }
            writeln!(f, "{mark}")?;
        }
        writeln!(f)?;
        for reason in &self.advice.reasons {
            writeln!(f, "- {reason}")?;
        }
        for warning in &self.advice.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        self.verdict().map_or(Ok(()), |verdict| writeln!(f, "\n{verdict}"))
    }
}

impl Shown for Report {
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
        let expected = self.advice.expected;
        let exactly = |v: f64| Value { mid: v, low: v, high: v };
        let group = |choice: Choice| {
            let mut values = vec![expected[choice as usize].map(exactly)];
            if let Some(check) = &self.check {
                let found = &check.seconds[choice as usize];
                values.push((!found.is_empty()).then(|| Value::of(found)));
            }
            (choice.name().to_owned(), values)
        };
        let series = ["expected", "measured"].iter().take(1 + usize::from(self.check.is_some()));
        let row = |choice: Choice| {
            let known = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), time);
            let found = self.check.as_ref().map(|c| &c.seconds[choice as usize]);
            let found = found.filter(|f| !f.is_empty()).map(|f| median(f));
            vec![choice.name().to_owned(), known(expected[choice as usize]), known(found)]
        };
        let reasons = self.advice.reasons.iter().chain(&self.advice.warnings).chain(&self.notes);
        Page {
            title: format!("How to reach {}", self.file),
            facts: vec![
                (
                    "array",
                    format!(
                        "{} {:?}, {:.2} GB",
                        self.dtype,
                        self.shape,
                        self.facts.bytes as f64 / 1e9
                    ),
                ),
                ("plan", self.plan()),
                ("machine", self.machine.to_string()),
            ],
            findings: [Some(self.finding()), self.verdict()].into_iter().flatten().collect(),
            figures: vec![Figure {
                title: format!("Time of {}", self.plan()),
                unit: "seconds, less is better",
                series: series.map(|s| (*s).to_owned()).collect(),
                references: Vec::new(),
                kind: Kind::Bars(Choice::ALL.map(group).into()),
            }],
            tables: vec![Table {
                title: "All".to_owned(),
                head: vec!["choice", "expected", "measured"],
                rows: Choice::ALL.map(row).into(),
            }],
            notes: reasons.cloned().collect(),
        }
    }
}
