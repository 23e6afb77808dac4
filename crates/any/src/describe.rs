//! Descriptions: a summary of an unknown array, in one read.

use rowmill_core::{Shape, Source};
use rowmill_exec::{
    AnyAxis, CompareOp, Counts, Elementwise, Engine, Mask, NanPolicy, Sample, Selector, Tally,
    Then, Unmasked,
};
use serde::Serialize;

use crate::answer::{Answer, Column};
use crate::axes::Axes;
use crate::dispatch::answer;
use crate::make::{Common, IndexedColumns, RealElement, reductions, scalar_column};
use crate::request::Request;
use crate::scalar::{Scalar, Scalars};
use crate::source::{AnySource, match_source};
use crate::statistic::{Statistic, Statistics};
use crate::{Error, Result};

/// The approximate number of sampled elements, and the bounds on the rows of a sample.
const SAMPLE_ELEMENTS: usize = 1 << 22;
const MIN_SAMPLE_ROWS: usize = 1 << 10;
const MAX_SAMPLE_ROWS: usize = 1 << 16;

/// The limit on columns described one by one: nobody reads more lines, and each needs a sample.
const MAX_COLUMNS: usize = 2000;

/// The number of bins of a histogram.
const BINS: usize = 20;

/// The quartiles and their names.
const QUARTILES: [f64; 3] = [0.25, 0.5, 0.75];
const QUARTILE_NAMES: [&str; 3] = ["q25", "median", "q75"];

/// The statistics of the single read, in the order of the answer. Zeros follow the infinities,
/// quartiles precede the maximum.
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
const ZEROS_POSITION: usize = 3;

/// The elements that the quartiles of a description are computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quartiles {
    /// A sample of them, which costs no read of its own.
    #[default]
    Sampled,
    /// All of them, with further reads.
    Exact,
}

/// The description of an array, made by [`describe`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The described cells: each column, or the whole array if it has too many columns.
    pub axes: Axes,
    /// The statistics of each cell, by name: `count`, `nan`, `inf`, `zeros`, `sum`, `mean`, `std`,
    /// `var`, `min`, `q25`, `median`, `q75` and `max`.
    pub answer: Answer,
    /// The histogram of each cell; `None` if the cell has no finite elements.
    pub histograms: Vec<Option<SampleHistogram>>,
    /// The sample size behind the quartiles: rows, or elements if the whole array is one cell.
    /// `None` if they are exact.
    pub quartile_sample_size: Option<usize>,
    /// The sample size behind the histograms, in the same unit.
    pub histogram_sample_size: Option<usize>,
    /// The integer sum that overflowed its type, if any. In that case the array was read a second
    /// time, as float64.
    pub overflow: Option<SumOverflow>,
}

/// The counts of equal-width bins from the smallest to the largest finite element.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SampleHistogram {
    /// The lower end of the first bin.
    pub low: f64,
    /// The upper end of the last bin.
    pub high: f64,
    /// The number of sampled finite elements in each bin.
    pub counts: Vec<u64>,
}

/// An integer sum that does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SumOverflow {
    /// The exact sum.
    pub exact: i128,
    /// The type of sums of this dtype.
    pub result_type: &'static str,
}

/// Describes an array in one read: counts, moments and range of each column. NaN is left out and
/// counted. Quartiles and histograms come from a sample of rows, which is the same every time. An
/// array with more than 2,000 columns is described as a single cell.
///
/// ```
/// use rowmill_any::{AnySource, Quartiles, Scalar, describe};
/// use rowmill_core::SliceSource;
/// use rowmill_exec::Engine;
/// let x = SliceSource::new(&[0.0_f32, 1.0, 2.0, f32::NAN, 8.0, 0.0], [3, 2]).unwrap();
/// let description = describe(&Engine::new()?, &AnySource::new(x), Quartiles::Sampled)?;
/// let number = |name: &str, column| description.answer.column(name).unwrap().scalar(column);
/// assert_eq!((number("zeros", 0), number("nan", 1)), (Scalar::Unsigned(1), Scalar::Unsigned(1)));
/// assert_eq!((number("median", 0), number("max", 0)), (Scalar::Float(2.0), Scalar::Float(8.0)));
/// assert_eq!(description.histograms[0].as_ref().unwrap().counts.iter().sum::<u64>(), 3);
/// assert_eq!(description.quartile_sample_size, None); // the sample is everything
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`Engine::reduce`], and [`Error::Unordered`] for complex numbers.
pub fn describe(
    engine: &Engine,
    source: &AnySource<'_>,
    quartiles: Quartiles,
) -> Result<Description> {
    let shape = source.shape();
    let as_single_cell = shape.row_len() > MAX_COLUMNS || shape.ndim() == 0;
    let (axes, sample) = match as_single_cell {
        true => (Axes::All, Sample::elements(shape, MAX_SAMPLE_ROWS)),
        false => (Axes::Columns, Sample::rows(shape, rows_to_sample(shape))),
    };
    let axis = if as_single_cell { AnyAxis::All } else { AnyAxis::Columns };
    let scan = match_source!(
        source,
        x => scan(engine, &**x, axis, sample)?;
        complex _x => return Err(Error::Unordered {
            statistic: "a description".to_owned(),
            dtype: source.dtype(),
        })
    );
    let Scan { columns, samples, overflow } = scan;
    let sample_size = samples.first().map_or(0, Vec::len);
    let samples: Vec<Vec<f64>> = samples.into_iter().map(sorted).collect();
    let exact = quartiles == Quartiles::Exact && !sample.is_all();
    let quartiles = match exact {
        true => exact_quartiles(engine, source, &axes)?,
        false => samples.iter().map(|sorted| QUARTILES.map(|q| quantile(sorted, q))).collect(),
    };
    let mut answer = answer(axes.named_dims(shape, false), columns);
    let histograms = histograms(&answer, &samples);
    let last = answer.columns.len() - 1;
    let named = QUARTILE_NAMES.iter().enumerate().map(|(i, name)| {
        Column::new(*name, Scalars::Float(quartiles.iter().map(|cell| cell[i]).collect()))
    });
    answer.columns.splice(last..last, named);
    Ok(Description {
        axes,
        answer,
        histograms,
        quartile_sample_size: (!exact && !sample.is_all()).then_some(sample_size),
        histogram_sample_size: (!sample.is_all()).then_some(sample_size),
        overflow,
    })
}

