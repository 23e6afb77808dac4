//! The naive oracle: the elements of every cell, and every statistic from a list of them.

pub mod case;
pub mod reductions;
pub mod sums;

use std::cmp::Ordering;

use rowmill::NanPolicy;

use super::value::Value;

/// The named axes of a reduction.
#[derive(Clone, Copy, Debug)]
pub enum Axis {
    All,
    Columns,
    Rows,
}

impl Axis {
    /// The reduced axes of an array of `ndim` axes.
    fn reduced(self, ndim: usize) -> Vec<usize> {
        match self {
            Self::All => (0..ndim).collect(),
            Self::Columns => (0..ndim.min(1)).collect(),
            Self::Rows => (1..ndim).collect(),
        }
    }
}

/// The indices of the elements of each cell, if these axes are reduced. Cells and elements are in
/// C order.
pub fn cells_over(dims: &[usize], reduced: &[usize]) -> Vec<Vec<usize>> {
    let mut count = 1;
    let mut steps = vec![0; dims.len()];
    for axis in (0..dims.len()).rev().filter(|axis| !reduced.contains(axis)) {
        steps[axis] = count;
        count *= dims[axis];
    }
    let mut cells = vec![Vec::new(); count];
    for i in 0..dims.iter().product() {
        let (mut rest, mut cell) = (i, 0);
        for (dim, step) in dims.iter().zip(&steps).rev() {
            cell += rest % dim * step;
            rest /= dim;
        }
        cells[cell].push(i);
    }
    cells
}

/// The indices of the elements of each cell along a named axis.
pub fn cells_along(dims: &[usize], axis: Axis) -> Vec<Vec<usize>> {
    cells_over(dims, &axis.reduced(dims.len()))
}

/// The elements of a cell.
#[derive(Clone, Debug)]
pub struct Cell<T> {
    /// The elements that mask and policy keep, with their indices within the cell.
    elements: Vec<(usize, T)>,
    nan: u64,
    inf: u64,
}

impl<T: Value> Cell<T> {
    /// The cell with the elements at these indices, as far as mask and policy keep them.
    pub fn new(
        values: &[T],
        indices: &[usize],
        keep: &dyn Fn(usize, T) -> bool,
        policy: NanPolicy,
    ) -> Self {
        let mut cell = Self { elements: Vec::new(), nan: 0, inf: 0 };
        for (within, &i) in indices.iter().enumerate().filter(|&(_, &i)| keep(i, values[i])) {
            let is_nan = values[i].float().is_nan();
            cell.nan += u64::from(is_nan);
            // No integer rounds to infinity.
            cell.inf += u64::from(values[i].float().is_infinite());
            if !(is_nan && policy == NanPolicy::Skip) {
                cell.elements.push((within, values[i]));
            }
        }
        cell
    }

    /// The cells along a named axis.
    pub fn along(
        axis: Axis,
        values: &[T],
        dims: &[usize],
        keep: &dyn Fn(usize, T) -> bool,
        policy: NanPolicy,
    ) -> Vec<Self> {
        let cells = cells_along(dims, axis);
        cells.iter().map(|indices| Self::new(values, indices, keep, policy)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub fn floats(&self) -> impl Iterator<Item = f64> + '_ {
        self.elements.iter().map(|(_, x)| x.float())
    }

    /// The elements as exact integers; `None` for floats.
    pub fn integers(&self) -> Option<Vec<i128>> {
        let integers = || self.elements.iter().filter_map(|(_, x)| x.integer()).collect();
        (!T::DTYPE.is_float()).then(integers)
    }

    pub fn has_nan(&self) -> bool {
        self.floats().any(f64::is_nan)
    }

    /// The exact sum of integers, if it overflows the result type.
    fn overflow(&self) -> Option<i128> {
        let sum: i128 = self.integers()?.iter().sum();
        (sum < T::SUMS.0 || sum > T::SUMS.1).then_some(sum)
    }

    /// The sum of floats, if any of them is not finite.
    fn special_sum(&self) -> Option<f64> {
        self.floats().filter(|x| !x.is_finite()).reduce(|a, b| a + b)
    }

    /// The smallest and the largest element; meaningless if there is a NaN.
    pub fn range(&self) -> Option<(T, T)> {
        let elements = || self.elements.iter().map(|&(_, x)| x);
        let min = elements().reduce(|a, b| if b < a { b } else { a })?;
        let max = elements().reduce(|a, b| if b > a { b } else { a })?;
        Some((min, max))
    }

    /// The elements in numeric order; there must be no NaN.
    fn sorted(&self) -> Vec<T> {
        let mut sorted: Vec<T> = self.elements.iter().map(|&(_, x)| x).collect();
        sorted.sort_by(|&a, &b| order(a, b));
        sorted
    }

    /// The quantiles by numpy's `linear` method: NaN if there is a NaN, or no element.
    pub fn quantiles(&self, fractions: &[f64]) -> Vec<f64> {
        if self.has_nan() || self.is_empty() {
            return vec![f64::NAN; fractions.len()];
        }
        let sorted = self.sorted();
        fractions.iter().map(|&q| quantile(&sorted, q)).collect()
    }
}

/// Numeric order; NaN is not allowed.
fn order<T: Value>(a: T, b: T) -> Ordering {
    match (a.integer(), b.integer()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.float().partial_cmp(&b.float()).expect("no NaN"),
    }
}

/// The indices of the sorted elements around a quantile, and the weight of the second.
fn quantile_position(len: usize, q: f64) -> (usize, usize, f64) {
    let position = q * (len - 1) as f64;
    (position.floor() as usize, position.ceil() as usize, position.fract())
}

/// A quantile of sorted elements, by numpy's `linear` method.
fn quantile<T: Value>(sorted: &[T], q: f64) -> f64 {
    let (low, high, part) = quantile_position(sorted.len(), q);
    let (a, b) = (sorted[low], sorted[high]);
    if part == 0.0 || a == b {
        return a.float();
    }
    let difference = match a.integer().zip(b.integer()) {
        Some((a, b)) => (b - a) as f64,
        None => b.float() - a.float(),
    };
    if part < 0.5 { a.float() + difference * part } else { b.float() - difference * (1.0 - part) }
}

/// Whether the numbers are equal, or both NaN.
pub fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// The bits of a float, with all NaN alike.
pub fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}
