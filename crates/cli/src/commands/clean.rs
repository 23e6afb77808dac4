//! `rowmill clean`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args as ClapArgs;
use rowmill::FileError;
use rowmill::durable::{CleanOptions, CleanOutcome, Leftover};
use serde::Serialize;

use crate::failure::Failure;
use crate::json;
use crate::note;
use crate::table::{human_bytes, printable};

pub(super) const EXAMPLES: &str = "\
Unfinished files have names such as .x.npy.rowmill-partial (an output that was not published) and
.x.npy.rowmill-append (rows that were not committed, which are rolled back). They are harmless but
take space. For the path of an array file, only the unfinished files of that array are removed.

Examples:
  rowmill clean
  rowmill clean /data --recursive --dry-run
  rowmill clean x.npy --json";

/// The arguments of `rowmill clean`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CleanArgs {
    /// Directories to search, or array files
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Search subdirectories as well; symbolic links are not followed
    #[arg(long, short)]
    recursive: bool,
    /// List what would be removed, without removing it
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The JSON object.
#[derive(Serialize)]
struct Report {
    dry_run: bool,
    files: Vec<File>,
    /// The number of files removed, or to be removed. Their total size is in `bytes`.
    removed: usize,
    bytes: u64,
    in_use: usize,
    failed: usize,
}

#[derive(Serialize)]
struct File {
    file: String,
    kind: &'static str,
    bytes: u64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(args: &CleanArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let options = CleanOptions::new().recursive(args.recursive).dry_run(args.dry_run);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for path in &args.paths {
        match options.clean(path) {
            Ok(leftovers) => found.extend(leftovers),
            Err(e) => failures.push(e),
        }
    }
    let mut report = Report {
        dry_run: args.dry_run,
        files: found.iter().map(File::new).collect(),
        removed: 0,
        bytes: 0,
        in_use: 0,
        failed: 0,
    };
    for leftover in found {
        match leftover.outcome {
            CleanOutcome::InUse => report.in_use += 1,
            CleanOutcome::Failed(e) => {
                report.failed += 1;
                failures.push(e);
            }
            _ => {
                report.removed += 1;
                report.bytes += leftover.bytes;
            }
        }
    }
    let written = if args.json { json::write(out, &report) } else { report.write(out) };
    written.map_err(Failure::Output)?;
    report_failures(failures)
}

/// Returns the first failure, after reporting the others.
fn report_failures(failures: Vec<FileError>) -> Result<(), Failure> {
    let mut failures = failures.into_iter();
    let first = failures.next();
    for other in failures {
        note(format_args!("rowmill: {other}"));
    }
    first.map_or(Ok(()), |e| Err(e.into()))
}

impl File {
    fn new(leftover: &Leftover) -> Self {
        let error = match &leftover.outcome {
            CleanOutcome::Failed(e) => Some(e.to_string()),
            _ => None,
        };
        Self {
            file: json::path(&leftover.path),
            kind: leftover.kind.describe(),
            bytes: leftover.bytes,
            outcome: match leftover.outcome {
                CleanOutcome::Removed => "removed",
                CleanOutcome::Found => "would be removed",
                CleanOutcome::InUse => "in use",
                _ => "failed",
            },
            error,
        }
    }
}

impl Report {
    /// Writes a line for each file, and a summary on stderr.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for File { file, kind, bytes, outcome, .. } in &self.files {
            let kind = if *outcome == "in use" { "somebody is writing it" } else { kind };
            writeln!(out, "{outcome}: {} ({kind}, {})", printable(file), human_bytes(*bytes))?;
        }
        let files = |n: usize| if n == 1 { "1 file".to_owned() } else { format!("{n} files") };
        let would = if self.dry_run { "would remove" } else { "removed" };
        let left = match self.in_use {
            0 => String::new(),
            n => format!("; {} in use left alone", files(n)),
        };
        note(format_args!("{would} {}, {}{left}", files(self.removed), human_bytes(self.bytes)));
        Ok(())
    }
}
