//! The arguments of `rowmill normalize`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::args::{CheckpointArgs, EngineArgs, InputArgs, PartArgs};
use crate::values::{Axis, FloatType, Interval, Method};

pub(crate) const EXAMPLES: &str = "\
NaN are left out of the statistics and stay NaN; a constant column becomes 0 (or A of the range).
OUT appears under its name when it is complete. An OUT that exists is refused, so that the second file of
`normalize part-*.npy` is not lost; with --overwrite it stays until the new one is complete.

Examples:
  rowmill normalize x.npy x_z.npy
  rowmill normalize x.npy x_z.npy --overwrite            the x_z.npy of yesterday
  rowmill normalize x.npy x_01.npy --method minmax
  rowmill normalize x.npy x_11.npy --method minmax --range -1,1 --axis all
  rowmill normalize x.npy x_l2.npy --method l2 --axis rows
  rowmill normalize train.npy train_z.npy --save-fit z.json
  rowmill normalize test.npy test_z.npy --by z.json
  rowmill normalize test_z.npy test.npy --by z.json --inverse
  rowmill normalize counts.npy z.npy --output-dtype f32
  rowmill normalize x.npy x_z.npy --checkpoint job.ckpt   killed and run again, it goes on
  rowmill normalize x.npy --in-place";

/// The arguments of `rowmill normalize`.
#[derive(Debug, ClapArgs)]
pub(crate) struct NormalizeArgs {
    /// The .npy file to write; an existing file is refused, see --overwrite
    #[arg(index = 2, value_name = "OUT", required_unless_present = "in_place")]
    pub(super) output: Option<PathBuf>,
    /// Replace OUT if it is an array, and the file of --save-fit if it is one of those, at the end
    /// and in one step; anything else always stays
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Replace the rows of the file itself, which has to hold floats. A journal beside it sees to
    /// it that a crash loses no row; the same command finishes the job then
    #[arg(long, conflicts_with_all = [
        "output", "overwrite", "output_dtype", "checkpoint", "rows", "cols", "of_axes"
    ])]
    pub(super) in_place: bool,
    /// Keep checksums of the rows in the sidecar of OUT, for `rowmill verify`
    #[arg(long)]
    pub(super) checksums: bool,
    /// What is normalized by itself: everything, each column, or each row
    #[arg(long, value_enum, default_value_t = Axis::Columns)]
    pub(super) axis: Axis,
    /// How elements are scaled
    #[arg(long, value_enum, default_value_t = Method::Zscore)]
    pub(super) method: Method,
    /// What the smallest and the largest element become with minmax [default: 0,1]
    #[arg(long, value_name = "A,B", allow_hyphen_values = true)]
    pub(super) range: Option<Interval>,
    /// Do not take the mean (or the median) away, only scale
    #[arg(long)]
    pub(super) no_center: bool,
    /// Cut off what lies outside of the range of minmax, or of -1 to 1: with --by, elements of a
    /// new file can
    #[arg(long)]
    pub(super) clip: bool,
    /// Write what was found of FILE to this JSON file, for --by; an existing file is refused, see
    /// --overwrite
    #[arg(long, value_name = "PATH", conflicts_with_all = ["in_place", "by"])]
    pub(super) save_fit: Option<PathBuf>,
    /// Scale by what --save-fit wrote for another file with the same columns, and find nothing anew
    #[arg(
        long, value_name = "PATH",
        conflicts_with_all = ["in_place", "range", "no_center", "clip"]
    )]
    pub(super) by: Option<PathBuf>,
    /// The way back: FILE is what was normalized so, OUT becomes what it was
    #[arg(long, requires = "by")]
    pub(super) inverse: bool,
    /// Element type of OUT [default: float16 and float32 as they are, float64 for all others]
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
