//! From statistics to reductions of one dtype, and from their answers to columns.

use rowmill_exec::{
    AllTrue, AnyAxis, AnyTrue, ApproxQuantiles, ArgMax, ArgMin, CellTotals, Covariance,
    CovarianceMatrix, Distinct, Error as JobError, Extremum, Histogram, HistogramCounts, Kurtosis,
    Mean, NanPolicy, Norm, Numeric, Product, Reduce, Selector, Skewness, Sum, Then, TopK, Totals,
    Values,
};

use crate::answer::Column;
use crate::scalar::{Scalar, Scalars};
use crate::source::AnyElement;
use crate::statistic::{RELATIVE_ERROR, Statistic};
use crate::{Error, Result};

/// Elements whose answers are numbers on a line.
pub(crate) trait Told: Numeric<Sum: Into<Scalar>> + AnyElement + Into<Scalar> {}

impl<T: Numeric<Sum: Into<Scalar>> + AnyElement + Into<Scalar>> Told for T {}

/// Columns, each with the place of its statistic in the request.
pub(crate) type Placed = Vec<(usize, Column)>;

/// A reduction whose answer is columns.
pub(crate) type Made<'a, T> = Box<dyn Reduce<T, Output = Placed> + 'a>;

/// Everything that the reductions of a request have in common.
pub(crate) struct Common<'a, T> {
    pub(crate) axis: AnyAxis,
    pub(crate) mask: &'a dyn Selector<T>,
    pub(crate) nan: NanPolicy,
}

impl<T> Clone for Common<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Common<'_, T> {}

/// Whether a statistic is derived from the totals of a cell, which one state gives for all of them.
fn is_total(statistic: &Statistic) -> bool {
    use Statistic::{Count, Inf, Max, Mean, Min, Nan, Ptp, Std, Sum, Var};
    matches!(statistic, Count | Nan | Inf | Sum | Mean | Var(_) | Std(_) | Min | Max | Ptp)
}

/// The reductions of a request that take one read.
///
/// # Errors
/// For options that mean nothing, and for statistics that have no axis.
pub(crate) fn reductions<'a, T: Told>(
    statistics: &'a [Statistic],
    common: Common<'a, T>,
) -> Result<Vec<Made<'a, T>>> {
    let mut made = Vec::new();
    let totals: Vec<(usize, &Statistic)> =
        statistics.iter().enumerate().filter(|(_, statistic)| is_total(statistic)).collect();
    if !totals.is_empty() {
        made.push(of_totals(totals, common));
    }
    for (place, statistic) in statistics.iter().enumerate() {
        if !is_total(statistic) && !matches!(statistic, Statistic::Quantile(_)) {
            made.push(of_one(place, statistic, common)?);
        }
    }
    Ok(made)
}

fn of_totals<'a, T: Told>(
    wanted: Vec<(usize, &'a Statistic)>,
    Common { axis, mask, nan }: Common<'a, T>,
) -> Made<'a, T> {
    use Statistic::{Max, Min, Ptp, Std, Var};
    let any = |of: fn(&Statistic) -> bool| wanted.iter().any(|(_, statistic)| of(statistic));
    let range = any(|s| matches!(s, Min | Max | Ptp));
    let spread = any(|s| matches!(s, Var(_) | Std(_)));
    let totals = Totals::along(axis);
    let totals = match (spread, range) {
        (false, false) => totals.sums_only(),
        (true, false) => totals.without_range(),
        (_, true) => totals,
    };
    Box::new(Then(totals.masked(mask).nan(nan), move |values: Values<CellTotals<T>>| {
        let column = |&(place, statistic): &(usize, &Statistic)| (place, total(statistic, &values));
        wanted.iter().map(column).collect()
    }))
}

/// The column of a statistic that is derived from totals.
fn total<T: Told>(statistic: &Statistic, cells: &[CellTotals<T>]) -> Column {
    let floats =
        |of: &dyn Fn(&CellTotals<T>) -> f64| Scalars::Float(cells.iter().map(of).collect());
    let counts = |of: fn(&CellTotals<T>) -> u64| Scalars::Unsigned(cells.iter().map(of).collect());
    let values = match statistic {
        Statistic::Count => counts(CellTotals::count),
        Statistic::Nan => counts(CellTotals::nan),
        Statistic::Inf => counts(CellTotals::inf),
        Statistic::Mean => floats(&CellTotals::mean),
        Statistic::Var(ddof) => floats(&|cell| cell.moments(*ddof).var),
        Statistic::Std(ddof) => floats(&|cell| cell.moments(*ddof).std()),
        _ => return total_with_gaps(statistic, cells),
    };
    Column::new(statistic.to_string(), values)
}

/// The same of a statistic that a cell may have no value of.
fn total_with_gaps<T: Told>(statistic: &Statistic, cells: &[CellTotals<T>]) -> Column {
    let mut gap = None;
    let mut missing = |cell: usize, error: &JobError| {
        gap.get_or_insert_with(|| (cell, error.to_string()));
        Scalar::Missing
    };
    let none = |what, cell| JobError::NoElements { what, cell };
    let scalars = cells.iter().enumerate().map(|(i, cell)| match statistic {
        Statistic::Min => match cell.range() {
            Some(range) => range.min.into(),
            None => missing(i, &none("minimum", i)),
        },
        Statistic::Max => match cell.range() {
            Some(range) => range.max.into(),
            None => missing(i, &none("maximum", i)),
        },
        _ => {
            let sum = match statistic {
                Statistic::Ptp => cell.ptp().unwrap_or_else(|| Err(none("range", i))),
                _ => cell.sum(),
            };
            match sum {
                Ok(sum) => sum.into(),
                // A sum that does not fit its type: exact, and told.
                Err(error @ JobError::SumOverflow { exact, .. }) => {
                    missing(i, &error);
                    Scalar::Wide(exact)
                }
                Err(error) => missing(i, &error),
            }
        }
    });
    let column = Column::new(statistic.to_string(), scalars.collect::<Vec<_>>().into());
    match gap {
        None => column,
        Some((cell, reason)) => column.missing_at(cell, reason),
    }
}

