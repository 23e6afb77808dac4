//! The interface between tests and writers.

use std::path::Path;
use std::process::Command;

use rowmill::{Array, CreateOptions};

use crate::Result;
use crate::child::this_binary;
use crate::element::{COLS, OLD, fill};
use crate::state::{Files, Found, Golden, differences};

/// The surroundings of a writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Where it writes.
    pub(crate) dir: &'a Path,
    /// The array file that it reads: `u64`, rows of [`COLS`].
    pub(crate) input: &'a Path,
    /// A directory for everything else.
    pub(crate) work: &'a Path,
    /// The rowmill command.
    pub(crate) rowmill: &'a Path,
}

/// Something that writes array files, in a process of its own.
pub(crate) trait Writer: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The file that it promises; files beside it belong to it.
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

    /// Whether it needs an old file. Default: no.
    fn needs_old(&self) -> bool {
        false
    }

    /// The names of files that it may leave beside its output for the next run, besides unfinished
    /// ones. Default: none.
    fn notes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its work stays when it fails. Default: no.
    fn keeps_work(&self) -> bool {
        false
    }

    /// Whether it resumes an earlier run, so that the rows which that run reported durable stay
    /// durable. Default: no.
    fn resumes(&self) -> bool {
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

    /// Does the work, in the process that is struck. It calls `durable` with the number of durable
    /// rows.
    ///
    /// # Errors
    /// Any error: the process prints it to stderr and ends with exit code 1.
    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()>;

    /// Judges files that are neither all old nor all new. Default: a loss.
    fn look(&self, _: &Place<'_>, golden: &Golden, now: &Files, _: Option<usize>) -> Found {
        Found::lost(differences(now, golden))
    }
}
