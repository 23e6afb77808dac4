//! [`Indices`]: the indices of an axis that a part selects, known to exist.

use std::ops::Range;
use std::sync::Arc;

/// Indices of an axis that are known to exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Indices {
    /// This many, `step` apart.
    Run { first: usize, step: isize, len: usize },
    /// Any, in any order.
    List(Arc<[usize]>),
}

impl Indices {
    pub(super) fn all(len: usize) -> Self {
        Self::Run { first: 0, step: 1, len }
    }

    /// The same form for equal runs.
    pub(super) fn run(first: usize, step: isize, len: usize) -> Self {
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

    /// These indices at the positions `of`.
    pub(super) fn compose(&self, of: &Self) -> Self {
        match (self, of) {
            (Self::Run { step, .. }, Self::Run { first, step: next, len }) if *len > 0 => {
                Self::run(self.at(*first), step.wrapping_mul(*next), *len)
            }
            _ => (0..of.len()).map(|i| self.at(of.at(i))).collect::<Vec<_>>().into(),
        }
    }

    /// Whether these are all indices of an axis of length `len`, in order.
    pub(super) fn is_all(&self, len: usize) -> bool {
        *self == Self::all(len)
    }

    /// The part `range` of the indices, if they are consecutive.
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

    /// The step, if it is constant and positive.
    pub(super) fn rising_step(&self) -> Option<usize> {
        match self {
            Self::Run { step, .. } => usize::try_from(*step).ok().filter(|&step| step > 0),
            Self::List(_) => None,
        }
    }

    /// Hashes the indices, to distinguish them from others.
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
    use crate::view::part::{Pick, Slice};

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
