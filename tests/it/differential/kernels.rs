//! The reduction of a case, over any axes and of what any mask keeps.

use rowmill::{
    AllTrue, AnyTrue, ArgMax, ArgMin, BinCount, Complex, ComplexMeanVar, Counts, Covariance,
    Distinct, Element, Engine, Extremum, Histogram, HistogramCounts, Kurtosis, Mean, MinMax,
    Moments, Norm, NormOrder, Positional, Product, Ptp, Result, Selector, Skewness, Sum, Tally,
    TopK, Values, WeightedMean,
};

use super::corpus::{Case, Over};
use super::erased::{Answer, AnySource, Erased, Number};
use crate::common::value::Value;

/// What an engine is asked: the array and its weights, with the axes that are one already merged.
pub(super) struct Question<'a, T: Element, M> {
    pub(super) case: &'a Case,
    pub(super) over: Over,
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

fn one<V>(value: V) -> Listing<V> {
    (vec![value], Vec::new())
}

fn many<V>(values: Values<V>) -> Listing<V> {
    let dims = values.dims().to_vec();
    (values.into_vec(), dims)
}

fn answer<V>((values, dims): Listing<V>, numbers: impl Fn(V) -> Vec<Number>) -> Answer {
    Answer { cells: values.into_iter().map(numbers).collect(), dims }
}

/// Kernels for each kind of axis, of which the types of answers differ; `None` where a case is of none of
/// these. These are compiled for every dtype and mask in any case.
macro_rules! common_over {
    ($name:ident, $axis:ident, $list:ident) => {
        fn $name<'a, T, M>(asked: &Question<'a, T, M>) -> Result<Option<Erased<'a, T>>>
        where
            T: Value<Sum: Into<Number>>,
            M: Selector<T> + Copy + 'a,
        {
            let (case, nan) = (asked.case, asked.case.nan());
            // A kernel, and the numbers of the value of a cell.
            macro_rules! erased {
                ($kernel:expr, $numbers:expr) => {
                    Erased::new($kernel.masked(asked.mask).nan(nan), move |output| {
                        answer($list(output), $numbers)
                    })
                };
            }
            let ddof = || case.integer("ddof");
            Ok(Some(match case.reduction() {
                "sum" => erased!(Sum::$axis(), |x: T::Sum| vec![x.into()]),
                "mean" => erased!(Mean::$axis(), float),
                "var" => erased!(Moments::$axis().ddof(ddof()), |m| vec![m.var.into()]),
                "std" => erased!(Moments::$axis().ddof(ddof()), |m| vec![m.std().into()]),
                "min" => erased!(MinMax::$axis(), |range| vec![element(range.min)]),
                "max" => erased!(MinMax::$axis(), |range| vec![element(range.max)]),
                "count" => erased!(Counts::$axis(), tally),
                _ => return Ok(None),
            }))
        }
    };
}
common_over!(common_over_all, all, one);
common_over!(common_over_columns, per_column, many);
common_over!(common_over_rows, per_row, many);

