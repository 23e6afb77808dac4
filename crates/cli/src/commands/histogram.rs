//! `rowmill histogram`

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill::Histogram;
use rowmill_any::{Answer, Axes, Statistic};

use super::output::{Report, note_summary};
use super::{label, max_lines};
use crate::args::JobArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Entries, Value};
use crate::number::rounded;
use crate::reduce::ReduceOptions;
use crate::table::Table;
use crate::values::Interval;

pub(crate) const EXAMPLES: &str = "\
Bins are numpy's: equal in width, closed below and open above, the last one closed. NaN and
elements outside of --range are not counted. Without --range, an extra read finds the smallest and
the largest selected element.

Examples:
  rowmill histogram x.npy
  rowmill histogram x.npy --bins 50 --range 0,100
  rowmill histogram x.npy --axis columns --bins 10 --json
  rowmill histogram x.npy --where 'x > 0'";

/// The arguments of `rowmill histogram`.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("nan", |nan| {
    nan.help("Skip a NaN (propagate does the same), or fail").default_value("skip")
}))]
pub(crate) struct HistogramArgs {
    /// Number of bins, all of the same width
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    bins: u32,
    /// Ends of the first and the last bin [default: the smallest and the largest element]
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    range: Option<Interval>,
    /// Make one histogram, one per column, or one per row; or list the axes to reduce, such as 0,2
    /// or -1
    #[arg(long, value_name = "AXES", default_value = "all", allow_hyphen_values = true)]
    axis: Axes,
    #[command(flatten)]
    job: JobArgs,
}

/// The length of the longest bar, in characters.
const BAR: u64 = 40;

pub(super) fn run(args: &HistogramArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let HistogramArgs { bins, range, axis, job } = args;
    let input = job.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "bins need an order"));
    }
    let interval = range.map(|range| (range.low, range.high));
    let statistic = Statistic::Histogram(*bins as usize, interval);
    let answered = job.answer(ReduceOptions::axes(axis), &input, vec![statistic])?;
    let answer = &answered.answer;
    let edges = edges(answer)?;
    if job.json {
        let counts = &answer.columns()[0];
        let entries = vec![
            ("edges", Value::Floats(&edges)),
            ("counts", Value::Nested(counts.nested(answer.dims()))),
        ];
        let report = Report::new(&input, &answered, Entries(entries));
        return report.axis(axis).columns(&input).write(out);
    }
    note_summary(&input, &answered, "", &job.select);
    print(args, &input, &edges, answer, out).map_err(Failure::Output)
}

/// The edges of the bins. The name of the column contains the interval.
fn edges(answer: &Answer) -> Result<Vec<f64>, Failure> {
    match answer.columns()[0].name().parse() {
        Ok(Statistic::Histogram(bins, Some((low, high)))) => {
            Ok(Histogram::uniform(bins, low, high)?.edges().to_vec())
        }
        _ => Err(Failure::Found("the answer is no histogram".to_owned())),
    }
}

fn print(
    args: &HistogramArgs,
    input: &Input,
    edges: &[f64],
    answer: &Answer,
    out: &mut dyn Write,
) -> io::Result<()> {
    let bins = edges.len() - 1;
    let counts = |cell: usize, bin: usize| answer.columns()[0].list(cell)[bin].to_f64() as u64;
    let max_count =
        (0..answer.cells()).flat_map(|cell| (0..bins).map(move |bin| counts(cell, bin)));
    let max_count = max_count.max().unwrap_or(0).max(1);
    let single_cell = answer.dims().is_empty();
    let line = |i: usize| {
        let (cell, bin) = (i / bins, i % bins);
        let count = counts(cell, bin);
        let bar = "#"
            .repeat((u128::from(count) * u128::from(BAR)).div_ceil(u128::from(max_count)) as usize);
        let mut line = vec![rounded(edges[bin]), rounded(edges[bin + 1]), count.to_string(), bar];
        if !single_cell {
            line.insert(0, label(&args.axis, input.columns.as_deref(), answer.dims(), cell));
        }
        line
    };
    let mut header = vec!["from", "to", "count", ""];
    if !single_cell {
        header.insert(0, args.axis.cell_name());
    }
    Table { header, len: answer.cells() * bins, line: &line }.write(out, max_lines())
}
