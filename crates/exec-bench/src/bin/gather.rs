//! Prints how long random rows of an array file take.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rowmill_core::Backend;
use rowmill_exec::RowOrder;
use rowmill_exec_bench::gather::{To, gather};

/// Times random rows of an array file, and sums of the file after that.
///
/// There is no warm-up: drop the page cache beforehand to see cold rows in the first run. The sums
/// show whether the rows spoiled the page cache: compare the last with those of a file that was
/// only scanned.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
        Examples:\n  \
        gather big.npy --rows 200000\n  \
        gather big.npy --rows 20000 --runs 1 --sums 3\n  \
        gather big.npy --to batches"
)]
struct Args {
    /// The array file
    file: PathBuf,
    /// How many rows
    #[arg(long, default_value_t = 20_000)]
    rows: usize,
    /// Read in this order
    #[arg(long, value_enum, default_value = "auto")]
    order: Order,
    /// Where the rows go
    #[arg(long, value_enum, default_value = "collect")]
    to: Place,
    /// Read instead of mapping
    #[arg(long)]
    positioned: bool,
    /// Runs
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Sums of the whole file afterwards
    #[arg(long, default_value_t = 0)]
    sums: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Auto,
    Given,
    Sorted,
    Window,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Place {
    Collect,
    ReadInto,
    Batches,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let order = match args.order {
        Order::Auto => RowOrder::Auto,
        Order::Given => RowOrder::AsGiven,
        Order::Sorted => RowOrder::Sorted,
        Order::Window => RowOrder::Window(4096),
    };
    let to = match args.to {
        Place::Collect => To::Collect,
        Place::ReadInto => To::ReadInto,
        Place::Batches => To::Batches(256),
    };
    let backend = if args.positioned { Backend::Positioned } else { Backend::Mapped };
    match gather(&args.file, backend, (args.rows, order, to), args.runs, args.sums) {
        Ok(samples) => {
            for samples in samples.iter().filter(|s| !s.seconds.is_empty()) {
                let each: Vec<String> = samples.seconds.iter().map(|s| format!("{s:.4}")).collect();
                println!(
                    "{:<10} median {:.4} s  of {}",
                    samples.name,
                    samples.median(),
                    each.join(" ")
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("gather: {error}");
            ExitCode::FAILURE
        }
    }
}
