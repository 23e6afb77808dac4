//! The arguments of `rowmill describe`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::args::{EngineArgs, InputsArgs};

pub(crate) const EXAMPLES: &str = "\
One read. NaN are left out and counted. Quartiles and histograms of large files are those of a sample of
rows, the same every time; all else is of everything. Of more than 2,000 columns everything is described
as one.

Examples:
  rowmill describe x.npy
  rowmill describe x.npy --exact              the true quartiles, in more reads
  rowmill describe x.npy --html x.html
  rowmill describe x.npy --html x.html --overwrite   once more
  rowmill describe part-*.npy --cols 0:3 --json";

/// The arguments of `rowmill describe`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DescribeArgs {
    /// Find the quartiles of everything, not of a sample of rows
    #[arg(long)]
    pub(super) exact: bool,
    /// Write a page for a browser as well; an existing file is refused, see --overwrite
    #[arg(long, value_name = "PATH")]
    pub(super) html: Option<PathBuf>,
    /// Replace a page of an earlier describe that stands there, at the end and in one step;
    /// anything else always stays
    #[arg(long, requires = "html")]
    pub(super) overwrite: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) input: InputsArgs,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
}
