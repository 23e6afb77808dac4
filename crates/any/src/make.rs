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

/// An element type whose answers are real numbers.
pub(crate) trait RealElement:
    Numeric<Sum: Into<Scalar>> + AnyElement + Into<Scalar>
{
}

impl<T: Numeric<Sum: Into<Scalar>> + AnyElement + Into<Scalar>> RealElement for T {}

/// Columns, each with the position of its statistic in the request.
pub(crate) type IndexedColumns = Vec<(usize, Column)>;

/// A reduction whose output is columns.
pub(crate) type ColumnReduction<'a, T> = Box<dyn Reduce<T, Output = IndexedColumns> + 'a>;

/// The settings shared by all reductions of a request.
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

/// Whether a statistic is derived from the totals of a cell; all of these share one state.
fn is_total(statistic: &Statistic) -> bool {
    use Statistic::{Count, Inf, Max, Mean, Min, Nan, Ptp, Std, Sum, Var};
    matches!(statistic, Count | Nan | Inf | Sum | Mean | Var(_) | Std(_) | Min | Max | Ptp)
}

/// The reductions of a request that take a single read.
///
/// # Errors
/// Returns an error for invalid options, and for an axis on statistics that take none.
pub(crate) fn reductions<'a, T: RealElement>(
    statistics: &'a [Statistic],
    common: Common<'a, T>,
) -> Result<Vec<ColumnReduction<'a, T>>> {
    let mut reductions = Vec::new();
    let totals: Vec<(usize, &Statistic)> =
        statistics.iter().enumerate().filter(|(_, statistic)| is_total(statistic)).collect();
    if !totals.is_empty() {
        reductions.push(totals_reduction(totals, common));
    }
    for (position, statistic) in statistics.iter().enumerate() {
        if !is_total(statistic) && !matches!(statistic, Statistic::Quantile(_)) {
            reductions.push(single_reduction(position, statistic, common)?);
        }
    }
    Ok(reductions)
}

fn totals_reduction<'a, T: RealElement>(
    statistics: Vec<(usize, &'a Statistic)>,
    Common { axis, mask, nan }: Common<'a, T>,
) -> ColumnReduction<'a, T> {
    use Statistic::{Max, Min, Ptp, Std, Var};
    let any = |f: fn(&Statistic) -> bool| statistics.iter().any(|(_, statistic)| f(statistic));
    let range = any(|s| matches!(s, Min | Max | Ptp));
    let spread = any(|s| matches!(s, Var(_) | Std(_)));
    let totals = Totals::along(axis);
    let totals = match (spread, range) {
        (false, false) => totals.sums_only(),
        (true, false) => totals.without_range(),
        (_, true) => totals,
    };
    Box::new(Then(totals.masked(mask).nan(nan), move |values: Values<CellTotals<T>>| {
        let column = |&(position, statistic): &(usize, &Statistic)| {
            (position, total_column(statistic, &values))
        };
        statistics.iter().map(column).collect()
    }))
}

/// The column of a statistic derived from totals.
fn total_column<T: RealElement>(statistic: &Statistic, cells: &[CellTotals<T>]) -> Column {
    let floats = |f: &dyn Fn(&CellTotals<T>) -> f64| Scalars::Float(cells.iter().map(f).collect());
    let counts = |f: fn(&CellTotals<T>) -> u64| Scalars::Unsigned(cells.iter().map(f).collect());
    let values = match statistic {
        Statistic::Count => counts(CellTotals::count),
        Statistic::Nan => counts(CellTotals::nan),
        Statistic::Inf => counts(CellTotals::inf),
        Statistic::Mean => floats(&CellTotals::mean),
        Statistic::Var(ddof) => floats(&|cell| cell.moments(*ddof).var),
        Statistic::Std(ddof) => floats(&|cell| cell.moments(*ddof).std()),
        _ => return total_or_missing(statistic, cells),
    };
    Column::new(statistic.to_string(), values)
}

/// The column of a statistic that may be undefined for a cell.
fn total_or_missing<T: RealElement>(statistic: &Statistic, cells: &[CellTotals<T>]) -> Column {
    let mut first_missing = None;
    let mut missing = |cell: usize, error: &JobError| {
        first_missing.get_or_insert_with(|| (cell, error.to_string()));
        Scalar::Missing
    };
    let no_elements = |what, cell| JobError::NoElements { what, cell };
    let scalars = cells.iter().enumerate().map(|(i, cell)| match statistic {
        Statistic::Min => match cell.range() {
            Some(range) => range.min.into(),
            None => missing(i, &no_elements("minimum", i)),
        },
        Statistic::Max => match cell.range() {
            Some(range) => range.max.into(),
            None => missing(i, &no_elements("maximum", i)),
        },
        _ => {
            let sum = match statistic {
                Statistic::Ptp => cell.ptp().unwrap_or_else(|| Err(no_elements("range", i))),
                _ => cell.sum(),
            };
            match sum {
                Ok(sum) => sum.into(),
                // A sum that overflows its type is reported and kept exact.
                Err(error @ JobError::SumOverflow { exact, .. }) => {
                    missing(i, &error);
                    Scalar::Wide(exact)
                }
                Err(error) => missing(i, &error),
            }
        }
    });
    let column = Column::new(statistic.to_string(), scalars.collect::<Vec<_>>().into());
    match first_missing {
        None => column,
        Some((cell, reason)) => column.with_missing(cell, reason),
    }
}

