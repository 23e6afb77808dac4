//! `rowmill quantiles`

use std::io::{self, Write};

use rowmill_any::{Answer, Axes, Statistic};
use serde::Serialize;

use super::{label, most_lines};
use crate::args::QuantilesArgs;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Cells, Paths};
use crate::note;
use crate::number::rounded;
use crate::reduce::Answered;
use crate::report::Took;
use crate::table::{Table, write_list};

pub(super) fn run(args: &QuantilesArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "quantiles need an order"));
    }
    let asked = vec![Statistic::Quantile(args.at.0.clone())];
    let Answered { answer, seconds, took } = args.asked().answer(&input, asked)?;
    if args.json {
        let report = Report {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: &args.axis,
            at: &args.at.0,
            quantiles: of_cells(args, &answer),
            seconds,
            bytes: input.byte_len(),
            report: took,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    note(format_args!(
        "{} in {}{}",
        input.describe(),
        describe_speed(input.byte_len() as u64, seconds),
        args.select.describe(),
    ));
    print(args, &input, &answer, out).map_err(Failure::Output)
}

/// numpy puts the quantiles first; here those of a cell are together.
fn of_cells<'a>(args: &QuantilesArgs, answer: &'a Answer) -> Cells<'a> {
    let at = args.at.0.len();
    let mut dims = answer.dims().to_vec();
    dims.push(at);
    let values = answer.columns()[0].values();
    Cells::new(dims, move |i| values.get(i))
}

fn print(
    args: &QuantilesArgs,
    input: &Input,
    answer: &Answer,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names: Vec<String> = args.at.0.iter().map(f64::to_string).collect();
    let numbers = |cell: usize| answer.columns()[0].list(cell).into_iter().map(rounded);
    if answer.dims().is_empty() {
        let list: Vec<_> = names.iter().map(String::as_str).zip(numbers(0)).collect();
        return write_list(out, &list);
    }
    let line = |i: usize| {
        let mut line = vec![label(&args.axis, input.columns.as_deref(), answer.dims(), i)];
        line.extend(numbers(i));
        line
    };
    let mut header = vec![args.axis.cell_name()];
    header.extend(names.iter().map(String::as_str));
    Table { header, len: answer.cells(), line: &line }.write(out, most_lines())
}

#[derive(Serialize)]
struct Report<'a> {
    file: Paths<'a>,
    dtype: &'static str,
    shape: &'a [usize],
    axis: &'a Axes,
    at: &'a [f64],
    quantiles: Cells<'a>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Took>,
}
