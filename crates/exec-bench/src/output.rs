//! The forms of a report: flags that the binaries share.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rowmill_core::{Kind, Outputs, Role};

use crate::chart::{self, Look, Page};
use crate::{Error, Result};

/// The forms in which a report is given.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Output {
    /// Print JSON with every sample and the machine
    #[arg(long)]
    pub json: bool,
    /// Write a page with charts as well: one file that needs no other; an existing file is refused,
    /// see --overwrite
    #[arg(long, value_name = "OUT.html")]
    pub report: Option<PathBuf>,
    /// Write the charts as well; an existing file is refused, see --overwrite
    #[arg(long, value_name = "OUT.svg")]
    pub svg: Option<PathBuf>,
    /// Replace files of earlier reports that stand there; anything else always stays
    #[arg(long)]
    pub overwrite: bool,
}

/// A result that can be given in every form.
pub trait Shown {
    /// For people at a terminal.
    fn text(&self, look: Look) -> String;
    /// Every sample.
    fn json(&self) -> String;
    /// As charts.
    fn page(&self) -> Page;
}

impl Output {
    /// Plans the files to write, none of which may be a file that the call reads. Call it before
    /// anything is measured.
    ///
    /// # Errors
    /// [`Error::File`] when a file stands where one is to be written.
    pub fn plan<'a>(&self, read: impl IntoIterator<Item = (Role, &'a Path)>) -> Result<Outputs> {
        let mut outputs = Outputs::new().overwrite(self.overwrite);
        read.into_iter().for_each(|(role, path)| outputs.read(role, path));
        if let Some(path) = &self.report {
            outputs.plan(Role::Page, Kind::Page, path)?;
        }
        if let Some(path) = &self.svg {
            outputs.plan(Role::Chart, Kind::Chart, path)?;
        }
        Ok(outputs)
    }

    /// Prints a report and writes the files that were [planned](Self::plan). A closed pipe is no
    /// error.
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be written.
    pub fn give(&self, report: &impl Shown, outputs: &Outputs) -> Result<()> {
        if let Some(path) = &self.report {
            // Only programs read it there: in its shortest form.
            let json: Option<serde_json::Value> = serde_json::from_str(&report.json()).ok();
            let json = json.unwrap_or_default().to_string();
            let page = chart::page(&report.page(), &json);
            outputs.save(Role::Page, Kind::Page, path, page.as_bytes())?;
        }
        if let Some(path) = &self.svg {
            let charts = chart::standalone(&report.page());
            outputs.save(Role::Chart, Kind::Chart, path, charts.as_bytes())?;
        }
        let text = if self.json { report.json() } else { report.text(Look::of_stdout()) };
        match writeln!(std::io::stdout(), "{}", text.trim_end()) {
            Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::Io { action: "write to", path: "stdout".into(), source })
            }
            _ => Ok(()),
        }
    }
}

/// The exit code of a binary: an error goes to stderr.
#[must_use]
pub fn exit(name: &str, result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            match error {
                // Wrong usage: two arguments name one file.
                Error::File(rowmill_core::Error::Taken { .. }) => return ExitCode::from(2),
                Error::File(rowmill_core::Error::Exists { .. }) => {
                    eprintln!("hint: on the command line that is --overwrite");
                }
                _ => {}
            }
            ExitCode::FAILURE
        }
    }
}

/// Bytes, as `512MiB`, for `value_parser`.
///
/// # Errors
/// A message that says what was expected instead.
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rowmill_exec::ChunkSize::Bytes(bytes)) => Ok(bytes),
        _ => Err("expected bytes, such as 512MiB or 4GiB".to_owned()),
    }
}

/// The default folder of new files: `target/` if it exists, else the one for temporary files.
#[must_use]
pub fn default_dir() -> PathBuf {
    let target = PathBuf::from("target");
    if target.is_dir() { target } else { std::env::temp_dir() }
}

/// The cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Thread counts to measure: the powers of two below `threads`, then `threads`.
#[must_use]
pub fn up_to(threads: usize) -> Vec<usize> {
    let doubled = std::iter::successors(Some(1), |n| Some(n * 2));
    doubled.take_while(|&n| n < threads).chain([threads]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_threads() {
        assert_eq!(up_to(1), [1]);
        assert_eq!(up_to(2), [1, 2]);
        assert_eq!(up_to(6), [1, 2, 4, 6]);
        assert_eq!(up_to(8), [1, 2, 4, 8]);
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!(parse_bytes("4MiB"), Ok(4 << 20));
        assert!(parse_bytes("12rows").is_err() && parse_bytes("many").is_err());
    }
}
