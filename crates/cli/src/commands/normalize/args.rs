//! The arguments of `rowmill normalize`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::args::{CheckpointArgs, EngineArgs, InputArgs};
use crate::part::PartArgs;
use crate::values::{Axis, FloatType, Interval, Method};

pub(crate) const EXAMPLES: &str = "\
NaN is skipped in the statistics and stays NaN. A constant column becomes 0 (or A of the range).
OUT appears under its name only once it is complete. An existing OUT is refused, so that the
second file of `normalize part-*.npy` is not lost; with --overwrite it is kept until the new one
is complete.

Examples:
  rowmill normalize x.npy x_z.npy
  rowmill normalize x.npy x_z.npy --overwrite            replace an older x_z.npy
  rowmill normalize x.npy x_01.npy --method minmax
  rowmill normalize x.npy x_11.npy --method minmax --range -1,1 --axis all
  rowmill normalize x.npy x_l2.npy --method l2 --axis rows
  rowmill normalize train.npy train_z.npy --save-fit z.json
  rowmill normalize test.npy test_z.npy --by z.json
  rowmill normalize test_z.npy test.npy --by z.json --inverse
  rowmill normalize counts.npy z.npy --output-dtype f32
  rowmill normalize x.npy x_z.npy --checkpoint job.ckpt   resumes when run again
  rowmill normalize x.npy --in-place";

/// The arguments of `rowmill normalize`.
#[derive(Debug, ClapArgs)]
pub(crate) struct NormalizeArgs {
    /// The .npy file to write; an existing file is refused, see --overwrite
    #[arg(index = 2, value_name = "OUT", required_unless_present = "in_place")]
    pub(super) output: Option<PathBuf>,
    /// Replace OUT if it is an array file, and the --save-fit file if it is a fit; atomically and
    /// at the end. Any other file is kept
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Replace the rows of FILE itself, which must hold floats. A journal beside it protects every
    /// row from a crash; run the same command again to finish
    #[arg(long, conflicts_with_all = [
        "output", "overwrite", "output_dtype", "checkpoint", "rows", "cols", "box_indices"
    ])]
    pub(super) in_place: bool,
    /// Store checksums of the rows in the sidecar of OUT, for `rowmill verify`
    #[arg(long)]
    pub(super) checksums: bool,
    /// Normalize everything together, each column, or each row
    #[arg(long, value_enum, default_value_t = Axis::Columns)]
    pub(super) axis: Axis,
    /// The method of scaling
    #[arg(long, value_enum, default_value_t = Method::Zscore)]
    pub(super) method: Method,
    /// The range of minmax: what the smallest and the largest element become [default: 0,1]
    #[arg(long, value_name = "A,B", allow_hyphen_values = true)]
    pub(super) range: Option<Interval>,
    /// Do not subtract the mean (or the median), only scale
    #[arg(long)]
    pub(super) no_center: bool,
    /// Clip to the range of minmax, or to -1 to 1. With --by, elements of another file can lie
    /// outside
    #[arg(long)]
    pub(super) clip: bool,
    /// Save the statistics of FILE to this JSON file, for --by; an existing file is refused, see
    /// --overwrite
    #[arg(long, value_name = "PATH", conflicts_with_all = ["in_place", "by"])]
    pub(super) save_fit: Option<PathBuf>,
    /// Scale by the statistics that --save-fit stored, from a file with the same columns
    #[arg(
        long, value_name = "PATH",
        conflicts_with_all = ["in_place", "range", "no_center", "clip"]
    )]
    pub(super) by: Option<PathBuf>,
    /// Undo a normalization: FILE was scaled by these statistics, OUT gets the original values
    #[arg(long, requires = "by")]
    pub(super) inverse: bool,
    /// Element type of OUT [default: float16 and float32 are kept, others become float64]
    #[arg(long, value_name = "DTYPE", value_enum)]
    pub(super) output_dtype: Option<FloatType>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) part: PartArgs,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
    #[command(flatten)]
    pub(super) checkpoint: CheckpointArgs,
}
