//! The reduction of a case, over any axes and under any mask.

use rowmill::reduce::{
    Axes, BinCount, ComplexMeanVar, Extremum, HistogramCounts, NormOrder, Positional, Tally, Values,
};
use rowmill::select::Selector;
use rowmill::{
    AllTrue, AnyTrue, ArgMax, ArgMin, Complex, Counts, Covariance, Distinct, Element, Engine,
    Histogram, Kurtosis, Mean, MinMax, Moments, Norm, Product, Ptp, Result, Skewness, Sum, TopK,
    WeightedMean,
};

use super::corpus::Case;
use super::erased::{Answer, AnySource, Erased, Number};
use crate::common::value::Value;

/// A question to the engine: the array and its weights, in a view of the reduced axes.
pub(super) struct Question<'a, T: Element, M> {
    pub(super) case: &'a Case,
    pub(super) axes: Axes<'a>,
    pub(super) x: &'a AnySource<'a, T>,
    pub(super) weights: Option<&'a AnySource<'a, f64>>,
    pub(super) mask: M,
}

fn element<T: Value>(x: T) -> Number {
    x.integer().map_or_else(|| Number::Float(x.float()), Number::Integer)
}

fn extremum<T: Value>(found: Extremum<T>) -> [Number; 2] {
    [Number::Integer(found.index as i128), element(found.value)]
}

fn complex(x: Complex<f64>) -> Vec<Number> {
    vec![x.re.into(), x.im.into()]
}

fn counted(found: &HistogramCounts) -> Vec<Number> {
    let outside = [found.below, found.above, found.nan];
    found.counts.iter().chain(&outside).map(|&n| n.into()).collect()
}

fn float(x: f64) -> Vec<Number> {
    vec![x.into()]
}

fn tally(found: Tally) -> Vec<Number> {
    [found.count, found.nan, found.inf].map(Number::from).to_vec()
}

/// The outputs of the cells, and the shape of the result.
type Listing<V> = (Vec<V>, Vec<usize>);

fn many<V>(values: Values<V>) -> Listing<V> {
    let dims = values.dims().to_vec();
    (values.into_vec(), dims)
}

fn answer<V>((values, dims): Listing<V>, numbers: impl Fn(V) -> Vec<Number>) -> Answer {
    Answer { cells: values.into_iter().map(numbers).collect(), dims }
}

/// The kernel of a case.
fn kernel<'a, T, M>(question: &Question<'a, T, M>) -> Result<Erased<'a, T>>
where
    T: Value<Sum: Into<Number>>,
    M: Selector<T> + Copy + 'a,
{
    let (case, nan) = (question.case, question.case.nan());
    // Erases a kernel, given the numbers of the value of a cell.
    macro_rules! erased {
        ($kernel:expr, $numbers:expr) => {
            Erased::new($kernel.masked(question.mask).nan(nan), move |output| {
                answer(many(output), $numbers)
            })
        };
    }
    let sum = |x: T::Sum| vec![x.into()];
    let norm = |order| erased!(Norm::over(question.axes).order(order), float);
    let ddof = || case.integer("ddof");
    Ok(match case.reduction() {
        "sum" => erased!(Sum::over(question.axes), sum),
        "mean" => erased!(Mean::over(question.axes), float),
        "var" => erased!(Moments::over(question.axes).ddof(ddof()), |m| vec![m.var.into()]),
        "std" => erased!(Moments::over(question.axes).ddof(ddof()), |m| vec![m.std().into()]),
        "min" => erased!(MinMax::over(question.axes), |range| vec![element(range.min)]),
        "max" => erased!(MinMax::over(question.axes), |range| vec![element(range.max)]),
        "count" => erased!(Counts::over(question.axes), tally),
        "product" => erased!(Product::over(question.axes), sum),
        "any" => erased!(AnyTrue::over(question.axes), |x: bool| vec![x.into()]),
        "all" => erased!(AllTrue::over(question.axes), |x: bool| vec![x.into()]),
        "argmin" => erased!(ArgMin::over(question.axes), |found| extremum(found).to_vec()),
        "argmax" => erased!(ArgMax::over(question.axes), |found| extremum(found).to_vec()),
        "ptp" => erased!(Ptp::over(question.axes), sum),
        "weighted_mean" => {
            let weights = question.weights.expect("weights");
            erased!(WeightedMean::by(weights).over(question.axes), |found| {
                vec![found.count.into(), found.weight.into(), found.mean.into()]
            })
        }
        "skewness" if case.flag("unbiased") => {
            erased!(Skewness::over(question.axes).unbiased(), float)
        }
        "skewness" => erased!(Skewness::over(question.axes), float),
        "kurtosis" => {
            let plain = Kurtosis::over(question.axes);
            let kernel = if case.flag("unbiased") { plain.unbiased() } else { plain };
            let kernel = if case.flag("pearson") { kernel.pearson() } else { kernel };
            erased!(kernel, float)
        }
        "histogram" => {
            let histogram = Histogram::with_edges(case.floats("edges"))?;
            erased!(histogram.over(question.axes), |found| counted(&found))
        }
        "histogram_uniform" => {
            let bins = case.integer("bins") as usize;
            let histogram = Histogram::uniform(bins, case.float("low"), case.float("high"))?;
            erased!(histogram.over(question.axes), |found| counted(&found))
        }
        "top_k" => {
            let k = case.integer("k") as usize;
            let best = if case.flag("largest") { TopK::largest(k) } else { TopK::smallest(k) };
            erased!(best?.over(question.axes), |found: Vec<Extremum<T>>| {
                found.into_iter().flat_map(extremum).collect()
            })
        }
        "distinct" => erased!(Distinct::over(question.axes), |n| vec![n.into()]),
        "norm_l1" => norm(NormOrder::L1),
        "norm_l2" => norm(NormOrder::L2),
        "norm_max" => norm(NormOrder::Max),
        "exact_sum" => erased!(Sum::over(question.axes).exact(), sum),
        "exact_mean" => erased!(Mean::over(question.axes).exact(), float),
        other => panic!("{other} is no reduction"),
    })
}

