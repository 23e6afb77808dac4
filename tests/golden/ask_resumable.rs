//! Reductions with partials, behind one type.

use rowmill::reduce::Extremum;
use rowmill::select::CompareOp;
use rowmill::{
    AllTrue, ApproxQuantiles, ArgMinMax, Complex, Counts, Covariance, Distinct, Histogram,
    Kurtosis, Mask, Mean, MinMax, Moments, Norm, Product, Ptp, Result, Skewness, Stats, Sum, TopK,
};

use crate::answer::{Answer, Number, complex, float};
use crate::ask::{counted, extremum, moments, summary, tally};
use crate::common::erased::Erased;
use crate::input::Real;

/// A reduction whose partials can be saved.
pub(crate) type Resumable<T> = Erased<'static, T, Answer>;

/// The reductions whose partials and checkpoints are in the corpus.
pub(crate) const KERNELS: [&str; 21] = [
    "sum, all",
    "sum, columns, mask x > 0.25",
    "mean, columns",
    "minmax, rows",
    "moments, columns",
    "counts, all",
    "stats, columns",
    "stats, rows",
    "ptp, columns",
    "argminmax, columns",
    "product, all",
    "norm l2, columns",
    "all, rows",
    "skewness, columns",
    "kurtosis, all",
    "histogram uniform, columns",
    "top 3 largest, all, mask x > 0.25",
    "distinct, all",
    "approx-quantiles, columns",
    "exact sum, all and exact mean, columns",
    "covariance",
];

/// The kernel with a name from [`KERNELS`].
pub(crate) fn kernel<T: Real>(name: &str) -> Result<Resumable<T>> {
    macro_rules! all {
        ($kernel:expr, $numbers:expr) => {
            Erased::new($kernel, move |value| Answer::new(Vec::new(), $numbers(value)))
        };
    }
    macro_rules! many {
        ($kernel:expr, $numbers:expr) => {
            Erased::new($kernel, move |values| Answer::cells(values, $numbers))
        };
    }
    let sum = |x: T::Sum| vec![x.into()];
    let range =
        |range: rowmill::reduce::ValueRange<T>| vec![range.min.number(), range.max.number()];
    let positive = Mask::compare(CompareOp::Gt, 0.25);
    Ok(match name {
        "sum, all" => all!(Sum::all(), sum),
        "sum, columns, mask x > 0.25" => many!(Sum::per_column().masked(positive), sum),
        "mean, columns" => many!(Mean::per_column(), float),
        "minmax, rows" => many!(MinMax::per_row(), range),
        "moments, columns" => many!(Moments::per_column(), moments),
        "counts, all" => all!(Counts::all(), tally),
        "stats, columns" => many!(Stats::per_column(), summary),
        "stats, rows" => many!(Stats::per_row(), summary),
        "ptp, columns" => many!(Ptp::per_column(), sum),
        "argminmax, columns" => many!(ArgMinMax::per_column(), |found| {
            [extremum(found.min), extremum(found.max)].concat()
        }),
        "product, all" => all!(Product::all(), sum),
        "norm l2, columns" => many!(Norm::per_column(), float),
        "all, rows" => many!(AllTrue::per_row(), |x: bool| vec![x.into()]),
        "skewness, columns" => many!(Skewness::per_column(), float),
        "kurtosis, all" => all!(Kurtosis::all(), float),
        "histogram uniform, columns" => {
            many!(Histogram::uniform(10, -2.0, 8.0)?.per_column(), counted)
        }
        "top 3 largest, all, mask x > 0.25" => {
            all!(TopK::largest(3)?.all().masked(positive), |found: Vec<Extremum<T>>| {
                found.into_iter().flat_map(extremum).collect()
            })
        }
        "distinct, all" => all!(Distinct::all(), |n| vec![Number::from(n)]),
        "approx-quantiles, columns" => {
            many!(ApproxQuantiles::new(&[0.5, 0.999], 0.01)?.per_column(), |found: Vec<f64>| {
                found.into_iter().map(Number::from).collect()
            })
        }
        "exact sum, all and exact mean, columns" => {
            Erased::new((Sum::all().exact(), Mean::per_column().exact()), move |(one, many)| {
                let dims = many.dims().to_vec();
                Answer::new(
                    dims,
                    sum(one).into_iter().chain(many.into_iter().flat_map(float)).collect(),
                )
            })
        }
        "covariance" => Erased::new(Covariance::columns(), |found| {
            let columns = found.columns();
            Answer::new(
                vec![columns, columns],
                found.values.into_iter().map(Number::from).collect(),
            )
        }),
        other => panic!("{other} is no reduction"),
    })
}

/// The sum of complex numbers.
pub(crate) fn complex_sum() -> Resumable<Complex<f64>> {
    Erased::new(Sum::per_column(), |values| Answer::cells(values, complex))
}
