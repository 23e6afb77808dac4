//! The naive oracle: every statistic of every cell, from a list of its elements.
//!
//! It checks these bounds for a cell of `n` elements with `S = Σ|x|`:
//!
//! | result | integers and bool | `f16`, `f32` | `f64` |
//! |---|---|---|---|
//! | sum | exact, or the exact sum in the error | a rounding of `S` for each addition in `f64` |
//! one rounding, and `1e-28 S` |
//! | mean | rounded once | as the sum, and one rounding | likewise |
//! | var | rounded once | relative `1e-12`, and what rounding of the mean costs | likewise |

use rowmill::{
    Counts, DType, Engine, Error, Mean, MeanVar, MinMax, Moments, NanPolicy, Numeric, Range,
    Result, Selector, SliceSource, Source, Stats, Sum, Summary, Tally, Values,
};

use super::erased::Erased;
use super::exact::{Natural, fsum, is_ratio_rounded, mean_and_squares};
use super::value::{Total, Value};

/// The elements of a cell.
#[derive(Clone, Debug)]
pub struct Cell<T> {
    /// The elements that mask and policy keep.
    elements: Vec<T>,
    nan: u64,
    inf: u64,
}

impl<T: Value> Cell<T> {
    pub fn new(kept: Vec<T>, policy: NanPolicy) -> Self {
        let (mut elements, mut nan, mut inf) = (kept, 0, 0);
        for x in &elements {
            nan += u64::from(x.float().is_nan());
            // No integer rounds to infinity.
            inf += u64::from(x.float().is_infinite());
        }
        if policy == NanPolicy::Skip {
            elements.retain(|x| !x.float().is_nan());
        }
        Self { elements, nan, inf }
    }

    fn count(&self) -> u64 {
        self.elements.len() as u64
    }

    fn floats(&self) -> Vec<f64> {
        self.elements.iter().map(|x| x.float()).collect()
    }

    fn integers(&self) -> Option<Vec<i128>> {
        (!T::DTYPE.is_float()).then(|| self.elements.iter().filter_map(|x| x.integer()).collect())
    }

    /// The exact sum of integers, if it overflows the result type.
    fn overflow(&self) -> Option<i128> {
        let sum: i128 = self.integers()?.iter().sum();
        (sum < T::SUMS.0 || sum > T::SUMS.1).then_some(sum)
    }

    /// The sum of floats, if any of them is not finite.
    fn special_sum(&self) -> Option<f64> {
        let special = self.floats().into_iter().filter(|x| !x.is_finite());
        special.reduce(|a, b| a + b)
    }

    /// The allowed error of a sum of floats.
    fn sum_bound(&self, exact: f64) -> f64 {
        let size = fsum(self.floats().into_iter().map(f64::abs));
        match T::DTYPE {
            DType::F64 => exact.abs() * f64::EPSILON + size * 1e-28,
            // Half an epsilon for each sequential addition; a column of a block is not longer.
            _ => size * f64::EPSILON / 2.0 * self.elements.len().clamp(8, 4200) as f64,
        }
    }

    pub fn check_sum(&self, got: T::Sum, at: &str) {
        if let Some(integers) = self.integers() {
            assert_eq!(got.integer(), Some(integers.iter().sum()), "sum, {at}");
        } else if let Some(special) = self.special_sum() {
            assert!(same(got.float(), special), "sum {got:?}, expected {special}, {at}");
        } else {
            let exact = fsum(self.floats());
            let off = (got.float() - exact).abs();
            assert!(off <= self.sum_bound(exact), "sum {got:?}, expected {exact}, {at}");
        }
    }

    pub fn check_mean(&self, got: f64, at: &str) {
        if self.elements.is_empty() {
            assert!(got.is_nan(), "mean of nothing {got}, {at}");
        } else if let Some(integers) = self.integers() {
            let sum: i128 = integers.iter().sum();
            let below = Natural::from(u128::from(self.count()));
            assert!(sum == 0 || (sum < 0) == (got < 0.0), "sign of mean {got}, {at}");
            let rounded = is_ratio_rounded(got.abs(), &sum.unsigned_abs().into(), &below);
            assert!(rounded, "mean {got} is not {sum} / {} rounded, {at}", self.count());
        } else if let Some(special) = self.special_sum() {
            assert!(same(got, special), "mean {got}, expected {special}, {at}");
        } else {
            let (exact, _) = mean_and_squares(&self.floats());
            let n = self.elements.len() as f64;
            let bound = self.sum_bound(exact * n) / n + exact.abs() * f64::EPSILON;
            assert!((got - exact).abs() <= bound, "mean {got}, expected {exact}, {at}");
        }
    }

