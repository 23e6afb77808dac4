//! `rowmill describe`

mod args;
mod page;

use std::io::{self, Write};
use std::time::Instant;

use rowmill::{
    Array, CompareOp, Counts, Elementwise, Engine, Error, Kind, Mask, NanPolicy, Numeric, Outputs,
    Role, Sample, Shape, Source, Stats, Summary, Values, match_array,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::most_lines;
use crate::failure::Failure;
use crate::input::{Input, Readable, describe_speed};
use crate::json;
use crate::note;
use crate::number::{Number, rounded};
use crate::report::Took;
use crate::table::{Table, clean, grouped, index_label, write_list};
pub(super) use args::{DescribeArgs, EXAMPLES};

/// Elements that are sampled in all, about, and of a column at least.
const SAMPLED: usize = 1 << 22;
const LEAST_ROWS: usize = 1 << 10;
const MOST_ROWS: usize = 1 << 16;

/// More columns are described as one: nobody reads so many lines, and each needs a sample.
const MOST_COLUMNS: usize = 2000;

/// Bars of a histogram.
const BINS: usize = 20;

/// The quantiles that are given.
const AT: [f64; 3] = [0.25, 0.5, 0.75];

/// Elements whose answers can be told.
trait Answering: Numeric<Sum: Into<Number>> + Into<Number> {}

impl<T: Numeric<Sum: Into<Number>> + Into<Number>> Answering for T {}

/// A [`Summary`] of whatever dtype.
struct Cell {
    count: u64,
    nan: u64,
    inf: u64,
    sum: Number,
    mean: f64,
    var: f64,
    min: Option<Number>,
    max: Option<Number>,
}

impl<T: Answering> From<Summary<T>> for Cell {
    fn from(s: Summary<T>) -> Self {
        Self {
            count: s.count,
            nan: s.nan,
            inf: s.inf,
            sum: s.sum.into(),
            mean: s.mean,
            var: s.var,
            min: s.min.map(Into::into),
            max: s.max.map(Into::into),
        }
    }
}

/// What is said of one column.
struct Column {
    name: String,
    cell: Cell,
    zeros: u64,
    /// At 25, 50 and 75 %.
    quartiles: [f64; 3],
    /// The ends of the histogram and the share of the finite elements in each bin; nothing without any.
    histogram: Option<Histogram>,
}

struct Histogram {
    low: f64,
    high: f64,
    /// Of those sampled.
    counts: Vec<u64>,
}

/// All that is said.
struct Description<'a> {
    input: &'a Input,
    /// Whether everything is described as one column.
    as_one: bool,
    columns: Vec<Column>,
    /// Rows, or elements if all are one, that quartiles were taken of; none if they are exact.
    sampled: Option<usize>,
    /// The same of histograms.
    drawn: Option<usize>,
    seconds: f64,
    took: Option<Took>,
}

pub(super) fn run(args: &DescribeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    input.register(&mut outputs);
    if let Some(path) = &args.html {
        outputs.plan(Role::Page, Kind::Page, path)?;
    }
    let mut description = match_array!(
        input.first(),
        x => describe(x, args, &input)?;
        complex _x => return Err(Failure::unordered(input.dtype(), "quartiles need an order"))
    );
    if let Some(path) = &args.html {
        outputs.save(Role::Page, Kind::Page, path, page::page(&description).as_bytes())?;
        note(format_args!("wrote {}", clean(&path.display().to_string())));
    }
    if args.json {
        return json::write(out, &description).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    note(format_args!("{} in {}", input.describe(), describe_speed(bytes, description.seconds)));
    print(&description, out).map_err(Failure::Output)?;
    description.took.take();
    tell_sample(&description);
    Ok(())
}

/// How good quartiles and histograms are, where they are not exact.
fn tell_sample(description: &Description<'_>) {
    let what = if description.as_one { "elements" } else { "rows" };
    if let Some(n) = description.sampled {
        // Two standard deviations of the share below a quartile, of a sample at random.
        let off = 200.0 * (0.25_f64 / n as f64).sqrt();
        note(format_args!(
            "quartiles and histograms are of {} sampled {what}: {off:.1} % of the {what} may lie between \
             them and the true ones; --exact finds the quartiles in more reads",
            grouped(n as u64)
        ));
    }
}

fn describe<'a, T: Answering>(
    first: &Array<T>,
    args: &DescribeArgs,
    input: &'a Input,
) -> Result<Description<'a>, Failure> {
    let source = input.typed_source(first)?;
    let running = args.engine.build(&input.files[0])?;
    let start = Instant::now();
    let as_one = input.shape.row_len() > MOST_COLUMNS || input.shape.ndim() == 0;
    let found = find(&running.engine, &source, as_one);
    let Found { cells, zeros, samples, all } = found.map_err(|error| input.failure(error))?;
    let taken = samples.first().map_or(0, Vec::len);
    let exact = if args.exact && !all {
        let quantiles = running.engine.quantiles(&source, &AT).nan(NanPolicy::Skip);
        let found = if as_one {
            quantiles.all().map(|quartiles| vec![quartiles])
        } else {
            quantiles.per_column().map(Values::into_vec)
        };
        Some(found.map_err(|error| input.failure(error))?)
    } else {
        None
    };
    let is_exact = all || exact.is_some();
    let mut columns = Vec::with_capacity(cells.len());
    for (i, ((cell, zeros), sample)) in cells.into_iter().zip(zeros).zip(samples).enumerate() {
        let sorted = sorted(sample);
        let quartiles = match &exact {
            Some(exact) => AT.map(|q| {
                exact[i][if q < 0.5 {
                    0
                } else if q > 0.5 {
                    2
                } else {
                    1
                }]
            }),
            None => AT.map(|q| quantile(&sorted, q)),
        };
        let name = name_of(input, as_one, i);
        columns.push(Column { name, histogram: histogram(&cell, &sorted), cell, zeros, quartiles });
    }
    let seconds = start.elapsed().as_secs_f64();
    let took = running.finish();
    let sampled = (!is_exact).then_some(taken);
    let drawn = (!all).then_some(taken);
    Ok(Description { input, as_one, columns, sampled, drawn, seconds, took })
}

