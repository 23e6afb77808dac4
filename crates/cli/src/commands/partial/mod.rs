//! `rowmill partial` and `rowmill merge`

mod merge;
mod saved;

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args as ClapArgs;
use rowmill::durable::{Kind, Outputs, Role};
use rowmill::{DType, Partial, Shape};
use rowmill_any::{Axes, Statistics};
use serde::Serialize;

use crate::args::{EngineArgs, InputArgs, SelectArgs};
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json;
use crate::note;
use crate::part::PartArgs;
use crate::table::{grouped, printable};
use crate::values::{Axis, Nan, parse_part, parse_rows};
pub(crate) use merge::{MERGE_EXAMPLES, MergeArgs, merge};
use saved::{SavedPartial, request};

pub(crate) const PARTIAL_EXAMPLES: &str = "\
Rows must begin and end at block boundaries. If they do not, the error names the nearest ones;
--part picks them automatically. The partial is a JSON file.

Examples:
  rowmill partial x.npy --part 1/4 -o p1.json       on one machine
  rowmill partial x.npy --part 2/4 -o p2.json       on another, and so on
  rowmill merge p1.json p2.json p3.json p4.json
  rowmill partial x.npy -o today.json && rowmill append x.npy more.npy
  rowmill partial x.npy --after today.json -o tomorrow.json    reads the new rows only
  rowmill merge tomorrow.json
  rowmill partial x.npy --part 1/4 --statistics 'max,top_k(10)' -o p1.json

-o must not name the partial of --after, nor another input.";

/// The arguments of `rowmill partial`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PartialArgs {
    /// The JSON file to write; an existing file is refused, see --overwrite
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Replace an existing partial, atomically and at the end; any other file is kept
    #[arg(long)]
    overwrite: bool,
    /// Reduce only these rows, FIRST:END, counted from 0; either may be omitted [default: all]
    #[arg(long, value_name = "A:B", conflicts_with_all = ["part", "after"], value_parser = parse_rows)]
    rows: Option<(Option<usize>, Option<usize>)>,
    /// Reduce only part K of N parts with about the same number of rows
    #[arg(long, value_name = "K/N", conflicts_with = "after", value_parser = parse_part)]
    part: Option<(usize, usize)>,
    /// Reduce only the rows that this partial lacks; the output covers both
    #[arg(long, value_name = "PATH")]
    after: Option<PathBuf>,
    /// Statistics to compute, as in `rowmill reduce`: max,skew,'top_k(10)' [default: those of
    /// `rowmill stats`]
    #[arg(long, value_name = "LIST")]
    statistics: Option<Statistics>,
    /// Reduce everything, each column, or each row
    #[arg(long, value_enum, default_value_t = Axis::Columns)]
    axis: Axis,
    /// Let a NaN make the answer NaN, skip and count it, or fail
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Nan::Skip)]
    nan: Nan,
    /// Print one JSON object about the partial
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// The requested rows of an array of this dtype and shape.
fn rows(args: &PartialArgs, dtype: DType, shape: &Shape) -> Range<usize> {
    let total = shape.rows();
    match (args.rows, args.part) {
        (Some((first, end)), _) => first.unwrap_or(0)..end.unwrap_or(total),
        (None, Some((k, n))) => {
            let step = Partial::step_of(dtype, shape);
            let bands = total.div_ceil(step) as u128;
            let bound = |k: usize| {
                let band = bands * k as u128 / n as u128;
                usize::try_from(band * step as u128).unwrap_or(total).min(total)
            };
            bound(k - 1)..bound(k)
        }
        (None, None) => 0..total,
    }
}

pub(super) fn run(args: &PartialArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open_part(&PartArgs::default())?;
    let outputs = plan_outputs(args, &input)?;
    let (earlier, mut files) = match &args.after {
        Some(path) => {
            let earlier = SavedPartial::read(path)?;
            check_statistics(args, &earlier, path)?;
            (Some(earlier.partial), earlier.files)
        }
        None => (None, Vec::new()),
    };
    let start = Instant::now();
    if input.dtype().is_complex() && args.statistics.is_none() {
        return Err(Failure::unordered(input.dtype(), "partials look for minima and maxima"));
    }
    let partial = reduce(args, &input, earlier)?;
    let seconds = start.elapsed().as_secs_f64();
    for file in input.files.iter().map(|file| json::path(file)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let columns = input.columns.clone();
    let statistics = args.statistics.clone();
    let saved =
        SavedPartial { files, axis: args.axis, nan: args.nan, statistics, columns, partial };
    saved.write(&args.output, &outputs)?;
    let rows = saved.partial.rows();
    if args.json {
        let report = Report {
            files: &saved.files,
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: saved.axis.name(),
            rows: rows.iter().map(|rows| (rows.start, rows.end)).collect(),
            seconds,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let count: usize = rows.iter().map(ExactSizeIterator::len).sum();
    let bytes = (count * input.shape.row_len() * input.dtype().size()) as u64;
    note(format_args!(
        "{}: {} rows of {} in {}{}",
        printable(&args.output.display().to_string()),
        grouped(count as u64),
        input.describe(),
        describe_speed(bytes, seconds),
        args.select.describe(),
    ));
    Ok(())
}

/// Refuses an earlier partial of different statistics.
fn check_statistics(
    args: &PartialArgs,
    earlier: &SavedPartial,
    path: &Path,
) -> Result<(), Failure> {
    if args.statistics == earlier.statistics {
        return Ok(());
    }
    let name = path.display().to_string();
    Err(Failure::Usage(format!(
        "{} is of other statistics: {}; --statistics has to be the same",
        printable(&name),
        earlier.statistics_text()
    )))
}

/// Registers the files of the call, so that no output replaces another of them.
fn plan_outputs(args: &PartialArgs, input: &Input) -> Result<Outputs, Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    input.register(&mut outputs);
    args.select.register(&mut outputs);
    if let Some(after) = &args.after {
        outputs.read(Role::Partial, after);
    }
    outputs.plan(Role::Partial, Kind::Partial, &args.output)?;
    Ok(outputs)
}

fn reduce(args: &PartialArgs, input: &Input, earlier: Option<Partial>) -> Result<Partial, Failure> {
    let selection = args.select.open(&args.input.reading, input)?;
    let running = args.engine.build(&input.files[0])?;
    let source = input.source()?;
    let request = request(args.statistics.as_ref(), args.axis, args.nan, 0).selection(selection);
    let partial = match earlier {
        Some(earlier) => request.partial_after(&running.engine, &source, earlier),
        None => {
            let rows = rows(args, source.dtype(), source.shape());
            request.partial(&running.engine, &source, rows)
        }
    };
    let partial = partial.map_err(|error| input.failure_for_axes(&Axes::All, error))?;
    running.finish();
    Ok(partial)
}

/// The JSON object of a new partial.
#[derive(Serialize)]
struct Report<'a> {
    files: &'a [String],
    dtype: &'static str,
    shape: &'a [usize],
    axis: &'static str,
    rows: Vec<(usize, usize)>,
    seconds: f64,
}