    pub fn check_var(&self, got: f64, ddof: u64, at: &str) {
        let n = self.count();
        if n <= ddof || self.special_sum().is_some() {
            assert!(got.is_nan(), "var {got} of {n} elements, ddof {ddof}, {at}");
        } else if let Some(integers) = self.integers() {
            let sum: i128 = integers.iter().sum();
            // Squares are halved, so that any number of them fits.
            let squares = integers.iter().map(|x| x.unsigned_abs().pow(2));
            let (high, low) = squares.fold((0, 0), |(high, low), square| {
                (high + (square >> 64), low + (square & u128::from(u64::MAX)))
            });
            let squares = Natural::from(high).shl(64).add(&Natural::from(low));
            let sum = Natural::from(sum.unsigned_abs());
            let of = |n: u64| Natural::from(u128::from(n));
            let above = squares.mul(&of(n)).sub(&sum.mul(&sum));
            let rounded = is_ratio_rounded(got, &above, &of(n).mul(&of(n - ddof)));
            assert!(rounded, "var {got} is not rounded once, {at}");
        } else {
            let (mean, squares) = mean_and_squares(&self.floats());
            let exact = squares / (n - ddof) as f64;
            // One rounding of the mean moves the variance by this much.
            let rounding = mean.abs() * f64::EPSILON;
            let bound = 1e-12 * exact + 8.0 * rounding * exact.sqrt() + 16.0 * rounding * rounding;
            let off = (got - exact).abs();
            assert!(off <= bound, "var {got}, expected {exact}, off by {off:e}, {at}");
        }
    }

    pub fn check_moments(&self, got: MeanVar, ddof: u64, at: &str) {
        assert_eq!(got.count, self.count(), "count, {at}");
        self.check_mean(got.mean, at);
        self.check_var(got.var, ddof, at);
        assert!(same(got.std(), got.var.sqrt()), "std, {at}");
    }

    pub fn check_counts(&self, got: Tally, at: &str) {
        let expected = Tally { count: self.count(), nan: self.nan, inf: self.inf };
        assert_eq!(got, expected, "{at}");
    }

    /// The range is NaN if there is a NaN and it was not skipped.
    pub fn check_range(&self, got: Option<Range<T>>, at: &str) {
        let Some(Range { min, max }) = got else {
            assert!(self.elements.is_empty(), "no range, {at}");
            return;
        };
        if self.floats().iter().any(|x| x.is_nan()) {
            assert!(min.float().is_nan() && max.float().is_nan(), "{min:?} {max:?}, {at}");
            return;
        }
        let least = self.elements.iter().copied().reduce(|a, b| if b < a { b } else { a });
        let most = self.elements.iter().copied().reduce(|a, b| if b > a { b } else { a });
        assert_eq!((Some(min), Some(max)), (least, most), "range, {at}");
    }
}

/// Whether the numbers are equal, or both NaN.
pub fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// The bits of a float, with all NaN alike.
pub fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

fn same_summary<T: Value>(a: &Summary<T>, sum: T::Sum, moments: MeanVar, tally: Tally, at: &str) {
    assert_eq!((a.count, a.nan, a.inf), (tally.count, tally.nan, tally.inf), "{at}");
    assert_eq!(bits(a.sum.float()), bits(sum.float()), "sum of Stats, {at}");
    assert_eq!(bits(a.mean), bits(moments.mean), "mean of Stats, {at}");
    assert_eq!(bits(a.var), bits(moments.var), "var of Stats, {at}");
}

/// The answers of all kernels, for each cell.
struct Answers<T: Value> {
    mean: Vec<f64>,
    moments: Vec<MeanVar>,
    moments_1: Vec<MeanVar>,
    tally: Vec<Tally>,
    range: Result<Vec<Range<T>>>,
    sum: Result<Vec<T::Sum>>,
    stats: Result<Vec<Summary<T>>>,
}

/// The kernels behind [`Answers`].
type Kernels<'a, T> = (
    Erased<'a, T, Vec<f64>>,
    Erased<'a, T, Vec<MeanVar>>,
    Erased<'a, T, Vec<MeanVar>>,
    Erased<'a, T, Vec<Tally>>,
    Erased<'a, T, Result<Vec<Range<T>>>>,
    Erased<'a, T, Result<Vec<<T as Numeric>::Sum>>>,
    Erased<'a, T, Result<Vec<Summary<T>>>>,
);

/// An array, and the elements that a mask keeps.
pub struct Case<'a, T> {
    pub engine: &'a Engine,
    pub source: &'a SliceSource<'a, T>,
    /// The elements in C order.
    pub values: &'a [T],
    /// Whether the mask keeps an element, given its index and value.
    pub keep: &'a dyn Fn(usize, T) -> bool,
    pub name: String,
}

macro_rules! answers {
    ($name:ident, $constructor:ident, $list:expr) => {
        fn $name<M: Selector<T>>(
            &self,
            mask: &dyn Fn() -> M,
            nan: NanPolicy,
        ) -> Result<Answers<T>> {
            self.reduce((
                Erased::new(Mean::$constructor().masked(mask()).nan(nan), $list),
                Erased::new(Moments::$constructor().masked(mask()).nan(nan), $list),
                Erased::new(Moments::$constructor().masked(mask()).nan(nan).ddof(1), $list),
                Erased::new(Counts::$constructor().masked(mask()).nan(nan), $list),
                Erased::tried(MinMax::$constructor().masked(mask()).nan(nan), $list),
                Erased::tried(Sum::$constructor().masked(mask()).nan(nan), $list),
                Erased::tried(Stats::$constructor().masked(mask()).nan(nan), $list),
            ))
        }
    };
}

