//! The engine's answer to a case of real numbers.

use rowmill::reduce::{
    Axes, Extremum, HistogramCounts, MeanVar, NormOrder, Summary, Tally, Weighted,
};
use rowmill::select::{CompareOp, Selector, Unmasked};
use rowmill::view::SliceSource;
use rowmill::{
    AllTrue, AnyTrue, ApproxQuantiles, ArgMax, ArgMin, ArgMinMax, Condition, Counts, Covariance,
    Distinct, Engine, Histogram, Kurtosis, Mask, Mean, MinMax, Moments, Norm, Over, Product, Ptp,
    Result, Skewness, Source, Stats, Sum, TopK, WeightedMean,
};

use crate::answer::{Answer, Number, float};
use crate::case::Case;
use crate::input::{AnySource, Input, Real, mask, weights};

type Erased<'a, T> = crate::common::erased::Erased<'a, T, Answer>;

/// A case with its inputs, viewed so that its axes can be reduced.
pub(crate) struct Question<'a, T: Real> {
    case: &'a Case,
    engine: &'a Engine,
    axes: Axes<'a>,
    x: &'a AnySource<'a, T>,
    weights: Option<&'a AnySource<'a, f64>>,
    mask: &'a dyn Selector<T>,
}

pub(crate) fn extremum<T: Real>(found: Extremum<T>) -> Vec<Number> {
    vec![found.index.into(), found.value.number()]
}

pub(crate) fn moments(found: MeanVar) -> Vec<Number> {
    vec![found.count.into(), found.mean.into(), found.var.into(), found.std().into()]
}

pub(crate) fn tally(found: Tally) -> Vec<Number> {
    [found.count, found.nan, found.inf].map(Number::from).to_vec()
}

pub(crate) fn summary<T: Real>(found: Summary<T>) -> Vec<Number> {
    let range = [found.min, found.max].map(|x| x.map_or(Number::Float(f64::NAN), Real::number));
    let counts = [found.count, found.nan, found.inf].map(Number::from);
    let floats = [found.sum.into(), found.mean.into(), found.var.into(), found.std().into()];
    [&counts[..], &floats, &range].concat()
}

pub(crate) fn counted(found: HistogramCounts) -> Vec<Number> {
    let outside = [found.below, found.above, found.nan];
    let counts = found.counts.iter().chain(&outside).map(|&n| n.into());
    found.edges.iter().map(|&edge| edge.into()).chain(counts).collect()
}

/// The requested quantiles.
const QUANTILES: [f64; 5] = [0.5, 0.0, 1.0, 0.25, 0.999];

/// The kernel of a case.
fn kernel<'a, T: Real>(question: &Question<'a, T>) -> Result<Erased<'a, T>> {
    let (case, axes) = (question.case, question.axes);
    macro_rules! erased {
        ($kernel:expr, $numbers:expr) => {
            Erased::new($kernel.masked(question.mask).nan(case.nan()), move |output| {
                Answer::cells(output, $numbers)
            })
        };
    }
    let sum = |x: T::Sum| vec![x.into()];
    let norm = |order| erased!(Norm::over(axes).order(order), float);
    let top = |k: TopK| {
        erased!(k.over(axes), |found: Vec<Extremum<T>>| {
            found.into_iter().flat_map(extremum).collect()
        })
    };
    let ddof = u64::from(case.has("ddof-1"));
    Ok(match case.kernel {
        "sum" => erased!(Sum::over(axes), sum),
        "stats" => erased!(Stats::over(axes), summary),
        "argmin" => erased!(ArgMin::over(axes), extremum),
        "exact mean" => erased!(Mean::over(axes).exact(), float),
        "mean" => erased!(Mean::over(axes), float),
        "minmax" => {
            erased!(MinMax::over(axes), |range| vec![range.min.number(), range.max.number()])
        }
        "moments" | "moments ddof-1" => erased!(Moments::over(axes).ddof(ddof), moments),
        "counts" => erased!(Counts::over(axes), tally),
        "ptp" => erased!(Ptp::over(axes), sum),
        "argmax" => erased!(ArgMax::over(axes), extremum),
        "argminmax" => erased!(ArgMinMax::over(axes), |found| {
            [extremum(found.min), extremum(found.max)].concat()
        }),
        "product" => erased!(Product::over(axes), sum),
        "norm l1" => norm(NormOrder::L1),
        "norm l2" => norm(NormOrder::L2),
        "norm max" => norm(NormOrder::Max),
        "any" => erased!(AnyTrue::over(axes), |x: bool| vec![x.into()]),
        "all" => erased!(AllTrue::over(axes), |x: bool| vec![x.into()]),
        "weighted-mean" => {
            let weights = question.weights.expect("weights");
            erased!(WeightedMean::by(weights).over(axes), |found: Weighted| {
                vec![found.count.into(), found.weight.into(), found.mean.into()]
            })
        }
        "skewness" => erased!(Skewness::over(axes), float),
        "skewness unbiased" => erased!(Skewness::over(axes).unbiased(), float),
        "kurtosis" => erased!(Kurtosis::over(axes), float),
        "kurtosis pearson unbiased" => erased!(Kurtosis::over(axes).pearson().unbiased(), float),
        "histogram uniform" => erased!(Histogram::uniform(10, -2.0, 8.0)?.over(axes), counted),
        "histogram edges" => {
            erased!(Histogram::with_edges([-1.0, 0.0, 0.5, 7.0, 100.0])?.over(axes), counted)
        }
        "top 3 largest" => top(TopK::largest(3)?),
        "top 3 smallest" => top(TopK::smallest(3)?),
        "distinct" => erased!(Distinct::over(axes), |n| vec![n.into()]),
        "approx-quantiles" => {
            erased!(ApproxQuantiles::new(&QUANTILES, 0.01)?.over(axes), |found: Vec<f64>| {
                found.into_iter().map(Number::from).collect()
            })
        }
        "exact sum" => erased!(Sum::over(axes).exact(), sum),
        "covariance" | "correlation" => of_columns(question),
        other => panic!("{other} is no reduction"),
    })
}

