//! Finds the chunk size, the number of workers and the backend that suit an array file on this
//! machine.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rowmill_core::{Kind, Role};
use rowmill_exec::Profile;
use rowmill_exec_bench::output::{Output, exit};
use rowmill_exec_bench::tune::{self, Job, Step};

/// The chunk size, the number of workers and the backend that are the fastest for this file on this
/// machine: searched from coarse to fine, then proved against the default in turns.
///
/// A pick is kept only if it beats the default beyond noise. It changes speed only, never an
/// answer.
#[derive(Debug, Parser)]
#[command(
    version,
    name = "tune-chunks",
    max_term_width = 100,
    after_help = "\
        With --save the pick is kept in FILE.tuned.json (or in the cache folder of the user, where \
        that\ncannot be written), bound to the file, the machine and the release; `rowmill` and\n\
        `Engine::builder().tuned_for(file)` use it.\n\n\
        Examples:\n  \
        tune-chunks big.npy\n  \
        tune-chunks big.npy --job stats --budget 60 --save\n  \
        tune-chunks big.npy --mix nightly.txt --report tuned.html\n  \
        tune-chunks big.npy --json > tuned.json"
)]
struct Args {
    /// The array file
    file: PathBuf,
    /// What is run
    #[arg(long, value_enum, default_value = "sum")]
    job: What,
    /// Run a mix as it was recorded instead: a text file with sum, stats or normalize on each line,
    /// and how often, as in "stats 3"
    #[arg(long, value_name = "TEXT", conflicts_with = "job")]
    mix: Option<PathBuf>,
    /// Seconds that it may take, about
    #[arg(long, default_value_t = 30.0, value_parser = parse_budget)]
    budget: f64,
    /// Keep the pick, if there is one; a pick that was kept before is refused, see --overwrite
    #[arg(long)]
    save: bool,
    /// Try every setting for so many seconds, then tune this often, and say how often the pick was
    /// as fast as the best of all
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["save", "report", "svg"])]
    check: Option<usize>,
    /// The seconds of --check for trying every setting
    #[arg(long, default_value_t = 600.0, value_parser = parse_budget, requires = "check")]
    sweep: f64,
    #[command(flatten)]
    output: Output,
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
            What::Sum => Self::one(Step::Sum),
            What::Stats => Self::one(Step::Stats),
            What::Normalize => Self::one(Step::Normalize),
            What::Mix => Self::mix(),
        }
    }
}

fn parse_budget(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|s| (0.01..=86_400.0).contains(s));
    seconds.ok_or_else(|| "expected seconds, such as 30".to_owned())
}

fn main() -> ExitCode {
    exit("tune-chunks", run(&Args::parse()))
}

fn run(args: &Args) -> rowmill_exec_bench::Result<()> {
    let job = args.mix.as_deref().map_or_else(|| Ok(args.job.into()), Job::read)?;
    let mix = args.mix.iter().map(|mix| (Role::Mix, mix.as_path()));
    let read = std::iter::once((Role::Input, args.file.as_path())).chain(mix);
    let mut outputs = args.output.plan(read)?;
    if args.save {
        outputs.plan(Role::Profile, Kind::Profile, Profile::path_for(&args.file))?;
    }
    if let Some(times) = args.check {
        let check = tune::check(&args.file, &job, args.sweep, times, args.budget)?;
        println!("{}", if args.output.json { check.to_json() } else { check.to_string() });
        return Ok(());
    }
    let shows = std::io::stderr().is_terminal();
    let report = tune::tune(&args.file, &job, args.budget, |part| {
        if shows {
            let done = (part * 40.0) as usize;
            eprint!("\r[{}{}] {:3.0} %", "#".repeat(done), ".".repeat(40 - done), part * 100.0);
            let _ = std::io::stderr().flush();
        }
    })?;
    if shows {
        eprint!("\r{:50}\r", "");
    }
    args.output.give(&report, &outputs)?;
    if args.save {
        match report.profile() {
            Some(profile) => {
                eprintln!("saved to {}", profile.save_in(&args.file, &outputs)?.display());
            }
            None => eprintln!("nothing to save: the default is as fast"),
        }
    }
    Ok(())
}