/// The reduction of a statistic that has a state of its own.
fn of_one<'a, T: Told>(
    place: usize,
    statistic: &'a Statistic,
    common: Common<'a, T>,
) -> Result<Made<'a, T>> {
    let Common { axis, mask, nan } = common;
    let name = statistic.to_string();
    macro_rules! numbers {
        ($kernel:expr, $number:expr) => {{
            let kernel = $kernel.masked(mask).nan(nan);
            Box::new(Then(kernel, numbers(place, name, $number)))
        }};
    }
    macro_rules! lists {
        ($kernel:expr, $list:expr) => {{
            let kernel = $kernel.masked(mask).nan(nan);
            Box::new(Then(kernel, lists(place, name, $list)))
        }};
    }
    let whole = || match axis {
        AnyAxis::All => Ok(()),
        _ => Err(Error::NoAxis { statistic: statistic.to_string() }),
    };
    Ok(match statistic {
        Statistic::ExactSum => numbers!(Sum::along(axis).exact(), T::Sum::into),
        Statistic::ExactMean => numbers!(Mean::along(axis).exact(), f64::into),
        Statistic::ArgMin => numbers!(ArgMin::along(axis), |v: Extremum<T>| index(v.index)),
        Statistic::ArgMax => numbers!(ArgMax::along(axis), |v: Extremum<T>| index(v.index)),
        Statistic::Prod => numbers!(Product::along(axis), T::Sum::into),
        Statistic::Skew(false) => numbers!(Skewness::along(axis), f64::into),
        Statistic::Skew(true) => numbers!(Skewness::along(axis).unbiased(), f64::into),
        Statistic::Kurtosis(false) => numbers!(Kurtosis::along(axis), f64::into),
        Statistic::Kurtosis(true) => numbers!(Kurtosis::along(axis).unbiased(), f64::into),
        Statistic::Norm(order) => numbers!(Norm::along(axis).order(*order), f64::into),
        Statistic::Any => numbers!(AnyTrue::along(axis), bool::into),
        Statistic::All => numbers!(AllTrue::along(axis), bool::into),
        Statistic::Distinct => numbers!(Distinct::along(axis), u64::into),
        Statistic::TopK(k) => lists!(TopK::largest(*k)?.along(axis), extremes_of),
        Statistic::BottomK(k) => lists!(TopK::smallest(*k)?.along(axis), extremes_of),
        Statistic::ApproxQuantile(at) => {
            lists!(ApproxQuantiles::new(at, RELATIVE_ERROR)?.along(axis), floats)
        }
        Statistic::Histogram(bins, interval) => {
            let (low, high) = interval.unwrap_or((0.0, 1.0));
            lists!(Histogram::uniform(*bins, low, high)?.along(axis), counts)
        }
        Statistic::Cov(ddof) => {
            whole()?;
            let kernel = Covariance::columns().ddof(*ddof).masked(mask).nan(nan);
            Box::new(Then(kernel, matrix(place, name, |found| found.values)))
        }
        Statistic::Corr => {
            whole()?;
            let kernel = Covariance::columns().masked(mask).nan(nan);
            Box::new(Then(kernel, matrix(place, name, |found| found.correlation())))
        }
        Statistic::Quantile(_) => return Err(Error::NotMergeable { statistic: name }),
        // Derived from totals, all of them.
        Statistic::Count
        | Statistic::Nan
        | Statistic::Inf
        | Statistic::Sum
        | Statistic::Mean
        | Statistic::Var(_)
        | Statistic::Std(_)
        | Statistic::Min
        | Statistic::Max
        | Statistic::Ptp => of_totals(vec![(place, statistic)], common),
    })
}

/// From the answer of a reduction to columns. Of its type alone, so that it is compiled once for
/// all elements that have such answers.
pub(crate) type ToColumns<A> = Box<dyn Fn(A) -> Placed + Sync>;

/// A column with a number for each cell.
pub(crate) fn numbers<V: 'static>(
    place: usize,
    name: String,
    of: fn(V) -> Scalar,
) -> ToColumns<Values<V>> {
    Box::new(move |values| {
        let scalars: Vec<Scalar> = values.into_iter().map(of).collect();
        vec![(place, Column::new(name.clone(), scalars.into()))]
    })
}

/// A column with a list for each cell.
fn lists<V: 'static>(place: usize, name: String, of: fn(V) -> Vec<Scalar>) -> ToColumns<Values<V>> {
    Box::new(move |values| {
        let lists = values.into_iter().map(of).collect();
        vec![(place, Column::lists(name.clone(), lists))]
    })
}

/// A column with a matrix in its one cell.
fn matrix(
    place: usize,
    name: String,
    of: fn(CovarianceMatrix) -> Vec<f64>,
) -> ToColumns<CovarianceMatrix> {
    Box::new(move |found| vec![(place, Column::lists(name.clone(), vec![floats(of(found))]))])
}

fn index(index: usize) -> Scalar {
    Scalar::Signed(index as i64)
}

fn floats(values: Vec<f64>) -> Vec<Scalar> {
    values.into_iter().map(Scalar::Float).collect()
}

fn counts(found: HistogramCounts) -> Vec<Scalar> {
    found.counts.into_iter().map(Scalar::Unsigned).collect()
}

fn extremes_of<T: Told>(found: Vec<Extremum<T>>) -> Vec<Scalar> {
    found.into_iter().map(|extremum| extremum.value.into()).collect()
}
