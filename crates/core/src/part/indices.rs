//! Which indices of an axis a part takes, and how they are asked for.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::str::FromStr;
use std::sync::Arc;

use crate::sidecar::clip;

/// A slice as numpy has it, `start:stop:step`: negative bounds count from the end, bounds beyond the
/// axis are cut to it, a negative step goes backwards.
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
    /// The index before which it ends; `None` for all that are left.
    pub stop: Option<i64>,
    /// From one index to the next; not 0.
    pub step: i64,
}

impl Slice {
    /// Everything: `:`.
    pub const ALL: Self = Self { start: None, stop: None, step: 1 };

    /// The indices of an axis of `len` that it means; none for a step of 0.
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

    /// The same as Python's `slice.indices` gives them; `None` for a step of 0.
    fn resolve(self, len: usize) -> Option<Indices> {
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
        // What is counted lies within the axis.
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

/// A text that is no slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a slice; expected START:STOP or START:STOP:STEP with whole numbers, each of which \
     may be left out, such as 10:20, -100: or ::2"
)]
pub struct ParseSliceError {
    /// What was given.
    pub text: String,
}

/// Takes `start:stop` and `start:stop:step`, each of the three may be left out; not a single index.
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

/// What is asked for of an axis: a range, a range with a step, a list, one index, or numpy's
/// [`Slice`]. Made by [`From`].
///
/// Ranges and lists are taken at their word: what is not in the array is an error. A [`Slice`] is cut to
/// the array, as in numpy.
///
/// ```
/// use rowmill_core::Pick;
/// let some: [Pick; 5] = [
///     (10..20).into(),
///     (10.., 2).into(), // each second
///     [4, 1, 1].into(),
///     7.into(), // keeps its axis, with a length of 1
///     "-3:".parse::<rowmill_core::Slice>()?.into(),
/// ];
/// assert_eq!(some[0].to_string(), "10..20");
/// # Ok::<(), rowmill_core::ParseSliceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pick(Asked);

#[derive(Clone, Debug)]
enum Asked {
    Range { start: usize, end: Option<usize>, step: usize },
    List(Vec<usize>),
    Slice(Slice),
}

impl Pick {
    /// The indices of an axis of `len`; `None` for what it does not have, and for a step of 0.
    pub(super) fn resolve(self, len: usize) -> Option<Indices> {
        match self.0 {
            Asked::Range { start, end, step } => {
                let end = end.unwrap_or(len);
                if step == 0 || start > end || end > len {
                    return None;
                }
                let step = isize::try_from(step).unwrap_or(isize::MAX);
                Some(Indices::run(start, step, (end - start).div_ceil(step.unsigned_abs())))
            }
            Asked::List(list) => list.iter().all(|&i| i < len).then(|| list.into()),
            Asked::Slice(slice) => slice.resolve(len),
        }
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Asked::Range { start, end, step } => {
                let end = end.map_or_else(String::new, |end| end.to_string());
                write!(f, "{start}..{end}")?;
                if *step == 1 { Ok(()) } else { write!(f, " with a step of {step}") }
            }
            Asked::List(list) => f.write_str(&clip(&format!("{:?}", &list[..list.len().min(20)]))),
            Asked::Slice(slice) => write!(f, "{slice}"),
        }
    }
}

macro_rules! ranges {
    ($($range:ty: |$r:ident| $start:expr, $end:expr;)*) => {$(
        impl From<$range> for Pick {
            fn from($r: $range) -> Self {
                Self(Asked::Range { start: $start, end: $end, step: 1 })
            }
        }

        /// A range with a step.
        impl From<($range, usize)> for Pick {
            fn from(($r, step): ($range, usize)) -> Self {
                Self(Asked::Range { start: $start, end: $end, step })
            }
        }
    )*};
}
ranges! {
    Range<usize>: |r| r.start, Some(r.end);
    RangeInclusive<usize>: |r| *r.start(), Some(r.end().saturating_add(1));
    RangeFrom<usize>: |r| r.start, None;
    RangeTo<usize>: |r| 0, Some(r.end);
    RangeToInclusive<usize>: |r| 0, Some(r.end.saturating_add(1));
    RangeFull: |_r| 0, None;
}

impl From<usize> for Pick {
    fn from(index: usize) -> Self {
        Self(Asked::List(vec![index]))
    }
}

