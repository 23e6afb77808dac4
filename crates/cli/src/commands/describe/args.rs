//! The arguments of `rowmill describe`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::args::{EngineArgs, InputsArgs};

pub(crate) const EXAMPLES: &str = "\
The array is read once. NaN is skipped and counted. For large files, quartiles and histograms come
from a sample of rows, which is the same every time; all other statistics cover everything. An
array with more than 2,000 columns is described as a whole.

Examples:
  rowmill describe x.npy
  rowmill describe x.npy --exact              exact quartiles, in more reads
  rowmill describe x.npy --html x.html
  rowmill describe x.npy --html x.html --overwrite   replace the page
  rowmill describe part-*.npy --cols 0:3 --json";

/// The arguments of `rowmill describe`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DescribeArgs {
    /// Compute exact quartiles instead of those of a sample of rows
    #[arg(long)]
    pub(super) exact: bool,
    /// Write an HTML page as well; an existing file is refused, see --overwrite
    #[arg(long, value_name = "PATH")]
    pub(super) html: Option<PathBuf>,
    /// Replace a page of an earlier describe, atomically and at the end; any other file is kept
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
