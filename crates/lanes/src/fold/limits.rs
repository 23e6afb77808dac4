//! The limits of a cell: cells read from a file are checked against them.

use super::CellState;
use crate::lanes::Lane;

/// Limits of the elements that a cell can hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits<L> {
    /// The most elements.
    pub elements: u64,
    /// The least element; the least finite one for floats.
    pub least: L,
    /// The greatest element; the greatest finite one for floats.
    pub most: L,
    /// Whether NaN take part. Otherwise they are counted separately.
    pub takes_nan: bool,
}

impl<L: Lane> Limits<L> {
    /// Whether a cell of elements within these limits can have this sum, spread and range, for the
    /// parts that exist.
    pub(super) fn allow(&self, cell: &CellState<L>, [sum, spread, range]: [bool; 3]) -> bool {
        let &CellState { count, nan, inf, total, .. } = cell;
        let counted = if self.takes_nan {
            nan.checked_add(inf).is_some_and(|special| special <= count) && count <= self.elements
        } else {
            inf <= count && nan.checked_add(count).is_some_and(|all| all <= self.elements)
        };
        // An element that is not finite shows in its sum.
        let shows = inf == 0 && (nan == 0 || !self.takes_nan) || !sum || !L::is_clean(total);
        let taken = if self.takes_nan { count.saturating_sub(nan) } else { count };
        // The range of the integer type is itself the tightest limit of sum and spread.
        let (least, most) =
            if range && !L::FLOAT { (cell.min, cell.max) } else { (self.least, self.most) };
        counted
            && shows
            && (!range || self.spans(taken, cell.min, cell.max))
            && (!sum || L::is_total(total, count, least, most))
            && (!spread || L::is_spread(cell.spread, total, count, least, most))
    }

    /// Whether these can be the smallest and the largest of this many elements.
    fn spans(&self, elements: u64, min: L, max: L) -> bool {
        if elements == 0 {
            return min == L::HIGHEST && max == L::LOWEST;
        }
        let element = |x: L| x.is_infinite() || (self.least <= x && x <= self.most);
        min <= max && element(min) && element(max)
    }
}
