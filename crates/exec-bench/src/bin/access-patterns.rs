//! Prints how fast the rows of an array file come in different orders, reached in different ways.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rowmill_core::{DType, Role};
use rowmill_exec_bench::Result;
use rowmill_exec_bench::output::{Output, cores, default_dir, exit, parse_bytes, up_to};
use rowmill_exec_bench::patterns::{self, Options, Report};

/// How this file on this disk wants to be read: sequential, reverse, strided, random, sorted, in
/// batches and in shuffled windows; through a mapping, through reads, and loaded into memory.
///
/// All orders take turns; each figure is a median over the rounds. The work on each row is kept to
/// a minimum. Random orders visit as many rows as there are, some of them twice, up to --rows.
#[derive(Debug, Parser)]
#[command(
    version,
    name = "access-patterns",
    max_term_width = 100,
    after_help = "\
        `waiting` counts page faults that waited for a disk; `first row` is the time until the \
        first row was\nthere, opening and loading included; `of limit` is a part of the bare \
        read of the whole file.\n\n\
        Examples:\n  \
        access-patterns big.npy\n  \
        access-patterns big.npy --cold --runs 5 --report big.html\n  \
        access-patterns --size 4GiB --dtype f32 --cols 1024 --json > patterns.json"
)]
struct Args {
    /// The array file; without it one is made, and removed at the end
    #[arg(conflicts_with_all = ["size", "dtype", "cols"])]
    file: Option<PathBuf>,
    /// Bytes of the file that is made
    #[arg(long, default_value = "1GiB", value_parser = parse_bytes)]
    size: usize,
    /// Its element type
    #[arg(long, default_value = "f32", value_parser = made_dtype())]
    dtype: DType,
    /// Its columns
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    cols: u32,
    /// Where it is made [default: target/ if it is there, else the folder for temporary files]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Numbers of workers, as 1,2,8 [default: 1, 2, 4 and so on, and one for each core]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4096))]
    workers: Vec<u32>,
    /// Rounds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Rows that are picked at random, at most as many as there are; fewer are quicker where a cold
    /// disk has to look for each
    #[arg(long, default_value_t = 1 << 20)]
    rows: usize,
    /// Files that are not in the page cache as well; as root, or where the system forgets a file
    /// when asked
    #[arg(long)]
    cold: bool,
    #[command(flatten)]
    output: Output,
}

/// The dtypes of files that can be made, by their names in Rust.
fn made_dtype() -> impl TypedValueParser<Value = DType> {
    PossibleValuesParser::new(patterns::made_dtypes().map(DType::rust_name))
        .try_map(|name| name.parse::<DType>())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outputs = args.output.plan(args.file.iter().map(|file| (Role::Input, file.as_path())));
    let measured = outputs.and_then(|outputs| args.output.give(&run(&args)?, &outputs));
    exit("access-patterns", measured)
}

fn run(args: &Args) -> Result<Report> {
    let mut workers: Vec<usize> = args.workers.iter().map(|&n| n as usize).collect();
    if workers.is_empty() {
        workers = up_to(cores());
    }
    workers.dedup();
    let options = Options { workers, runs: args.runs as usize, cold: args.cold, picked: args.rows };
    if let Some(file) = &args.file {
        return patterns::measure(file, &options);
    }
    let dir = args.dir.clone().unwrap_or_else(default_dir);
    let made = patterns::make_file(&dir, args.size, args.cols as usize, args.dtype)?;
    patterns::measure(made.path(), &options)
}
