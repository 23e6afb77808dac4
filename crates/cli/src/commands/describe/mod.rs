//! `rowmill describe`

mod args;
mod page;
mod table;

use std::io::Write;
use std::time::Instant;

use rowmill::durable::{Kind, Outputs, Role};
use rowmill_any::{Axes, Description, Quartiles, SampleHistogram};
use serde::Serialize;

use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Entries, Paths, Value};
use crate::note;
use crate::number::{Number, to_digits};
use crate::report::Resources;
use crate::table::{grouped, index_label, printable};
pub(super) use args::{DescribeArgs, EXAMPLES};

/// A description of an input, with the time it took.
struct Described<'a> {
    input: &'a Input,
    description: Description,
    seconds: f64,
    resources: Option<Resources>,
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
    statistics: Entries<'a>,
    histogram: &'a [Option<SampleHistogram>],
    quartiles_of: Option<usize>,
    histogram_of: Option<usize>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Resources>,
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
        note(format_args!("wrote {}", printable(&path.display().to_string())));
    }
    if args.json {
        return json::write(out, &described.report()).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    note(format_args!("{} in {}", input.describe(), describe_speed(bytes, described.seconds)));
    table::print(&described, out).map_err(Failure::Output)?;
    note_sample_error(&described.description);
    Ok(())
}

fn describe<'a>(args: &DescribeArgs, input: &'a Input) -> Result<Described<'a>, Failure> {
    let source = input.source()?;
    let running = args.engine.build(&input.files[0])?;
    let quartiles = if args.exact { Quartiles::Exact } else { Quartiles::Sampled };
    let start = Instant::now();
    let description = rowmill_any::describe(&running.engine, &source, quartiles);
    let description = description.map_err(|error| input.failure(error))?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(sum) = description.overflow {
        note(format_args!(
            "the sum {} does not fit {}: all is told in float64, in a second read",
            sum.exact, sum.result_type
        ));
    }
    Ok(Described { input, description, seconds, resources: running.finish() })
}

/// Notes on stderr how accurate the sampled quartiles and histograms are.
fn note_sample_error(description: &Description) {
    let what = units(description);
    if let Some(n) = description.quartile_sample_size {
        // Two standard deviations of the share below a quartile, for a random sample.
        let off = 200.0 * (0.25_f64 / n as f64).sqrt();
        note(format_args!(
            "quartiles and histograms are of {} sampled {what}: {off:.1} % of the {what} may lie between \
             them and the true ones; --exact finds the quartiles in more reads",
            grouped(n as u64)
        ));
    }
}

/// The unit of a sample.
fn units(description: &Description) -> &'static str {
    if description.axes == Axes::All { "elements" } else { "rows" }
}

impl Described<'_> {
    fn report(&self) -> Report<'_> {
        let Self { input, description, seconds, resources } = self;
        let cells = description.answer.cells();
        let columns = description.answer.columns().iter();
        let statistics = columns.map(|c| (c.name(), Value::Nested(c.nested([cells])))).collect();
        Report {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: &description.axes,
            columns: input.columns.as_deref(),
            statistics: Entries(statistics),
            histogram: &description.histograms,
            quartiles_of: description.quartile_sample_size,
            histogram_of: description.histogram_sample_size,
            seconds: *seconds,
            bytes: input.byte_len(),
            report: resources.as_ref(),
        }
    }

    /// The number of a cell, by statistic.
    fn number(&self, name: &str, cell: usize) -> Number {
        self.description.answer.column(name).map_or(Number::Missing, |column| column.scalar(cell))
    }

    /// The label of a cell.
    fn label(&self, cell: usize) -> String {
        if self.description.axes == Axes::All {
            return "all".to_owned();
        }
        match self.input.columns.as_ref().and_then(|names| names.get(cell)) {
            Some(name) => name.clone(),
            None => index_label(self.input.shape.row_dims(), cell),
        }
    }
}

/// Rounds to six significant digits, because many numbers stand side by side.
fn six_digits(number: impl Into<Number>) -> String {
    match number.into() {
        Number::Float(x) => to_digits(x, 6),
        exact => exact.to_string(),
    }
}
