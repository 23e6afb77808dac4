//! A map job whose output takes its name when it is complete.

use std::path::Path;

use rowmill::{Array, Engine, map_elements};

use crate::Result;
use crate::writer::Writer;

/// `Engine::map` to a `.npy` file.
#[derive(Debug)]
pub(super) struct Staged;

impl Writer for Staged {
    fn name(&self) -> &'static str {
        "staged"
    }

    fn write(&self, dir: &Path, input: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        let x = Array::<u64>::open(input)?;
        let engine = Engine::builder().workers(2).build()?;
        engine
            .map(&x, map_elements(|v: u64| v.rotate_left(7)))
            .overwrite(true)
            .write_npy(dir.join("out.npy"))?;
        Ok(())
    }
}
