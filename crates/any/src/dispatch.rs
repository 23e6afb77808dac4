//! Jobs of one dtype, compiled once per dtype whatever the request.

use std::ops::Range;

use rowmill_core::{Element, Shape, Source};
use rowmill_exec::{
    AnyAxis, Checkpoint, Complexed, Counts, Engine, Mask, Mean, Moments, Numeric, Over, Partial,
    Positional, Reduce, Selector, Sum, Tally, Then, Totals, Unmasked, Values,
};

use crate::answer::{Answer, Column};
use crate::axes::Axes;
use crate::make::{
    ColumnReduction, Common, IndexedColumns, RealElement, reductions, scalar_column,
};
use crate::request::Request;
use crate::scalar::Scalar;
use crate::source::{AnyElement, Selection, unsupported_axes};
use crate::statistic::Statistic;
use crate::{Error, Result};

/// The job to run with a list of reductions of one dtype.
pub(crate) enum Task<'a> {
    /// Reads once, and returns the whole answer.
    Reduce(&'a Engine, Option<&'a Checkpoint>),
    /// The partial of some rows.
    Partial(&'a Engine, Range<usize>),
    /// The partial of the rows that an earlier one lacks.
    PartialAfter(&'a Engine, Partial),
    /// The answer from merged partials.
    Finish(&'a Partial),
}

/// The result of a task.
pub(crate) enum Outcome {
    Columns(IndexedColumns),
    Partial(Partial),
}

impl Task<'_> {
    fn run<T: Element, R: Reduce<T, Output = IndexedColumns>>(
        self,
        source: &dyn Source<T>,
        kernels: Vec<R>,
    ) -> Result<Outcome> {
        let columns = |answers: Vec<IndexedColumns>| {
            Outcome::Columns(answers.into_iter().flatten().collect())
        };
        Ok(match self {
            Self::Reduce(engine, None) => columns(engine.reduce(&source, kernels)?),
            Self::Reduce(engine, Some(checkpoint)) => {
                columns(engine.on(&source).checkpoint(checkpoint).reduce(kernels)?)
            }
            Self::Partial(engine, rows) => {
                Outcome::Partial(engine.partial(&source, kernels, rows)?)
            }
            Self::PartialAfter(engine, earlier) => {
                Outcome::Partial(engine.partial_after(&source, kernels, earlier)?)
            }
            Self::Finish(partial) => columns(partial.finish_selected::<T, _>(kernels)?),
        })
    }

    fn engine(&self) -> Option<&Engine> {
        match self {
            Self::Reduce(engine, _) | Self::Partial(engine, _) | Self::PartialAfter(engine, _) => {
                Some(engine)
            }
            Self::Finish(_) => None,
        }
    }
}

/// A view of an array in which the axes of a request are all, columns or rows.
struct View<'s, T> {
    source: Box<dyn Source<T> + 's>,
    axis: AnyAxis,
}

impl<'s, T: Element> View<'s, T> {
    fn new(source: &'s dyn Source<T>, request: &Request<'_>) -> Result<Self> {
        let axis = match &request.axes {
            Axes::All => AnyAxis::All,
            Axes::Columns => AnyAxis::Columns,
            Axes::Rows => AnyAxis::Rows,
            Axes::Listed(axes) => {
                source.shape().axes(axes).map_err(Error::Axes)?;
                let over = Over::new(source, axes)?;
                let over = if request.keepdims { over.keepdims() } else { over };
                let axis = over.along();
                return Ok(Self { source: Box::new(over.into_view()), axis });
            }
        };
        Ok(Self { source: Box::new(source), axis })
    }
}

/// A view of a bool mask, with the axes arranged as in the array.
fn mask_view<'s>(
    mask: &'s dyn Source<bool>,
    shape: &Shape,
    axes: &Axes,
) -> Result<Box<dyn Source<bool> + 's>> {
    match axes {
        Axes::Listed(axes) if mask.shape() == shape => {
            Ok(Box::new(Over::new(mask, axes)?.into_view()))
        }
        Axes::Listed(_) => Err(unsupported_axes(
            "a mask with one entry for each row",
            "the mask needs the shape of the array",
        )),
        _ => Ok(Box::new(mask)),
    }
}

