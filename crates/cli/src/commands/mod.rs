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

use clap::{Parser, Subcommand};
use rowmill_any::Axes;

use crate::failure::Failure;
use crate::table::{MAX_TERMINAL_LINES, index_label, printable};
use total::Total;

/// Reduce arrays larger than memory on every core, with answers that never depend on how the work
/// was split
#[derive(Debug, Parser)]
#[command(name = "rowmill", version, max_term_width = 100, after_help = MAIN_EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const MAIN_EXAMPLES: &str = "\
Inputs are .npy files, or raw files described by a JSON sidecar (data.dat + data.dat.meta.json) or
by --dtype and --shape. Data goes to stdout, notes and progress to stderr.
Exit codes: 0 ok, 1 the job failed, 2 wrong usage, 130 interrupted, 143 terminated.
No output ever replaces an input, a mask, a sidecar or another output. An existing file is replaced
only with --overwrite, and only by a file of the same kind.

Examples:
  rowmill info x.npy
  rowmill stats x.npy
  rowmill sum x.npy --where 'x > 0.5'
  rowmill mean x.npy --axis columns --nan skip --json
  rowmill quantiles x.npy --at 0.5,0.99 --axis columns
  rowmill reduce min,max,argmax,skew x.npy
  rowmill normalize x.npy x_z.npy
  rowmill checksum x.npy && rowmill verify x.npy
  rowmill stats x.dat --dtype f32 --shape 1000000,64";

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

#[cfg(test)]
#[path = "../../tests/cli/written.rs"]
mod written;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    /// A new flag that takes a path must be added to the list behind the table of outputs.
    #[test]
    fn every_path_is_in_the_table_of_outputs() {
        let command = <Args as clap::CommandFactory>::command();
        let mut found = Vec::new();
        for command in command.get_subcommands() {
            let is_path = |arg: &&clap::Arg| {
                arg.get_value_parser().type_id() == std::any::TypeId::of::<PathBuf>()
            };
            let paths = command.get_arguments().filter(is_path);
            found
                .extend(paths.map(|arg| (command.get_name().to_owned(), arg.get_id().to_string())));
        }
        let mut listed: Vec<_> = written::PATHS
            .iter()
            .map(|(command, arg, _)| ((*command).to_owned(), (*arg).to_owned()))
            .collect();
        found.sort();
        listed.sort();
        assert_eq!(found, listed);
    }
}
