//! `rowmill stats`

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill_any::{Answer, Axes, Statistic};

use super::output::{Report, entries, note_summary, write_cells};
use crate::args::{AxesArgs, CheckpointArgs, JobArgs};
use crate::failure::Failure;
use crate::number::{Number, rounded};

pub(super) const EXAMPLES: &str = "\
Examples:
  rowmill stats x.npy                          one line for each column
  rowmill stats x.npy --axis all               one answer for the whole array
  rowmill stats x.npy --axis -1 --keepdims     over the last axis, kept with length 1
  rowmill stats x.npy --where 'x > 0'          only positive elements
  rowmill stats x.npy --mask keep.npy --json   only rows or elements marked in keep.npy
  rowmill stats x.npy --nan propagate          NaN for each column that contains one
  rowmill stats x.npy --memory-ceiling 256MiB --report";

/// The arguments of `rowmill stats`.
#[derive(Debug, ClapArgs)]
#[command(
    mut_arg("axis", |axis| axis.default_value("columns")),
    mut_arg("nan", |nan| {
        nan.help("Let a NaN make the answer NaN, skip and count it, or fail")
            .default_value("skip")
    })
)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    axes: AxesArgs,
    /// Delta degrees of freedom: the variance is divided by count - N
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    ddof: u64,
    #[command(flatten)]
    job: JobArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
}

/// The statistics, in the order of the JSON object.
pub(super) const NAMES: [&str; 9] =
    ["count", "nan", "inf", "sum", "mean", "std", "var", "min", "max"];

/// The statistics, in the order of the table.
const TABLE: [&str; 8] = ["count", "nan", "inf", "mean", "std", "min", "max", "sum"];

/// The statistics of [`NAMES`], with these delta degrees of freedom.
pub(super) fn statistics(ddof: u64) -> Vec<Statistic> {
    use Statistic::{Count, Inf, Max, Mean, Min, Nan, Std, Sum, Var};
    vec![Count, Nan, Inf, Sum, Mean, Std(ddof), Var(ddof), Min, Max]
}

pub(super) fn run(args: &StatsArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let StatsArgs { axes, ddof, job, checkpoint } = args;
    let input = job.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "stats looks for minima and maxima"));
    }
    let answered = job.answer(axes.options().checkpoint(checkpoint), &input, statistics(*ddof))?;
    let answer = &answered.answer;
    check_sums(answer)?;
    if job.json {
        let report = Report::new(&input, &answered, entries(NAMES, answer));
        return report.axis(&axes.axis).columns(&input).write(out);
    }
    note_summary(&input, &answered, "", &job.select);
    print(&axes.axis, input.columns.as_deref(), answer, out).map_err(Failure::Output)
}

/// Fails if a sum of integers does not fit its type.
pub(super) fn check_sums(answer: &Answer) -> Result<(), Failure> {
    match answer.column("sum").and_then(|sum| sum.missing()) {
        Some(missing) => Err(Failure::Found(format!(
            "{}\nhint: `rowmill mean` has no such limit",
            missing.reason
        ))),
        None => Ok(()),
    }
}

/// The number of a cell, by statistic.
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
    let names = if answer.dims().is_empty() {
        NAMES.to_vec()
    } else {
        // Infinities are rare, so their column is shown only if there are any.
        let any_inf = (0..answer.cells()).any(|i| number(answer, "inf", i) != Number::Unsigned(0));
        TABLE.into_iter().filter(|&name| name != "inf" || any_inf).collect()
    };
    let numbers = |i: usize| names.iter().map(|name| rounded(number(answer, name, i))).collect();
    write_cells(out, axes, columns, answer, &names, &numbers)
}
