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

use crate::args::{EngineArgs, InputArgs, PartArgs, SelectArgs};
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json;
use crate::note;
use crate::table::{clean, grouped};
use crate::values::{Axis, Nan, parse_part, parse_rows};
pub(crate) use merge::{MERGE_EXAMPLES, MergeArgs, merge};
use saved::{Read, request};

pub(crate) const PARTIAL_EXAMPLES: &str = "\
Rows have to begin and end where blocks do; an error names rows near them that would do, and --part
finds them by itself. The partial is JSON.

Examples:
  rowmill partial x.npy --part 1/4 -o p1.json       on one machine
  rowmill partial x.npy --part 2/4 -o p2.json       on another, and so on
  rowmill merge p1.json p2.json p3.json p4.json
  rowmill partial x.npy -o today.json && rowmill append x.npy more.npy
  rowmill partial x.npy --after today.json -o tomorrow.json    reads the new rows only
  rowmill merge tomorrow.json
  rowmill partial x.npy --part 1/4 --statistics 'max,top_k(10)' -o p1.json

-o is never the partial of --after, nor anything else that is read.";

/// The arguments of `rowmill partial`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PartialArgs {
    /// The JSON file to write; an existing file is refused, see --overwrite
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Replace a partial that stands there, at the end and in one step; anything else always stays
    #[arg(long)]
    overwrite: bool,
    /// Only these rows, counted from 0: FIRST:END, either may be left out [default: all]
    #[arg(long, value_name = "A:B", conflicts_with_all = ["part", "after"], value_parser = parse_rows)]
    rows: Option<(Option<usize>, Option<usize>)>,
    /// Only part K of N parts of about the same number of rows
    #[arg(long, value_name = "K/N", conflicts_with = "after", value_parser = parse_part)]
    part: Option<(usize, usize)>,
    /// Only what this partial lacks; what is written has both
    #[arg(long, value_name = "PATH")]
    after: Option<PathBuf>,
    /// What to compute, as for `rowmill reduce`: max,skew,'top_k(10)' [default: what `rowmill stats`
    /// tells]
    #[arg(long, value_name = "LIST")]
    statistics: Option<Statistics>,
    /// One answer for everything, for each column, or for each row
    #[arg(long, value_enum, default_value_t = Axis::Columns)]
    axis: Axis,
    /// A NaN makes the answer NaN, is left out and counted, or ends the job
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

/// The rows that are asked for, of an array of this dtype and shape.
fn rows(args: &PartialArgs, dtype: DType, shape: &Shape) -> Range<usize> {
    let of = shape.rows();
    match (args.rows, args.part) {
        (Some((first, end)), _) => first.unwrap_or(0)..end.unwrap_or(of),
        (None, Some((k, n))) => {
            let step = Partial::step_of(dtype, shape);
            let bands = of.div_ceil(step) as u128;
            let bound = |k: usize| {
                let band = bands * k as u128 / n as u128;
                usize::try_from(band * step as u128).unwrap_or(of).min(of)
            };
            bound(k - 1)..bound(k)
        }
        (None, None) => 0..of,
    }
}

pub(super) fn make(args: &PartialArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open_part(&PartArgs::default())?;
    let outputs = files(args, &input)?;
    let (before, mut files) = match &args.after {
        Some(path) => {
            let earlier = Read::from(path)?;
            check_list(args, &earlier, path)?;
            (Some(earlier.partial), earlier.files)
        }
        None => (None, Vec::new()),
    };
    let start = Instant::now();
    if input.dtype().is_complex() && args.statistics.is_none() {
        return Err(Failure::unordered(input.dtype(), "partials look for minima and maxima"));
    }
    let partial = reduce(args, &input, before)?;
    let seconds = start.elapsed().as_secs_f64();
    for file in input.files.iter().map(|file| json::path(file)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let columns = input.columns.clone();
    let statistics = args.statistics.clone();
    let made = Read { files, axis: args.axis, nan: args.nan, statistics, columns, partial };
    made.write(&args.output, &outputs)?;
    let rows = made.partial.rows();
    if args.json {
        let report = Report {
            files: &made.files,
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: made.axis.name(),
            rows: rows.iter().map(|rows| (rows.start, rows.end)).collect(),
            seconds,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let count: usize = rows.iter().map(ExactSizeIterator::len).sum();
    let bytes = (count * input.shape.row_len() * input.dtype().size()) as u64;
    note(format_args!(
        "{}: {} rows of {} in {}{}",
        clean(&args.output.display().to_string()),
        grouped(count as u64),
        input.describe(),
        describe_speed(bytes, seconds),
        args.select.describe(),
    ));
    Ok(())
}

/// Refuses an earlier partial of other statistics.
fn check_list(args: &PartialArgs, earlier: &Read, path: &Path) -> Result<(), Failure> {
    if args.statistics == earlier.statistics {
        return Ok(());
    }
    let name = path.display().to_string();
    Err(Failure::Usage(format!(
        "{} is of other statistics: {}; --statistics has to be the same",
        clean(&name),
        earlier.list()
    )))
}

/// The files of the call; what is written takes none of them.
fn files(args: &PartialArgs, input: &Input) -> Result<Outputs, Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    input.register(&mut outputs);
    args.select.register(&mut outputs);
    if let Some(after) = &args.after {
        outputs.read(Role::Partial, after);
    }
    outputs.plan(Role::Partial, Kind::Partial, &args.output)?;
    Ok(outputs)
}

fn reduce(args: &PartialArgs, input: &Input, before: Option<Partial>) -> Result<Partial, Failure> {
    let selection = args.select.open(&args.input.reading, input)?;
    let running = args.engine.build(&input.files[0])?;
    let source = input.source()?;
    let request = request(args.statistics.as_ref(), args.axis, args.nan, 0).selection(selection);
    let partial = match before {
        Some(before) => request.partial_after(&running.engine, &source, before),
        None => {
            let rows = rows(args, source.dtype(), source.shape());
            request.partial(&running.engine, &source, rows)
        }
    };
    let partial = partial.map_err(|error| input.failure_over(&Axes::All, error))?;
    running.finish();
    Ok(partial)
}

/// The JSON about a partial that was made.
#[derive(Serialize)]
struct Report<'a> {
    files: &'a [String],
    dtype: &'static str,
    shape: &'a [usize],
    axis: &'static str,
    rows: Vec<(usize, usize)>,
    seconds: f64,
}
