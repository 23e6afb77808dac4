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
    let name = statistic.to_string();
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
        Statistic::Min => return extremes(name, "minimum", cells, |r| r.map(|r| r.min.into())),
        Statistic::Max => return extremes(name, "maximum", cells, |r| r.map(|r| r.max.into())),
        Statistic::Ptp => return sums(name, cells, CellTotals::ptp),
        _ => return sums(name, cells, |cell| Some(cell.sum())),
    };
    Column::new(name, values)
}

fn extremes<T: Told>(
    name: String,
    what: &'static str,
    cells: &[CellTotals<T>],
    of: fn(Option<rowmill_exec::Range<T>>) -> Option<Scalar>,
) -> Column {
    let values = cells.iter().map(|cell| Scalar::from(of(cell.range())));
    let column = Column::new(name, values.collect());
    match cells.iter().position(|cell| cell.range().is_none()) {
        None => column,
        Some(cell) => column.missing_at(cell, JobError::NoElements { what, cell }.to_string()),
    }
}

/// Sums that may not fit their type: exact then, and told.
fn sums<T: Told>(
    name: String,
    cells: &[CellTotals<T>],
    of: impl Fn(&CellTotals<T>) -> Option<rowmill_exec::Result<T::Sum>>,
) -> Column {
    let mut wrong = None;
    let values = cells.iter().enumerate().map(|(i, cell)| match of(cell) {
        None => {
            let reason = || JobError::NoElements { what: "range", cell: i }.to_string();
            wrong.get_or_insert_with(|| (i, reason()));
            Scalar::Missing
        }
        Some(Ok(sum)) => sum.into(),
        Some(Err(error)) => {
            wrong.get_or_insert_with(|| (i, error.to_string()));
            match error {
                JobError::SumOverflow { exact, .. } => Scalar::Wide(exact),
                _ => Scalar::Missing,
            }
        }
    });
    let column = Column::new(name, values.collect());
    match wrong {
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
        ($kernel:expr, |$value:ident: $of:ty| $number:expr) => {{
            let kernel = $kernel.masked(mask).nan(nan);
            let column = move |values: Values<$of>| {
                let numbers = values.into_iter().map(|$value| $number);
                vec![(place, Column::new(name.clone(), numbers.collect()))]
            };
            Box::new(Then(kernel, column))
        }};
    }
    macro_rules! lists {
        ($kernel:expr, |$value:ident: $of:ty| $list:expr) => {{
            let kernel = $kernel.masked(mask).nan(nan);
            let column = move |values: Values<$of>| {
                let lists = values.into_iter().map(|$value| $list);
                vec![(place, Column::lists(name.clone(), lists.collect()))]
            };
            Box::new(Then(kernel, column))
        }};
    }
    let whole = || match axis {
        AnyAxis::All => Ok(()),
        _ => Err(Error::NoAxis { statistic: statistic.to_string() }),
    };
    Ok(match statistic {
        Statistic::ExactSum => {
            numbers!(Sum::along(axis).exact(), |v: T::Sum| v.into())
        }
        Statistic::ExactMean => numbers!(Mean::along(axis).exact(), |v: f64| v.into()),
        Statistic::ArgMin => numbers!(ArgMin::along(axis), |v: Extremum<T>| index(v.index)),
        Statistic::ArgMax => numbers!(ArgMax::along(axis), |v: Extremum<T>| index(v.index)),
        Statistic::Prod => numbers!(Product::along(axis), |v: T::Sum| v.into()),
        Statistic::Skew(false) => numbers!(Skewness::along(axis), |v: f64| v.into()),
        Statistic::Skew(true) => numbers!(Skewness::along(axis).unbiased(), |v: f64| v.into()),
        Statistic::Kurtosis(false) => numbers!(Kurtosis::along(axis), |v: f64| v.into()),
        Statistic::Kurtosis(true) => numbers!(Kurtosis::along(axis).unbiased(), |v: f64| v.into()),
        Statistic::Norm(order) => numbers!(Norm::along(axis).order(*order), |v: f64| v.into()),
        Statistic::Any => numbers!(AnyTrue::along(axis), |v: bool| v.into()),
        Statistic::All => numbers!(AllTrue::along(axis), |v: bool| v.into()),
        Statistic::Distinct => numbers!(Distinct::along(axis), |v: u64| v.into()),
        Statistic::TopK(k) => {
            lists!(TopK::largest(*k)?.along(axis), |v: Vec<Extremum<T>>| values(v))
        }
        Statistic::BottomK(k) => {
            lists!(TopK::smallest(*k)?.along(axis), |v: Vec<Extremum<T>>| values(v))
        }
        Statistic::ApproxQuantile(at) => {
            lists!(ApproxQuantiles::new(at, RELATIVE_ERROR)?.along(axis), |v: Vec<f64>| floats(v))
        }
        Statistic::Histogram(bins, interval) => {
            let (low, high) = interval.unwrap_or((0.0, 1.0));
            lists!(Histogram::uniform(*bins, low, high)?.along(axis), |v: HistogramCounts| {
                v.counts.into_iter().map(Scalar::Unsigned).collect()
            })
        }
        Statistic::Cov(ddof) => {
            whole()?;
            let kernel = Covariance::new().ddof(*ddof).masked(mask).nan(nan);
            Box::new(Then(kernel, move |found: CovarianceMatrix| {
                vec![(place, Column::lists(name.clone(), vec![floats(found.values)]))]
            }))
        }
        Statistic::Corr => {
            whole()?;
            let kernel = Covariance::new().masked(mask).nan(nan);
            Box::new(Then(kernel, move |found: CovarianceMatrix| {
                vec![(place, Column::lists(name.clone(), vec![floats(found.correlation())]))]
            }))
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

fn index(index: usize) -> Scalar {
    Scalar::Signed(index as i64)
}

fn floats(values: Vec<f64>) -> Vec<Scalar> {
    values.into_iter().map(Scalar::Float).collect()
}

fn values<T: Told>(found: Vec<Extremum<T>>) -> Vec<Scalar> {
    found.into_iter().map(|extremum| extremum.value.into()).collect()
}