fn of_columns<'a, T: Real>(question: &Question<'a, T>) -> Erased<'a, T> {
    let correlation = question.case.kernel == "correlation";
    let kernel = Covariance::columns().ddof(1).masked(question.mask).nan(question.case.nan());
    Erased::new(kernel, move |found| {
        let columns = found.columns();
        let entries = if correlation { found.correlation() } else { found.values };
        let counts = [found.count.into()].into_iter();
        let all = counts.chain(found.mean.into_iter().chain(entries).map(Number::from));
        Answer::new(vec![columns, columns], all.collect())
    })
}

/// The answer of any reduction.
fn reduce_any<T: Real>(question: &Question<'_, T>) -> Result<Answer> {
    if question.case.kernel == "quantiles" {
        let quantiles = question.engine.quantiles(question.x, &QUANTILES).masked(question.mask);
        // The memory is too small for a single read of large arrays.
        let found = quantiles.nan(question.case.nan()).memory(1 << 20).over(question.axes)?;
        return Ok(Answer::cells(found, |q| q.into_iter().map(Number::from).collect()));
    }
    question.engine.reduce(question.x, kernel(question)?)
}

/// The axes of a case over an array. If no element moves, the array itself is reduced.
fn over<'a, T: Real>(case: &Case, x: AnySource<'a, T>) -> Over<AnySource<'a, T>> {
    let (axes, keepdims) = case.axes(x.shape().ndim());
    let over = Over::new(x, &axes).unwrap_or_else(|error| panic!("{case}: {error}"));
    if keepdims { over.keepdims() } else { over }
}

/// A comparison from text: `x > 0.25`.
fn compare(mask: &str) -> rowmill::select::CompareMask {
    let mut words = mask.split(' ').skip(1);
    let op = match words.next() {
        Some(">") => CompareOp::Gt,
        Some("<=") => CompareOp::Le,
        Some("!=") => CompareOp::Ne,
        other => panic!("{other:?} is no comparison"),
    };
    let threshold = words.next().expect("a number");
    Mask::compare(op, threshold.parse::<rowmill::select::Threshold>().expect("a number"))
}

/// The engine's answer to a case. Masks are one type here, `dyn Selector`: their shells are
/// compiled once, and the answers come from the frame that all share.
pub(crate) fn ask<T: Real>(
    case: &Case,
    input: &Input<T>,
    engine: &Engine,
    layout: &str,
) -> Result<Answer> {
    let dims = &input.dims;
    let over_x = over(case, input.source(layout));
    let of_weights = (case.kernel == "weighted-mean").then(|| weights(input.values.len()));
    let over_weights = of_weights.as_ref().map(|of_weights| {
        let source = SliceSource::new(of_weights, &dims[..]).expect("as many weights");
        over(case, Box::new(source) as AnySource<'_, f64>)
    });
    let weights = over_weights.as_ref().map(|over| Box::new(over.view()) as AnySource<'_, f64>);
    let x: AnySource<'_, T> = Box::new(over_x.view());
    let (x, weights, axes) = (&x, weights.as_ref(), over_x.axes());
    let asked =
        |mask: &dyn Selector<T>| reduce_any(&Question { case, engine, axes, x, weights, mask });
    match case.mask {
        "none" => asked(&Unmasked),
        "elements" | "rows" => {
            let (keep, keep_dims) = mask(dims, case.mask == "rows");
            let keep: AnySource<'_, bool> =
                Box::new(SliceSource::new(&keep, &keep_dims[..]).expect("matching shape"));
            let keep =
                if case.mask == "rows" { keep } else { Box::new(over(case, keep).into_view()) };
            asked(&Mask::array(&keep))
        }
        condition if condition.starts_with("where ") => {
            let condition: Condition = condition["where ".len()..].parse()?;
            asked(&condition.on(x))
        }
        comparison => asked(&compare(comparison)),
    }
}
