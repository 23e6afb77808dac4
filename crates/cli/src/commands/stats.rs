//! `rowmill stats`

use std::io::{self, Write};

use rowmill_any::{Answer, Axes, Column, Statistic};
use serde::Serialize;

use super::{label, most_lines};
use crate::args::StatsArgs;
use crate::failure::Failure;
use crate::input::describe_speed;
use crate::json::{self, Cells, Columns, Paths, Value};
use crate::note;
use crate::number::{Number, rounded};
use crate::reduce::Answered;
use crate::report::Took;
use crate::table::{Table, write_list};

/// In the order of the JSON object.
pub(super) const NAMES: [&str; 9] =
    ["count", "nan", "inf", "sum", "mean", "std", "var", "min", "max"];

/// In the order of the table.
const TABLE: [&str; 8] = ["count", "nan", "inf", "mean", "std", "min", "max", "sum"];

/// The statistics of [`NAMES`], with these delta degrees of freedom.
pub(super) fn statistics(ddof: u64) -> Vec<Statistic> {
    use Statistic::{Count, Inf, Max, Mean, Min, Nan, Std, Sum, Var};
    vec![Count, Nan, Inf, Sum, Mean, Std(ddof), Var(ddof), Min, Max]
}

pub(super) fn run(args: &StatsArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "stats looks for minima and maxima"));
    }
    let Answered { answer, seconds, took } = args.asked().answer(&input, statistics(args.ddof))?;
    check_sums(&answer)?;
    if args.json {
        let report = Report {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: &args.axis,
            columns: input.columns.as_deref(),
            statistics: columns(&answer),
            seconds,
            bytes: input.byte_len(),
            report: took,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    note(format_args!(
        "{} in {}{}",
        input.describe(),
        describe_speed(bytes, seconds),
        args.select.describe(),
    ));
    print(&args.axis, input.columns.as_deref(), &answer, out).map_err(Failure::Output)
}

/// A sum of integers that does not fit its type ends the command.
pub(super) fn check_sums(answer: &Answer) -> Result<(), Failure> {
    match answer.column("sum").and_then(|sum| sum.missing()) {
        Some(missing) => Err(Failure::Found(format!(
            "{}\nhint: `rowmill mean` has no such limit",
            missing.reason
        ))),
        None => Ok(()),
    }
}

/// The statistics of an answer by their names.
pub(super) fn columns<'a>(answer: &'a Answer) -> Columns<'a> {
    let of_name = |(name, column): (&&'static str, &'a Column)| {
        (*name, Value::Cells(Cells::new(answer.dims(), move |i| column.scalar(i))))
    };
    Columns(NAMES.iter().zip(answer.columns()).map(of_name).collect())
}

/// The number of a cell that goes by this name.
fn number(answer: &Answer, name: &str, cell: usize) -> Number {
    let place = NAMES.iter().position(|n| *n == name);
    place.and_then(|i| answer.columns().get(i)).map_or(Number::Missing, |c| c.scalar(cell))
}

pub(super) fn print(
    axes: &Axes,
    columns: Option<&[String]>,
    answer: &Answer,
    out: &mut dyn Write,
) -> io::Result<()> {
    if answer.dims().is_empty() {
        let list = NAMES.map(|name| (name, rounded(number(answer, name, 0))));
        return write_list(out, &list);
    }
    // Infinities are rare: they have a column when there are any.
    let any_inf = (0..answer.cells()).any(|i| number(answer, "inf", i) != Number::Unsigned(0));
    let shown: Vec<&str> = TABLE.into_iter().filter(|&name| name != "inf" || any_inf).collect();
    let line = |i: usize| {
        let mut line = vec![label(axes, columns, answer.dims(), i)];
        line.extend(shown.iter().map(|name| rounded(number(answer, name, i))));
        line
    };
    let mut header = vec![axes.cell_name()];
    header.extend(&shown);
    Table { header, len: answer.cells(), line: &line }.write(out, most_lines())
}

#[derive(Serialize)]
struct Report<'a> {
    file: Paths<'a>,
    dtype: &'static str,
    shape: &'a [usize],
    axis: &'a Axes,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(flatten)]
    statistics: Columns<'a>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Took>,
}
