//! `rowmill append`

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args as ClapArgs;
use rowmill_any::Appended;
use serde::Serialize;

use crate::failure::Failure;
use crate::input::describe_speed;
use crate::json;
use crate::note;
use crate::table::{grouped, printable};

pub(super) const EXAMPLES: &str = "\
FILE is a .npy file or a raw file with a sidecar, in C order. All files must have the same dtype
and the same row shape. Readers see the old rows until all new ones are committed. After a crash
the file has all new rows or none; the next append, or `rowmill clean`, rolls back an unfinished
one.

Examples:
  rowmill append x.npy tuesday.npy
  rowmill append x.npy tuesday.npy wednesday.npy --json";

/// The arguments of `rowmill append`.
#[derive(Debug, ClapArgs)]
pub(crate) struct AppendArgs {
    /// The array file to extend
    file: PathBuf,
    /// The array files to append, in this order
    #[arg(required = true)]
    more: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The JSON object.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    dtype: &'static str,
    /// The shape after the append.
    shape: &'a [usize],
    appended: usize,
    /// The size of the appended rows.
    bytes: usize,
    seconds: f64,
}

pub(super) fn run(args: &AppendArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let start = Instant::now();
    let Appended { meta, rows, .. } = rowmill_any::append(&args.file, &args.more)?;
    let report = Report {
        file: json::path(&args.file),
        dtype: meta.dtype.name(),
        shape: meta.shape.dims(),
        appended: rows,
        bytes: rows * meta.shape.row_len() * meta.dtype.size(),
        seconds: start.elapsed().as_secs_f64(),
    };
    if args.json {
        return json::write(out, &report).map_err(Failure::Output);
    }
    note(format_args!(
        "appended {} rows to {}: {} rows in {}",
        grouped(rows as u64),
        printable(&report.file),
        grouped(report.shape[0] as u64),
        describe_speed(report.bytes as u64, report.seconds),
    ));
    Ok(())
}
