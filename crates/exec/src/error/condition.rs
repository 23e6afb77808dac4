//! [`ParseConditionError`]: what is wrong with a condition, and where.

/// A text that is not a condition, or not one on this array: why, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a condition: {message} (at byte {at})")]
pub struct ParseConditionError {
    text: String,
    at: usize,
    message: String,
}

impl ParseConditionError {
    pub(crate) fn new(text: String, at: usize, message: String) -> Self {
        Self { text, at, message }
    }

    /// The text that was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte offset of the error in the text, at a character boundary.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The message: what was expected there and what was found.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