impl<T: Value> Case<'_, T> {
    answers!(over_all, all, |v| vec![v]);
    answers!(over_columns, per_column, Values::into_vec);
    answers!(over_rows, per_row, Values::into_vec);

    fn reduce(&self, kernels: Kernels<'_, T>) -> Result<Answers<T>> {
        let (mean, moments, moments_1, tally, range, sum, stats) =
            self.engine.reduce(self.source, kernels)?;
        Ok(Answers { mean, moments, moments_1, tally, range, sum, stats })
    }

    /// Checks all kernels over all axes, under every policy.
    pub fn check<M: Selector<T>>(&self, mask: impl Fn() -> M) {
        let (rows, cols) = (self.source.shape().rows(), self.source.shape().row_len());
        for policy in [NanPolicy::Propagate, NanPolicy::Skip] {
            let at = |axis| format!("over {axis} {policy:?} {}", self.name);
            self.check_cells(
                &self.cells(policy, 1, &|_| 0),
                self.over_all(&mask, policy),
                &at("all"),
            );
            let cells = self.cells(policy, cols, &|i| i % cols);
            self.check_cells(&cells, self.over_columns(&mask, policy), &at("columns"));
            let cells = self.cells(policy, rows, &|i| i / cols);
            self.check_cells(&cells, self.over_rows(&mask, policy), &at("rows"));
        }
        self.check_refusal(&mask);
    }

    fn cells(&self, policy: NanPolicy, n: usize, cell: &dyn Fn(usize) -> usize) -> Vec<Cell<T>> {
        let mut kept = vec![Vec::new(); n];
        for (i, &x) in self.values.iter().enumerate() {
            if (self.keep)(i, x) {
                kept[cell(i)].push(x);
            }
        }
        kept.into_iter().map(|k| Cell::new(k, policy)).collect()
    }

    fn check_cells(&self, cells: &[Cell<T>], got: Result<Answers<T>>, at: &str) {
        let got = got.unwrap_or_else(|e| panic!("{e}, {at}"));
        assert_eq!((got.mean.len(), got.moments.len()), (cells.len(), cells.len()), "{at}");
        for (i, cell) in cells.iter().enumerate() {
            let at = format!("cell {i} {at}");
            assert_eq!(bits(got.mean[i]), bits(got.moments[i].mean), "Mean and Moments, {at}");
            cell.check_moments(got.moments[i], 0, &at);
            cell.check_var(got.moments_1[i].var, 1, &at);
            cell.check_counts(got.tally[i], &at);
        }
        let empty = cells.iter().position(|c| c.elements.is_empty());
        match (got.range, empty) {
            (Ok(range), None) => {
                for (range, cell) in range.into_iter().zip(cells) {
                    cell.check_range(Some(range), at);
                }
            }
            (Err(Error::NoElements { cell, .. }), Some(first)) => assert_eq!(cell, first, "{at}"),
            (other, _) => panic!("range: {:?}, {at}", other.map(|_| "some")),
        }
        match (got.sum, got.stats, cells.iter().find_map(Cell::overflow)) {
            (Ok(sums), Ok(stats), None) => {
                for (i, (sum, stats)) in sums.into_iter().zip(stats).enumerate() {
                    cells[i].check_sum(sum, at);
                    same_summary(&stats, sum, got.moments[i], got.tally[i], at);
                    let range = stats.min.zip(stats.max).map(|(min, max)| Range { min, max });
                    cells[i].check_range(range, at);
                }
            }
            (
                Err(Error::SumOverflow { exact: a, .. }),
                Err(Error::SumOverflow { exact: b, .. }),
                Some(first),
            ) => assert_eq!((a, b), (first, first), "{at}"),
            (sum, stats, _) => {
                panic!("{:?}, {:?}, {at}", sum.map(|_| "a sum"), stats.map(|_| "stats"))
            }
        }
    }

    /// Under `Error`, a NaN fails the job, but only if the mask keeps it.
    fn check_refusal<M: Selector<T>>(&self, mask: &dyn Fn() -> M) {
        let nan = |(i, x): (usize, T)| x.float().is_nan() && (self.keep)(i, x);
        let any = self.values.iter().copied().enumerate().any(nan);
        match self.over_all(mask, NanPolicy::Error) {
            Ok(got) => {
                assert!(!any, "NaN passed, {}", self.name);
                let plain = self.over_all(mask, NanPolicy::Propagate).expect("no refusal");
                assert_eq!(bits(got.mean[0]), bits(plain.mean[0]), "{}", self.name);
            }
            Err(Error::NanFound { row, element }) => {
                let i = row * self.source.shape().row_len() + element;
                assert!(nan((i, self.values[i])), "element {i} is no NaN, {}", self.name);
            }
            Err(error) => panic!("{error}, {}", self.name),
        }
    }
}
