//! `rowmill describe`

mod args;
mod page;
mod table;

use std::io::Write;
use std::time::Instant;

use rowmill::{Kind, Outputs, Role};
use rowmill_any::{Axes, Description, Quartiles, SampleHistogram};
use serde::Serialize;

use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Columns, Paths, Value};
use crate::note;
use crate::number::{Number, to_digits};
use crate::report::Took;
use crate::table::{clean, grouped, index_label};
pub(super) use args::{DescribeArgs, EXAMPLES};

/// A description of an input, and how long it took.
struct Described<'a> {
    input: &'a Input,
    found: Description,
    seconds: f64,
    took: Option<Took>,
}

/// The JSON object.
#[derive(Serialize)]
struct Report<'a> {
    file: Paths,
    dtype: &'static str,
    shape: &'a [usize],
    axis: &'a Axes,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(flatten)]
    statistics: Columns<'a>,
    histogram: &'a [Option<SampleHistogram>],
    quartiles_of: Option<usize>,
    histogram_of: Option<usize>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Took>,
}

pub(super) fn run(args: &DescribeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    input.register(&mut outputs);
    if let Some(path) = &args.html {
        outputs.plan(Role::Page, Kind::Page, path)?;
    }
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "quartiles need an order"));
    }
    let described = describe(args, &input)?;
    if let Some(path) = &args.html {
        outputs.save(Role::Page, Kind::Page, path, page::page(&described).as_bytes())?;
        note(format_args!("wrote {}", clean(&path.display().to_string())));
    }
    if args.json {
        return json::write(out, &described.report()).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    note(format_args!("{} in {}", input.describe(), describe_speed(bytes, described.seconds)));
    table::print(&described, out).map_err(Failure::Output)?;
    tell_sample(&described.found);
    Ok(())
}

fn describe<'a>(args: &DescribeArgs, input: &'a Input) -> Result<Described<'a>, Failure> {
    let source = input.source()?;
    let running = args.engine.build(&input.files[0])?;
    let quartiles = if args.exact { Quartiles::Exact } else { Quartiles::Sampled };
    let start = Instant::now();
    let found = rowmill_any::describe(&running.engine, &source, quartiles);
    let found = found.map_err(|error| input.failure(error))?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(sum) = found.overflow {
        note(format_args!(
            "the sum {} does not fit {}: all is told in float64, in a second read",
            sum.exact, sum.result_type
        ));
    }
    Ok(Described { input, found, seconds, took: running.finish() })
}

/// How good quartiles and histograms are, where they are not exact.
fn tell_sample(found: &Description) {
    let what = units(found);
    if let Some(n) = found.quartile_sample_size {
        // Two standard deviations of the share below a quartile, of a sample at random.
        let off = 200.0 * (0.25_f64 / n as f64).sqrt();
        note(format_args!(
            "quartiles and histograms are of {} sampled {what}: {off:.1} % of the {what} may lie between \
             them and the true ones; --exact finds the quartiles in more reads",
            grouped(n as u64)
        ));
    }
}

/// The units of a sample.
fn units(found: &Description) -> &'static str {
    if found.axes == Axes::All { "elements" } else { "rows" }
}

impl Described<'_> {
    fn report(&self) -> Report<'_> {
        let Self { input, found, seconds, took } = self;
        let cells = found.answer.cells();
        let columns = found.answer.columns().iter();
        let statistics = columns.map(|c| (c.name(), Value::Nested(c.nested([cells])))).collect();
        Report {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: &found.axes,
            columns: input.columns.as_deref(),
            statistics: Columns(statistics),
            histogram: &found.histograms,
            quartiles_of: found.quartile_sample_size,
            histogram_of: found.histogram_sample_size,
            seconds: *seconds,
            bytes: input.byte_len(),
            report: took.as_ref(),
        }
    }

    /// A number of a cell, by its name.
    fn number(&self, name: &str, cell: usize) -> Number {
        self.found.answer.column(name).map_or(Number::Missing, |column| column.scalar(cell))
    }

    /// The name of a cell.
    fn label(&self, cell: usize) -> String {
        if self.found.axes == Axes::All {
            return "all".to_owned();
        }
        match self.input.columns.as_ref().and_then(|names| names.get(cell)) {
            Some(name) => name.clone(),
            None => index_label(self.input.shape.row_dims(), cell),
        }
    }
}

/// To six significant digits: many numbers stand side by side.
fn short(number: impl Into<Number>) -> String {
    match number.into() {
        Number::Float(x) => to_digits(x, 6),
        exact => exact.to_string(),
    }
}
