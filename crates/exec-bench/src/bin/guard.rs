//! Prints what the SIGBUS guard costs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rowmill_exec_bench::guard::guard;
use rowmill_exec_bench::measure::median;

/// Times warm scans of an array file with and without the SIGBUS guard, in turns. A ratio of 1 is
/// as fast, below 1 is slower.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  guard big.npy\n  guard big.npy --workers 1 --runs 41"
)]
struct Args {
    /// The array file
    file: PathBuf,
    /// Worker threads [default: one for each core]
    #[arg(long)]
    workers: Option<usize>,
    /// Rounds
    #[arg(long, default_value_t = 21)]
    runs: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match guard(&args.file, args.workers, args.runs.max(1)) {
        Ok(samples) => {
            for pair in samples.chunks_exact(2) {
                let [bare, guarded] = pair else { continue };
                for samples in pair {
                    println!(
                        "{:<16} median {:.4} s  best {:.4} s  spread {:.3}",
                        samples.name,
                        samples.median(),
                        samples.best(),
                        samples.spread()
                    );
                }
                println!(
                    "{:<16} median of {} rounds {:.4}  of the best {:.4}",
                    "  ratio",
                    bare.seconds.len(),
                    median(&guarded.ratios(bare)),
                    bare.best() / guarded.best()
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("guard: {error}");
            ExitCode::FAILURE
        }
    }
}
