//! The description as a table.

use std::io::{self, Write};

use rowmill_any::SampleHistogram;

use super::{Described, six_digits};
use crate::commands::max_lines;
use crate::number::{Number, rounded};
use crate::table::{Table, printable, write_list};

/// The statistics of a line, and their headings. The rare ones are shown only if some cell has a
/// nonzero value.
const RARE: [&str; 3] = ["nan", "inf", "zeros"];
const NUMBERS: [(&str, &str); 7] = [
    ("mean", "mean"),
    ("std", "std"),
    ("min", "min"),
    ("q25", "25 %"),
    ("median", "50 %"),
    ("q75", "75 %"),
    ("max", "max"),
];

pub(super) fn print(described: &Described<'_>, out: &mut dyn Write) -> io::Result<()> {
    let cells = described.description.answer.cells();
    if cells == 1 {
        return print_single_cell(described, out);
    }
    let is_nonzero =
        |name: &&str| (0..cells).any(|cell| described.number(name, cell) != Number::Unsigned(0));
    let rare: Vec<&str> = RARE.into_iter().filter(is_nonzero).collect();
    let mut header = vec!["column", "count"];
    header.extend(&rare);
    header.extend(NUMBERS.map(|(_, heading)| heading));
    header.push("histogram");
    let line = |cell: usize| {
        let number = |name: &str| described.number(name, cell);
        let mut line = vec![printable(&described.label(cell)).into_owned()];
        line.push(number("count").to_string());
        line.extend(rare.iter().map(|name| number(name).to_string()));
        line.extend(NUMBERS.map(|(name, _)| six_digits(number(name))));
        line.push(
            described.description.histograms[cell].as_ref().map(sparkline).unwrap_or_default(),
        );
        line
    };
    Table { header, len: cells, line: &line }.write(out, max_lines())
}

fn print_single_cell(described: &Described<'_>, out: &mut dyn Write) -> io::Result<()> {
    let number = |name: &str| described.number(name, 0);
    let mut list = vec![("count", number("count").to_string())];
    list.extend(RARE.map(|name| (name, number(name).to_string())));
    list.extend(NUMBERS.map(|(name, heading)| (heading, rounded(number(name)))));
    let histogram = described.description.histograms[0].as_ref();
    list.extend(histogram.map(|histogram| ("histogram", sparkline(histogram))));
    write_list(out, &list)
}

/// Draws a character per bin, as high as its count.
fn sparkline(histogram: &SampleHistogram) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let max_count = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&n: &u64| match n {
        0 => ' ',
        n => BARS[((n * 8).div_ceil(max_count) - 1) as usize],
    };
    histogram.counts.iter().map(bar).collect()
}
