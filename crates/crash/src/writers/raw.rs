//! A raw file and its sidecar, which replace another pair.

use std::path::Path;

use rowmill::{Array, CreateOptions, FileError};

use super::{COLS, Place, Writer, fill};
use crate::Result;
use crate::judge::{Files, Found, Golden, differences};

/// `CreateOptions::stage` of a raw file with column names.
#[derive(Debug)]
pub(super) struct Raw;

const DATA: &str = "out.dat";
const NEW: u64 = 3;

impl Writer for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn output(&self) -> &'static str {
        DATA
    }

    fn write(&self, dir: &Path, input: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        let rows = Array::<u64>::open(input)?.shape().rows();
        let options = CreateOptions::new().columns((0..COLS).map(|i| format!("column {i}")));
        fill(options.stage(dir.join(DATA), [rows, COLS])?, NEW)?.publish()?;
        Ok(())
    }

    /// It is two renames: between them the data does not open. It must be complete all the same.
    fn look(&self, place: &Place<'_>, golden: &Golden, now: &Files, _: Option<usize>) -> Found {
        let data = now.get(DATA);
        let whole = data == golden.old.get(DATA) || data == golden.new.get(DATA);
        let refused = match Array::<u64>::open(place.dir.join(DATA)) {
            Err(FileError::NoSidecar { .. }) => true,
            // Without old data there is nothing to open yet.
            Err(FileError::Io { .. }) => data.is_none(),
            _ => false,
        };
        if whole && refused && now.len() <= 1 {
            return Found::Refused;
        }
        Found::lost(differences(now, golden))
    }
}

#[cfg(test)]
mod tests {
    use super::NEW;
    use crate::writers::element;

    #[test]
    fn generations_differ_and_hold_no_zero() {
        assert!((0..1000).all(|i| element(1, i) != element(NEW, i) && element(1, i) != 0));
    }
}
