//! Prints how fast this machine reads an array file that is mapped: the yardstick for everything
//! else, and with `--kernels` how close the kernels come to it in the same run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rowmill_core::Role;
use rowmill_exec_bench::output::{Output, cores, exit};
use rowmill_exec_bench::report::{self, Options};

/// The fastest read of a mapped array file that there is, on 1 to N threads.
///
/// Reads every byte with interleaved streams and does nothing with it. Each number
/// is a median over the runs; jobs take turns, so that a disturbance hits all alike. The file is in
/// the page cache after the warm-up, if it fits.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
        Examples:\n  \
        limit big.npy\n  \
        limit big.npy --kernels --runs 9\n  \
        limit big.npy --write . --cold\n  \
        limit big.npy --json > limit.json"
)]
struct Args {
    /// The array file: .npy, or raw with a sidecar; native byte order, C order
    file: PathBuf,
    /// Threads to go up to [default: one for each core]
    #[arg(long)]
    threads: Option<usize>,
    /// Runs of each job after the warm-up
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Time the kernels as well, on all threads, and show their share of the limit
    #[arg(long)]
    kernels: bool,
    /// Time writing a file of the same size into this folder as well; it is removed
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Time reads of the file as well when it is not in the page cache; as root, or where the
    /// system forgets a file when asked
    #[arg(long)]
    cold: bool,
    #[command(flatten)]
    output: Output,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let options = Options {
        threads: args.threads.unwrap_or_else(cores).max(1),
        runs: args.runs.max(1),
        kernels: args.kernels,
        write: args.write,
        cold: args.cold,
    };
    let outputs = args.output.plan([(Role::Input, args.file.as_path())]);
    let measured = outputs.and_then(|outputs| {
        let report = report::limit(&args.file, &options)?;
        report.remarks().for_each(|remark| eprintln!("note: {remark}"));
        args.output.give(&report, &outputs)
    });
    exit("limit", measured)
}
