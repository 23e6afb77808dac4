//! Crash tests. Writers of array files are killed, failed and cut off from power at many places,
//! and what is left is compared with what was promised: the old file or the new one, complete; and
//! every row that was reported durable.
//!
//! ```text
//! .ci/crash.sh          tools, privileges, a mount namespace of its own, cleaning up
//!      |
//!   crash all           one line for each writer and test, a summary, exit code 1 on any loss
//!      |
//!   power  syscalls  kill  scan  room     the tests T1 to T5: when to strike, where
//!      |
//!   Writer              what is written, and what may be there afterwards (writers/)
//!      |
//!   crash write NAME    the process that is struck; or the rowmill command itself
//! ```
//!
//! Each test also strikes **controls**: writers that are wrong in a known way. A test that does not
//! see a control lose data cannot see anything, and fails.
//!
//! A new writer is a file in `writers/` and a line in `writers::ALL`; all tests take it from there.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod args;
mod child;
mod element;
mod failure;
mod filesystem;
mod judge;
mod kill;
mod power;
mod random;
mod room;
mod scan;
mod state;
mod syscalls;
mod tally;
mod writer;
mod writers;

use std::process::ExitCode;

pub use args::Args;
pub use failure::{Failure, Result};

use args::Command;
use tally::Summary;

/// Runs what was asked for.
pub fn run(args: &Args) -> ExitCode {
    let done = match &args.command {
        Command::Write(job) => return writers::run(job),
        Command::NaiveScan { file } => scan::naive(file).map(|()| true),
        Command::Power(options) => Summary::of(options, &[power::run]),
        Command::Syscalls(options) => Summary::of(options, &[syscalls::run]),
        Command::Kill(options) => Summary::of(options, &[kill::run]),
        Command::Scan(options) => Summary::of(options, &[scan::run]),
        Command::Room(options) => Summary::of(options, &[room::run]),
        Command::All(options) => {
            let tests = [power::run, syscalls::run, kill::run, scan::run, room::run];
            Summary::of(options, &tests)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("crash: {failure}");
            ExitCode::FAILURE
        }
    }
}