impl From<Vec<usize>> for Pick {
    fn from(list: Vec<usize>) -> Self {
        Self(Asked::List(list))
    }
}

impl From<&[usize]> for Pick {
    fn from(list: &[usize]) -> Self {
        list.to_vec().into()
    }
}

impl<const N: usize> From<[usize; N]> for Pick {
    fn from(list: [usize; N]) -> Self {
        list.to_vec().into()
    }
}

impl From<Slice> for Pick {
    fn from(slice: Slice) -> Self {
        Self(Asked::Slice(slice))
    }
}

/// Indices of an axis that are known to exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Indices {
    /// So many, each `step` after the one before.
    Run { first: usize, step: isize, len: usize },
    /// Any, in any order.
    List(Arc<[usize]>),
}

impl Indices {
    pub(super) fn all(len: usize) -> Self {
        Self::Run { first: 0, step: 1, len }
    }

    /// One spelling for runs that are the same.
    fn run(first: usize, step: isize, len: usize) -> Self {
        match len {
            0 => Self::all(0),
            1 => Self::Run { first, step: 1, len },
            _ => Self::Run { first, step, len },
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Run { len, .. } => *len,
            Self::List(list) => list.len(),
        }
    }

    /// Index `i`, which is below [`len`](Self::len).
    #[inline]
    pub(super) fn at(&self, i: usize) -> usize {
        match self {
            Self::Run { first, step, .. } => {
                first.wrapping_add_signed(step.wrapping_mul(i.cast_signed()))
            }
            Self::List(list) => list[i],
        }
    }

    /// Those indices of these that `of` means.
    pub(super) fn compose(&self, of: &Self) -> Self {
        match (self, of) {
            (Self::Run { step, .. }, Self::Run { first, step: next, len }) if *len > 0 => {
                Self::run(self.at(*first), step.wrapping_mul(*next), *len)
            }
            _ => (0..of.len()).map(|i| self.at(of.at(i))).collect::<Vec<_>>().into(),
        }
    }

    /// Whether these are all indices of an axis of `len`, in order.
    pub(super) fn is_all(&self, len: usize) -> bool {
        *self == Self::all(len)
    }

    /// The part `range` of the indices, if they follow each other.
    pub(super) fn consecutive(&self, range: &Range<usize>) -> Option<Range<usize>> {
        if range.is_empty() {
            return None;
        }
        let first = self.at(range.start);
        let follow = match self {
            Self::Run { step, .. } => *step == 1 || range.len() == 1,
            Self::List(list) => list[range.clone()].windows(2).all(|w| w[0] + 1 == w[1]),
        };
        follow.then(|| first..first + range.len())
    }

    /// The step, where it is the same from each index to the next and goes up.
    pub(super) fn rising_step(&self) -> Option<usize> {
        match self {
            Self::Run { step, .. } => usize::try_from(*step).ok().filter(|&step| step > 0),
            Self::List(_) => None,
        }
    }

    /// Adds what tells these from others to a hash.
    pub(super) fn describe(&self, to: &mut Vec<u8>) {
        let mut put = |n: usize| to.extend_from_slice(&(n as u64).to_le_bytes());
        match self {
            Self::Run { first, step, len } => {
                [0, *first, step.cast_unsigned(), *len].into_iter().for_each(put);
            }
            Self::List(list) => {
                put(1);
                put(list.len());
                list.iter().copied().for_each(put);
            }
        }
    }
}

