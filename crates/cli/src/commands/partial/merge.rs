//! `rowmill merge`

use std::io::Write;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use rowmill::durable::{Kind, Outputs, Role};
use rowmill_any::{Answer, Statistics};
use serde::Serialize;

use super::super::output::entries;
use super::super::{reduce, stats};
use super::saved::SavedPartial;
use crate::failure::Failure;
use crate::json::{self, Entries};
use crate::note;
use crate::table::{grouped, printable};

pub(crate) const MERGE_EXAMPLES: &str = "\
The partials may be given in any order. They may come from several files that hold parts of one
array, as long as every row is covered.

Examples:
  rowmill merge p*.json
  rowmill merge p*.json --json
  rowmill merge p1.json p2.json -o p12.json         rows are missing: merge the rest later";

/// The arguments of `rowmill merge`.
#[derive(Debug, ClapArgs)]
pub(crate) struct MergeArgs {
    /// The partials to merge
    #[arg(required = true, value_name = "PARTIAL")]
    files: Vec<PathBuf>,
    /// Write the merged partial to this file, even if rows are missing; an existing file is
    /// refused, see --overwrite
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace an existing partial, atomically and at the end; any other file is kept
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Delta degrees of freedom: the variance is divided by count - N [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    ddof: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn merge(args: &MergeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    args.files.iter().for_each(|path| outputs.read(Role::Partial, path));
    if let Some(path) = &args.output {
        outputs.plan(Role::Partial, Kind::Partial, path)?;
    }
    let mut merged: Option<(SavedPartial, &PathBuf)> = None;
    for path in &args.files {
        let next = SavedPartial::read(path)?;
        merged = Some(match merged {
            None => (next, path),
            Some((earlier, first)) => (earlier.merge(next, first, path)?, first),
        });
    }
    // The arguments require at least one.
    let Some((merged, _)) = merged else { return Ok(()) };
    if let Some(path) = &args.output {
        merged.write(path, &outputs)?;
        let rows: usize = merged.partial.rows().iter().map(ExactSizeIterator::len).sum();
        note(format_args!(
            "{}: {} rows of {} partials",
            printable(&path.display().to_string()),
            grouped(rows as u64),
            args.files.len(),
        ));
        if !args.json {
            return Ok(());
        }
    }
    if let (Some(statistics), Some(_)) = (&merged.statistics, args.ddof) {
        return Err(Failure::Usage(format!(
            "--ddof is for partials of no list of statistics, these are of {statistics}; in a list it \
             is said as var(1) and std(1)"
        )));
    }
    let answer = merged.request(args.ddof.unwrap_or(0)).finish(&merged.partial);
    let answer = answer.map_err(|error| match error {
        rowmill_any::Error::Job(error) => Failure::from(error),
        other => Failure::Found(other.to_string()),
    })?;
    print(args, &merged, &answer, out)
}

/// Prints the answer as `rowmill reduce` does, or as `rowmill stats` if no statistics were listed.
fn print(
    args: &MergeArgs,
    merged: &SavedPartial,
    answer: &Answer,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let names = merged.statistics.as_ref().map(Statistics::names);
    let names: Option<Vec<&str>> =
        names.as_ref().map(|names| names.iter().map(String::as_str).collect());
    match &names {
        None => stats::check_sums(answer)?,
        Some(_) => reduce::warn_missing(answer),
    }
    if args.json {
        let statistics = match &names {
            None => entries(stats::NAMES, answer),
            Some(names) => entries(names.iter().copied(), answer),
        };
        return json::write(out, &Merged::new(merged, statistics)).map_err(Failure::Output);
    }
    let (axes, columns) = (merged.axis.into(), merged.columns.as_deref());
    let printed = match &names {
        None => stats::print(&axes, columns, answer, out),
        Some(names) => reduce::print(&axes, columns, names, answer, out),
    };
    printed.map_err(Failure::Output)
}

/// The JSON object of merged partials.
#[derive(Serialize)]
struct Merged<'a> {
    files: &'a [String],
    dtype: &'static str,
    shape: Vec<usize>,
    axis: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(flatten)]
    statistics: Entries<'a>,
}

impl<'a> Merged<'a> {
    fn new(merged: &'a SavedPartial, statistics: Entries<'a>) -> Self {
        let partial = &merged.partial;
        let mut shape = vec![partial.array_rows().unwrap_or(0)];
        shape.extend(partial.row_dims());
        Self {
            files: &merged.files,
            dtype: partial.dtype().name(),
            shape,
            axis: merged.axis.name(),
            columns: merged.columns.as_deref(),
            statistics,
        }
    }
}
