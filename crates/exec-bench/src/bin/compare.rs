//! rowmill's side of `bench/compare/run`, which starts it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rowmill_exec_bench::Result;
use rowmill_exec_bench::compare::{self, Files, Side};

/// rowmill's side of bench/compare/run: jobs named on stdin are timed and answered on stdout.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the float32 array that all jobs are done on
    Make {
        /// The file
        file: PathBuf,
        #[arg(long, default_value_t = 1_000_000)]
        rows: usize,
        #[arg(long, default_value_t = 1000)]
        columns: usize,
    },
    /// Read and write, and compute nothing
    Limit(Paths),
    /// Do the jobs with rowmill
    Rowmill(Paths),
}

#[derive(Debug, clap::Args)]
struct Paths {
    /// The array
    file: PathBuf,
    /// Where jobs write, an array that each replaces
    output: PathBuf,
    /// The numbers of the rows to gather
    rows: PathBuf,
}

fn run(action: Action) -> Result<()> {
    let (side, Paths { file: array, output, rows }) = match action {
        Action::Make { file, rows, columns } => return compare::make(&file, rows, columns),
        Action::Limit(paths) => (Side::Limit, paths),
        Action::Rowmill(paths) => (Side::Rowmill, paths),
    };
    let files = Files { array, output, rows };
    compare::serve(side, &files, std::io::stdin().lock(), std::io::stdout().lock())
}

fn main() -> ExitCode {
    match run(Args::parse().action) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