/// As above: what is not compiled for every dtype.
macro_rules! rare_over {
    ($name:ident, $axis:ident, $list:ident) => {
        fn $name<'a, T, M>(asked: &Question<'a, T, M>) -> Result<Option<Erased<'a, T>>>
        where
            T: Value<Sum: Into<Number>>,
            M: Selector<T> + Copy + 'a,
        {
            let (case, nan) = (asked.case, asked.case.nan());
            // A kernel, and the numbers of the value of a cell.
            macro_rules! erased {
                ($kernel:expr, $numbers:expr) => {
                    Erased::new($kernel.masked(asked.mask).nan(nan), move |output| {
                        answer($list(output), $numbers)
                    })
                };
            }
            let sum = |x: T::Sum| vec![x.into()];
            let norm = |order| erased!(Norm::$axis().order(order), float);
            Ok(Some(match case.reduction() {
                "product" => erased!(Product::$axis(), sum),
                "any" => erased!(AnyTrue::$axis(), |x: bool| vec![x.into()]),
                "all" => erased!(AllTrue::$axis(), |x: bool| vec![x.into()]),
                "argmin" => erased!(ArgMin::$axis(), |found| extremum(found).to_vec()),
                "argmax" => erased!(ArgMax::$axis(), |found| extremum(found).to_vec()),
                "ptp" => erased!(Ptp::$axis(), sum),
                "weighted_mean" => {
                    let weights = asked.weights.expect("weights");
                    erased!(WeightedMean::by(weights).$axis(), |found| {
                        vec![found.count.into(), found.weight.into(), found.mean.into()]
                    })
                }
                "skewness" if case.flag("unbiased") => {
                    erased!(Skewness::$axis().unbiased(), float)
                }
                "skewness" => erased!(Skewness::$axis(), float),
                "kurtosis" => {
                    let plain = Kurtosis::$axis();
                    let kernel = if case.flag("unbiased") { plain.unbiased() } else { plain };
                    let kernel = if case.flag("pearson") { kernel.pearson() } else { kernel };
                    erased!(kernel, float)
                }
                "histogram" => {
                    let histogram = Histogram::with_edges(case.floats("edges"))?;
                    erased!(histogram.$axis(), |found| counted(&found))
                }
                "histogram_uniform" => {
                    let bins = case.integer("bins") as usize;
                    let histogram =
                        Histogram::uniform(bins, case.float("low"), case.float("high"))?;
                    erased!(histogram.$axis(), |found| counted(&found))
                }
                "top_k" => {
                    let k = case.integer("k") as usize;
                    let best =
                        if case.flag("largest") { TopK::largest(k) } else { TopK::smallest(k) };
                    erased!(best?.$axis(), |found: Vec<Extremum<T>>| {
                        found.into_iter().flat_map(extremum).collect()
                    })
                }
                "distinct" => erased!(Distinct::$axis(), |n| vec![n.into()]),
                "norm_l1" => norm(NormOrder::L1),
                "norm_l2" => norm(NormOrder::L2),
                "norm_max" => norm(NormOrder::Max),
                "exact_sum" => erased!(Sum::$axis().exact(), sum),
                "exact_mean" => erased!(Mean::$axis().exact(), float),
                _ => return Ok(None),
            }))
        }
    };
}
rare_over!(rare_over_all, all, one);
rare_over!(rare_over_columns, per_column, many);
rare_over!(rare_over_rows, per_row, many);

/// What the engine says of a common reduction; `None` where it does not have the case.
pub(super) fn ask_common<T, M>(
    engine: &Engine,
    asked: &Question<'_, T, M>,
) -> Option<Result<Answer>>
where
    T: Value<Sum: Into<Number>>,
    M: Selector<T> + Copy,
{
    let kernel = match asked.over {
        Over::All => common_over_all(asked),
        Over::Columns(_) => common_over_columns(asked),
        Over::Rows(_) => common_over_rows(asked),
        Over::Others => return None,
    };
    reduced(engine, asked.x, kernel)
}

/// What the engine says of any reduction but [`alone`]; `None` where it does not have the case.
pub(super) fn ask<T, M>(engine: &Engine, asked: &Question<'_, T, M>) -> Option<Result<Answer>>
where
    T: Value<Sum: Into<Number>>,
    M: Selector<T> + Copy,
{
    if let "covariance" | "correlation" = asked.case.reduction() {
        return reduced(engine, asked.x, Ok(Some(of_columns(asked))));
    }
    let kernel = match asked.over {
        Over::All => rare_over_all(asked),
        Over::Columns(_) => rare_over_columns(asked),
        Over::Rows(_) => rare_over_rows(asked),
        Over::Others => return None,
    };
    reduced(engine, asked.x, kernel).or_else(|| ask_common(engine, asked))
}

fn reduced<T: Element>(
    engine: &Engine,
    x: &AnySource<'_, T>,
    kernel: Result<Option<Erased<'_, T>>>,
) -> Option<Result<Answer>> {
    kernel.transpose().map(|kernel| engine.reduce(x, kernel?))
}

fn of_columns<'a, T, M>(asked: &Question<'a, T, M>) -> Erased<'a, T>
where
    T: Value,
    M: Selector<T> + Copy + 'a,
{
    let correlation = asked.case.reduction() == "correlation";
    let kernel = Covariance::new().ddof(asked.case.integer("ddof"));
    Erased::new(kernel.masked(asked.mask).nan(asked.case.nan()), move |found| {
        let columns = found.columns();
        let entries = if correlation { found.correlation() } else { found.values };
        let cells = entries.into_iter().map(|x| vec![x.into()]).collect();
        Answer { cells, dims: vec![columns, columns] }
    })
}

