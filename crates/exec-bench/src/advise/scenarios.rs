//! Twelve situations in which the advice is checked, on files that are made for it.

use std::path::Path;

use rowmill_core::DType;
use serde::Serialize;

use super::{Choice, Pattern, Plan, Report, check};
use crate::chart::{Figure, Kind, Look, Page, Table, Value, time};
use crate::machine::Machine;
use crate::measure::median;
use crate::output::Shown;
use crate::patterns::{MadeFile, make_file};
use crate::{Error, Result};

/// A situation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The file: its size and its columns of float32.
    pub file: (Size, usize),
    /// The accesses.
    pub plan: Plan,
    /// Whether the file is not in the page cache.
    pub cold: bool,
}

/// The size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// The size that was asked for.
    Full,
    /// 1 MiB.
    Small,
}

const fn scenario(
    name: &'static str,
    file: (Size, usize),
    (pattern, passes): (Pattern, usize),
    cold: bool,
) -> Scenario {
    Scenario { name, file, plan: Plan { pattern, passes, picked: 20_000 }, cold }
}

/// The scenarios that are checked.
pub const SCENARIOS: [Scenario; 12] = {
    use Pattern::{Epochs, Random, Rewrite, Sequential};
    use Size::{Full, Small};
    [
        scenario("one scan", (Full, 1024), (Sequential, 1), false),
        scenario("100 scans", (Full, 1024), (Sequential, 100), false),
        scenario("one scan, cold", (Full, 1024), (Sequential, 1), true),
        scenario("10 scans, cold", (Full, 1024), (Sequential, 10), true),
        scenario("1000 scans of 1 MiB", (Small, 64), (Sequential, 1000), false),
        scenario("random rows", (Full, 1024), (Random, 1), false),
        scenario("random rows, 200 times", (Full, 1024), (Random, 200), false),
        scenario("random rows, cold", (Full, 1024), (Random, 1), true),
        scenario("random rows of 16 columns, 20 times", (Full, 16), (Random, 20), false),
        scenario("3 epochs", (Full, 1024), (Epochs, 3), false),
        scenario("one epoch, cold", (Full, 1024), (Epochs, 1), true),
        scenario("3 rewrites", (Full, 1024), (Rewrite, 3), false),
    ]
};

/// The outcome of a scenario.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioReport {
    /// The situation.
    pub scenario: Scenario,
    /// The advice, and the times of every choice; `None` when the file could not be made cold.
    pub report: Option<Report>,
    /// The reason why it could not.
    pub note: Option<String>,
}

/// The outcome of all scenarios.
#[derive(Clone, Debug, Serialize)]
pub struct Scenarios {
    /// The machine.
    pub machine: Machine,
    /// Bytes of a file of full size.
    pub size: usize,
    /// One for each of [`SCENARIOS`].
    pub scenarios: Vec<ScenarioReport>,
}

