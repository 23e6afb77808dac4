//! The selected elements of an input.

use rowmill::durable::{Outputs, Role};
use rowmill::{Array, FileError};
use rowmill_any::Selection;

use super::Input;
use super::open::warn_if_written;
use crate::args::{ReadArgs, SelectArgs};
use crate::condition::ConditionError;
use crate::failure::Failure;
use crate::table::printable;

impl SelectArgs {
    /// Opens the selection for this input.
    pub(crate) fn open(
        &self,
        reading: &ReadArgs,
        input: &Input,
    ) -> Result<Selection<'static>, Failure> {
        if let Some(condition) = &self.condition {
            let names = input.names().unwrap_or_default();
            let selection = Selection::condition(condition.clone(), names, input.whole_rows()?);
            return selection.map_err(|error| Failure::Usage(ConditionError(error).to_string()));
        }
        let Some(path) = &self.mask else { return Ok(Selection::All) };
        let mask: Array<bool> = reading.options().open(path).map_err(|error| {
            let wrong = matches!(error, FileError::DTypeMismatch { .. });
            let hint = "a mask has to hold bool; in NumPy: np.save(path, mask.astype(bool))";
            Failure::from(error).or_hint(wrong.then(|| hint.to_owned()))
        })?;
        warn_if_written(path, mask.is_being_written().unwrap_or(false));
        input.part_of_mask(mask)
    }

    /// Registers the mask, if there is one.
    pub(crate) fn register(&self, outputs: &mut Outputs) {
        if let Some(mask) = &self.mask {
            outputs.read(Role::Mask, mask);
        }
    }

    /// The selection as named in notes; empty if everything is selected.
    pub(crate) fn describe(&self) -> String {
        match (&self.condition, &self.mask) {
            (Some(condition), _) => format!(" where {condition}"),
            (_, Some(mask)) => format!(" masked by {}", printable(&mask.display().to_string())),
            _ => String::new(),
        }
    }
}
