//! Says whether an array file is best mapped, read at positions or loaded into memory, and why.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rowmill_core::Role;
use rowmill_exec_bench::Result;
use rowmill_exec_bench::advise::{self, Pattern, Plan};
use rowmill_exec_bench::output::{Output, default_dir, exit, parse_bytes};

/// Map it, read it or load it? Measures a part of the file on this machine, and says which is the
/// fastest for what is planned, why, and how long each takes.
///
/// It depends on size against free memory, on what is in the page cache, on the pattern and the
/// number of passes, and on the filesystem. The file stays as it is: `rewrite` tries on a copy of a
/// part, beside it.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "\
        Examples:\n  \
        advise big.npy\n  \
        advise big.npy --pattern random --rows 50000 --passes 100\n  \
        advise big.npy --pattern epochs --passes 10 --check --report advice.html"
)]
struct Args {
    /// The array file
    #[arg(required_unless_present = "scenarios")]
    file: Option<PathBuf>,
    /// What is done in each pass
    #[arg(long, value_enum, default_value = "sequential")]
    pattern: How,
    /// How often
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    passes: u32,
    /// Rows that a random pass picks
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Do all of it with each choice, and say whether the advice was right
    #[arg(long)]
    check: bool,
    /// Check with the file not in the page cache; as root, or where the system forgets a file when
    /// asked
    #[arg(long, requires = "check")]
    cold: bool,
    /// Rounds of --check and --scenarios
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Check the advice in twelve situations, on files that are made for it
    #[arg(long, hide = true, conflicts_with_all = ["file", "check", "pattern", "passes"])]
    scenarios: bool,
    /// Bytes of their files
    #[arg(long, hide = true, default_value = "1GiB", value_parser = parse_bytes)]
    size: usize,
    /// Where they are made
    #[arg(long, hide = true)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    /// Every row, from the first to the last
    Sequential,
    /// Some rows, picked anew in each pass
    Random,
    /// Every row, in shuffled batches
    Epochs,
    /// Every row is changed, and durable at the end of each pass
    Rewrite,
}

impl From<How> for Pattern {
    fn from(how: How) -> Self {
        match how {
            How::Sequential => Self::Sequential,
            How::Random => Self::Random,
            How::Epochs => Self::Epochs,
            How::Rewrite => Self::Rewrite,
        }
    }
}

fn main() -> ExitCode {
    exit("advise", run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let rounds = args.rounds as usize;
    let outputs = args.output.plan(args.file.iter().map(|file| (Role::Input, file.as_path())))?;
    let Some(file) = &args.file else {
        let dir = args.dir.clone().unwrap_or_else(default_dir);
        let all = advise::scenarios(&dir, args.size, rounds, |name| eprintln!("{name}"))?;
        return args.output.give(&all, &outputs);
    };
    let (passes, picked) = (args.passes as usize, args.rows as usize);
    let plan = Plan { pattern: args.pattern.into(), passes, picked };
    let report = if args.check {
        advise::check(file, plan, args.cold, rounds)?
    } else {
        advise::advise(file, plan)?
    };
    args.output.give(&report, &outputs)
}
