//! `rowmill sum` and `rowmill mean`: one number a cell.

use std::io::{self, Write};

use rowmill_any::{Answer, Axes, Statistic};
use serde::Serialize;

use super::{label, most_lines, stats};
use crate::args::TotalArgs;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Cells, Columns, Paths, Value};
use crate::note;
use crate::number::rounded;
use crate::reduce::Answered;
use crate::report::Took;
use crate::table::{Table, grouped};

/// One number of the elements of a cell.
#[derive(Clone, Copy)]
pub(super) enum Total {
    Sum,
    Mean,
}

impl Total {
    /// As the command and the key of the JSON object.
    const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
        }
    }

    fn statistic(self, exact: bool) -> Statistic {
        match (self, exact) {
            (Self::Sum, false) => Statistic::Sum,
            (Self::Sum, true) => Statistic::ExactSum,
            (Self::Mean, false) => Statistic::Mean,
            (Self::Mean, true) => Statistic::ExactMean,
        }
    }
}

pub(super) fn run(total: Total, args: &TotalArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    if input.dtype().is_complex() && args.exact {
        let message =
            format!("--exact is for real numbers, this is {}; leave it out", input.dtype());
        return Err(Failure::Usage(message));
    }
    if input.dtype().is_complex() && args.select.condition.is_some() {
        return Err(Failure::unordered(input.dtype(), "--where compares"));
    }
    // Sums of integers and bools are exact in any case.
    let statistic = total.statistic(args.exact && input.dtype().is_float());
    let asked = vec![Statistic::Count, statistic];
    let Answered { answer, seconds, took } = args.asked().answer(&input, asked)?;
    stats::check_sums(&answer)?;
    if args.json {
        let report = Report {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: &args.axis,
            exact: args.exact,
            cells: columns(total, &answer),
            seconds,
            bytes: input.byte_len(),
            report: took,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    let taking_part: f64 =
        (0..answer.cells()).map(|i| answer.columns()[0].scalar(i).to_f64()).sum();
    note(format_args!(
        "{} in {}; {} elements{}",
        input.describe(),
        describe_speed(bytes, seconds),
        grouped(taking_part as u64),
        args.select.describe(),
    ));
    print(total, &args.axis, &input, &answer, out).map_err(Failure::Output)
}

fn columns(total: Total, answer: &Answer) -> Columns<'_> {
    let [count, value] = [0, 1].map(|c| {
        let number = move |i: usize| answer.columns()[c].scalar(i);
        Value::Cells(Cells::new(answer.dims(), number))
    });
    Columns(vec![("count", count), (total.name(), value)])
}

fn print(
    total: Total,
    axes: &Axes,
    input: &Input,
    answer: &Answer,
    out: &mut dyn Write,
) -> io::Result<()> {
    let [counts, values] = answer.columns() else { return Ok(()) };
    if answer.dims().is_empty() {
        return writeln!(out, "{}", values.scalar(0));
    }
    let line = |i: usize| {
        vec![
            label(axes, input.columns.as_deref(), answer.dims(), i),
            counts.scalar(i).to_string(),
            rounded(values.scalar(i)),
        ]
    };
    let header = vec![axes.cell_name(), "count", total.name()];
    Table { header, len: answer.cells(), line: &line }.write(out, most_lines())
}

#[derive(Serialize)]
struct Report<'a> {
    file: Paths<'a>,
    dtype: &'static str,
    shape: &'a [usize],
    axis: &'a Axes,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exact: bool,
    #[serde(flatten)]
    cells: Columns<'a>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Took>,
}
