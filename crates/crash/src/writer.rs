//! The interface between tests and writers.

use std::path::Path;
use std::process::Command;

use rowmill::{Array, CreateOptions};

use crate::Result;
use crate::child::this_binary;
use crate::element::{COLS, OLD, fill};
use crate::state::{Files, Found, Golden, differences};

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
