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

use clap::Subcommand;
use rowmill_any::Axes;

use crate::failure::Failure;
use crate::table::{MOST_ON_A_TERMINAL, clean, index_label};
use total::Total;

/// What is done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What an array file holds: dtype, shape, order, size, column names. Reads no data
    #[command(after_help = info::EXAMPLES)]
    Info(info::InfoArgs),
    /// What an unknown array is like: of each column count, NaN, zeros, mean, quartiles, a histogram
    #[command(after_help = describe::EXAMPLES)]
    Describe(describe::DescribeArgs),
    /// Count, NaN, mean, standard deviation, minimum, maximum and sum, in one read; NaN are skipped
    #[command(after_help = stats::EXAMPLES)]
    Stats(stats::StatsArgs),
    /// The sum: exact for integers, accumulated in float64 for floats
    #[command(after_help = total::SUM_EXAMPLES)]
    Sum(total::TotalArgs),
    /// The mean, in float64
    #[command(after_help = total::MEAN_EXAMPLES)]
    Mean(total::TotalArgs),
    /// The median and other quantiles, exact, in a few reads and little memory
    #[command(after_help = quantiles::EXAMPLES)]
    Quantiles(quantiles::QuantilesArgs),
    /// Any statistics by name: min, argmax, skew, norm, top_k(10), quantile(0.5), ...
    #[command(after_help = reduce::EXAMPLES)]
    Reduce(reduce::ReduceArgs),
    /// Counts of even bins
    #[command(after_help = histogram::EXAMPLES)]
    Histogram(histogram::HistogramArgs),
    /// The covariance of every two columns
    #[command(after_help = matrix::COV_EXAMPLES)]
    Cov(matrix::CovArgs),
    /// The correlation of every two columns
    #[command(after_help = matrix::CORR_EXAMPLES)]
    Corr(matrix::MatrixArgs),
    /// What stats makes of some rows, kept in a file: merged with that of the others, it gives the bits of
    /// a single run
    #[command(after_help = partial::PARTIAL_EXAMPLES)]
    Partial(partial::PartialArgs),
    /// Take partials together, and print the statistics when all rows are there
    #[command(after_help = partial::MERGE_EXAMPLES)]
    Merge(partial::MergeArgs),
    /// Write a normalized copy: zero mean and unit variance, or a fixed range
    #[command(after_help = normalize::EXAMPLES)]
    Normalize(normalize::NormalizeArgs),
    /// Make checksums of the rows and keep them in the sidecar
    #[command(after_help = verify::CHECKSUM_EXAMPLES)]
    Checksum(verify::IntegrityArgs),
    /// Compare the rows with the checksums of the sidecar; prints the rows that are damaged
    #[command(after_help = verify::VERIFY_EXAMPLES)]
    Verify(verify::IntegrityArgs),
    /// Append the rows of other arrays to a file, all of them or none, and durably
    #[command(after_help = append::EXAMPLES)]
    Append(append::AppendArgs),
    /// Remove the unfinished files that a crash left behind; those that somebody is writing stay
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

/// The label of a cell: the name of its column, or its index.
fn label(axes: &Axes, columns: Option<&[String]>, dims: &[usize], cell: usize) -> String {
    let names = columns.filter(|_| axes.keeps_columns());
    match names.and_then(|names| names.get(cell)) {
        Some(name) => clean(name).into_owned(),
        None => index_label(dims, cell),
    }
}