/// Calls `f` with the mask of a selection.
fn with_mask<T: AnyElement + Numeric, R>(
    selection: &Selection<'_>,
    shape: &Shape,
    axes: &Axes,
    f: impl FnOnce(&dyn Selector<T>) -> Result<R>,
) -> Result<R> {
    match selection {
        Selection::All => f(&Unmasked),
        Selection::Compare(compare) => f(compare),
        Selection::Mask(mask) => f(&Mask::array(&mask_view(&*mask.0, shape, axes)?)),
        Selection::Condition(condition, rows) => {
            let unordered =
                || Error::Unordered { statistic: "the condition".to_owned(), dtype: rows.dtype() };
            let rows = T::downcast(rows).ok_or_else(unordered)?;
            let Axes::Listed(listed) = axes else { return f(&condition.on(&rows)) };
            if condition.has_columns() || rows.shape() != shape {
                return Err(unsupported_axes(
                    "a condition about columns",
                    "there are no columns, only x",
                ));
            }
            let view = Over::new(rows, listed)?.into_view();
            let view: &dyn Source<T> = &view;
            f(&condition.on(&view))
        }
    }
}

/// Runs a task on real numbers.
pub(crate) fn run_real<T: RealElement>(
    source: &dyn Source<T>,
    request: &Request<'_>,
    task: Task<'_>,
) -> Result<Outcome> {
    let view = View::new(source, request)?;
    with_mask::<T, _>(&request.selection, source.shape(), &request.axes, |mask| {
        let common = Common { axis: view.axis, mask, nan: request.nan };
        let is_quantile = |s: &&Statistic| matches!(s, Statistic::Quantile(_));
        let quantiles: Vec<&Statistic> = request.statistics.iter().filter(is_quantile).collect();
        let Some(first) = quantiles.first() else {
            let statistics = resolve_intervals(&*view.source, request, common, &task)?;
            return task.run(&*view.source, reductions(&statistics, common)?);
        };
        let Task::Reduce(engine, None) = task else {
            return Err(Error::NotMergeable { statistic: first.to_string() });
        };
        let mut columns = exact_quantiles(engine, &*view.source, request, common)?;
        if quantiles.len() < request.statistics.len() {
            let statistics = resolve_intervals(&*view.source, request, common, &task)?;
            if let Outcome::Columns(others) =
                task.run(&*view.source, reductions(&statistics, common)?)?
            {
                columns.extend(others);
            }
        }
        Ok(Outcome::Columns(columns))
    })
}

fn exact_quantiles<T: RealElement>(
    engine: &Engine,
    source: &dyn Source<T>,
    request: &Request<'_>,
    common: Common<'_, T>,
) -> Result<IndexedColumns> {
    let mut columns = Vec::new();
    for (position, statistic) in request.statistics.iter().enumerate() {
        let Statistic::Quantile(at) = statistic else { continue };
        let quantiles = engine.quantiles(&source, at).masked(common.mask).nan(common.nan);
        let lists = quantiles.along(common.axis)?.into_iter();
        let lists = lists.map(|list| list.into_iter().map(Scalar::Float).collect());
        columns.push((position, Column::lists(statistic.to_string(), lists.collect())));
    }
    Ok(columns)
}

/// The statistics with the interval of each histogram. Intervals that were left open run from the
/// smallest to the largest element, which takes a read of its own.
fn resolve_intervals<T: RealElement>(
    source: &dyn Source<T>,
    request: &Request<'_>,
    common: Common<'_, T>,
    task: &Task<'_>,
) -> Result<Vec<Statistic>> {
    let lacks_interval = |s: &Statistic| matches!(s, Statistic::Histogram(_, None));
    let mut statistics = request.statistics.clone();
    let Some(engine) = task.engine().filter(|_| statistics.iter().any(lacks_interval)) else {
        return Ok(statistics);
    };
    let totals = Totals::along(AnyAxis::All).masked(common.mask).nan(rowmill_exec::NanPolicy::Skip);
    let range = engine.reduce(&source, totals)?.first().and_then(rowmill_exec::CellTotals::range);
    let interval = range.map_or((0.0, 1.0), |r| (r.min.to_f64(), r.max.to_f64()));
    for statistic in &mut statistics {
        if let Statistic::Histogram(bins, None) = *statistic {
            *statistic = Statistic::Histogram(bins, Some(interval));
        }
    }
    Ok(statistics)
}

