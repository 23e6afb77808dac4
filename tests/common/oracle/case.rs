//! The kernels for sums, moments, counts and ranges on one array, checked cell by cell.

use rowmill::reduce::{MeanVar, Summary, Tally, ValueRange, Values};
use rowmill::select::Selector;
use rowmill::view::SliceSource;
use rowmill::{
    Counts, Engine, Error, Mean, MinMax, Moments, NanPolicy, Numeric, Result, Source, Stats, Sum,
};

use super::{Axis, Cell, bits};
use crate::common::erased::Erased;
use crate::common::value::{Total, Value};

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
    range: Result<Vec<ValueRange<T>>>,
    sum: Result<Vec<T::Sum>>,
    stats: Result<Vec<Summary<T>>>,
}

/// The kernels behind [`Answers`].
type Kernels<'a, T> = (
    Erased<'a, T, Vec<f64>>,
    Erased<'a, T, Vec<MeanVar>>,
    Erased<'a, T, Vec<MeanVar>>,
    Erased<'a, T, Vec<Tally>>,
    Erased<'a, T, Result<Vec<ValueRange<T>>>>,
    Erased<'a, T, Result<Vec<<T as Numeric>::Sum>>>,
    Erased<'a, T, Result<Vec<Summary<T>>>>,
);

/// A mask as one type, so that kernels are compiled once for all masks.
pub type Boxed<'m, T> = Box<dyn Selector<T> + 'm>;

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
        fn $name<'m>(&self, mask: &dyn Fn() -> Boxed<'m, T>, nan: NanPolicy) -> Result<Answers<T>> {
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
    answers!(all, all, |v| vec![v]);
    answers!(over_columns, per_column, Values::into_vec);
    answers!(over_rows, per_row, Values::into_vec);

    fn reduce(&self, kernels: Kernels<'_, T>) -> Result<Answers<T>> {
        let (mean, moments, moments_1, tally, range, sum, stats) =
            self.engine.reduce(self.source, kernels)?;
        Ok(Answers { mean, moments, moments_1, tally, range, sum, stats })
    }

    /// Checks all kernels over all axes, under every policy.
    pub fn check<'m, M: Selector<T> + 'm>(&self, mask: impl Fn() -> M) {
        let mask = || -> Boxed<'m, T> { Box::new(mask()) };
        let dims = self.source.shape().dims();
        for policy in [NanPolicy::Propagate, NanPolicy::Skip] {
            for axis in [Axis::All, Axis::Columns, Axis::Rows] {
                let cells = Cell::along(axis, self.values, dims, self.keep, policy);
                let got = match axis {
                    Axis::All => self.all(&mask, policy),
                    Axis::Columns => self.over_columns(&mask, policy),
                    Axis::Rows => self.over_rows(&mask, policy),
                };
                self.check_cells(&cells, got, &format!("{axis:?} {policy:?} {}", self.name));
            }
        }
        self.check_refusal(&mask);
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
        let empty = cells.iter().position(Cell::is_empty);
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
                    let range = stats.min.zip(stats.max).map(|(min, max)| ValueRange { min, max });
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
    fn check_refusal<'m>(&self, mask: &dyn Fn() -> Boxed<'m, T>) {
        let nan = |(i, x): (usize, T)| x.float().is_nan() && (self.keep)(i, x);
        let any = self.values.iter().copied().enumerate().any(nan);
        match self.all(mask, NanPolicy::Error) {
            Ok(got) => {
                assert!(!any, "NaN passed, {}", self.name);
                let plain = self.all(mask, NanPolicy::Propagate).expect("no refusal");
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
