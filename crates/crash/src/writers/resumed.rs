//! Jobs that resume after a crash.

use std::path::Path;
use std::process::Command;

use rowmill::{Array, CreateOptions};

use crate::Result;
use crate::child::Running;
use crate::element::{COLS, OLD, element};
use crate::state::{Files, Found, Golden, differences, files};
use crate::writer::{Place, Writer};

/// `rowmill normalize IN OUT --checkpoint PATH --overwrite`.
#[derive(Debug)]
pub(super) struct Checkpointed;

impl Writer for Checkpointed {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn command(&self, place: &Place<'_>) -> Result<Command> {
        let mut command = Command::new(place.rowmill);
        command.arg("normalize").arg(place.input).arg(place.dir.join("out.npy"));
        command.args(["--overwrite", "--no-progress", "--workers", "2", "--chunk", "256KiB"]);
        command.args(["--checkpoint-every", "0", "--checkpoint"]).arg(place.dir.join("job"));
        Ok(command)
    }

    fn notes(&self) -> &'static [&'static str] {
        &["job"]
    }

    fn keeps_work(&self) -> bool {
        true
    }

    fn write(&self, _: &Path, _: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        unreachable!("its process is the command")
    }
}

/// `rowmill normalize --in-place`.
#[derive(Debug)]
pub(super) struct Journalled;

impl Writer for Journalled {
    fn name(&self) -> &'static str {
        "in-place"
    }

    fn needs_old(&self) -> bool {
        true
    }

    fn keeps_work(&self) -> bool {
        true
    }

    fn notes(&self) -> &'static [&'static str] {
        &[".out.npy.rowmill-journal", ".out.npy.rowmill-done"]
    }

    fn prepare(&self, place: &Place<'_>) -> Result<()> {
        let rows = Array::<u64>::open(place.input)?.shape().rows();
        let mut x = CreateOptions::new()
            .overwrite(true)
            .stage::<f64>(place.dir.join("out.npy"), [rows, COLS])?;
        for (i, to) in x.as_mut_slice()?.iter_mut().enumerate() {
            *to = (element(OLD, i) >> 20) as f64;
        }
        Ok(x.publish()?)
    }

    fn command(&self, place: &Place<'_>) -> Result<Command> {
        let mut command = Command::new(place.rowmill);
        command.arg("normalize").arg(place.dir.join("out.npy")).arg("--in-place");
        command.args(["--no-progress", "--workers", "2", "--memory-ceiling", "16MiB"]);
        Ok(command)
    }

    fn write(&self, _: &Path, _: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        unreachable!("its process is the command")
    }

    /// Some rows are old and some new: opening it is refused, and the same command finishes it.
    fn look(&self, place: &Place<'_>, golden: &Golden, now: &Files, _: Option<usize>) -> Found {
        if Array::<f64>::open(place.dir.join("out.npy")).is_ok() {
            return Found::lost(format!("half done, and opened: {}", differences(now, golden)));
        }
        let finished = self.command(place).and_then(|command| Running::start(command)?.wait());
        match (finished, files(place.dir)) {
            (Ok(ran), Ok(mut now)) if ran.is_ok() => {
                now.retain(|name, _| !self.notes().contains(&name.as_str()));
                if now == golden.new {
                    Found::Rows
                } else {
                    Found::lost(format!("finished, and wrong: {}", differences(&now, golden)))
                }
            }
            (Ok(ran), _) => Found::lost(format!("not finished: {}", ran.words())),
            (Err(e), _) => Found::lost(format!("not finished: {e}")),
        }
    }
}
