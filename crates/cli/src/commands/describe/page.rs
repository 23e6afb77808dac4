//! The description as one self-contained HTML page.

use std::fmt::Write;

use rowmill::durable::Kind;
use rowmill_any::SampleHistogram;

use super::{Described, six_digits, units};
use crate::number::Number;
use crate::table::{grouped, human_bytes};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2733; --dim: #66717d; --line: #d9dee4; --bar: #3b78c3; --back: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --dim: #97a2ad; --line: #39424c; --bar: #6aa5ec; --back: #14181d; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto;
  max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
p { color: var(--dim); margin: .3rem 0 1.2rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .35rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--dim); }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--back); }
svg { display: block; fill: var(--bar); }
";

/// Escapes text for HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
    html
}

pub(super) fn page(described: &Described<'_>) -> String {
    let Described { input, description, seconds, .. } = described;
    let title = escaped(
        &input.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "),
    );
    let units = units(description);
    let quality = match description.quartile_sample_size {
        None => String::new(),
        Some(n) => {
            format!(" Quartiles and histograms are of {} sampled {units}.", grouped(n as u64))
        }
    };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n{}\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <h1>{title}</h1>\n<p>{} {}, {}, read in {seconds:.2} s.{quality}</p>\n<div class=\"table\">\n<table>\n<tr>",
        Kind::PAGE_MARK,
        input.dtype(),
        input.shape,
        human_bytes(input.byte_len() as u64),
    );
    let header = [
        "column",
        "count",
        "NaN",
        "inf",
        "zeros",
        "mean",
        "std",
        "min",
        "25 %",
        "50 %",
        "75 %",
        "max",
        "histogram",
    ];
    header.iter().for_each(|name| _ = write!(html, "<th>{name}</th>"));
    html.push_str("</tr>\n");
    (0..description.answer.cells()).for_each(|cell| row(described, cell, &mut html));
    html.push_str("</table>\n</div>\n</html>\n");
    html
}

fn row(described: &Described<'_>, cell: usize, html: &mut String) {
    let _ = write!(html, "<tr><td>{}</td>", escaped(&described.label(cell)));
    for name in ["count", "nan", "inf", "zeros"] {
        if let Number::Unsigned(n) = described.number(name, cell) {
            let _ = write!(html, "<td>{}</td>", grouped(n));
        }
    }
    for name in ["mean", "std", "min", "q25", "median", "q75", "max"] {
        let _ = write!(html, "<td>{}</td>", six_digits(described.number(name, cell)));
    }
    let histogram = described.description.histograms[cell].as_ref();
    let _ = writeln!(html, "<td>{}</td></tr>", histogram.map(svg).unwrap_or_default());
}

fn svg(histogram: &SampleHistogram) -> String {
    const WIDTH: usize = 7;
    const HEIGHT: f64 = 30.0;
    let max_count = histogram.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let mut svg = format!(
        "<svg width=\"{}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"from {} to {}\">",
        histogram.counts.len() * WIDTH,
        six_digits(histogram.low),
        six_digits(histogram.high),
    );
    for (i, &n) in histogram.counts.iter().enumerate() {
        let height = if n == 0 { 0.0 } else { (n as f64 / max_count * HEIGHT).max(1.0) };
        let _ = write!(
            svg,
            "<rect x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"{height:.1}\"/>",
            i * WIDTH,
            HEIGHT - height,
            WIDTH - 1,
        );
    }
    svg.push_str("</svg>");
    svg
}
