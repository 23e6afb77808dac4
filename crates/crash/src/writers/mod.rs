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
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use rowmill::durable::StagedArray;
use rowmill::{Array, CreateOptions};

use crate::args::Job;
use crate::child::this_binary;
use crate::judge::{Files, Found, Golden, differences};
use crate::random::mix;
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

/// Where a writer works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Where it writes.
    pub(crate) dir: &'a Path,
    /// The array file that it reads: `u64`, rows of [`COLS`].
    pub(crate) input: &'a Path,
    /// For what is no part of the test.
    pub(crate) work: &'a Path,
    /// The rowmill command.
    pub(crate) rowmill: &'a Path,
}

/// Something that writes array files, in a process of its own.
pub(crate) trait Writer: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The file that it promises: what it writes beside it belongs to it.
    fn output(&self) -> &'static str {
        "out.npy"
    }

    /// Writes the old files, which the new ones replace. They are smaller, so that a mixture of
    /// both is neither.
    ///
    /// # Errors
    /// [`Failure`] stops the test.
    fn prepare(&self, place: &Place<'_>) -> Result<()> {
        let rows = Array::<u64>::open(place.input)?.shape().rows() / 8;
        let old = CreateOptions::new()
            .overwrite(true)
            .stage(place.dir.join(self.output()), [rows, COLS])?;
        fill(old, OLD)?.publish()?;
        Ok(())
    }

    /// Whether there has to be an old file. Default: there need not be.
    fn needs_old(&self) -> bool {
        false
    }

    /// The names of what it may leave beside its output, for the next run. Default: nothing, but for
    /// files that are not finished.
    fn notes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether what it did stays when it fails. Default: nothing does.
    fn keeps_work(&self) -> bool {
        false
    }

    /// Whether it goes on where an earlier run stopped, so that rows which that one reported durable
    /// stay so. Default: it starts anew.
    fn goes_on(&self) -> bool {
        false
    }

    /// The process that does the work. Default: this binary, which calls [`write`](Self::write).
    ///
    /// # Errors
    /// [`Failure`] stops the test.
    fn command(&self, place: &Place<'_>) -> Result<Command> {
        let mut command = Command::new(this_binary()?);
        command.arg("write").arg(self.name());
        command.arg("--dir").arg(place.dir).arg("--input").arg(place.input);
        Ok(command)
    }

    /// Does the work, in the process that is struck. `durable` is told of rows that are durable.
    ///
    /// # Errors
    /// Everything that goes wrong: the process ends with exit code 1 and says it on stderr.
    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()>;

    /// Whether what is there is allowed, if it is neither all old nor all new. Default: it is not.
    fn look(&self, _: &Place<'_>, golden: &Golden, now: &Files, _: Option<usize>) -> Found {
        Found::lost(differences(now, golden))
    }
}

/// The elements of a row of inputs and outputs: 512 bytes, a sector of a disk.
pub(crate) const COLS: usize = 64;

/// The generations that the old files and the input hold.
const OLD: u64 = 1;
const INPUT: u64 = 2;

/// The element at an index of a generation; never zero, which is what a hole holds.
pub(crate) fn element(generation: u64, index: usize) -> u64 {
    mix(generation << 56 ^ index as u64) | 1
}

/// Fills an array with a generation.
fn fill(mut array: StagedArray<u64>, generation: u64) -> Result<StagedArray<u64>> {
    for (i, to) in array.as_mut_slice()?.iter_mut().enumerate() {
        *to = element(generation, i);
    }
    Ok(array)
}

/// Writes the array that writers read.
pub(crate) fn make_input(directory: &Path, bytes: usize) -> Result<PathBuf> {
    let path = directory.join(format!("input-{bytes}.npy"));
    let rows = bytes / (8 * COLS);
    fill(CreateOptions::new().overwrite(true).stage(&path, [rows, COLS])?, INPUT)?.publish()?;
    Ok(path)
}

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
            // One call: half a line would say nothing.
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