/// The engine's answer to a reduction.
pub(super) fn ask<T, M>(engine: &Engine, question: &Question<'_, T, M>) -> Result<Answer>
where
    T: Value<Sum: Into<Number>>,
    M: Selector<T> + Copy,
{
    let kernel = match question.case.reduction() {
        "covariance" | "correlation" => of_columns(question),
        _ => kernel(question)?,
    };
    engine.reduce(question.x, kernel)
}

fn of_columns<'a, T, M>(question: &Question<'a, T, M>) -> Erased<'a, T>
where
    T: Value,
    M: Selector<T> + Copy + 'a,
{
    let correlation = question.case.reduction() == "correlation";
    let kernel = Covariance::columns().ddof(question.case.integer("ddof"));
    Erased::new(kernel.masked(question.mask).nan(question.case.nan()), move |found| {
        let columns = found.columns();
        let entries = if correlation { found.correlation() } else { found.values };
        let cells = entries.into_iter().map(|x| vec![x.into()]).collect();
        Answer { cells, dims: vec![columns, columns] }
    })
}

/// Quantiles, which take more than one read.
pub(super) fn quantiles<T, M>(engine: &Engine, question: &Question<'_, T, M>) -> Result<Answer>
where
    T: Value,
    M: Selector<T> + Copy,
{
    let at = question.case.floats("at");
    let quantiles =
        engine.quantiles(question.x, &at).masked(question.mask).nan(question.case.nan());
    let floats = |found: Vec<f64>| found.into_iter().map(Number::from).collect();
    quantiles.over(question.axes).map(|q| answer(many(q), floats))
}

/// A histogram with automatic bins, and the edges of the bins.
pub(super) fn automatic<T: Value>(engine: &Engine, x: &AnySource<'_, T>) -> Result<Answer> {
    let found = engine.histogram(x, BinCount::Auto)?;
    let edges = found.edges.iter().map(|&edge| edge.into());
    let cell = edges.chain(counted(&found)).collect();
    Ok(Answer { cells: vec![cell], dims: Vec::new() })
}

/// Complex numbers: fewer reductions, and masks by position only.
macro_rules! complex {
    ($($name:ident: $t:ty;)*) => {$(
        /// The engine's answer, as in [`ask`].
        pub(super) fn $name<M>(engine: &Engine, question: &Question<'_, Complex<$t>, M>) -> Result<Answer>
        where
            M: Positional<$t> + Copy,
        {
            let (case, nan) = (question.case, question.case.nan());
            macro_rules! erased {
                ($kernel:expr, $numbers:expr) => {
                    Erased::new($kernel.masked(question.mask).nan(nan), move |output| {
                        answer(many(output), $numbers)
                    })
                };
            }
            let ddof = || case.integer("ddof");
            let kernel = match case.reduction() {
                "sum" => erased!(Sum::over(question.axes), complex),
                "mean" => erased!(Mean::over(question.axes), complex),
                "var" => erased!(Moments::over(question.axes).ddof(ddof()), |m: ComplexMeanVar| {
                    vec![m.var.into()]
                }),
                "std" => erased!(Moments::over(question.axes).ddof(ddof()), |m: ComplexMeanVar| {
                    vec![m.std().into()]
                }),
                "count" => erased!(Counts::over(question.axes), tally),
                other => panic!("there is no {other} of complex numbers"),
            };
            engine.reduce(question.x, kernel)
        }
    )*};
}
complex! {
    ask_c64: f32;
    ask_c128: f64;
}
