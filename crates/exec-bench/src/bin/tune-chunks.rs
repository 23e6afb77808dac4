//! Finds the chunk size, the number of workers and the backend that suit an array file on this machine.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rowmill_exec_bench::tune::{self, Job};

/// The chunk size, the number of workers and the backend that are the fastest for this file on this
/// machine: searched from coarse to fine, then proved against the default in turns.
///
/// A pick is kept only if it beats the default beyond noise. It changes speed only, never an answer.
#[derive(Debug, Parser)]
#[command(
    version,
    name = "tune-chunks",
    max_term_width = 100,
    after_help = "With --save the pick is kept in FILE.tuned.json (or in the cache folder of the user, where that\ncannot be written), bound to the file, the machine and the release; `rowmill` and\n`Engine::builder().tuned_for(file)` use it.\n\nExamples:\n  tune-chunks big.npy\n  tune-chunks big.npy --job stats --budget 60 --save\n  tune-chunks big.npy --json > tuned.json"
)]
struct Args {
    /// The array file
    file: PathBuf,
    /// What is run
    #[arg(long, value_enum, default_value = "sum")]
    job: What,
    /// Seconds that it may take, about
    #[arg(long, default_value_t = 30.0, value_parser = parse_budget)]
    budget: f64,
    /// Keep the pick, if there is one
    #[arg(long)]
    save: bool,
    /// Print JSON with every sample
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    Sum,
    Stats,
    Normalize,
    Mix,
}

impl From<What> for Job {
    fn from(what: What) -> Self {
        match what {
            What::Sum => Self::Sum,
            What::Stats => Self::Stats,
            What::Normalize => Self::Normalize,
            What::Mix => Self::Mix,
        }
    }
}

fn parse_budget(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|s| (0.01..=86_400.0).contains(s));
    seconds.ok_or_else(|| "expected seconds, such as 30".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tune-chunks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> rowmill_exec_bench::Result<()> {
    let shows = std::io::stderr().is_terminal();
    let report = tune::tune(&args.file, args.job.into(), args.budget, |part| {
        if shows {
            let done = (part * 40.0) as usize;
            eprint!("\r[{}{}] {:3.0} %", "#".repeat(done), ".".repeat(40 - done), part * 100.0);
            let _ = std::io::stderr().flush();
        }
    })?;
    if shows {
        eprint!("\r{:50}\r", "");
    }
    if args.json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    if args.save {
        match report.profile() {
            Some(profile) => {
                eprintln!("saved to {}", profile.save(&args.file)?.display());
            }
            None => eprintln!("nothing to save: the default is as fast"),
        }
    }
    Ok(())
}
