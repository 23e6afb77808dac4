//! [`Pick`]: the requested indices of an axis, in any of the forms of Rust and numpy.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::indices::Indices;
use super::slice::Slice;
use crate::text::clip;

/// The requested indices of an axis: a range, a range with a step, a list, one index, or numpy's
/// [`Slice`]. Made by [`From`].
///
/// Ranges and lists are strict: an index outside the array is an error. A [`Slice`] is clipped to
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
    /// The indices of an axis of length `len`; `None` if some do not exist, and for a step of 0.
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
}