fn rows_to_sample(shape: &Shape) -> usize {
    (SAMPLE_ELEMENTS / shape.row_len().max(1)).clamp(MIN_SAMPLE_ROWS, MAX_SAMPLE_ROWS)
}

/// The results of the read.
struct Scan {
    columns: IndexedColumns,
    /// The sampled values of each cell.
    samples: Vec<Vec<f64>>,
    overflow: Option<SumOverflow>,
}

impl Scan {
    /// The first sum that does not fit its type.
    fn overflowed_sum(&self) -> Option<i128> {
        let sum = self.columns.iter().map(|(_, column)| column).find(|c| c.name() == "sum")?;
        match sum.scalar(sum.missing()?.cell) {
            Scalar::Wide(exact) => Some(exact),
            _ => None,
        }
    }
}

/// Reads the array once, or a second time as float64 if a sum of integers overflows.
fn scan<T: RealElement>(
    engine: &Engine,
    source: &dyn Source<T>,
    axis: AnyAxis,
    sample: Sample,
) -> Result<Scan> {
    let scan = scan_once(engine, source, axis, sample)?;
    let Some(exact) = scan.overflowed_sum() else { return Ok(scan) };
    let chain = Elementwise::new();
    let scan = scan_once(engine, &chain.of(&source), axis, sample)?;
    let result_type = std::any::type_name::<T::Sum>();
    Ok(Scan { overflow: Some(SumOverflow { exact, result_type }), ..scan })
}

fn scan_once<T: RealElement>(
    engine: &Engine,
    source: &dyn Source<T>,
    axis: AnyAxis,
    sample: Sample,
) -> Result<Scan> {
    let common = Common { axis, mask: &Unmasked, nan: NanPolicy::Skip };
    let mut kernels = reductions(&STATISTICS, common)?;
    let zero: &dyn Selector<T> = &Mask::compare(CompareOp::Eq, 0);
    let zeros =
        scalar_column(ZEROS_POSITION, "zeros".to_owned(), |tally: Tally| tally.count.into());
    // Zeros come first, so that they precede the column with the same position.
    kernels.insert(0, Box::new(Then(Counts::along(axis).masked(zero), zeros)));
    let (columns, samples) = engine.reduce(&source, (kernels, Then(sample, floats::<T>)))?;
    Ok(Scan { columns: columns.into_iter().flatten().collect(), samples, overflow: None })
}

fn floats<T: RealElement>(samples: Vec<Vec<T>>) -> Vec<Vec<f64>> {
    samples.into_iter().map(|sample| sample.into_iter().map(T::to_f64).collect()).collect()
}

fn exact_quartiles(engine: &Engine, source: &AnySource<'_>, axes: &Axes) -> Result<Vec<[f64; 3]>> {
    let statistics = Statistics(vec![Statistic::Quantile(QUARTILES.to_vec())]);
    let request = Request::new(statistics).axes(axes.clone()).nan(NanPolicy::Skip);
    let answer = request.reduce(engine, source)?;
    let values = answer.columns[0].values();
    let cell = |i: usize| [0, 1, 2].map(|q| values.get(i * QUARTILES.len() + q).to_f64());
    Ok((0..answer.cells()).map(cell).collect())
}

/// The sampled numbers without NaN, sorted.
fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.retain(|x| !x.is_nan());
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

/// The quantile by numpy's `linear` method.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = q * last as f64;
    let (low, part) = (position.floor() as usize, position.fract());
    let (a, b) = (sorted[low], sorted[(low + 1).min(last)]);
    if a == b || part == 0.0 { a } else { a * (1.0 - part) + b * part }
}

fn histograms(answer: &Answer, samples: &[Vec<f64>]) -> Vec<Option<SampleHistogram>> {
    let end = |name: &str, cell: usize| {
        answer.column(name).map_or(f64::NAN, |column| column.scalar(cell).to_f64())
    };
    let histogram_of =
        |(i, sorted): (usize, &Vec<f64>)| histogram((end("min", i), end("max", i)), sorted);
    samples.iter().enumerate().map(histogram_of).collect()
}

/// The histogram from the smallest to the largest finite element. The ends are those of the whole
/// array if they are finite, else those of the sample.
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
