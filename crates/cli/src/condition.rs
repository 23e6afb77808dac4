//! Errors in `--where`, with a caret at the mistake.

use std::fmt;

use rowmill::Condition;
use rowmill::error::ParseConditionError;

use crate::table::width;

/// Parses the value of `--where`.
pub(crate) fn parse_condition(text: &str) -> Result<Condition, ConditionError> {
    text.parse().map_err(ConditionError)
}

/// A [`ParseConditionError`] with a caret under the mistake.
#[derive(Clone, Debug)]
pub(crate) struct ConditionError(pub(crate) ParseConditionError);

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters are shown as one column each, so that the caret lines up.
        let shown = |text: &str| -> String {
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let (text, message) = (self.0.text(), self.0.message());
        let indent = width(&shown(text.get(..self.0.at()).unwrap_or_default()));
        write!(f, "{message}\n\n  {}\n  {:indent$}^", shown(text), "")
    }
}

impl std::error::Error for ConditionError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_marks_the_mistake() {
        let caret = |text: &str| parse_condition(text).expect_err(text).to_string();
        assert!(caret("x > foo").ends_with("\n\n  x > foo\n      ^"), "{}", caret("x > foo"));
        // Wide characters take two columns, control characters one.
        assert!(caret("x == 5 且 &").ends_with("\n         ^"));
        assert!(caret("x\t>\u{1b} foo").ends_with("\n  x >  foo\n     ^"));
    }
}