fn name_of(input: &Input, as_one: bool, i: usize) -> String {
    if as_one {
        return "all".to_owned();
    }
    match input.columns.as_ref().and_then(|names| names.get(i)) {
        Some(name) => name.clone(),
        None => index_label(input.shape.row_dims(), i),
    }
}

/// What one read finds.
struct Found {
    cells: Vec<Cell>,
    zeros: Vec<u64>,
    samples: Vec<Vec<f64>>,
    /// Whether the sample is everything.
    all: bool,
}

fn rows_to_sample(shape: &Shape) -> usize {
    (SAMPLED / shape.row_len().max(1)).clamp(LEAST_ROWS, MOST_ROWS)
}

/// What is found of the columns, or of everything as one.
fn find<T: Answering>(engine: &Engine, x: &Readable<'_, T>, as_one: bool) -> Result<Found, Error> {
    let found = if as_one { whole(engine, x) } else { columns(engine, x) };
    let Err(Error::SumOverflow { exact, result_type }) = found else { return found };
    note(format_args!(
        "the sum {exact} does not fit {result_type}: all is told in float64, in a second read"
    ));
    let chain = Elementwise::new();
    let floats: Readable<'_, f64> = Box::new(chain.of(x));
    if as_one { whole(engine, &floats) } else { columns(engine, &floats) }
}

fn columns<T: Answering>(engine: &Engine, x: &Readable<'_, T>) -> Result<Found, Error> {
    let sample = Sample::rows(x.shape(), rows_to_sample(x.shape()));
    let zero = Mask::compare(CompareOp::Eq, 0);
    let job = (Stats::per_column().nan(NanPolicy::Skip), Counts::per_column().masked(zero), sample);
    let (cells, zeros, samples) = engine.reduce(x, job)?;
    Ok(Found {
        cells: cells.into_iter().map(Into::into).collect(),
        zeros: zeros.into_iter().map(|tally| tally.count).collect(),
        samples: samples.into_iter().map(floats).collect(),
        all: sample.is_all(),
    })
}

fn whole<T: Answering>(engine: &Engine, x: &Readable<'_, T>) -> Result<Found, Error> {
    let sample = Sample::elements(x.shape(), MOST_ROWS);
    let zero = Mask::compare(CompareOp::Eq, 0);
    let job = (Stats::all().nan(NanPolicy::Skip), Counts::all().masked(zero), sample);
    let (cell, zeros, samples) = engine.reduce(x, job)?;
    let samples = samples.into_iter().map(floats).collect();
    Ok(Found { cells: vec![cell.into()], zeros: vec![zeros.count], samples, all: sample.is_all() })
}

fn floats<T: Answering>(sample: Vec<T>) -> Vec<f64> {
    sample.into_iter().map(T::to_f64).collect()
}

/// What is a number of a sample, in order.
fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.retain(|x| !x.is_nan());
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

/// By numpy's method `linear`.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q * last as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let (a, b) = (sorted[low], sorted[(low + 1).min(last)]);
    if a == b || part == 0.0 { a } else { a * (1.0 - part) + b * part }
}

/// From the smallest to the largest finite element.
fn histogram(cell: &Cell, sorted: &[f64]) -> Option<Histogram> {
    let finite: Vec<f64> = sorted.iter().copied().filter(|x| x.is_finite()).collect();
    let end = |number: Option<Number>, sampled: Option<&f64>| {
        let exact = number.map(Number::to_f64).filter(|x| x.is_finite());
        exact.or(sampled.copied())
    };
    let low = end(cell.min, finite.first())?;
    let high = end(cell.max, finite.last())?;
    let mut counts = vec![0; BINS];
    let width = high / BINS as f64 - low / BINS as f64;
    for x in finite {
        let bin = if width > 0.0 { ((x - low) / width) as usize } else { 0 };
        counts[bin.min(BINS - 1)] += 1;
    }
    Some(Histogram { low, high, counts })
}

