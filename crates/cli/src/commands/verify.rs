//! `rowmill checksum` and `rowmill verify`

use std::io::Write;
use std::time::Instant;

use clap::Args as ClapArgs;
use rowmill::file::{Checksums, Meta, Sidecar};
use rowmill_any::AnySource;
use serde::Serialize;

use crate::args::{EngineArgs, InputArgs};
use crate::failure::Failure;
use crate::input::describe_speed;
use crate::json;
use crate::note;
use crate::report::Resources;
use crate::table::grouped;

pub(super) const CHECKSUM_EXAMPLES: &str = "\
The checksums (64-bit XXH3, one per about a megabyte) are stored in FILE.meta.json. Opening the
file for writing removes them.

Examples:
  rowmill checksum x.npy
  rowmill verify x.npy";

pub(super) const VERIFY_EXAMPLES: &str = "\
Exit codes: 0 no damage, 1 damage or the job failed, 2 wrong usage. Damaged rows are printed as
ranges FIRST..END, excluding END.

Examples:
  rowmill verify x.npy
  rowmill verify x.npy --json";

/// The arguments of `rowmill checksum` and `rowmill verify`.
#[derive(Debug, ClapArgs)]
pub(crate) struct IntegrityArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// The JSON object of both commands.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    dtype: &'static str,
    shape: &'a [usize],
    /// The number of rows per checksum.
    checksum_rows: usize,
    checksums: usize,
    /// The damaged rows: pairs of the first row and the one after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<Vec<[usize; 2]>>,
    seconds: f64,
    bytes: usize,
    #[serde(rename = "report", skip_serializing_if = "Option::is_none")]
    resources: Option<Resources>,
}

impl<'a> Report<'a> {
    fn new(
        args: &IntegrityArgs,
        meta: &'a Meta,
        sums: &Checksums,
        damaged: Option<Vec<[usize; 2]>>,
        seconds: f64,
        resources: Option<Resources>,
    ) -> Self {
        Self {
            file: json::path(&args.input.file),
            dtype: meta.dtype.name(),
            shape: meta.shape.dims(),
            checksum_rows: sums.step(),
            checksums: sums.values().len(),
            damaged,
            seconds,
            bytes: meta.byte_len(),
            resources,
        }
    }
}

/// Computes checksums and stores them in the sidecar.
pub(super) fn checksum(args: &IntegrityArgs, out: &mut dyn Write) -> Result<(), Failure> {
    args.input.refuse_field("checksums are of whole files")?;
    let array = args.input.open()?;
    let running = args.engine.build(&args.input.file)?;
    let start = Instant::now();
    let source = AnySource::from_array(&array);
    let sums = rowmill_any::checksums(&running.engine, &source)?;
    let seconds = start.elapsed().as_secs_f64();
    let resources = running.finish();
    rowmill_any::store_checksums(&args.input.file, array.meta(), sums.clone())?;
    let meta = array.meta();
    if args.json {
        let report = Report::new(args, meta, &sums, None, seconds, resources);
        return json::write(out, &report).map_err(Failure::Output);
    }
    note(format_args!(
        "{} in {}; wrote {} checksums of {} rows each to {}",
        args.input.describe(&array),
        describe_speed(meta.byte_len() as u64, seconds),
        grouped(sums.values().len() as u64),
        grouped(sums.step() as u64),
        Sidecar::path_for(&args.input.file).display(),
    ));
    Ok(())
}

/// Compares an array with the checksums in its sidecar.
pub(super) fn verify(args: &IntegrityArgs, out: &mut dyn Write) -> Result<(), Failure> {
    args.input.refuse_field("checksums are of whole files")?;
    let array = args.input.open()?;
    let shown = args.input.file.display();
    let sidecar = Sidecar::beside(&args.input.file)?;
    let Some(sums) = sidecar.and_then(|sidecar| sidecar.checksums) else {
        return Err(Failure::Found(format!(
            "{shown} has no checksums; `rowmill checksum {shown}` makes them"
        )));
    };
    let running = args.engine.build(&args.input.file)?;
    let start = Instant::now();
    let source = AnySource::from_array(&array);
    let damaged = rowmill_any::verify(&running.engine, &source, &sums)?;
    let seconds = start.elapsed().as_secs_f64();
    let resources = running.finish();
    let meta = array.meta();
    if args.json {
        let rows = Some(damaged.iter().map(|r| [r.start, r.end]).collect());
        let report = Report::new(args, meta, &sums, rows, seconds, resources);
        json::write(out, &report).map_err(Failure::Output)?;
    } else {
        note(format_args!(
            "{} in {}; {} checksums of {} rows each",
            args.input.describe(&array),
            describe_speed(meta.byte_len() as u64, seconds),
            grouped(sums.values().len() as u64),
            grouped(sums.step() as u64),
        ));
        for rows in &damaged {
            writeln!(out, "{}..{}", rows.start, rows.end).map_err(Failure::Output)?;
        }
    }
    if damaged.is_empty() {
        note(format_args!("no damage found"));
        return Ok(());
    }
    out.flush().map_err(Failure::Output)?;
    let rows: usize = damaged.iter().map(ExactSizeIterator::len).sum();
    Err(Failure::Found(format!(
        "{shown} is damaged: {} of its {} rows are not what they were when the checksums were made, or \
         lie in a run with one that is not; restore them from a copy",
        grouped(rows as u64),
        grouped(meta.shape.rows() as u64),
    )))
}
