//! Descriptions: what an unknown array is like, in one read.

use rowmill_core::{Shape, Source};
use rowmill_exec::{
    AnyAxis, CompareOp, Counts, Elementwise, Engine, Mask, NanPolicy, Sample, Selector, Tally,
    Then, Unmasked,
};
use serde::Serialize;

use crate::answer::{Answer, Column};
use crate::axes::Axes;
use crate::dispatch::answer;
use crate::make::{Common, Placed, Told, numbers, reductions};
use crate::request::Request;
use crate::scalar::{Scalar, Scalars};
use crate::source::{AnySource, match_source};
use crate::statistic::{Statistic, Statistics};
use crate::{Error, Result};

/// Elements that are sampled in all, about, and the rows of a sample at least and at most.
const SAMPLED: usize = 1 << 22;
const LEAST_ROWS: usize = 1 << 10;
const MOST_ROWS: usize = 1 << 16;

/// More columns are described as one: nobody reads so many lines, and each needs a sample.
const MOST_COLUMNS: usize = 2000;

/// The bins of a histogram.
const BINS: usize = 20;

/// The quartiles, and what they are called.
const AT: [f64; 3] = [0.25, 0.5, 0.75];
const QUARTILES: [&str; 3] = ["q25", "median", "q75"];

/// The statistics of the one read, in the order of the answer. Zeros stand behind the infinities,
/// quartiles before the maximum.
const STATISTICS: [Statistic; 9] = [
    Statistic::Count,
    Statistic::Nan,
    Statistic::Inf,
    Statistic::Sum,
    Statistic::Mean,
    Statistic::Std(0),
    Statistic::Var(0),
    Statistic::Min,
    Statistic::Max,
];
const ZEROS: usize = 3;

/// Which elements the quartiles of a description are found of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quartiles {
    /// Those of a sample, which costs nothing beside the one read.
    #[default]
    Sampled,
    /// All of them, in further reads.
    Exact,
}

/// The description of an array. Made by [`describe`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// Each column, or everything as one where there are too many columns to look at.
    pub axes: Axes,
    /// The statistics of each cell by their names: `count`, `nan`, `inf`, `zeros`, `sum`, `mean`,
    /// `std`, `var`, `min`, `q25`, `median`, `q75` and `max`.
    pub answer: Answer,
    /// The histogram of each cell; `None` for one without finite elements.
    pub histograms: Vec<Option<SampleHistogram>>,
    /// How many rows the quartiles were taken of, elements if everything is described as one;
    /// `None` if they are exact.
    pub quartiles_of: Option<usize>,
    /// How many the histograms were taken of, likewise.
    pub histograms_of: Option<usize>,
    /// The sum of integers that does not fit its type, for which everything was read a second time,
    /// as float64.
    pub overflow: Option<SumOverflow>,
}

/// Counts of even bins from the smallest to the largest finite element.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SampleHistogram {
    /// The lower end of the first bin.
    pub low: f64,
    /// The upper end of the last bin.
    pub high: f64,
    /// The number of finite elements of the sample in each bin.
    pub counts: Vec<u64>,
}

/// A sum of integers that does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SumOverflow {
    /// The exact sum.
    pub exact: i128,
    /// The type that sums of this dtype have.
    pub result_type: &'static str,
}

