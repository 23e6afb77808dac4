//! `rowmill sum` and `rowmill mean`: one number a cell.

use std::io::{self, Write};

use rowmill_any::{Answer, Axes, Statistic};

use super::stats;
use super::told::{Report, say, write_cells};
use crate::args::TotalArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Cells, Columns, Value};
use crate::number::rounded;
use crate::table::grouped;

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
    let answered = args.asked().answer(&input, asked)?;
    let answer = &answered.answer;
    stats::check_sums(answer)?;
    if args.json {
        let entries = columns(total, args.exact, answer);
        return Report::new(&input, &answered, entries).axis(&args.axis).write(out);
    }
    let taking_part: f64 =
        (0..answer.cells()).map(|i| answer.columns()[0].scalar(i).to_f64()).sum();
    let elements = format!("; {} elements", grouped(taking_part as u64));
    say(&input, &answered, &elements, &args.select);
    print(total, &args.axis, &input, answer, out).map_err(Failure::Output)
}

fn columns(total: Total, exact: bool, answer: &Answer) -> Columns<'_> {
    let [count, value] = [0, 1].map(|c| {
        let number = move |i: usize| answer.columns()[c].scalar(i);
        Value::Cells(Cells::new(answer.dims(), number))
    });
    let exact = exact.then_some(("exact", Value::Flag(true)));
    Columns(exact.into_iter().chain([("count", count), (total.name(), value)]).collect())
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
    let numbers = |i: usize| vec![counts.scalar(i).to_string(), rounded(values.scalar(i))];
    let names = ["count", total.name()];
    write_cells(out, axes, input.columns.as_deref(), answer, &names, &numbers)
}
