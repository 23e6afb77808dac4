//! Prints how close every kind of job comes to the fastest read and write that this machine can do,
//! and whether that is close enough.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rowmill_exec_bench::machine::Machine;
use rowmill_exec_bench::output::{default_dir, parse_bytes};
use rowmill_exec_bench::wall::{self, Event, Options};

/// How close jobs of every kind come to the memory wall of this machine.
///
/// Makes its own array files (the same pseudo-random numbers each time) and removes them. Each job
/// takes turns with its yardstick: the bare read of the same bytes on all cores, or what its name
/// says. `of limit` is the median over the rounds of yardstick time by job time: 1 is as fast as
/// the machine can, and a figure a little above is noise.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Needs room for up to three files of SIZE, and for two of them in memory. \
                  Interrupted, it leaves a folder rowmill-wall-... behind.\n\n\
                  Examples:\n  wall\n  wall --only column --size 1GiB\n  \
                  wall --cold --json > wall.json"
)]
struct Args {
    /// Where the files are made [default: target/ if it is there, else the folder for temporary
    /// files]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Bytes of each file, about
    #[arg(long, default_value = "4GiB", value_parser = parse_bytes)]
    size: usize,
    /// The largest size of the lines about sizes [default: SIZE]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    max_size: Option<usize>,
    /// Runs of each job after the warm-up
    #[arg(long, default_value_t = 5, value_parser = at_least_one)]
    runs: usize,
    /// Only lines with this in their name
    #[arg(long, value_name = "SUBSTRING")]
    only: Option<String>,
    /// Files that are not in the page cache as well; needs root, on Linux
    #[arg(long)]
    cold: bool,
    /// Print JSON with every sample; the table goes to stderr then
    #[arg(long)]
    json: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a number from 1".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let json = args.json;
    let options = Options {
        dir: args.dir.unwrap_or_else(default_dir),
        size: args.size,
        max_size: args.max_size.unwrap_or(args.size),
        runs: args.runs,
        only: args.only,
        cold: args.cold,
    };
    // The table is what is asked for, unless that is JSON.
    let print = |text: &str| if json { eprintln!("{text}") } else { println!("{text}") };
    print(&format!(
        "{}, arrays of {:.2} GB, median of {}\n",
        Machine::this(),
        options.size as f64 / 1e9,
        options.runs
    ));
    let mut started = false;
    let result = wall::run(&options, &mut |event| match event {
        Event::Making { name, bytes } => {
            eprintln!("making {name}, {:.2} GB", bytes as f64 / 1e9);
        }
        Event::Line(line) => {
            if !std::mem::replace(&mut started, true) {
                print(&wall::header());
            }
            print(&line.to_string());
        }
        Event::Note(text) => eprintln!("note: {text}"),
    });
    match result {
        Ok(wall) => {
            let (met, all) = wall.met();
            print(&format!("\n{met} of {all} targets met"));
            if json {
                println!("{}", wall.to_json());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("wall: {error}");
            ExitCode::FAILURE
        }
    }
}
