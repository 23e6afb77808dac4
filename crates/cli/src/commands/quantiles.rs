//! `rowmill quantiles`

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill_any::{Answer, Axes, Statistic};

use super::told::{Report, say, write_cells};
use crate::args::{EngineArgs, InputsArgs, SelectArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Columns, Value};
use crate::number::rounded;
use crate::reduce::Asked;
use crate::values::{Fractions, Nan};

pub(super) const EXAMPLES: &str = "\
Between two elements numpy's method `linear` counts. One read for what fits in memory, mostly two or three
for what does not.

Examples:
  rowmill quantiles x.npy                        the quartiles
  rowmill quantiles x.npy --at 0.5,0.99 --axis columns --nan skip
  rowmill quantiles x.npy --at 0.5 --axis rows --json";

/// The arguments of `rowmill quantiles`.
#[derive(Debug, ClapArgs)]
pub(crate) struct QuantilesArgs {
    /// Which quantiles, from 0 to 1; 0.5 is the median
    #[arg(
        long,
        value_name = "LIST",
        default_value = "0.25,0.5,0.75",
        allow_negative_numbers = true
    )]
    at: Fractions,
    /// One answer for all, for each of the columns, or of the rows; or the axes to reduce: 0,2 or -1
    #[arg(long, value_name = "AXES", default_value = "all", allow_hyphen_values = true)]
    axis: Axes,
    /// Axes that are reduced stay in the shape of the answer, with length 1
    #[arg(long)]
    keepdims: bool,
    /// A NaN makes the answer NaN, is left out, or ends the job
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Nan::Propagate)]
    nan: Nan,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    input: InputsArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

impl QuantilesArgs {
    fn asked(&self) -> Asked<'_> {
        Asked {
            axes: &self.axis,
            keepdims: self.keepdims,
            nan: self.nan,
            select: &self.select,
            reading: &self.input.reading,
            engine: &self.engine,
            checkpoint: None,
        }
    }
}

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
            // numpy puts the quantiles first; here those of a cell are together.
            ("quantiles", Value::Nested(answer.columns()[0].nested(answer.dims()))),
        ];
        let report = Report::new(&input, &answered, Columns(entries));
        return report.axis(&args.axis).write(out);
    }
    say(&input, &answered, "", &args.select);
    print(args, &input, answer, out).map_err(Failure::Output)
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