/// The reduction of a statistic with its own state.
fn single_reduction<'a, T: RealElement>(
    position: usize,
    statistic: &'a Statistic,
    common: Common<'a, T>,
) -> Result<ColumnReduction<'a, T>> {
    let Common { axis, mask, nan } = common;
    let name = statistic.to_string();
    macro_rules! scalars {
        ($kernel:expr, $number:expr) => {{
            let kernel = $kernel.masked(mask).nan(nan);
            Box::new(Then(kernel, scalar_column(position, name, $number)))
        }};
    }
    macro_rules! lists {
        ($kernel:expr, $list:expr) => {{
            let kernel = $kernel.masked(mask).nan(nan);
            Box::new(Then(kernel, list_column(position, name, $list)))
        }};
    }
    Ok(match statistic {
        Statistic::ExactSum => scalars!(Sum::along(axis).exact(), T::Sum::into),
        Statistic::ExactMean => scalars!(Mean::along(axis).exact(), f64::into),
        Statistic::ArgMin => scalars!(ArgMin::along(axis), |v: Extremum<T>| index(v.index)),
        Statistic::ArgMax => scalars!(ArgMax::along(axis), |v: Extremum<T>| index(v.index)),
        Statistic::Prod => scalars!(Product::along(axis), T::Sum::into),
        Statistic::Skew(false) => scalars!(Skewness::along(axis), f64::into),
        Statistic::Skew(true) => scalars!(Skewness::along(axis).unbiased(), f64::into),
        Statistic::Kurtosis(false) => scalars!(Kurtosis::along(axis), f64::into),
        Statistic::Kurtosis(true) => scalars!(Kurtosis::along(axis).unbiased(), f64::into),
        Statistic::Norm(order) => scalars!(Norm::along(axis).order(*order), f64::into),
        Statistic::Any => scalars!(AnyTrue::along(axis), bool::into),
        Statistic::All => scalars!(AllTrue::along(axis), bool::into),
        Statistic::Distinct => scalars!(Distinct::along(axis), u64::into),
        Statistic::TopK(k) => lists!(TopK::largest(*k)?.along(axis), extreme_values),
        Statistic::BottomK(k) => lists!(TopK::smallest(*k)?.along(axis), extreme_values),
        Statistic::ApproxQuantile(at) => {
            lists!(ApproxQuantiles::new(at, RELATIVE_ERROR)?.along(axis), floats)
        }
        Statistic::Histogram(bins, interval) => {
            let (low, high) = interval.unwrap_or((0.0, 1.0));
            lists!(Histogram::uniform(*bins, low, high)?.along(axis), counts)
        }
        Statistic::Cov(_) | Statistic::Corr => matrix_reduction(position, statistic, common)?,
        Statistic::Quantile(_) => return Err(Error::NotMergeable { statistic: name }),
        // All derived from totals.
        Statistic::Count
        | Statistic::Nan
        | Statistic::Inf
        | Statistic::Sum
        | Statistic::Mean
        | Statistic::Var(_)
        | Statistic::Std(_)
        | Statistic::Min
        | Statistic::Max
        | Statistic::Ptp => totals_reduction(vec![(position, statistic)], common),
    })
}

/// The reduction of a covariance or a correlation, which take no axis.
fn matrix_reduction<'a, T: RealElement>(
    position: usize,
    statistic: &Statistic,
    Common { axis, mask, nan }: Common<'a, T>,
) -> Result<ColumnReduction<'a, T>> {
    if !matches!(axis, AnyAxis::All) {
        return Err(Error::NoAxis { statistic: statistic.to_string() });
    }
    let (ddof, values): (u64, fn(CovarianceMatrix) -> Vec<f64>) = match statistic {
        Statistic::Cov(ddof) => (*ddof, |matrix| matrix.values),
        _ => (0, |matrix| matrix.correlation()),
    };
    let kernel = Covariance::columns().ddof(ddof).masked(mask).nan(nan);
    Ok(Box::new(Then(kernel, matrix_column(position, statistic.to_string(), values))))
}

/// The conversion from the output of a reduction to columns. It depends on the output type alone,
/// so it is compiled once for all element types that share it.
pub(crate) type ToColumns<A> = Box<dyn Fn(A) -> IndexedColumns + Sync>;

/// A column with a number for each cell.
pub(crate) fn scalar_column<V: 'static>(
    position: usize,
    name: String,
    f: fn(V) -> Scalar,
) -> ToColumns<Values<V>> {
    Box::new(move |values| {
        let scalars: Vec<Scalar> = values.into_iter().map(f).collect();
        vec![(position, Column::new(name.clone(), scalars.into()))]
    })
}

/// A column with a list for each cell.
fn list_column<V: 'static>(
    position: usize,
    name: String,
    f: fn(V) -> Vec<Scalar>,
) -> ToColumns<Values<V>> {
    Box::new(move |values| {
        let lists = values.into_iter().map(f).collect();
        vec![(position, Column::lists(name.clone(), lists))]
    })
}

/// A column whose single cell holds a matrix.
fn matrix_column(
    position: usize,
    name: String,
    f: fn(CovarianceMatrix) -> Vec<f64>,
) -> ToColumns<CovarianceMatrix> {
    Box::new(move |output| vec![(position, Column::lists(name.clone(), vec![floats(f(output))]))])
}

fn index(index: usize) -> Scalar {
    Scalar::Signed(index as i64)
}

fn floats(values: Vec<f64>) -> Vec<Scalar> {
    values.into_iter().map(Scalar::Float).collect()
}

fn counts(histogram: HistogramCounts) -> Vec<Scalar> {
    histogram.counts.into_iter().map(Scalar::Unsigned).collect()
}

fn extreme_values<T: RealElement>(extrema: Vec<Extremum<T>>) -> Vec<Scalar> {
    extrema.into_iter().map(|extremum| extremum.value.into()).collect()
}
