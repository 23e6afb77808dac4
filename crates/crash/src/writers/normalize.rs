//! The rowmill command.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::writer::{Place, Writer};

/// `rowmill normalize IN OUT --overwrite`: after a kill the output may be there or not.
#[derive(Debug)]
pub(super) struct Normalize;

impl Writer for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn command(&self, place: &Place<'_>) -> Result<Command> {
        let mut command = Command::new(place.rowmill);
        command.arg("normalize").arg(place.input).arg(place.dir.join("out.npy"));
        command.args(["--overwrite", "--no-progress", "--workers", "2"]);
        Ok(command)
    }

    fn write(&self, _: &Path, _: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        unreachable!("its process is the command")
    }
}
