//! A raw file and its sidecar, which replace another pair.

use std::path::Path;

use rowmill::{Array, CreateOptions};

use crate::Result;
use crate::element::{COLS, OLD, element, fill};
use crate::state::{Files, Found, Golden, differences};
use crate::writer::{Place, Writer};

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
        let options =
            CreateOptions::new().overwrite(true).columns((0..COLS).map(|i| format!("column {i}")));
        fill(options.stage(dir.join(DATA), [rows, COLS])?, NEW)?.publish()?;
        Ok(())
    }

    /// Publishing takes two renames: between them the sidecar describes both pairs, and opening
    /// finds one of them.
    fn look(&self, place: &Place<'_>, golden: &Golden, now: &Files, _: Option<usize>) -> Found {
        if !now.contains_key(DATA) && !golden.old.contains_key(DATA) {
            return Found::Refused; // a sidecar, and nothing beside it yet
        }
        let rows = Array::<u64>::open(place.input).map_or(0, |input| input.shape().rows());
        let Ok(x) = Array::<u64>::open(place.dir.join(DATA)) else {
            return Found::lost(differences(now, golden));
        };
        let holds = |rows: usize, generation: u64| {
            x.shape().dims() == [rows, COLS]
                && x.as_slice().is_some_and(|all| {
                    all.iter().enumerate().all(|(i, &found)| found == element(generation, i))
                })
        };
        let (old, new) = (holds(rows / 8, OLD), holds(rows, NEW));
        // Only the new one has column names.
        if (old && x.meta().columns.is_none()) || (new && x.meta().columns.is_some()) {
            return Found::Rows;
        }
        Found::lost(differences(now, golden))
    }
}

#[cfg(test)]
mod tests {
    use super::NEW;
    use crate::element::element;

    #[test]
    fn generations_differ_and_hold_no_zero() {
        assert!((0..1000).all(|i| element(1, i) != element(NEW, i) && element(1, i) != 0));
    }
}
