//! The commands, one file each.

mod append;
mod clean;
mod describe;
mod histogram;
mod info;
mod matrix;
mod normalize;
mod output;
mod partial;
mod quantiles;
mod reduce;
mod stats;
mod total;
mod verify;

use std::io::{IsTerminal, Write};

use clap::Subcommand;
use rowmill_any::Axes;

use crate::failure::Failure;
use crate::table::{MAX_TERMINAL_LINES, index_label, printable};
use total::Total;

/// The command to run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what an array file contains: dtype, shape, order, size, column names. Reads no data
    #[command(after_help = info::EXAMPLES)]
    Info(info::InfoArgs),
    /// Summarize an unknown array: for each column count, NaN, zeros, mean, quartiles, a histogram
    #[command(after_help = describe::EXAMPLES)]
    Describe(describe::DescribeArgs),
    /// Compute count, NaN, mean, standard deviation, minimum, maximum and sum, in one read; NaN is
    /// skipped
    #[command(after_help = stats::EXAMPLES)]
    Stats(stats::StatsArgs),
    /// Compute the sum: exact for integers, accumulated in float64 for floats
    #[command(after_help = total::SUM_EXAMPLES)]
    Sum(total::TotalArgs),
    /// Compute the mean, in float64
    #[command(after_help = total::MEAN_EXAMPLES)]
    Mean(total::TotalArgs),
    /// Compute the median and other quantiles, exactly, in a few reads and little memory
    #[command(after_help = quantiles::EXAMPLES)]
    Quantiles(quantiles::QuantilesArgs),
    /// Compute any statistics by name: min, argmax, skew, norm, top_k(10), quantile(0.5), ...
    #[command(after_help = reduce::EXAMPLES)]
    Reduce(reduce::ReduceArgs),
    /// Count elements in equal-width bins
    #[command(after_help = histogram::EXAMPLES)]
    Histogram(histogram::HistogramArgs),
    /// Compute the covariance of each pair of columns
    #[command(after_help = matrix::COV_EXAMPLES)]
    Cov(matrix::CovArgs),
    /// Compute the correlation of each pair of columns
    #[command(after_help = matrix::CORR_EXAMPLES)]
    Corr(matrix::MatrixArgs),
    /// Save the statistics of some rows to a file. Merged with those of the other rows, they give
    /// the bits of a single run
    #[command(after_help = partial::PARTIAL_EXAMPLES)]
    Partial(partial::PartialArgs),
    /// Merge partials, and print the statistics once all rows are covered
    #[command(after_help = partial::MERGE_EXAMPLES)]
    Merge(partial::MergeArgs),
    /// Write a normalized copy: zero mean and unit variance, or a fixed range
    #[command(after_help = normalize::EXAMPLES)]
    Normalize(normalize::NormalizeArgs),
    /// Compute checksums of the rows and store them in the sidecar
    #[command(after_help = verify::CHECKSUM_EXAMPLES)]
    Checksum(verify::IntegrityArgs),
    /// Compare the rows with the checksums in the sidecar, and print damaged rows
    #[command(after_help = verify::VERIFY_EXAMPLES)]
    Verify(verify::IntegrityArgs),
    /// Append the rows of other arrays to a file: durably, and all of them or none
    #[command(after_help = append::EXAMPLES)]
    Append(append::AppendArgs),
    /// Remove unfinished files left by a crash; files still being written are kept
    #[command(after_help = clean::EXAMPLES)]
    Clean(clean::CleanArgs),
}

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
        Command::Partial(args) => partial::run(args, out),
        Command::Merge(args) => partial::merge(args, out),
        Command::Checksum(args) => verify::checksum(args, out),
        Command::Verify(args) => verify::verify(args, out),
        Command::Append(args) => append::run(args, out),
        Command::Clean(args) => clean::run(args, out),
    }
}

/// The number of table lines to show: limited on a terminal, else all.
fn max_lines() -> usize {
    if std::io::stdout().is_terminal() { MAX_TERMINAL_LINES } else { usize::MAX }
}

/// The label of a cell: its column name, or its index.
fn label(axes: &Axes, columns: Option<&[String]>, dims: &[usize], cell: usize) -> String {
    let names = columns.filter(|_| axes.keeps_columns());
    match names.and_then(|names| names.get(cell)) {
        Some(name) => printable(name).into_owned(),
        None => index_label(dims, cell),
    }
}
