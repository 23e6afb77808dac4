//! [`Slice`]: some indices of an axis, in numpy's notation.

use std::fmt;
use std::str::FromStr;

use super::indices::Indices;
use crate::text::clip;

/// A slice as in numpy, `start:stop:step`: negative bounds count from the end, bounds beyond the
/// axis are clipped to it, a negative step goes backwards.
///
/// ```
/// use rowmill_core::Slice;
/// let slice: Slice = "-3:".parse()?;
/// assert_eq!(slice.to_string(), "-3:");
/// assert_eq!(slice, Slice { start: Some(-3), ..Slice::ALL });
/// # Ok::<(), rowmill_core::ParseSliceError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The first index; `None` for the first of the axis, or the last one with a negative step.
    pub start: Option<i64>,
    /// The end, excluded; `None` for the end of the axis.
    pub stop: Option<i64>,
    /// The step between indices; not 0.
    pub step: i64,
}

impl Slice {
    /// Everything: `:`.
    pub const ALL: Self = Self { start: None, stop: None, step: 1 };

    /// The selected indices of an axis of length `len`; none for a step of 0.
    ///
    /// ```
    /// use rowmill_core::Slice;
    /// let slice: Slice = "::-2".parse()?;
    /// assert_eq!(slice.indices(6), [5, 3, 1]);
    /// # Ok::<(), rowmill_core::ParseSliceError>(())
    /// ```
    #[must_use]
    pub fn indices(self, len: usize) -> Vec<usize> {
        let found = self.resolve(len).unwrap_or(Indices::all(0));
        (0..found.len()).map(|i| found.at(i)).collect()
    }

    /// The result of Python's `slice.indices`; `None` for a step of 0.
    pub(super) fn resolve(self, len: usize) -> Option<Indices> {
        if self.step == 0 {
            return None;
        }
        // An axis has at most `isize::MAX` indices.
        let len = i128::try_from(len).unwrap_or(i128::MAX);
        let step = i128::from(self.step);
        let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let bound = |given: Option<i64>, default: i128| {
            given.map_or(default, |at| {
                let at = i128::from(at);
                (if at < 0 { at + len } else { at }).clamp(lowest, highest)
            })
        };
        let (from, to) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
        let (start, stop) = (bound(self.start, from), bound(self.stop, to));
        let span = if step > 0 { stop - start } else { start - stop };
        let count = if span <= 0 { 0 } else { (span - 1) / step.abs() + 1 };
        // Start and count are within the axis.
        Some(Indices::run(start.max(0) as usize, step as isize, count as usize))
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |at: Option<i64>| at.map_or_else(String::new, |at| at.to_string());
        write!(f, "{}:{}", bound(self.start), bound(self.stop))?;
        if self.step == 1 { Ok(()) } else { write!(f, ":{}", self.step) }
    }
}

/// A text that is not a slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a slice; expected START:STOP or START:STOP:STEP with whole numbers, each of which \
     may be left out, such as 10:20, -100: or ::2"
)]
pub struct ParseSliceError {
    /// The text.
    pub text: String,
}

/// Accepts `start:stop` and `start:stop:step`, with each of the three optional; not a single index.
impl FromStr for Slice {
    type Err = ParseSliceError;

    fn from_str(text: &str) -> Result<Self, ParseSliceError> {
        let error = || ParseSliceError { text: clip(text) };
        let bound = |part: &str| match part.trim() {
            "" => Ok(None),
            number => number.parse::<i64>().map(Some).map_err(|_| error()),
        };
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let (start, stop, step) = match parts[..] {
            [start, stop] => (start, stop, ""),
            [start, stop, step] => (start, stop, step),
            _ => return Err(error()),
        };
        let slice =
            Self { start: bound(start)?, stop: bound(stop)?, step: bound(step)?.unwrap_or(1) };
        if slice.step == 0 { Err(error()) } else { Ok(slice) }
    }
}
