//! `rowmill quantiles`

use std::io::{self, Write};

use rowmill_any::{Answer, Statistic};

use super::told::{Report, say, write_cells};
use crate::args::QuantilesArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Cells, Columns, Value};
use crate::number::rounded;

pub(super) fn run(args: &QuantilesArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "quantiles need an order"));
    }
    let asked = vec![Statistic::Quantile(args.at.0.clone())];
    let answered = args.asked().answer(&input, asked)?;
    let answer = &answered.answer;
    if args.json {
        let entries = vec![
            ("at", Value::Floats(&args.at.0)),
            ("quantiles", Value::Cells(of_cells(args, answer))),
        ];
        let report = Report::new(&input, &answered, Columns(entries));
        return report.axis(&args.axis).write(out);
    }
    say(&input, &answered, "", &args.select);
    print(args, &input, answer, out).map_err(Failure::Output)
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
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let numbers = |cell: usize| answer.columns()[0].list(cell).into_iter().map(rounded).collect();
    write_cells(out, &args.axis, input.columns.as_deref(), answer, &names, &numbers)
}