/// Quantiles, which are no reduction of one read.
pub(super) fn quantiles<T, M>(engine: &Engine, asked: &Question<'_, T, M>) -> Option<Result<Answer>>
where
    T: Value,
    M: Selector<T> + Copy,
{
    let at = asked.case.floats("at");
    let quantiles = engine.quantiles(asked.x, &at).masked(asked.mask).nan(asked.case.nan());
    let floats = |found: Vec<f64>| found.into_iter().map(Number::from).collect();
    match asked.over {
        Over::All => Some(quantiles.all().map(|q| answer(one(q), floats))),
        Over::Columns(_) => Some(quantiles.per_column().map(|q| answer(many(q), floats))),
        Over::Rows(_) | Over::Others => None,
    }
}

/// A histogram of bins that the engine chooses, after its edges.
pub(super) fn automatic<T: Value>(engine: &Engine, x: &AnySource<'_, T>) -> Result<Answer> {
    let found = engine.histogram(x, BinCount::Auto)?;
    let edges = found.edges.iter().map(|&edge| edge.into());
    Ok(answer(one(()), |()| edges.clone().chain(counted(&found)).collect()))
}

/// Complex numbers: fewer reductions, and masks by position only.
macro_rules! complex_over {
    ($($name:ident: $t:ty, $axis:ident, $list:ident;)*) => {$(
        fn $name<'a, M>(asked: &Question<'a, Complex<$t>, M>) -> Option<Erased<'a, Complex<$t>>>
        where
            M: Positional<$t> + Copy + 'a,
        {
            let (case, nan) = (asked.case, asked.case.nan());
            macro_rules! erased {
                ($kernel:expr, $numbers:expr) => {
                    Erased::new($kernel.masked(asked.mask).nan(nan), move |output| {
                        answer($list(output), $numbers)
                    })
                };
            }
            let ddof = || case.integer("ddof");
            Some(match case.reduction() {
                "sum" => erased!(Sum::$axis(), complex),
                "mean" => erased!(Mean::$axis(), complex),
                "var" => erased!(Moments::$axis().ddof(ddof()), |m: ComplexMeanVar| {
                    vec![m.var.into()]
                }),
                "std" => erased!(Moments::$axis().ddof(ddof()), |m: ComplexMeanVar| {
                    vec![m.std().into()]
                }),
                "count" => erased!(Counts::$axis(), tally),
                _ => return None,
            })
        }
    )*};
}
complex_over! {
    c64_over_all: f32, all, one;
    c64_over_columns: f32, per_column, many;
    c64_over_rows: f32, per_row, many;
    c128_over_all: f64, all, one;
    c128_over_columns: f64, per_column, many;
    c128_over_rows: f64, per_row, many;
}

macro_rules! ask_complex {
    ($($name:ident: $t:ty, $all:ident, $columns:ident, $rows:ident;)*) => {$(
        /// As [`ask`].
        pub(super) fn $name<M>(
            engine: &Engine,
            asked: &Question<'_, Complex<$t>, M>,
        ) -> Option<Result<Answer>>
        where
            M: Positional<$t> + Copy,
        {
            let kernel = match asked.over {
                Over::All => $all(asked),
                Over::Columns(_) => $columns(asked),
                Over::Rows(_) => $rows(asked),
                Over::Others => None,
            };
            kernel.map(|kernel| engine.reduce(asked.x, kernel))
        }
    )*};
}
ask_complex! {
    ask_c64: f32, c64_over_all, c64_over_columns, c64_over_rows;
    ask_c128: f64, c128_over_all, c128_over_columns, c128_over_rows;
}