/// Describes an array: counts, moments and range of each column, in one read, NaN left out and
/// counted; quartiles and histograms of a sample of rows, which is the same every time. More than
/// 2,000 columns are described as one.
///
/// ```
/// use rowmill_any::{AnySource, Quartiles, Scalar, describe};
/// use rowmill_core::SliceSource;
/// use rowmill_exec::Engine;
/// let x = SliceSource::new(&[0.0_f32, 1.0, 2.0, f32::NAN, 8.0, 0.0], [3, 2]).unwrap();
/// let found = describe(&Engine::new()?, &AnySource::new(x), Quartiles::Sampled)?;
/// let number = |name: &str, column| found.answer.column(name).unwrap().scalar(column);
/// assert_eq!((number("zeros", 0), number("nan", 1)), (Scalar::Unsigned(1), Scalar::Unsigned(1)));
/// assert_eq!((number("median", 0), number("max", 0)), (Scalar::Float(2.0), Scalar::Float(8.0)));
/// assert_eq!(found.histograms[0].as_ref().unwrap().counts.iter().sum::<u64>(), 3);
/// assert_eq!(found.quartiles_of, None); // the sample is everything
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Engine::reduce`]; [`Error::Unordered`] for complex numbers.
pub fn describe(
    engine: &Engine,
    source: &AnySource<'_>,
    quartiles: Quartiles,
) -> Result<Description> {
    let shape = source.shape();
    let as_one = shape.row_len() > MOST_COLUMNS || shape.ndim() == 0;
    let (axes, sample) = match as_one {
        true => (Axes::All, Sample::elements(shape, MOST_ROWS)),
        false => (Axes::Columns, Sample::rows(shape, rows_to_sample(shape))),
    };
    let axis = if as_one { AnyAxis::All } else { AnyAxis::Columns };
    let found = match_source!(
        source,
        x => find(engine, &**x, axis, sample)?;
        complex _x => return Err(Error::Unordered {
            statistic: "a description".to_owned(),
            dtype: source.dtype(),
        })
    );
    let Found { columns, samples, overflow } = found;
    let taken = samples.first().map_or(0, Vec::len);
    let samples: Vec<Vec<f64>> = samples.into_iter().map(sorted).collect();
    let exact = quartiles == Quartiles::Exact && !sample.is_all();
    let quartiles = match exact {
        true => exact_quartiles(engine, source, &axes)?,
        false => samples.iter().map(|sorted| AT.map(|q| quantile(sorted, q))).collect(),
    };
    let mut answer = answer(axes.named_dims(shape, false), columns);
    let histograms = histograms(&answer, &samples);
    let last = answer.columns.len() - 1;
    let named = QUARTILES.iter().enumerate().map(|(i, name)| {
        Column::new(*name, Scalars::Float(quartiles.iter().map(|cell| cell[i]).collect()))
    });
    answer.columns.splice(last..last, named);
    Ok(Description {
        axes,
        answer,
        histograms,
        quartiles_of: (!exact && !sample.is_all()).then_some(taken),
        histograms_of: (!sample.is_all()).then_some(taken),
        overflow,
    })
}

fn rows_to_sample(shape: &Shape) -> usize {
    (SAMPLED / shape.row_len().max(1)).clamp(LEAST_ROWS, MOST_ROWS)
}

/// The answers of the one read.
struct Found {
    columns: Placed,
    /// A list for each cell.
    samples: Vec<Vec<f64>>,
    overflow: Option<SumOverflow>,
}

impl Found {
    /// The first sum that does not fit its type.
    fn wide_sum(&self) -> Option<i128> {
        let sum = self.columns.iter().map(|(_, column)| column).find(|c| c.name() == "sum")?;
        match sum.scalar(sum.missing()?.cell) {
            Scalar::Wide(exact) => Some(exact),
            _ => None,
        }
    }
}

/// One read, or a second one in float64 where a sum of integers does not fit its type.
fn find<T: Told>(
    engine: &Engine,
    source: &dyn Source<T>,
    axis: AnyAxis,
    sample: Sample,
) -> Result<Found> {
    let found = read(engine, source, axis, sample)?;
    let Some(exact) = found.wide_sum() else { return Ok(found) };
    let chain = Elementwise::new();
    let found = read(engine, &chain.of(&source), axis, sample)?;
    let result_type = std::any::type_name::<T::Sum>();
    Ok(Found { overflow: Some(SumOverflow { exact, result_type }), ..found })
}

fn read<T: Told>(
    engine: &Engine,
    source: &dyn Source<T>,
    axis: AnyAxis,
    sample: Sample,
) -> Result<Found> {
    let all = Common { axis, mask: &Unmasked, nan: NanPolicy::Skip };
    let mut kernels = reductions(&STATISTICS, all)?;
    let zero: &dyn Selector<T> = &Mask::compare(CompareOp::Eq, 0);
    let zeros = numbers(ZEROS, "zeros".to_owned(), |tally: Tally| tally.count.into());
    // First, so that it stands before the column with the same place.
    kernels.insert(0, Box::new(Then(Counts::along(axis).masked(zero), zeros)));
    let (columns, samples) = engine.reduce(&source, (kernels, Then(sample, floats::<T>)))?;
    Ok(Found { columns: columns.into_iter().flatten().collect(), samples, overflow: None })
}

fn floats<T: Told>(samples: Vec<Vec<T>>) -> Vec<Vec<f64>> {
    samples.into_iter().map(|sample| sample.into_iter().map(T::to_f64).collect()).collect()
}

fn exact_quartiles(engine: &Engine, source: &AnySource<'_>, axes: &Axes) -> Result<Vec<[f64; 3]>> {
    let asked = Statistics(vec![Statistic::Quantile(AT.to_vec())]);
    let request = Request::new(asked).axes(axes.clone()).nan(NanPolicy::Skip);
    let found = request.reduce(engine, source)?;
    let values = found.columns[0].values();
    let cell = |i: usize| [0, 1, 2].map(|q| values.get(i * AT.len() + q).to_f64());
    Ok((0..found.cells()).map(cell).collect())
}

/// The numbers of a sample that are none of NaN, in order.
fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.retain(|x| !x.is_nan());
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

/// A quantile by numpy's method `linear`.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q * last as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let (a, b) = (sorted[low], sorted[(low + 1).min(last)]);
    if a == b || part == 0.0 { a } else { a * (1.0 - part) + b * part }
}

fn histograms(answer: &Answer, samples: &[Vec<f64>]) -> Vec<Option<SampleHistogram>> {
    let end = |name: &str, cell: usize| {
        answer.column(name).map_or(f64::NAN, |column| column.scalar(cell).to_f64())
    };
    let of = |(i, sorted): (usize, &Vec<f64>)| histogram((end("min", i), end("max", i)), sorted);
    samples.iter().enumerate().map(of).collect()
}

/// The histogram from the smallest to the largest finite element: the ends of everything where they
/// are finite, else those of the sample.
fn histogram((min, max): (f64, f64), sorted: &[f64]) -> Option<SampleHistogram> {
    let finite: Vec<f64> = sorted.iter().copied().filter(|x| x.is_finite()).collect();
    let end = |exact: f64, sampled: Option<&f64>| match exact.is_finite() {
        true => Some(exact),
        false => sampled.copied(),
    };
    let low = end(min, finite.first())?;
    let high = end(max, finite.last())?;
    let mut counts = vec![0; BINS];
    let width = high / BINS as f64 - low / BINS as f64;
    for x in finite {
        let bin = if width > 0.0 { ((x - low) / width) as usize } else { 0 };
        counts[bin.min(BINS - 1)] += 1;
    }
    Some(SampleHistogram { low, high, counts })
}
