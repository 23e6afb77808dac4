//! `rowmill cov` and `rowmill corr`: all pairs of columns.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use rowmill_any::{Answer, Axes, Statistic};

use super::output::{Report, note_summary};
use super::{label, max_lines};
use crate::args::JobArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::json::{Entries, Value};
use crate::number::rounded;
use crate::reduce::ReduceOptions;
use crate::table::Table;

pub(crate) const COV_EXAMPLES: &str = "\
A row with any skipped element is skipped as a whole. By default, sums are divided by the number
of rows; numpy's cov corresponds to --ddof 1.

Examples:
  rowmill cov x.npy
  rowmill cov x.npy --ddof 1 --nan skip --json
  rowmill cov x.npy --cols temp,dewp,humid --where 'temp > 50'";

pub(crate) const CORR_EXAMPLES: &str = "\
Pearson's correlation, from -1 to 1; NaN if a column is constant. A row with any skipped element
is skipped as a whole.

Examples:
  rowmill corr x.npy
  rowmill corr x.npy --nan skip --json
  rowmill corr x.npy --cols temp,dewp,humid";

/// The arguments of `rowmill cov`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CovArgs {
    /// Delta degrees of freedom: sums are divided by count - N
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    ddof: u64,
    #[command(flatten)]
    matrix: MatrixArgs,
}

/// The arguments of `rowmill corr`, which `rowmill cov` shares.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("nan", |nan| {
    nan.help("Let a NaN make all pairs with its column NaN, skip its row, or fail")
}))]
pub(crate) struct MatrixArgs {
    #[command(flatten)]
    job: JobArgs,
}

pub(super) fn cov(args: &CovArgs, out: &mut dyn Write) -> Result<(), Failure> {
    run("cov", Statistic::Cov(args.ddof), &args.matrix, out)
}

pub(super) fn corr(args: &MatrixArgs, out: &mut dyn Write) -> Result<(), Failure> {
    run("corr", Statistic::Corr, args, out)
}

fn run(
    name: &'static str,
    statistic: Statistic,
    MatrixArgs { job }: &MatrixArgs,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let input = job.input.open()?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "covariances are of real numbers"));
    }
    let answered = job.answer(ReduceOptions::axes(&Axes::All), &input, vec![statistic])?;
    let answer = &answered.answer;
    let columns = input.shape.row_len();
    if job.json {
        let values = answer.columns()[0].values();
        let matrix = Value::Nested(values.nested([columns, columns]));
        let report = Report::new(&input, &answered, Entries(vec![(name, matrix)]));
        return report.columns(&input).write(out);
    }
    note_summary(&input, &answered, "", &job.select);
    print(&input, answer, out).map_err(Failure::Output)
}

fn print(input: &Input, answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let columns = input.shape.row_len();
    let values = answer.columns()[0].values();
    let name =
        |i: usize| label(&Axes::Columns, input.columns.as_deref(), input.shape.row_dims(), i);
    let names: Vec<String> = (0..columns).map(name).collect();
    let line = |i: usize| {
        let row = (0..columns).map(|j| rounded(values.get(i * columns + j)));
        std::iter::once(names[i].clone()).chain(row).collect()
    };
    let mut header = vec![Axes::Columns.cell_name()];
    header.extend(names.iter().map(String::as_str));
    Table { header, len: columns, line: &line }.write(out, max_lines())
}
