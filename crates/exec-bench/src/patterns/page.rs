//! The charts of `access-patterns`.

use super::report::{Sitting, sitting_name};
use super::{Access, Pattern, Report, Visits};
use crate::chart::{Figure, Kind, Page, Table, Value, short, time};

impl Report {
    /// All of it as charts.
    pub(super) fn to_page(&self) -> Page {
        let mut figures: Vec<Figure> = self.sittings().map(|s| self.orders(s)).collect();
        let most = self.sittings().map(|(_, workers)| workers).max().unwrap_or(1);
        if self.visits.iter().any(|v| v.cold) {
            let warmth = [(false, "in the page cache"), (true, "not in the page cache")];
            figures.push(self.side_by_side(
                format!("Mapped, {most} workers: in the page cache and not"),
                warmth.map(|(cold, name)| (name, (Access::Mapped, cold, most))),
                |v| Value::rate(v.bytes as f64 / 1e9, &v.to_samples().seconds),
                "GB/s",
            ));
        }
        let ways = Access::ALL.map(|access| (access.name(), (access, false, most)));
        let first = |v: &Visits| {
            Value::of(&v.samples.iter().map(|s| s.first_row * 1e3).collect::<Vec<_>>())
        };
        let title = format!("Time to the first row, {}", sitting_name((false, most)));
        figures.push(self.side_by_side(title, ways, first, "ms"));
        let noise = self.sittings().filter_map(|s| Some((s, self.noise(s)?)));
        let noise = noise.map(|(s, noise)| format!("{}: {noise}", sitting_name(s)));
        Page {
            title: format!("Orders of visiting the rows of {}", self.file),
            facts: vec![
                (
                    "array",
                    format!("{} {:?}, {:.2} GB", self.dtype, self.shape, self.bytes as f64 / 1e9),
                ),
                ("machine", self.machine.to_string()),
            ],
            findings: self.finding((false, most)).into_iter().collect(),
            figures: figures.into_iter().filter(|f| !f.is_empty()).collect(),
            tables: self.tables(),
            notes: noise.chain(self.notes.iter().cloned()).collect(),
        }
    }

    /// The finding that the figures come to.
    fn finding(&self, (cold, workers): Sitting) -> Option<String> {
        let mapped = |pattern| {
            let is = |v: &&Visits| {
                (v.access, v.cold, v.workers, v.pattern) == (Access::Mapped, cold, workers, pattern)
            };
            self.visits.iter().find(is).map(|v| self.of_sequential(v) * 100.0)
        };
        let [random, sorted, windows] =
            [Pattern::Random, Pattern::Sorted, Pattern::Windows].map(mapped);
        Some(format!(
            "Through a mapping, random rows come at {:.0} % of the speed of reading in order, the \
             same rows sorted at {:.0} %, shuffled windows at {:.0} % ({}).",
            random?,
            sorted?,
            windows?,
            sitting_name((cold, workers))
        ))
    }

    /// All orders in one sitting.
    fn orders(&self, sitting: Sitting) -> Figure {
        let (cold, workers) = sitting;
        let ways = Access::ALL.map(|access| (access.name(), (access, cold, workers)));
        let speed = |v: &Visits| Value::rate(v.bytes as f64 / 1e9, &v.to_samples().seconds);
        let title = format!("Speed, {}", sitting_name(sitting));
        let mut figure = self.side_by_side(title, ways, speed, "GB/s");
        figure.references.push(("bare read".to_owned(), self.limit(sitting) / 1e9));
        figure
    }

    fn side_by_side<const N: usize>(
        &self,
        title: String,
        series: [(&str, (Access, bool, usize)); N],
        value: impl Fn(&Visits) -> Value,
        unit: &'static str,
    ) -> Figure {
        let find = |pattern, which| {
            let is = |v: &&Visits| v.pattern == pattern && (v.access, v.cold, v.workers) == which;
            self.visits.iter().find(is).map(&value)
        };
        let group = |pattern: Pattern| {
            (
                pattern.name().to_owned(),
                series.iter().map(|(_, which)| find(pattern, *which)).collect(),
            )
        };
        let kind = Kind::Bars(Pattern::ALL.into_iter().map(group).collect());
        let series = series.iter().map(|(name, _)| (*name).to_owned()).collect();
        Figure { title, unit, series, references: Vec::new(), kind }
    }

    fn tables(&self) -> Vec<Table> {
        let table = |sitting: Sitting| Table {
            title: sitting_name(sitting),
            head: vec![
                "order",
                "reached",
                "median s",
                "GB/s",
                "of limit",
                "of sequential",
                "rows/s",
                "spread",
                "first row",
                "faults",
                "waiting",
                "peak MB",
            ],
            rows: self
                .visits
                .iter()
                .filter(|v| (v.cold, v.workers) == sitting)
                .map(|v| {
                    let mut row = vec![v.pattern.to_string(), v.access.name().to_owned()];
                    row.extend(
                        [
                            v.seconds(),
                            v.speed() / 1e9,
                            v.speed() / self.limit(sitting),
                            self.of_sequential(v),
                        ]
                        .map(short),
                    );
                    row.push(format!("{:.0}", v.rows as f64 / v.seconds()));
                    row.push(format!("{:.1} %", v.spread() * 100.0));
                    row.push(time(v.median(|s| s.first_row)));
                    row.extend(v.counts());
                    row
                })
                .collect(),
        };
        self.sittings().map(table).collect()
    }
}
