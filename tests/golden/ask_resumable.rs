//! Reductions whose partials can be kept, behind one type: the engine is compiled once a dtype.

use std::any::Any;
use std::ops::Range;

use rowmill::{
    AllTrue, ApproxQuantiles, ArgMinMax, Block, CompareOp, Complex, Counts, Covariance, Distinct,
    Element, Extremum, Histogram, Kurtosis, Mask, Mean, MinMax, Moments, Norm, Product, Ptp,
    Reduce, Result, Resume, Shape, Skewness, Stats, Sum, TopK,
};

use crate::answer::{Answer, Number, complex, float};
use crate::ask::{counted, extremum, moments, summary, tally};
use crate::input::Real;

type State = Box<dyn Any + Send>;

trait Kernel<T: Element>: Sync {
    fn check(&self, shape: &Shape) -> Result<()>;
    fn identity(&self) -> State;
    fn accumulate(&self, partial: &mut dyn Any, block: &Block<'_, T>) -> Result<()>;
    fn merge(&self, partial: &mut dyn Any, next: State);
    fn finish(&self, partial: State, shape: &Shape) -> Result<Answer>;
    fn describe(&self) -> Option<String>;
    fn save(&self, partial: &dyn Any) -> Vec<u8>;
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State>;
}

/// A reduction, and what its output becomes.
struct Listed<R, F> {
    reduction: R,
    list: F,
}

const OWN: &str = "a partial of the same kernel";

impl<T, R, F> Kernel<T> for Listed<R, F>
where
    T: Element,
    R: Resume<T, Partial: 'static>,
    F: Fn(R::Output) -> Answer + Sync,
{
    fn check(&self, shape: &Shape) -> Result<()> {
        self.reduction.check(shape)
    }
    fn identity(&self) -> State {
        Box::new(self.reduction.identity())
    }
    fn accumulate(&self, partial: &mut dyn Any, block: &Block<'_, T>) -> Result<()> {
        self.reduction.accumulate(partial.downcast_mut().expect(OWN), block)
    }
    fn merge(&self, partial: &mut dyn Any, next: State) {
        self.reduction.merge(partial.downcast_mut().expect(OWN), *next.downcast().expect(OWN));
    }
    fn finish(&self, partial: State, shape: &Shape) -> Result<Answer> {
        self.reduction.finish(*partial.downcast().expect(OWN), shape).map(&self.list)
    }
    fn describe(&self) -> Option<String> {
        self.reduction.describe()
    }
    fn save(&self, partial: &dyn Any) -> Vec<u8> {
        self.reduction.save(partial.downcast_ref().expect(OWN))
    }
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State> {
        Some(Box::new(self.reduction.load(bytes, shape, blocks)?))
    }
}

/// Any reduction whose partials can be kept.
pub(crate) struct Resumable<T>(Box<dyn Kernel<T>>);

impl<T: Element> Resumable<T> {
    fn new<R>(reduction: R, list: impl Fn(R::Output) -> Answer + Sync + 'static) -> Self
    where
        R: Resume<T, Partial: 'static> + 'static,
    {
        Self(Box::new(Listed { reduction, list }))
    }
}

impl<T: Element> Reduce<T> for Resumable<T> {
    type Partial = State;
    type Output = Answer;

    fn check(&self, shape: &Shape) -> Result<()> {
        self.0.check(shape)
    }
    fn identity(&self) -> State {
        self.0.identity()
    }
    fn accumulate(&self, partial: &mut State, block: &Block<'_, T>) -> Result<()> {
        self.0.accumulate(partial.as_mut(), block)
    }
    fn merge(&self, partial: &mut State, next: State) {
        self.0.merge(partial.as_mut(), next);
    }
    fn finish(&self, partial: State, shape: &Shape) -> Result<Answer> {
        self.0.finish(partial, shape)
    }
}

impl<T: Element> Resume<T> for Resumable<T> {
    fn describe(&self) -> Option<String> {
        self.0.describe()
    }
    fn save(&self, partial: &State) -> Vec<u8> {
        self.0.save(partial.as_ref())
    }
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State> {
        self.0.load(bytes, shape, blocks)
    }
}

/// Reductions whose partials and checkpoints are in the corpus.
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

/// The kernel of a name of [`KERNELS`].
pub(crate) fn kernel<T: Real>(name: &str) -> Result<Resumable<T>> {
    macro_rules! all {
        ($kernel:expr, $numbers:expr) => {
            Resumable::new($kernel, move |value| Answer::new(Vec::new(), $numbers(value)))
        };
    }
    macro_rules! many {
        ($kernel:expr, $numbers:expr) => {
            Resumable::new($kernel, move |values| Answer::cells(values, $numbers))
        };
    }
    let sum = |x: T::Sum| vec![x.into()];
    let range = |range: rowmill::Range<T>| vec![range.min.number(), range.max.number()];
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
            Resumable::new((Sum::all().exact(), Mean::per_column().exact()), move |(one, many)| {
                let dims = many.dims().to_vec();
                Answer::new(
                    dims,
                    sum(one).into_iter().chain(many.into_iter().flat_map(float)).collect(),
                )
            })
        }
        "covariance" => Resumable::new(Covariance::new(), |found| {
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
    Resumable::new(Sum::per_column(), |values| Answer::cells(values, complex))
}
