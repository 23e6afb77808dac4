//! `rowmill sum` and `rowmill mean`: one number per cell.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill_any::{Answer, Axes, Statistic};

use super::output::{Report, note_summary, write_cells};
use super::stats;
use crate::args::{AxesArgs, CheckpointArgs, JobArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Entries, Value};
use crate::number::rounded;
use crate::table::grouped;

pub(super) const SUM_EXAMPLES: &str = "\
Examples:
  rowmill sum x.npy
  rowmill sum x.npy --where '-1 <= x'
  rowmill mean weather.npy --axis columns --where 'temp > 50 and wind_gust > 0'
  rowmill sum x.npy --axis columns --nan skip
  rowmill sum x.npy --axis 0,2                 over axes 0 and 2, like numpy's axis=(0, 2)
  rowmill sum x.npy --exact                    rounded only once
  rowmill sum x.npy --mask keep.npy --json
  rowmill sum part-*.npy                       many files as one array
  rowmill sum x.npy --rows -1000: --cols temp,2:5
  rowmill sum x.npy --box 500:600,0:20
  rowmill sum x.dat --dtype f32 --shape 1000000,64";

pub(super) const MEAN_EXAMPLES: &str = "\
Examples:
  rowmill mean x.npy
  rowmill mean x.npy --axis columns --nan skip
  rowmill mean x.npy --where 'x > 0.5' --json
  rowmill mean x.npy --mask keep.npy";

/// The arguments of sum and mean.
#[derive(Debug, ClapArgs)]
pub(crate) struct TotalArgs {
    #[command(flatten)]
    axes: AxesArgs,
    /// Round only once, despite cancellation (sums of integers are exact anyway)
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    job: JobArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
}

/// The number computed for each cell.
#[derive(Clone, Copy)]
pub(super) enum Total {
    Sum,
    Mean,
}

impl Total {
    /// The name of the command, and the key in the JSON object.
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
    let TotalArgs { axes, exact, job, checkpoint } = args;
    let input = job.input.open()?;
    if input.dtype().is_complex() && *exact {
        let message =
            format!("--exact is for real numbers, this is {}; leave it out", input.dtype());
        return Err(Failure::Usage(message));
    }
    if input.dtype().is_complex() && job.select.condition.is_some() {
        return Err(Failure::unordered(input.dtype(), "--where compares"));
    }
    // Sums of integers and bools are always exact.
    let statistic = total.statistic(*exact && input.dtype().is_float());
    let statistics = vec![Statistic::Count, statistic];
    let answered = job.answer(axes.options().checkpoint(checkpoint), &input, statistics)?;
    let answer = &answered.answer;
    stats::check_sums(answer)?;
    if job.json {
        let entries = columns(total, *exact, answer);
        return Report::new(&input, &answered, entries).axis(&axes.axis).write(out);
    }
    let taking_part: f64 =
        (0..answer.cells()).map(|i| answer.columns()[0].scalar(i).to_f64()).sum();
    let elements = format!("; {} elements", grouped(taking_part as u64));
    note_summary(&input, &answered, &elements, &job.select);
    print(total, &axes.axis, &input, answer, out).map_err(Failure::Output)
}

fn columns(total: Total, exact: bool, answer: &Answer) -> Entries<'_> {
    let [count, value] = [0, 1].map(|c| Value::Nested(answer.columns()[c].nested(answer.dims())));
    let exact = exact.then_some(("exact", Value::Flag(true)));
    Entries(exact.into_iter().chain([("count", count), (total.name(), value)]).collect())
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
