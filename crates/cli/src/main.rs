//! The `rowmill` command: information, statistics, sums, means and normalization of array files
//! larger than memory, rows appended to them, and tidying up after crashes.
//!
//! Data goes to stdout; notes, progress and errors go to stderr. Exit codes: 0 ok, 1 the job
//! failed, 2 wrong usage.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod condition;
mod engine;
mod failure;
mod input;
mod json;
mod number;
mod part;
mod progress;
mod reduce;
mod report;
mod table;
mod values;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use failure::Failure;

fn main() -> ExitCode {
    let args = args::Args::try_parse().unwrap_or_else(|error| statistic_instead(error).exit());
    match run(&args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Who names a statistic where a command is expected is told of the command that has them all.
fn statistic_instead(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    if let Ok(statistic) = name.parse::<rowmill_any::Statistic>() {
        let instead = StyledStr::from(format!("rowmill reduce '{statistic}' FILE computes it"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![instead]));
        // The subcommand that it resembles is no help then.
        error.remove(ContextKind::SuggestedSubcommand);
    }
    error
}

fn run(command: &commands::Command) -> Result<(), Failure> {
    report_file_size_limits()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    commands::run(command, &mut out)?;
    out.flush().map_err(Failure::Output)
}

/// Over a file size limit the system ends a process with SIGXFSZ, unless that is handled: then the
/// write fails, and the error says why.
#[cfg(unix)]
fn report_file_size_limits() -> Result<(), Failure> {
    let seen = std::sync::Arc::default();
    match signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen) {
        Ok(_) => Ok(()),
        Err(e) => Err(Failure::Setup(e)),
    }
}

#[cfg(not(unix))]
fn report_file_size_limits() -> Result<(), Failure> {
    Ok(())
}

/// Says something on stderr. Nobody may be listening; that is not a reason to fail.
fn note(text: impl std::fmt::Display) {
    // In one piece: others may be writing there as well.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}
