//! `rowmill partial` and `rowmill merge`

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args as ClapArgs, ValueEnum};
use rowmill::{DType, FileError, Kind, Outputs, Partial, Role, Shape};
use rowmill_any::{Answer, Axes, Request, Statistics};
use serde::{Deserialize, Serialize};

use super::stats;
use crate::args::{EngineArgs, InputArgs, PartArgs, SelectArgs};
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Columns};
use crate::note;
use crate::table::{clean, grouped};
use crate::values::{Axis, Nan, parse_part, parse_rows};

pub(super) const PARTIAL_EXAMPLES: &str = "\
Rows have to begin and end where blocks do; an error names rows near them that would do, and --part
finds them by itself. The partial is JSON.

Examples:
  rowmill partial x.npy --part 1/4 -o p1.json       on one machine
  rowmill partial x.npy --part 2/4 -o p2.json       on another, and so on
  rowmill merge p1.json p2.json p3.json p4.json
  rowmill partial x.npy -o today.json && rowmill append x.npy more.npy
  rowmill partial x.npy --after today.json -o tomorrow.json    reads the new rows only
  rowmill merge tomorrow.json

-o is never the partial of --after, nor anything else that is read.";

pub(super) const MERGE_EXAMPLES: &str = "\
The partials may come in any order, and may be of several files with the same rows in different places
of one array, as long as every row is in one of them.

Examples:
  rowmill merge p*.json
  rowmill merge p*.json --json
  rowmill merge p1.json p2.json -o p12.json         not all rows yet: merged later";

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

/// The arguments of `rowmill merge`.
#[derive(Debug, ClapArgs)]
pub(crate) struct MergeArgs {
    /// The partials
    #[arg(required = true, value_name = "PARTIAL")]
    files: Vec<PathBuf>,
    /// Write the merged partial here, whether or not all rows are there; an existing file is refused, see
    /// --overwrite
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace a partial that stands there, at the end and in one step; anything else always stays
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Delta degrees of freedom: the variance is divided by count - N
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    ddof: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The file: a partial, and what is needed to make a kernel for it and to print what it gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Saved {
    /// What it was made of.
    files: Vec<String>,
    axis: String,
    nan: String,
    /// The names of the columns, if they have some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    partial: serde_json::Value,
}

/// What is in such a file.
struct Read {
    files: Vec<String>,
    axis: Axis,
    nan: Nan,
    columns: Option<Vec<String>>,
    partial: Partial,
}

impl Read {
    fn from(path: &Path) -> Result<Self, Failure> {
        let io = |source| FileError::Io { action: "read", path: path.to_owned(), source };
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(FileError::NotRegular { path: path.to_owned() }.into());
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        Self::parse(&text).map_err(|what| {
            let name = path.display().to_string();
            Failure::Found(format!("{}: {what}", clean(&name)))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let no_partial = |e: &dyn std::fmt::Display| {
            format!("no partial of `rowmill partial`, or a part of one ({e}); make it again")
        };
        let saved: Saved = serde_json::from_str(text).map_err(|e| no_partial(&e))?;
        let value = |name: &str, e: String| no_partial(&format!("{name}: {e}"));
        Ok(Self {
            axis: Axis::from_str(&saved.axis, false).map_err(|e| value("axis", e))?,
            nan: Nan::from_str(&saved.nan, false).map_err(|e| value("nan", e))?,
            files: saved.files,
            columns: saved.columns,
            partial: Partial::from_json(&saved.partial.to_string()).map_err(|e| e.to_string())?,
        })
    }

    fn write(&self, path: &Path, outputs: &Outputs) -> Result<(), Failure> {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|v| v.get_name().to_owned()).unwrap_or_default()
        };
        let saved = Saved {
            files: self.files.clone(),
            axis: self.axis.name().to_owned(),
            nan: name(&|| self.nan.to_possible_value()),
            columns: self.columns.clone(),
            partial: serde_json::from_str(&self.partial.to_json()).unwrap_or_default(),
        };
        let mut text = serde_json::to_string_pretty(&saved).unwrap_or_default();
        text.push('\n');
        Ok(outputs.save(Role::Partial, Kind::Partial, path, text.as_bytes())?)
    }
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
    let earlier = args.after.as_deref().map(Read::from).transpose()?;
    let (before, mut files) = match earlier {
        Some(earlier) => (Some(earlier.partial), earlier.files),
        None => (None, Vec::new()),
    };
    let start = Instant::now();
    if input.dtype().is_complex() {
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
    let made = Read { files, axis: args.axis, nan: args.nan, columns, partial };
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

/// What is asked of the statistics of a partial, but for the selection.
fn request(axis: Axis, nan: Nan, ddof: u64) -> Request<'static> {
    Request::new(Statistics(stats::statistics(ddof))).axes(axis.into()).nan(nan.into())
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
    let request = request(args.axis, args.nan, 0).selection(selection);
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

pub(super) fn merge(args: &MergeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    args.files.iter().for_each(|path| outputs.read(Role::Partial, path));
    if let Some(path) = &args.output {
        outputs.plan(Role::Partial, Kind::Partial, path)?;
    }
    let mut merged: Option<(Read, &PathBuf)> = None;
    for path in &args.files {
        let next = Read::from(path)?;
        merged = Some(match merged {
            None => (next, path),
            Some((before, first)) => (before.join(next, first, path)?, first),
        });
    }
    // There is one at least: the arguments say so.
    let Some((merged, _)) = merged else { return Ok(()) };
    if let Some(path) = &args.output {
        merged.write(path, &outputs)?;
        let rows: usize = merged.partial.rows().iter().map(ExactSizeIterator::len).sum();
        note(format_args!(
            "{}: {} rows of {} partials",
            clean(&path.display().to_string()),
            grouped(rows as u64),
            args.files.len(),
        ));
        if !args.json {
            return Ok(());
        }
    }
    let answer = request(merged.axis, merged.nan, args.ddof).finish(&merged.partial);
    let answer = answer.map_err(|error| match error {
        rowmill_any::Error::Job(error) => Failure::from(error),
        other => Failure::Found(other.to_string()),
    })?;
    stats::check_sums(&answer)?;
    if args.json {
        let report = Merged::new(&merged, &answer);
        return json::write(out, &report).map_err(Failure::Output);
    }
    let axes = merged.axis.into();
    stats::print(&axes, merged.columns.as_deref(), &answer, out).map_err(Failure::Output)
}

impl Read {
    fn join(self, next: Self, first: &Path, path: &Path) -> Result<Self, Failure> {
        let partial = self.partial.merge(next.partial).map_err(|e| {
            let names = [first, path].map(|path| path.display().to_string());
            Failure::Found(format!("{} with {}: {e}", clean(&names[0]), clean(&names[1])))
        })?;
        let mut files = self.files;
        files.extend(
            next.files.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>(),
        );
        Ok(Self { files, partial, columns: self.columns.or(next.columns), ..self })
    }
}

/// The JSON of merged partials.
#[derive(Serialize)]
struct Merged<'a> {
    files: &'a [String],
    dtype: &'static str,
    shape: Vec<usize>,
    axis: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(flatten)]
    statistics: Columns<'a>,
}

impl<'a> Merged<'a> {
    fn new(merged: &'a Read, answer: &'a Answer) -> Self {
        let partial = &merged.partial;
        let mut shape = vec![partial.array_rows().unwrap_or(0)];
        shape.extend(partial.row_dims());
        Self {
            files: &merged.files,
            dtype: partial.dtype().name(),
            shape,
            axis: merged.axis.name(),
            columns: merged.columns.as_deref(),
            statistics: stats::columns(answer),
        }
    }
}
