//! The `rowmill` command: information, statistics and normalization for array files larger than
//! memory. It also appends rows, and cleans up after crashes.
//!
//! Data goes to stdout; notes, progress and errors go to stderr. Exit codes: 0 ok, 1 the job
//! failed, 2 wrong usage, 130 interrupted (SIGINT), 143 terminated (SIGTERM).

#![forbid(unsafe_code)]

mod args;
mod commands;
mod condition;
mod engine;
mod failure;
mod input;
mod interrupt;
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
    let args = commands::Args::try_parse().unwrap_or_else(|error| suggest_reduce(error).exit());
    match run(&args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Suggests `rowmill reduce` if a statistic is given instead of a command.
fn suggest_reduce(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    if let Ok(statistic) = name.parse::<rowmill_any::Statistic>() {
        let instead = StyledStr::from(format!("rowmill reduce '{statistic}' FILE computes it"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![instead]));
        // The similar subcommand is no help in this case.
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

/// A write beyond the file size limit raises SIGXFSZ, which kills the process unless handled. With
/// a handler the write fails, and the error gives the reason.
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

/// Writes a note to stderr. A closed stderr is not a reason to fail.
fn note(text: impl std::fmt::Display) {
    // One write call, because other processes may be writing there as well.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}