/// Checks the advice in every scenario, on files of `size` bytes that are made in `dir`; `progress`
/// is called with the outcome of each.
///
/// # Errors
/// When there is no room for the files, and those of [`check()`].
pub fn scenarios(
    dir: &Path,
    size: usize,
    rounds: usize,
    mut progress: impl FnMut(&str),
) -> Result<Scenarios> {
    let mut files: Vec<((Size, usize), MadeFile)> = Vec::new();
    let mut all = Vec::new();
    for scenario in SCENARIOS {
        let (which, cols) = scenario.file;
        let at = match files.iter().position(|(file, _)| *file == scenario.file) {
            Some(at) => at,
            None => {
                let bytes = if which == Size::Full { size } else { 1 << 20 };
                files.push((scenario.file, make_file(dir, bytes, cols, DType::F32)?));
                files.len() - 1
            }
        };
        let report = check(files[at].1.path(), scenario.plan, scenario.cold, rounds);
        let (report, note) = match report {
            Ok(report) => (Some(report), None),
            Err(error @ Error::NotCold { .. }) => (None, Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let verdict = report.as_ref().and_then(Report::verdict).or_else(|| note.clone());
        progress(&format!("{}: {}", scenario.name, verdict.unwrap_or_default()));
        all.push(ScenarioReport { scenario, report, note });
    }
    Ok(Scenarios { machine: Machine::this(), size, scenarios: all })
}

impl Scenarios {
    /// The number of scenarios in which the advice was right, and of those that were checked.
    #[must_use]
    pub fn right(&self) -> (usize, usize) {
        let checked = self.scenarios.iter().filter_map(|s| s.report.as_ref());
        let right = |r: &&Report| r.check.as_ref().is_some_and(|c| c.is_right(r.advice.choice));
        (checked.clone().filter(right).count(), checked.count())
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let row = |s: &ScenarioReport| {
            let Some((report, check)) =
                s.report.as_ref().and_then(|r| Some((r, r.check.as_ref()?)))
            else {
                return vec![s.scenario.name.to_owned(), s.note.clone().unwrap_or_default()];
            };
            let mut row = vec![s.scenario.name.to_owned()];
            for choice in Choice::ALL {
                let known = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), time);
                let found = &check.seconds[choice as usize];
                row.push(known(report.advice.expected[choice as usize]));
                row.push(known((!found.is_empty()).then(|| median(found))));
            }
            let choice = report.advice.choice;
            row.push(choice.name().to_owned());
            row.push(check.best().name().to_owned());
            row.push(format!("{:.2}", check.of_best(choice)));
            row.push(if check.is_right(choice) { "right" } else { "wrong" }.to_owned());
            row
        };
        self.scenarios.iter().map(row).collect()
    }
}

const HEAD: [&str; 11] = [
    "scenario",
    "map",
    "measured",
    "read",
    "measured",
    "load",
    "measured",
    "advised",
    "fastest",
    "of fastest",
    "",
];

impl Shown for Scenarios {
    fn text(&self, _: Look) -> String {
        let mut text = format!("{}\nfiles of {:.2} GB\n\n", self.machine, self.size as f64 / 1e9);
        let line = |cells: Vec<&str>| {
            let (first, rest) = cells.split_first().map_or(("", &[][..]), |(f, r)| (*f, r));
            let rest: String = rest.iter().map(|cell| format!(" {cell:>10}")).collect();
            format!("{first:36}{rest}\n")
        };
        text += &line(HEAD.into());
        for row in self.rows() {
            text += &line(row.iter().map(String::as_str).collect());
        }
        let (right, all) = self.right();
        text + &format!(
            "\nthe advice was right (within 10 % of the fastest) in {right} of {all} scenarios\n"
        )
    }

    fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    fn page(&self) -> Page {
        let (right, all) = self.right();
        let group = |s: &ScenarioReport| {
            let check = s.report.as_ref().and_then(|r| r.check.as_ref());
            let of = |choice: Choice| {
                let best = median(&check?.seconds[check?.best() as usize]);
                let found: Vec<f64> =
                    check?.seconds[choice as usize].iter().map(|s| s / best).collect();
                (!found.is_empty()).then(|| Value::of(&found))
            };
            (s.scenario.name.to_owned(), Choice::ALL.map(of).into())
        };
        Page {
            title: "Map, read or load: the advice and the truth".to_owned(),
            facts: vec![("machine", self.machine.to_string())],
            findings: vec![format!(
                "The advice was right (within 10 % of the fastest) in {right} of {all} scenarios."
            )],
            figures: vec![Figure {
                title: "Time of each choice".to_owned(),
                unit: "times the fastest, less is better",
                series: Choice::ALL.map(|c| c.name().to_owned()).into(),
                references: vec![("the fastest".to_owned(), 1.0)],
                kind: Kind::Bars(self.scenarios.iter().map(group).collect()),
            }],
            tables: vec![Table { title: "All".to_owned(), head: HEAD.into(), rows: self.rows() }],
            notes: Vec::new(),
        }
    }
}