/// A list, as a run if it is one.
impl From<Vec<usize>> for Indices {
    fn from(list: Vec<usize>) -> Self {
        let step = match list[..] {
            [] | [_] => 1,
            [a, b, ..] => b.wrapping_sub(a).cast_signed(),
        };
        let is_run = step != 0 && list.windows(2).all(|w| w[0].wrapping_add_signed(step) == w[1]);
        match is_run {
            true => Self::run(list.first().copied().unwrap_or(0), step, list.len()),
            false => Self::List(list.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(pick: impl Into<Pick>, len: usize) -> Option<Vec<usize>> {
        let indices = pick.into().resolve(len)?;
        Some((0..indices.len()).map(|i| indices.at(i)).collect())
    }

    #[test]
    fn slices_are_pythons() {
        // list(range(7))[slice], from Python.
        let table: [(&str, &[usize]); 18] = [
            (":", &[0, 1, 2, 3, 4, 5, 6]),
            ("2:4", &[2, 3]),
            ("-3:", &[4, 5, 6]),
            (":-3", &[0, 1, 2, 3]),
            ("::2", &[0, 2, 4, 6]),
            ("1::3", &[1, 4]),
            ("::-1", &[6, 5, 4, 3, 2, 1, 0]),
            ("5:1:-2", &[5, 3]),
            ("-1:-8:-3", &[6, 3, 0]),
            ("5:100", &[5, 6]),
            ("-100:2", &[0, 1]),
            ("100:", &[]),
            ("4:2", &[]),
            ("2:4:-1", &[]),
            ("100::-4", &[6, 2]),
            (":-100:-1", &[6, 5, 4, 3, 2, 1, 0]),
            ("0:7:100", &[0]),
            ("9223372036854775807::-9223372036854775808", &[6]),
        ];
        for (text, expected) in table {
            let slice: Slice = text.parse().expect(text);
            assert_eq!(indices(slice, 7).as_deref(), Some(expected), "{text}");
            assert_eq!(indices(slice, 0).as_deref(), Some(&[][..]), "{text} of nothing");
            assert_eq!(slice.to_string().parse(), Ok(slice), "{text}");
        }
        for text in ["", "3", "a:b", "1:2:3:4", "::0", "1.5:", "1:2:", "0x1:"] {
            let parsed = text.parse::<Slice>();
            assert_eq!(parsed.is_ok(), text == "1:2:", "{text}");
        }
        assert!("x".repeat(100_000).parse::<Slice>().expect_err("no slice").text.len() < 100);
    }

    #[test]
    fn ranges_and_lists_are_taken_at_their_word() {
        assert_eq!(indices(2..4, 7), Some(vec![2, 3]));
        assert_eq!(indices(5..=6, 7), Some(vec![5, 6]));
        assert_eq!(indices(7.., 7), Some(vec![]));
        assert_eq!(indices((1.., 3), 7), Some(vec![1, 4]));
        assert_eq!(indices((.., usize::MAX), 7), Some(vec![0]));
        assert_eq!(indices([4, 1, 1], 7), Some(vec![4, 1, 1]));
        assert_eq!(indices(6, 7), Some(vec![6]));
        for pick in [Pick::from(2..8), (8..).into(), [7].into(), 7.into(), (0..3, 0).into()] {
            assert_eq!(indices(pick.clone(), 7), None, "{pick}");
        }
        #[allow(clippy::reversed_empty_ranges, reason = "what is refused")]
        let backwards = 4..2;
        assert_eq!(indices(backwards, 7), None);
        assert_eq!(indices(0..=usize::MAX, 7), None);
    }

    #[test]
    fn indices_of_indices() {
        let of = |a: Pick, b: Pick| {
            let a = a.resolve(20).expect("inside");
            let b = b.resolve(a.len()).expect("inside");
            let both = a.compose(&b);
            let expected: Vec<usize> = (0..b.len()).map(|i| a.at(b.at(i))).collect();
            assert_eq!((0..both.len()).map(|i| both.at(i)).collect::<Vec<_>>(), expected);
            both
        };
        let back: Slice = "::-1".parse().expect("backwards");
        assert_eq!(
            of((3..20, 2).into(), (1..5, 3).into()),
            Indices::Run { first: 5, step: 6, len: 2 }
        );
        assert_eq!(of(back.into(), back.into()), Indices::all(20));
        assert_eq!(of([3, 1, 2].into(), back.into()), Indices::List([2, 1, 3].into()));
        assert_eq!(of([1, 5, 6].into(), (1..3).into()), Indices::Run { first: 5, step: 1, len: 2 });
        assert_eq!(of((5..5).into(), (..).into()), Indices::all(0));
    }

    #[test]
    fn consecutive_parts() {
        let some = Pick::from([3, 4, 5, 9, 2]).resolve(10).expect("inside");
        assert_eq!(some.consecutive(&(0..3)), Some(3..6));
        assert_eq!(some.consecutive(&(2..4)), None);
        assert_eq!(some.consecutive(&(4..5)), Some(2..3));
        assert_eq!(some.consecutive(&(2..2)), None);
    }
}
