//! `rowmill reduce`: any statistics by name, in one read where possible.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill_any::{Answer, Axes, Column, Statistics};

use super::output::{Report, entries, note_summary, write_cells};
use crate::args::{AxesArgs, CheckpointArgs, JobArgs};
use crate::failure::Failure;
use crate::note;
use crate::number::rounded;

pub(crate) const EXAMPLES: &str = "\
Statistics: count nan inf sum mean var std min max ptp argmin argmax prod skew kurtosis norm any
all distinct median; with options sum(exact) mean(exact) var(1) std(1) skew(unbiased)
kurtosis(unbiased) norm(1) norm(max) top_k(10) bottom_k(10) quantile(0.5,0.99)
approx_quantile(0.5) histogram(20) histogram(20,0,1) cov corr. Exact quantiles take a few extra
reads, and so does a histogram without an interval; all others share one read.

Examples:
  rowmill reduce min,max x.npy
  rowmill reduce 'mean,skew,quantile(0.5,0.99)' x.npy --axis columns --nan skip
  rowmill reduce argmax,ptp x.npy --axis rows --json
  rowmill reduce 'top_k(10)' x.npy --where 'x < 100'
  rowmill reduce distinct,norm part-*.npy --cols 0:3";

/// The arguments of `rowmill reduce`.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("files", |files| files.index(2)))]
pub(crate) struct ReduceArgs {
    /// Statistics to compute, such as min,max,'quantile(0.5,0.99)'
    #[arg(index = 1, value_name = "STATISTICS")]
    statistics: Statistics,
    #[command(flatten)]
    axes: AxesArgs,
    #[command(flatten)]
    job: JobArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
}

pub(super) fn run(args: &ReduceArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let ReduceArgs { statistics, axes, job, checkpoint } = args;
    let input = job.input.open()?;
    let options = axes.options().checkpoint(checkpoint);
    let answered = job.answer(options, &input, statistics.0.clone())?;
    let answer = &answered.answer;
    warn_missing(answer);
    let names = statistics.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if job.json {
        let report = Report::new(&input, &answered, entries(names, answer));
        return report.axis(&axes.axis).columns(&input).write(out);
    }
    note_summary(&input, &answered, "", &job.select);
    let columns = input.columns.as_deref();
    print(&axes.axis, columns, &names, answer, out).map_err(Failure::Output)
}

/// Warns on stderr about numbers that could not be computed as requested.
pub(super) fn warn_missing(answer: &Answer) {
    for column in answer.columns() {
        if let Some(missing) = column.missing() {
            note(format_args!(
                "rowmill: warning: {} of cell {}: {}",
                column.name(),
                missing.cell,
                missing.reason
            ));
        }
    }
}

/// The numbers of a cell, rounded for a table.
fn format_cell(column: &Column, cell: usize) -> String {
    column.list(cell).into_iter().map(rounded).collect::<Vec<_>>().join(" ")
}

/// Prints the answer as a table, or as plain numbers for a single statistic without axes.
pub(super) fn print(
    axes: &Axes,
    columns: Option<&[String]>,
    names: &[&str],
    answer: &Answer,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let ([only], true) = (answer.columns(), answer.dims().is_empty()) {
        let all: Vec<String> = only.list(0).iter().map(ToString::to_string).collect();
        return writeln!(out, "{}", all.join("\n"));
    }
    let numbers = |i: usize| answer.columns().iter().map(|column| format_cell(column, i)).collect();
    write_cells(out, axes, columns, answer, names, &numbers)
}
