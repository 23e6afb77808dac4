//! The writers that are struck, and those that are wrong on purpose.

mod controls;
mod grow;
mod normalize;
mod raw;
mod restart;
mod resumed;
mod rows;
mod staged;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::args::Job;
use crate::writer::Writer;
use crate::{Failure, Result};

/// Every writer.
pub(crate) const ALL: &[&dyn Writer] = &[
    &staged::Staged,
    &raw::Raw,
    &rows::Rows,
    &grow::Policy,
    &grow::Append,
    &restart::Restart { name: "restart", count: restart::Count::Written },
    &normalize::Normalize,
    &resumed::Checkpointed,
    &resumed::Journalled,
];

/// Writers that are wrong in a known way.
pub(crate) const UNSYNCED: &dyn Writer = &controls::Unsynced;
pub(crate) const EARLY: &dyn Writer = &controls::Early;
pub(crate) const IN_PLACE: &dyn Writer = &controls::InPlace;
pub(crate) const RESTART: &dyn Writer =
    &restart::Restart { name: "control-restart", count: restart::Count::ThereWhenOpened };

/// `crash write`: the process that is struck.
pub(crate) fn run(job: &Job) -> ExitCode {
    let known = ALL.iter().chain(&[UNSYNCED, EARLY, IN_PLACE, RESTART]);
    let writer = known.copied().find(|writer| writer.name() == job.writer);
    // Over a file size limit the system ends the process, unless the signal is handled.
    let handled = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    let done = match (writer, handled) {
        (None, _) => Err(Failure::NoWriter { name: job.writer.clone() }),
        (_, Err(e)) => Err(Failure::io("handle signals of", Path::new("this process"))(e)),
        (Some(writer), Ok(_)) => writer.write(&job.dir, &job.input, &mut |rows| {
            use std::io::Write;
            let mut out = std::io::stdout().lock();
            // One call, so that no line is cut.
            let line = format!("{}{rows}\n", crate::child::DURABLE);
            let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure @ Failure::NotPoisoned { .. }) => {
            eprintln!("crash: {failure}");
            ExitCode::from(3)
        }
        Err(failure) => {
            eprintln!("crash: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a whole file, without any care.
fn write_all(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(Failure::io("write", path))
}
