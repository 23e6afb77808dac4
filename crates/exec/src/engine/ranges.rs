//! Sets of items as the fewest possible ranges.

use std::ops::Range;

/// A set of numbers, kept as ranges in rising order with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<usize>>);

impl Ranges {
    /// The ranges in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.0.iter().cloned()
    }

    /// The byte ranges of these items, of `item` bytes each.
    pub(crate) fn in_bytes(&self, item: usize) -> Vec<Range<u64>> {
        let at = |i: usize| (i as u64).saturating_mul(item as u64);
        self.0.iter().map(|r| at(r.start)..at(r.end)).collect()
    }

    pub(crate) fn insert(&mut self, new: Range<usize>) {
        if new.is_empty() {
            return;
        }
        // Ranges that touch it are merged into it.
        let first = self.0.partition_point(|r| r.end < new.start);
        let end = self.0.partition_point(|r| r.start <= new.end);
        let touched = &self.0[first..end];
        let start = touched.first().map_or(new.start, |r| r.start.min(new.start));
        let stop = touched.last().map_or(new.end, |r| r.end.max(new.end));
        self.0.splice(first..end, std::iter::once(start..stop));
    }

    /// The parts of a range that are not in the set, in order.
    pub(crate) fn missing(&self, of: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let first = self.0.partition_point(|r| r.end <= of.start);
        let mut stored = self.0[first..].iter();
        let mut next = of.start;
        std::iter::from_fn(move || {
            while next < of.end {
                let gap = next;
                match stored.next() {
                    Some(r) if r.start < of.end => {
                        next = r.end;
                        if gap < r.start {
                            return Some(gap..r.start);
                        }
                    }
                    _ => {
                        next = of.end;
                        return Some(gap..of.end);
                    }
                }
            }
            None
        })
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "sets of one range")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(ranges: &[Range<usize>]) -> Ranges {
        let mut set = Ranges::default();
        ranges.iter().for_each(|r| set.insert(r.clone()));
        set
    }

    #[test]
    fn neighbours_become_one() {
        assert_eq!(set(&[0..2, 4..6, 2..4]), Ranges(vec![0..6]));
        assert_eq!(set(&[4..6, 0..2]), Ranges(vec![0..2, 4..6]));
        assert_eq!(set(&[0..2, 4..6, 8..9, 1..8]), Ranges(vec![0..9]));
        assert_eq!(set(&[3..3, 5..9, 6..7]), Ranges(vec![5..9]));
    }

    #[test]
    fn missing_parts_of_a_range() {
        let set = set(&[2..4, 6..8]);
        let missing = |of| set.missing(of).collect::<Vec<_>>();
        assert_eq!(missing(0..10), [0..2, 4..6, 8..10]);
        assert_eq!(missing(2..4), []);
        assert_eq!(missing(3..7), [4..6]);
        assert_eq!(missing(9..12), [9..12]);
        assert_eq!(missing(5..5), []);
    }

    proptest! {
        #[test]
        fn as_a_set_of_numbers(
            ranges in prop::collection::vec((0_usize..40, 0_usize..10), 0..12),
            of in (0_usize..40, 0_usize..20),
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(start, n)| start..start + n).collect();
            let set = set(&ranges);
            let of = of.0..of.0 + of.1;
            let expected: Vec<usize> =
                of.clone().filter(|i| !ranges.iter().any(|r| r.contains(i))).collect();
            prop_assert_eq!(set.missing(of).flatten().collect::<Vec<_>>(), expected);
            for pair in set.0.windows(2) {
                prop_assert!(pair[0].end < pair[1].start);
            }
        }
    }
}
