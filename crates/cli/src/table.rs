//! Tables, sizes and labels as text. The only I/O is writing it.

use std::borrow::Cow;
use std::io::{self, Write};

use indicatif::HumanCount;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The width of a text on a terminal, in columns.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Escapes characters in a text from a file that could control the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_unprintable = |c: char| c.is_control() || c.width().is_none_or(|w| w == 0);
    if text.chars().any(is_unprintable) {
        let escape =
            |c: char| if is_unprintable(c) { c.escape_default().to_string() } else { c.into() };
        return text.chars().map(escape).collect::<String>().into();
    }
    text.into()
}

/// The most table lines shown on a terminal.
pub(crate) const MAX_TERMINAL_LINES: usize = 40;

/// A table whose lines are formatted while writing, twice: millions of them need no memory.
pub(crate) struct Table<'a> {
    pub(crate) header: Vec<&'a str>,
    pub(crate) len: usize,
    /// Formats the cells of a line, the label first.
    pub(crate) line: &'a dyn Fn(usize) -> Vec<String>,
}

impl Table<'_> {
    /// Writes the table, labels left-aligned and numbers right-aligned. A long table is cut after
    /// `max_lines` lines.
    pub(crate) fn write(&self, out: &mut dyn Write, max_lines: usize) -> io::Result<()> {
        let shown = if self.len > max_lines { max_lines } else { self.len };
        let mut widths: Vec<usize> = self.header.iter().map(|h| width(h)).collect();
        for i in 0..shown {
            for (max_width, cell) in widths.iter_mut().zip((self.line)(i)) {
                *max_width = width(&cell).max(*max_width);
            }
        }
        let header: Vec<String> = self.header.iter().map(|&h| h.to_owned()).collect();
        write_line(out, &header, &widths)?;
        for i in 0..shown {
            write_line(out, &(self.line)(i), &widths)?;
        }
        if shown < self.len {
            writeln!(out, "... {} more; --json gives all", grouped((self.len - shown) as u64))?;
        }
        Ok(())
    }
}

fn write_line(out: &mut dyn Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
    let mut line = String::new();
    for (i, (cell, &max_width)) in cells.iter().zip(widths).enumerate() {
        let space = " ".repeat(max_width - width(cell).min(max_width));
        if i == 0 {
            line.push_str(cell);
            line.push_str(&space);
        } else {
            line.push_str("  ");
            line.push_str(&space);
            line.push_str(cell);
        }
    }
    writeln!(out, "{}", line.trim_end())
}

/// Writes a list of names and values, one per line.
pub(crate) fn write_list(out: &mut dyn Write, list: &[(&str, String)]) -> io::Result<()> {
    let max_width = list.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    for (name, value) in list {
        writeln!(out, "{name:max_width$}  {value}")?;
    }
    Ok(())
}

/// The index of cell `i` in an array of this shape: `3`, or `3,1` with more than one axis.
pub(crate) fn index_label(dims: &[usize], mut i: usize) -> String {
    let mut index: Vec<String> = Vec::with_capacity(dims.len());
    for &dim in dims.iter().rev() {
        index.push((i % dim.max(1)).to_string());
        i /= dim.max(1);
    }
    index.reverse();
    index.join(",")
}

/// Formats `1234567` as `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    HumanCount(n).to_string()
}

/// Formats a size in decimal units, which are usual for bandwidth and disks: `940.1 kB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // A value that would round to 1000 is shown in the next unit.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Formats a rate in GB/s, to about three digits.
pub(crate) fn human_rate(bytes: u64, seconds: f64) -> String {
    let rate = bytes as f64 / seconds.max(1e-9) / 1e9;
    match rate {
        _ if rate >= 10.0 => format!("{rate:.1} GB/s"),
        _ if rate >= 0.01 => format!("{rate:.2} GB/s"),
        _ => format!("{rate:.4} GB/s"),
    }
}

/// Formats a time to about three digits: `0.00123 s`, `12.3 s`, `3 min 20 s`.
pub(crate) fn human_time(seconds: f64) -> String {
    match seconds {
        s if s >= 3600.0 => format!("{} h {} min", (s / 3600.0) as u64, (s / 60.0) as u64 % 60),
        s if s >= 60.0 => format!("{} min {} s", (s / 60.0) as u64, s as u64 % 60),
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 0.1 => format!("{s:.2} s"),
        s => format!("{s:.5} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(table: &Table<'_>, max_lines: usize) -> String {
        let mut out = Vec::new();
        table.write(&mut out, max_lines).expect("a vector");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn labels_left_numbers_right() {
        let names = ["temp", "风", "a\u{1b}[31m"];
        let line = |i: usize| vec![printable(names[i]).into_owned(), (i * 1000).to_string()];
        let table = Table { header: vec!["column", "mean"], len: 3, line: &line };
        let expected = "column       mean\n\
                        temp            0\n\
                        风           1000\n\
                        a\\u{1b}[31m  2000\n";
        assert_eq!(text(&table, 40), expected);
    }

    #[test]
    fn long_tables_are_cut() {
        let line = |i: usize| vec![i.to_string(), "1".to_owned()];
        let table = Table { header: vec!["row", "sum"], len: 5000, line: &line };
        let cut = text(&table, 2);
        assert_eq!(cut, "row  sum\n0      1\n1      1\n... 4,998 more; --json gives all\n");
        assert_eq!(text(&table, usize::MAX).lines().count(), 5001);
        assert_eq!(text(&table, 5000).lines().count(), 5001);
    }

    #[test]
    fn lists_are_aligned() {
        let mut out = Vec::new();
        write_list(&mut out, &[("dtype", "float32".into()), ("shape", "(2,)".into())])
            .expect("a vector");
        assert_eq!(String::from_utf8(out).expect("text"), "dtype  float32\nshape  (2,)\n");
    }

    #[test]
    fn labels_count_as_c_does() {
        assert_eq!(index_label(&[5], 3), "3");
        assert_eq!(index_label(&[5, 2], 7), "3,1");
        assert_eq!(index_label(&[2, 3, 4], 23), "1,2,3");
        assert_eq!(index_label(&[], 0), "");
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(999), "999 B");
        assert_eq!(human_bytes(940_140), "940.1 kB");
        assert_eq!(human_bytes(999_960), "1.0 MB");
        assert_eq!(human_bytes(u64::MAX), "18.4 EB");
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123_456), "123,456");
        assert_eq!(human_rate(4_000_000_000, 2.0), "2.00 GB/s");
        assert_eq!(human_rate(0, 0.0), "0.0000 GB/s");
        assert_eq!(human_time(0.00123), "0.00123 s");
        assert_eq!(human_time(200.0), "3 min 20 s");
        assert_eq!(human_time(7260.0), "2 h 1 min");
    }
}
