//! `rowmill quantiles`

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill_any::{Answer, Statistic};

use super::output::{Report, note_summary, write_cells};
use crate::args::{AxesArgs, JobArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Entries, Value};
use crate::number::rounded;
use crate::values::Fractions;

pub(super) const EXAMPLES: &str = "\
Between two elements, numpy's `linear` method interpolates. Arrays that fit in memory take one
read, larger ones usually two or three.

Examples:
  rowmill quantiles x.npy                        the quartiles
  rowmill quantiles x.npy --at 0.5,0.99 --axis columns --nan skip
  rowmill quantiles x.npy --at 0.5 --axis rows --json";

/// The arguments of `rowmill quantiles`.
#[derive(Debug, ClapArgs)]
pub(crate) struct QuantilesArgs {
    /// Quantiles to compute, from 0 to 1; 0.5 is the median
    #[arg(
        long,
        value_name = "LIST",
        default_value = "0.25,0.5,0.75",
        allow_negative_numbers = true
    )]
    at: Fractions,
    #[command(flatten)]
    axes: AxesArgs,
    #[command(flatten)]
    job: JobArgs,
}

pub(super) fn run(args: &QuantilesArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let QuantilesArgs { at, axes, job } = args;
    let input = job.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "quantiles need an order"));
    }
    let statistics = vec![Statistic::Quantile(at.0.clone())];
    let answered = job.answer(axes.options(), &input, statistics)?;
    let answer = &answered.answer;
    if job.json {
        let entries = vec![
            ("at", Value::Floats(&at.0)),
            // numpy puts the quantile axis first; here it comes last.
            ("quantiles", Value::Nested(answer.columns()[0].nested(answer.dims()))),
        ];
        let report = Report::new(&input, &answered, Entries(entries));
        return report.axis(&axes.axis).write(out);
    }
    note_summary(&input, &answered, "", &job.select);
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
    write_cells(out, &args.axes.axis, input.columns.as_deref(), answer, &names, &numbers)
}
