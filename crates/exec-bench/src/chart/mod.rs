//! Charts of measurements: for a page, for a file of their own, for a terminal.
//!
//! SVG of our own: its colours come from a style sheet that follows light and dark, where plotting
//! libraries write them into every element. docs/decisions.md has the figures.

mod html;
mod scale;
mod svg;
mod terminal;

pub use html::page;
pub use scale::Scale;
pub use svg::standalone;
pub use terminal::Look;

/// The report of one measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The subject of the measurement.
    pub title: String,
    /// The setup it was measured on: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// The findings, in a sentence or two.
    pub findings: Vec<String>,
    /// The charts.
    pub figures: Vec<Figure>,
    /// The numbers.
    pub tables: Vec<Table>,
    /// The remarks to read beside them.
    pub notes: Vec<String>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The data that it shows.
    pub title: String,
    /// The quantity of the values, with its unit.
    pub unit: &'static str,
    /// Names of what is shown side by side, each in a colour of its own.
    pub series: Vec<String>,
    /// Values that others are compared with.
    pub references: Vec<(String, f64)>,
    /// How it is drawn.
    pub kind: Kind,
}

/// How a chart is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Groups of bars: a name, and a value of each series, where there is one.
    Bars(Vec<(String, Vec<Option<Value>>)>),
    /// Lines over sizes in bytes: the points of each series, sizes rising.
    Lines(Vec<Vec<(u64, Value)>>),
}

/// A value and the middle half of the runs around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// The median.
    pub mid: f64,
    /// The lower quartile.
    pub low: f64,
    /// The upper quartile.
    pub high: f64,
}

impl Value {
    /// The value of a rate: `amount` in each of these times.
    #[must_use]
    pub fn rate(amount: f64, seconds: &[f64]) -> Self {
        let at = |part| amount / crate::measure::quantile(seconds, part);
        Self { mid: amount / crate::measure::median(seconds), low: at(0.75), high: at(0.25) }
    }

    /// The median and the quartiles of these values.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        use crate::measure::{median, quantile};
        Self { mid: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) }
    }
}

/// Numbers in rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The quantities in it.
    pub title: String,
    /// The names of the columns.
    pub head: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Figure {
    /// All values, those of references too.
    fn values(&self) -> Vec<f64> {
        let ends = |v: &Value| [v.mid, v.low, v.high];
        let mut all: Vec<f64> = match &self.kind {
            Kind::Bars(groups) => groups
                .iter()
                .flat_map(|(_, values)| values.iter().flatten())
                .flat_map(ends)
                .collect(),
            Kind::Lines(lines) => lines.iter().flatten().flat_map(|(_, v)| ends(v)).collect(),
        };
        all.extend(self.references.iter().map(|(_, value)| *value));
        all
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Bars(groups) => {
                groups.iter().all(|(_, values)| values.iter().all(Option::is_none))
            }
            Kind::Lines(lines) => lines.iter().all(Vec::is_empty),
        }
    }

    /// The scale that shows all of them.
    #[must_use]
    pub fn scale(&self) -> Scale {
        Scale::over(&self.values())
    }
}

/// A number of three digits or so.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        v if !v.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.0995 => format!("{value:.2}"),
        v if v >= 0.000_995 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

/// The same for a mark of a scale, which is round.
pub(crate) fn round(value: f64) -> String {
    if value >= 9999.5 {
        return format!("{value:.0e}");
    }
    let text = short(value);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A time that may be short.
pub(crate) fn time(seconds: f64) -> String {
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

    #[test]
    fn numbers_are_short() {
        let short = [0.0, 123.4, 12.34, 1.234, 0.123, 0.0123, 0.000_02, f64::NAN].map(short);
        assert_eq!(short, ["0", "123", "12.3", "1.23", "0.12", "0.0123", "2.0e-5", "-"]);
        assert_eq!(
            [0.0, 0.01, 0.5, 1.0, 20.0, 100.0, 1e4].map(round),
            ["0", "0.01", "0.5", "1", "20", "100", "1e4"]
        );
        assert_eq!([12.3e-6, 0.0123, 1.5].map(time), ["12 us", "12.3 ms", "1.50 s"]);
    }

    #[test]
    fn rates_have_their_quartiles_the_other_way_round() {
        let rate = Value::rate(12.0, &[1.0, 2.0, 3.0, 4.0, 6.0]);
        assert_eq!(rate, Value { mid: 4.0, low: 3.0, high: 6.0 });
        assert_eq!(Value::of(&[1.0, 2.0, 3.0]).mid, 2.0);
    }
}
