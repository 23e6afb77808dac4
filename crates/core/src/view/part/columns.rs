//! The elements of each row that a part selects.

use std::ops::Range;

use super::indices::Indices;

/// Axes of a row, and the selected indices of each.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    axes: Vec<ColumnAxis>,
    /// Aligned groups of this many elements are contiguous in the source as well.
    unit: usize,
}

#[derive(Clone, Debug)]
pub(super) struct ColumnAxis {
    /// Its length in the source.
    pub(super) of: usize,
    pub(super) indices: Indices,
}

impl Columns {
    pub(super) fn new(axes: Vec<ColumnAxis>) -> Self {
        let mut unit = 1;
        for axis in axes.iter().rev() {
            let len = axis.indices.len();
            if axis.indices.consecutive(&(0..len)).is_none() {
                break;
            }
            unit *= len;
            if !axis.indices.is_all(axis.of) {
                break;
            }
        }
        Self { axes, unit }
    }

    /// All elements of a row of these axes.
    pub(super) fn all(row_dims: &[usize]) -> Self {
        let axis = |&of: &usize| ColumnAxis { of, indices: Indices::all(of) };
        Self::new(row_dims.iter().map(axis).collect())
    }

    pub(super) fn axes(&self) -> &[ColumnAxis] {
        &self.axes
    }

    /// The elements of a row of the source.
    pub(super) fn of(&self) -> usize {
        self.axes.iter().map(|axis| axis.of).product()
    }

    /// The selected elements.
    pub(super) fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.indices.len()).product()
    }

    pub(super) fn is_all(&self) -> bool {
        self.axes.iter().all(|axis| axis.indices.is_all(axis.of))
    }

    /// The element of a source row that `col` selects.
    pub(super) fn at(&self, mut col: usize) -> usize {
        let (mut at, mut step) = (0, 1);
        for axis in self.axes.iter().rev() {
            let len = axis.indices.len();
            at += axis.indices.at(col % len) * step;
            col /= len;
            step *= axis.of;
        }
        at
    }

    /// All selected elements as indices of one axis.
    pub(super) fn flat(&self) -> Indices {
        match &self.axes[..] {
            [] => Indices::all(1),
            [one] => one.indices.clone(),
            _ if self.is_all() => Indices::all(self.of()),
            _ => (0..self.len()).map(|col| self.at(col)).collect::<Vec<_>>().into(),
        }
    }

    /// The location of these elements in a source row, as ordered runs: none of them is empty, and
    /// no two are adjacent.
    pub(super) fn runs(&self, cols: Range<usize>) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut next = cols.start;
        while next < cols.end {
            let end = cols.end.min((next / self.unit + 1) * self.unit);
            let first = self.at(next);
            let run = first..first + (end - next);
            match runs.last_mut() {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => runs.push(run),
            }
            next = end;
        }
        runs
    }

    /// The same as a single run, if it is one.
    pub(super) fn consecutive(&self, cols: &Range<usize>) -> Option<Range<usize>> {
        let first = self.at(cols.start);
        let within = (cols.start / self.unit + 1) * self.unit;
        if cols.end <= within {
            return Some(first..first + cols.len());
        }
        // The last element rules out most other cases without looking at them all.
        let last = self.at(cols.end - 1);
        match self.runs(if last == first + cols.len() - 1 { cols.clone() } else { 0..0 })[..] {
            [ref one] => Some(one.clone()),
            _ => None,
        }
    }

    /// Hashes the selection, to distinguish it from others.
    pub(super) fn describe(&self, to: &mut Vec<u8>) {
        for axis in &self.axes {
            to.extend_from_slice(&(axis.of as u64).to_le_bytes());
            axis.indices.describe(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pick;
    use super::*;

    fn columns(axes: &[(usize, Pick)]) -> Columns {
        let axis = |(of, pick): &(usize, Pick)| {
            let indices = pick.clone().resolve(*of).expect("inside");
            ColumnAxis { of: *of, indices }
        };
        Columns::new(axes.iter().map(axis).collect())
    }

    #[test]
    fn runs_are_the_elements_in_order() {
        let back: crate::view::Slice = "::-1".parse().expect("backwards");
        let cases: [(&[(usize, Pick)], usize); 7] = [
            (&[(5, (..).into()), (3, (..).into())], 1),
            (&[(5, (1..3).into()), (3, (..).into())], 1),
            (&[(5, (1..3).into()), (3, (0..2).into())], 2),
            (&[(5, (.., 2).into()), (3, (..).into())], 3),
            (&[(9, [1, 3, 4, 5, 0].into())], 3),
            (&[(4, back.into())], 4),
            (&[(2, (..).into()), (3, [1].into()), (2, (..).into())], 2),
        ];
        for (axes, runs) in cases {
            let some = columns(axes);
            let each: Vec<usize> = (0..some.len()).map(|col| some.at(col)).collect();
            assert_eq!(some.runs(0..some.len()).len(), runs, "{axes:?}");
            for start in 0..some.len() {
                for end in start + 1..=some.len() {
                    let runs = some.runs(start..end);
                    let flat: Vec<usize> = runs.iter().cloned().flatten().collect();
                    assert_eq!(flat, each[start..end]);
                    assert!(runs.windows(2).all(|w| w[0].end != w[1].start));
                    let one = runs.first().filter(|_| runs.len() == 1).cloned();
                    assert_eq!(some.consecutive(&(start..end)), one);
                }
            }
            let flat = some.flat();
            assert!((0..flat.len()).map(|i| flat.at(i)).eq(each));
        }
        assert_eq!(columns(&[]).runs(0..1).len(), 1, "a row of one element");
    }
}