impl Histogram {
    /// A character for each bin, high where there are many.
    fn drawn(&self) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1);
        let bar = |&n: &u64| match n {
            0 => ' ',
            n => BARS[((n * 8).div_ceil(most) - 1) as usize],
        };
        self.counts.iter().map(bar).collect()
    }
}

/// To six significant digits: many numbers stand side by side.
fn short(number: impl Into<Number>) -> String {
    let number = number.into();
    match number {
        Number::Float(x) => crate::number::to_digits(x, 6),
        exact => exact.to_string(),
    }
}

fn print(description: &Description<'_>, out: &mut dyn Write) -> io::Result<()> {
    let columns = &description.columns;
    if let [only] = columns.as_slice() {
        return print_one(only, out);
    }
    // What is nowhere needs no column.
    let any_nan = columns.iter().any(|c| c.cell.nan > 0);
    let any_inf = columns.iter().any(|c| c.cell.inf > 0);
    let any_zero = columns.iter().any(|c| c.zeros > 0);
    let mut header = vec!["column", "count"];
    header.extend(
        [(any_nan, "nan"), (any_inf, "inf"), (any_zero, "zeros")]
            .iter()
            .filter_map(|&(shown, name)| shown.then_some(name)),
    );
    header.extend(["mean", "std", "min", "25 %", "50 %", "75 %", "max", "histogram"]);
    let line = |i: usize| {
        let Column { name, cell, zeros, quartiles, histogram } = &columns[i];
        let mut line = vec![clean(name).into_owned(), cell.count.to_string()];
        for (shown, n) in [(any_nan, cell.nan), (any_inf, cell.inf), (any_zero, *zeros)] {
            line.extend(shown.then(|| n.to_string()));
        }
        line.extend([short(cell.mean), short(cell.var.sqrt()), short(Number::from(cell.min))]);
        line.extend(quartiles.map(short));
        line.push(short(Number::from(cell.max)));
        line.push(histogram.as_ref().map(Histogram::drawn).unwrap_or_default());
        line
    };
    Table { header, len: columns.len(), line: &line }.write(out, most_lines())
}

fn print_one(column: &Column, out: &mut dyn Write) -> io::Result<()> {
    let Column { cell, zeros, quartiles, histogram, .. } = column;
    let [low, middle, high] = quartiles.map(rounded);
    let mut list = vec![
        ("count", cell.count.to_string()),
        ("nan", cell.nan.to_string()),
        ("inf", cell.inf.to_string()),
        ("zeros", zeros.to_string()),
        ("mean", rounded(cell.mean)),
        ("std", rounded(cell.var.sqrt())),
        ("min", rounded(cell.min)),
        ("25 %", low),
        ("50 %", middle),
        ("75 %", high),
        ("max", rounded(cell.max)),
    ];
    list.extend(histogram.as_ref().map(|histogram| ("histogram", histogram.drawn())));
    write_list(out, &list)
}

/// A name, and the number of a column that goes by it.
type Entry = (&'static str, fn(&Column) -> Number);

const ENTRIES: [Entry; 13] = [
    ("count", |c| c.cell.count.into()),
    ("nan", |c| c.cell.nan.into()),
    ("inf", |c| c.cell.inf.into()),
    ("zeros", |c| c.zeros.into()),
    ("sum", |c| c.cell.sum),
    ("mean", |c| c.cell.mean.into()),
    ("std", |c| c.cell.var.sqrt().into()),
    ("var", |c| c.cell.var.into()),
    ("min", |c| Number::from(c.cell.min)),
    ("q25", |c| c.quartiles[0].into()),
    ("median", |c| c.quartiles[1].into()),
    ("q75", |c| c.quartiles[2].into()),
    ("max", |c| Number::from(c.cell.max)),
];

#[derive(Serialize)]
struct HistogramReport<'a> {
    low: Number,
    high: Number,
    counts: &'a [u64],
}

impl Serialize for Description<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let input = self.input;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &json::paths(&input.files))?;
        map.serialize_entry("dtype", input.dtype().name())?;
        map.serialize_entry("shape", input.shape.dims())?;
        map.serialize_entry("axis", if self.as_one { "all" } else { "columns" })?;
        if let Some(names) = &input.columns {
            map.serialize_entry("columns", names)?;
        }
        for (name, number) in ENTRIES {
            let numbers: Vec<Number> = self.columns.iter().map(number).collect();
            map.serialize_entry(name, &numbers)?;
        }
        let histograms: Vec<_> = self.columns.iter().map(|c| c.histogram.as_ref()).collect();
        let histograms: Vec<_> = histograms
            .iter()
            .map(|h| {
                h.map(|Histogram { low, high, counts }| HistogramReport {
                    low: (*low).into(),
                    high: (*high).into(),
                    counts,
                })
            })
            .collect();
        map.serialize_entry("histogram", &histograms)?;
        map.serialize_entry("quartiles_of", &self.sampled)?;
        map.serialize_entry("histogram_of", &self.drawn)?;
        map.serialize_entry("seconds", &self.seconds)?;
        map.serialize_entry("bytes", &input.byte_len())?;
        if let Some(took) = &self.took {
            map.serialize_entry("report", took)?;
        }
        map.end()
    }
}
