//! The description as a table.

use std::io::{self, Write};

use rowmill_any::SampleHistogram;

use super::{Described, short};
use crate::commands::most_lines;
use crate::number::{Number, rounded};
use crate::table::{Table, clean, write_list};

/// The numbers of a line, and their headings. Of those that are mostly zero only the ones that
/// somewhere are not.
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
    let cells = described.found.answer.cells();
    if cells == 1 {
        return print_one(described, out);
    }
    let is_somewhere =
        |name: &&str| (0..cells).any(|cell| described.number(name, cell) != Number::Unsigned(0));
    let rare: Vec<&str> = RARE.into_iter().filter(is_somewhere).collect();
    let mut header = vec!["column", "count"];
    header.extend(&rare);
    header.extend(NUMBERS.map(|(_, heading)| heading));
    header.push("histogram");
    let line = |cell: usize| {
        let number = |name: &str| described.number(name, cell);
        let mut line = vec![clean(&described.label(cell)).into_owned()];
        line.push(number("count").to_string());
        line.extend(rare.iter().map(|name| number(name).to_string()));
        line.extend(NUMBERS.map(|(name, _)| short(number(name))));
        line.push(described.found.histograms[cell].as_ref().map(drawn).unwrap_or_default());
        line
    };
    Table { header, len: cells, line: &line }.write(out, most_lines())
}

fn print_one(described: &Described<'_>, out: &mut dyn Write) -> io::Result<()> {
    let number = |name: &str| described.number(name, 0);
    let mut list = vec![("count", number("count").to_string())];
    list.extend(RARE.map(|name| (name, number(name).to_string())));
    list.extend(NUMBERS.map(|(name, heading)| (heading, rounded(number(name)))));
    let histogram = described.found.histograms[0].as_ref();
    list.extend(histogram.map(|histogram| ("histogram", drawn(histogram))));
    write_list(out, &list)
}

/// A character for each bin, high where there are many.
fn drawn(histogram: &SampleHistogram) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&n: &u64| match n {
        0 => ' ',
        n => BARS[((n * 8).div_ceil(most) - 1) as usize],
    };
    histogram.counts.iter().map(bar).collect()
}