/// Runs a task on complex numbers with parts of type `F`.
pub(crate) fn run_complex<T, F>(
    source: &dyn Source<T>,
    request: &Request<'_>,
    task: Task<'_>,
) -> Result<Outcome>
where
    T: Element,
    F: Numeric<Sum = f64>,
    Sum: Complexed<F, Complex = rowmill_core::Complex<f64>>,
    for<'m> rowmill_exec::Reduction<Sum, AnyAxis, &'m dyn Positional<F>>:
        Reduce<T, Output = Values<rowmill_core::Complex<f64>>>,
    for<'m> rowmill_exec::Reduction<Mean, AnyAxis, &'m dyn Positional<F>>:
        Reduce<T, Output = Values<rowmill_core::Complex<f64>>>,
    for<'m> rowmill_exec::Reduction<Moments, AnyAxis, &'m dyn Positional<F>>:
        Reduce<T, Output = Values<rowmill_exec::ComplexMeanVar>>,
    for<'m> rowmill_exec::Reduction<Counts, AnyAxis, &'m dyn Positional<F>>:
        Reduce<T, Output = Values<Tally>>,
{
    let view = View::new(source, request)?;
    let unordered = |what: &str| Error::Unordered { statistic: what.to_owned(), dtype: T::DTYPE };
    let mask_source;
    let mask_array;
    let mask: &dyn Positional<F> = match &request.selection {
        Selection::All => &Unmasked,
        Selection::Mask(mask) => {
            mask_source = mask_view(&*mask.0, source.shape(), &request.axes)?;
            mask_array = Mask::array(&mask_source);
            &mask_array
        }
        Selection::Compare(_) | Selection::Condition(..) => return Err(unordered("a comparison")),
    };
    let (axis, nan) = (view.axis, request.nan);
    let mut kernels: Vec<ColumnReduction<'_, T>> = Vec::new();
    for (position, statistic) in request.statistics.iter().enumerate() {
        let name = statistic.to_string();
        macro_rules! column {
            ($kernel:expr, |$value:ident: $output:ty| $number:expr) => {{
                let column = scalar_column(position, name, |$value: $output| $number);
                Box::new(Then($kernel.masked(mask).nan(nan), column))
            }};
        }
        kernels.push(match statistic {
            Statistic::Sum => column!(Sum::along(axis), |v: rowmill_core::Complex<f64>| v.into()),
            Statistic::Mean => column!(Mean::along(axis), |v: rowmill_core::Complex<f64>| v.into()),
            Statistic::Count => column!(Counts::along(axis), |v: Tally| v.count.into()),
            Statistic::Nan => column!(Counts::along(axis), |v: Tally| v.nan.into()),
            Statistic::Inf => column!(Counts::along(axis), |v: Tally| v.inf.into()),
            Statistic::Var(ddof) => {
                let kernel = Moments::along(axis).ddof(*ddof);
                column!(kernel, |v: rowmill_exec::ComplexMeanVar| v.var.into())
            }
            Statistic::Std(ddof) => {
                let kernel = Moments::along(axis).ddof(*ddof);
                column!(kernel, |v: rowmill_exec::ComplexMeanVar| v.std().into())
            }
            other => return Err(unordered(&other.to_string())),
        });
    }
    task.run(&*view.source, kernels)
}

/// The answer from columns with their positions.
pub(crate) fn answer(dims: Vec<usize>, mut columns: IndexedColumns) -> Answer {
    columns.sort_by_key(|(position, _)| *position);
    Answer { dims, columns: columns.into_iter().map(|(_, column)| column).collect() }
}
