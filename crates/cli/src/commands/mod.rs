//! The commands, one a file.

mod append;
mod clean;
mod describe;
mod histogram;
mod info;
mod matrix;
mod normalize;
mod partial;
mod quantiles;
mod reduce;
mod stats;
mod told;
mod total;
mod verify;

use std::io::{IsTerminal, Write};

use rowmill_any::Axes;

use crate::args::Command;
use crate::failure::Failure;
use crate::table::{MOST_ON_A_TERMINAL, clean, index_label};
pub(crate) use histogram::{EXAMPLES as HISTOGRAM_EXAMPLES, HistogramArgs};
pub(crate) use matrix::{CORR_EXAMPLES, COV_EXAMPLES, CovArgs, MatrixArgs};
pub(crate) use reduce::{EXAMPLES as REDUCE_EXAMPLES, ReduceArgs};
use total::Total;

pub(crate) fn run(command: &Command, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        Command::Info(args) => info::run(args, out),
        Command::Describe(args) => describe::run(args, out),
        Command::Stats(args) => stats::run(args, out),
        Command::Sum(args) => total::run(Total::Sum, args, out),
        Command::Mean(args) => total::run(Total::Mean, args, out),
        Command::Normalize(args) => normalize::run(args, out),
        Command::Quantiles(args) => quantiles::run(args, out),
        Command::Reduce(args) => reduce::run(args, out),
        Command::Histogram(args) => histogram::run(args, out),
        Command::Cov(args) => matrix::cov(args, out),
        Command::Corr(args) => matrix::corr(args, out),
        Command::Partial(args) => partial::make(args, out),
        Command::Merge(args) => partial::merge(args, out),
        Command::Checksum(args) => verify::make(args, out),
        Command::Verify(args) => verify::run(args, out),
        Command::Append(args) => append::run(args, out),
        Command::Clean(args) => clean::run(args, out),
    }
}

/// The lines of a table that are worth showing: on a terminal not too many, else all.
fn most_lines() -> usize {
    if std::io::stdout().is_terminal() { MOST_ON_A_TERMINAL } else { usize::MAX }
}

/// What a cell is called: the name of its column, or its index.
fn label(axes: &Axes, columns: Option<&[String]>, dims: &[usize], cell: usize) -> String {
    let names = columns.filter(|_| axes.keeps_columns());
    match names.and_then(|names| names.get(cell)) {
        Some(name) => clean(name).into_owned(),
        None => index_label(dims, cell),
    }
}
