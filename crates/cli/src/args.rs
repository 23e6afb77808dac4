//! The command line: what can be said, and what it means.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, value_parser};
use rowmill::{Checkpoint, ChunkSize, Condition, Shape};
use rowmill_any::Axes;

use crate::commands::{
    CORR_EXAMPLES, COV_EXAMPLES, CovArgs, HISTOGRAM_EXAMPLES, HistogramArgs, MatrixArgs,
    REDUCE_EXAMPLES, ReduceArgs,
};
use crate::condition::parse_condition;
use crate::part::{Columns, Entries, Entry};
use crate::reduce::Asked;
use crate::values::{
    Axis, Backend, ByteOrderArg, DTypeArg, FloatType, Fractions, Interval, Method, Nan, OrderArg,
    Size, WhileWritten, parse_part, parse_rows, parse_seconds,
};

/// Arrays too big for memory, reduced on every core at the speed of memory, with answers that never
/// depend on how the work was split.
#[derive(Debug, Parser)]
#[command(name = "rowmill", version, max_term_width = 100, after_help = MAIN_EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const MAIN_EXAMPLES: &str = "\
Files are .npy files, or raw files with a JSON sidecar (data.dat + data.dat.meta.json) or described
by --dtype and --shape. Data goes to stdout, notes and progress to stderr.
Exit codes: 0 ok, 1 the job failed, 2 wrong usage. No output ever replaces an input, a mask, a sidecar or
another output; an existing file is replaced with --overwrite only, and only by one of its kind.

Examples:
  rowmill info x.npy
  rowmill stats x.npy
  rowmill sum x.npy --where 'x > 0.5'
  rowmill mean x.npy --axis columns --nan skip --json
  rowmill quantiles x.npy --at 0.5,0.99 --axis columns
  rowmill reduce min,max,argmax,skew x.npy
  rowmill normalize x.npy x_z.npy
  rowmill checksum x.npy && rowmill verify x.npy
  rowmill stats x.dat --dtype f32 --shape 1000000,64";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What an array file holds: dtype, shape, order, size, column names. Reads no data
    #[command(after_help = INFO_EXAMPLES)]
    Info(InfoArgs),
    /// What an unknown array is like: of each column count, NaN, zeros, mean, quartiles, a histogram
    #[command(after_help = DESCRIBE_EXAMPLES)]
    Describe(DescribeArgs),
    /// Count, NaN, mean, standard deviation, minimum, maximum and sum, in one read; NaN are skipped
    #[command(after_help = STATS_EXAMPLES)]
    Stats(StatsArgs),
    /// The sum: exact for integers, accumulated in float64 for floats
    #[command(after_help = SUM_EXAMPLES)]
    Sum(TotalArgs),
    /// The mean, in float64
    #[command(after_help = MEAN_EXAMPLES)]
    Mean(TotalArgs),
    /// The median and other quantiles, exact, in a few reads and little memory
    #[command(after_help = QUANTILES_EXAMPLES)]
    Quantiles(QuantilesArgs),
    /// Any statistics by name: min, argmax, skew, norm, top_k(10), quantile(0.5), ...
    #[command(after_help = REDUCE_EXAMPLES)]
    Reduce(ReduceArgs),
    /// Counts of even bins
    #[command(after_help = HISTOGRAM_EXAMPLES)]
    Histogram(HistogramArgs),
    /// The covariance of every two columns
    #[command(after_help = COV_EXAMPLES)]
    Cov(CovArgs),
    /// The correlation of every two columns
    #[command(after_help = CORR_EXAMPLES)]
    Corr(MatrixArgs),
    /// What stats makes of some rows, kept in a file: merged with that of the others, it gives the bits of
    /// a single run
    #[command(after_help = PARTIAL_EXAMPLES)]
    Partial(PartialArgs),
    /// Take partials together, and print the statistics when all rows are there
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Write a normalized copy: zero mean and unit variance, or a fixed range
    #[command(after_help = NORMALIZE_EXAMPLES)]
    Normalize(NormalizeArgs),
    /// Make checksums of the rows and keep them in the sidecar
    #[command(after_help = CHECKSUM_EXAMPLES)]
    Checksum(IntegrityArgs),
    /// Compare the rows with the checksums of the sidecar; prints the rows that are damaged
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(IntegrityArgs),
    /// Append the rows of other arrays to a file, all of them or none, and durably
    #[command(after_help = APPEND_EXAMPLES)]
    Append(AppendArgs),
    /// Remove the unfinished files that a crash left behind; those that somebody is writing stay
    #[command(after_help = CLEAN_EXAMPLES)]
    Clean(CleanArgs),
}

const CHECKSUM_EXAMPLES: &str = "\
The checksums (XXH3, 64 bits, about a megabyte each) go into FILE.meta.json. Opening the file for
writing drops them.

Examples:
  rowmill checksum x.npy
  rowmill verify x.npy";

const VERIFY_EXAMPLES: &str = "\
Exit codes: 0 no damage, 1 damage or the job failed, 2 wrong usage. Damaged rows are printed as
ranges, FIRST..END without END.

Examples:
  rowmill verify x.npy
  rowmill verify x.npy --json";

const INFO_EXAMPLES: &str = "\
Examples:
  rowmill info x.npy
  rowmill info x.npy --json
  rowmill info scan.nii --dtype '>i2' --shape 17,21,3,20 --order F --offset 352";

const DESCRIBE_EXAMPLES: &str = "\
One read. NaN are left out and counted. Quartiles and histograms of large files are those of a sample of
rows, the same every time; all else is of everything. Of more than 2,000 columns everything is described
as one.

Examples:
  rowmill describe x.npy
  rowmill describe x.npy --exact              the true quartiles, in more reads
  rowmill describe x.npy --html x.html
  rowmill describe x.npy --html x.html --overwrite   once more
  rowmill describe part-*.npy --cols 0:3 --json";

const STATS_EXAMPLES: &str = "\
Examples:
  rowmill stats x.npy                          one line for each column
  rowmill stats x.npy --axis all               one answer for the whole array
  rowmill stats x.npy --axis -1 --keepdims     over the last axis, which stays with length 1
  rowmill stats x.npy --where 'x > 0'          of the positive elements only
  rowmill stats x.npy --mask keep.npy --json   of the rows or elements that keep.npy marks
  rowmill stats x.npy --nan propagate          a column with a NaN has NaN for an answer
  rowmill stats x.npy --memory-ceiling 256MiB --report";

const SUM_EXAMPLES: &str = "\
Examples:
  rowmill sum x.npy
  rowmill sum x.npy --where '-1 <= x'
  rowmill mean weather.npy --axis columns --where 'temp > 50 and wind_gust > 0'
  rowmill sum x.npy --axis columns --nan skip
  rowmill sum x.npy --axis 0,2                 of axes 0 and 2, as numpy's axis=(0, 2)
  rowmill sum x.npy --exact                    rounded once, whatever cancels
  rowmill sum x.npy --mask keep.npy --json
  rowmill sum part-*.npy                       many files as one array
  rowmill sum x.npy --rows -1000: --cols temp,2:5
  rowmill sum x.npy --box 500:600,0:20
  rowmill sum x.dat --dtype f32 --shape 1000000,64";

const MEAN_EXAMPLES: &str = "\
Examples:
  rowmill mean x.npy
  rowmill mean x.npy --axis columns --nan skip
  rowmill mean x.npy --where 'x > 0.5' --json
  rowmill mean x.npy --mask keep.npy";

const QUANTILES_EXAMPLES: &str = "\
Between two elements numpy's method `linear` counts. One read for what fits in memory, mostly two or three
for what does not.

Examples:
  rowmill quantiles x.npy                        the quartiles
  rowmill quantiles x.npy --at 0.5,0.99 --axis columns --nan skip
  rowmill quantiles x.npy --at 0.5 --axis rows --json";

const PARTIAL_EXAMPLES: &str = "\
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

const MERGE_EXAMPLES: &str = "\
The partials may come in any order, and may be of several files with the same rows in different places
of one array, as long as every row is in one of them.

Examples:
  rowmill merge p*.json
  rowmill merge p*.json --json
  rowmill merge p1.json p2.json -o p12.json         not all rows yet: merged later";

const NORMALIZE_EXAMPLES: &str = "\
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

const APPEND_EXAMPLES: &str = "\
FILE is a .npy file or a raw file with a sidecar, in C order; dtype and shape of a row have to be the
same. Readers see the old rows until all new ones are there. After a crash the old rows are there, or
all of them; what was left unfinished is taken back by the next append, or by `rowmill clean`.

Examples:
  rowmill append x.npy tuesday.npy
  rowmill append x.npy tuesday.npy wednesday.npy --json";

const CLEAN_EXAMPLES: &str = "\
Unfinished files have names such as .x.npy.rowmill-partial (a file that was not published) and
.x.npy.rowmill-append (rows that were not committed, which are taken back). They do no harm but take
room. With the name of an array file, only what belongs to it is looked for.

Examples:
  rowmill clean
  rowmill clean /data --recursive --dry-run
  rowmill clean x.npy --json";

/// The file that is read, and what is in it if it does not say so itself. A heading of the help holds
/// for all that follows, so groups such as this one come after the options of the command itself.
#[derive(Debug, ClapArgs)]
pub(crate) struct InputArgs {
    /// The array file; of a structured .npy file, one field: 'x.npy[temp]'
    #[arg(index = 1, help_heading = None::<&str>)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) reading: ReadArgs,
}

/// The same of many files, or a part of them.
#[derive(Debug, ClapArgs)]
pub(crate) struct InputsArgs {
    /// The array file, or many that are one array: their rows in the order given, for a quoted pattern
    /// ('part-*.npy') sorted by name; of a structured .npy file, one field: 'x.npy[temp]'
    #[arg(index = 1, help_heading = None::<&str>, value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) reading: ReadArgs,
}

/// Which part of the array is meant. Nothing else of it is read. Slices are numpy's: negative numbers
/// count from the end, what is beyond the array is cut off.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Part")]
pub(crate) struct PartArgs {
    /// Only these rows: 10:20, -100:, ::10
    #[arg(long, value_name = "A:B[:STEP]", allow_hyphen_values = true)]
    pub(crate) rows: Option<Entry>,
    /// Only these elements of each row, in this order: 0:3,temp,-1
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) cols: Option<Columns>,
    /// Only this box, a slice for each axis: 500:600,0:20
    #[arg(
        long = "box", value_name = "LIST", allow_hyphen_values = true,
        conflicts_with_all = ["rows", "cols"]
    )]
    pub(crate) of_axes: Option<Entries>,
}

/// How files are read.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// How bytes are reached: one shared mapping, reads into each worker's own buffer, or by the
    /// filesystem: reads on a network or FUSE, else a mapping
    #[arg(long, value_enum, default_value_t, help_heading = "Engine")]
    pub(crate) backend: Backend,
    /// When someone is writing the file: say so and go on, or fail. A file that does change is an
    /// error at the end in any case
    #[arg(long, value_enum, value_name = "ACTION", default_value_t, help_heading = "Engine")]
    pub(crate) while_written: WhileWritten,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Raw input")]
pub(crate) struct RawArgs {
    /// Element type: f32, float32, '<f4', '>i2' …
    #[arg(long, requires = "shape")]
    pub(crate) dtype: Option<DTypeArg>,
    /// Length of each axis, outermost first: 1000,64
    #[arg(long, requires = "dtype", allow_hyphen_values = true)]
    pub(crate) shape: Option<Shape>,
    /// Where the first element starts [default: 0]
    #[arg(long, value_name = "BYTES", requires = "dtype", allow_negative_numbers = true)]
    pub(crate) offset: Option<u64>,
    /// C: the last axis varies fastest, F: the first one [default: C]
    #[arg(long, value_enum, ignore_case = true, requires = "dtype")]
    pub(crate) order: Option<OrderArg>,
    /// Byte order of the elements, unless the dtype says it [default: this machine's]
    #[arg(long, value_enum, requires = "dtype")]
    pub(crate) byte_order: Option<ByteOrderArg>,
}

/// How the work is done. None of it changes a bit of an answer.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// Worker threads [default: one for each core]
    #[arg(
        long, value_name = "N", allow_negative_numbers = true,
        value_parser = value_parser!(u32).range(1..=4096)
    )]
    pub(crate) workers: Option<u32>,
    /// How much a worker takes at a time: 4MiB, 1000rows, auto
    #[arg(long, value_name = "SIZE", default_value_t)]
    pub(crate) chunk: ChunkSize,
    /// Memory that is kept resident at most: 512MiB, 4G [default: three quarters of what there is]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) memory_ceiling: Option<Size>,
    /// Do without the settings that `tune-chunks --save` found for the file
    #[arg(long)]
    pub(crate) no_profile: bool,
    /// Say on stderr what each job took: speed, workers, memory, page faults
    #[arg(long)]
    pub(crate) report: bool,
    /// Never show a progress bar (it is shown on a terminal, for work over a second)
    #[arg(long)]
    pub(crate) no_progress: bool,
}

/// Where a job keeps what it has done.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Checkpoint")]
pub(crate) struct CheckpointArgs {
    /// Keep what was done in this file: after a kill, the same command goes on from there. Where anything
    /// but a checkpoint stands, or an input or an output, the job is refused
    #[arg(long, value_name = "PATH")]
    checkpoint: Option<PathBuf>,
    /// Seconds between two writes of the checkpoint; 0 writes it after every chunk
    #[arg(
        long, value_name = "SECONDS", default_value_t = 5.0, allow_negative_numbers = true, requires = "checkpoint",
        value_parser = parse_seconds
    )]
    checkpoint_every: f64,
}

impl CheckpointArgs {
    pub(crate) fn get(&self) -> Option<Checkpoint> {
        let every = std::time::Duration::from_secs_f64(self.checkpoint_every);
        self.checkpoint.as_ref().map(|path| Checkpoint::at(path).every(every))
    }
}

/// Which elements take part.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectArgs {
    /// Only elements for which this is true: 'x > 0.5', 'temp > 50 and not isnan(x)', '0 < x < 1 or [3] = 7';
    /// x is the value of the element, other names and [numbers] are columns of its row
    #[arg(
        long = "where",
        value_name = "CONDITION",
        value_parser = parse_condition,
        allow_hyphen_values = true,
        conflicts_with = "mask"
    )]
    pub(crate) condition: Option<Condition>,
    /// Only what is true in this bool array: of the same shape, or one entry for each row
    #[arg(long, value_name = "FILE")]
    pub(crate) mask: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct InfoArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// The arguments of sum and mean.
#[derive(Debug, ClapArgs)]
pub(crate) struct TotalArgs {
    /// One answer for all, for each of the columns, or of the rows; or the axes to reduce: 0,2 or -1
    #[arg(long, value_name = "AXES", default_value = "all", allow_hyphen_values = true)]
    pub(crate) axis: Axes,
    /// Axes that are reduced stay in the shape of the answer, with length 1
    #[arg(long)]
    pub(crate) keepdims: bool,
    /// Round once: the answer of all digits of all elements, whatever cancels. (Of integers it is exact
    /// anyway)
    #[arg(long)]
    pub(crate) exact: bool,
    /// A NaN makes the answer NaN, is left out, or ends the job
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Nan::Propagate)]
    pub(crate) nan: Nan,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) input: InputsArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct QuantilesArgs {
    /// Which quantiles, from 0 to 1; 0.5 is the median
    #[arg(
        long,
        value_name = "LIST",
        default_value = "0.25,0.5,0.75",
        allow_negative_numbers = true
    )]
    pub(crate) at: Fractions,
    /// One answer for all, for each of the columns, or of the rows; or the axes to reduce: 0,2 or -1
    #[arg(long, value_name = "AXES", default_value = "all", allow_hyphen_values = true)]
    pub(crate) axis: Axes,
    /// Axes that are reduced stay in the shape of the answer, with length 1
    #[arg(long)]
    pub(crate) keepdims: bool,
    /// A NaN makes the answer NaN, is left out, or ends the job
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Nan::Propagate)]
    pub(crate) nan: Nan,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) input: InputsArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DescribeArgs {
    /// Find the quartiles of everything, not of a sample of rows
    #[arg(long)]
    pub(crate) exact: bool,
    /// Write a page for a browser as well; an existing file is refused, see --overwrite
    #[arg(long, value_name = "PATH")]
    pub(crate) html: Option<PathBuf>,
    /// Replace a page of an earlier describe that stands there, at the end and in one step; anything else always stays
    #[arg(long, requires = "html")]
    pub(crate) overwrite: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) input: InputsArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatsArgs {
    /// One answer for all, for each of the columns, or of the rows; or the axes to reduce: 0,2 or -1
    #[arg(long, value_name = "AXES", default_value = "columns", allow_hyphen_values = true)]
    pub(crate) axis: Axes,
    /// Axes that are reduced stay in the shape of the answer, with length 1
    #[arg(long)]
    pub(crate) keepdims: bool,
    /// A NaN makes the answer NaN, is left out and counted, or ends the job
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Nan::Skip)]
    pub(crate) nan: Nan,
    /// Delta degrees of freedom: the variance is divided by count - N
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) ddof: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) input: InputsArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PartialArgs {
    /// The JSON file to write; an existing file is refused, see --overwrite
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: PathBuf,
    /// Replace a partial that stands there, at the end and in one step; anything else always stays
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Only these rows, counted from 0: FIRST:END, either may be left out [default: all]
    #[arg(long, value_name = "A:B", conflicts_with_all = ["part", "after"], value_parser = parse_rows)]
    pub(crate) rows: Option<(Option<usize>, Option<usize>)>,
    /// Only part K of N parts of about the same number of rows
    #[arg(long, value_name = "K/N", conflicts_with = "after", value_parser = parse_part)]
    pub(crate) part: Option<(usize, usize)>,
    /// Only what this partial lacks; what is written has both
    #[arg(long, value_name = "PATH")]
    pub(crate) after: Option<PathBuf>,
    /// One answer for everything, for each column, or for each row
    #[arg(long, value_enum, default_value_t = Axis::Columns)]
    pub(crate) axis: Axis,
    /// A NaN makes the answer NaN, is left out and counted, or ends the job
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Nan::Skip)]
    pub(crate) nan: Nan,
    /// Print one JSON object about the partial
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct MergeArgs {
    /// The partials
    #[arg(required = true, value_name = "PARTIAL")]
    pub(crate) files: Vec<PathBuf>,
    /// Write the merged partial here, whether or not all rows are there; an existing file is refused, see
    /// --overwrite
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a partial that stands there, at the end and in one step; anything else always stays
    #[arg(long, requires = "output")]
    pub(crate) overwrite: bool,
    /// Delta degrees of freedom: the variance is divided by count - N
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) ddof: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of checksum and verify.
#[derive(Debug, ClapArgs)]
pub(crate) struct IntegrityArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NormalizeArgs {
    /// The .npy file to write; an existing file is refused, see --overwrite
    #[arg(index = 2, value_name = "OUT", required_unless_present = "in_place")]
    pub(crate) output: Option<PathBuf>,
    /// Replace OUT if it is an array, and the file of --save-fit if it is one of those, at the end and in
    /// one step; anything else always stays
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Replace the rows of the file itself, which has to hold floats. A journal beside it sees to it that
    /// a crash loses no row; the same command finishes the job then
    #[arg(long, conflicts_with_all = [
        "output", "overwrite", "output_dtype", "checkpoint", "rows", "cols", "of_axes"
    ])]
    pub(crate) in_place: bool,
    /// Keep checksums of the rows in the sidecar of OUT, for `rowmill verify`
    #[arg(long)]
    pub(crate) checksums: bool,
    /// What is normalized by itself: everything, each column, or each row
    #[arg(long, value_enum, default_value_t = Axis::Columns)]
    pub(crate) axis: Axis,
    /// How elements are scaled
    #[arg(long, value_enum, default_value_t = Method::Zscore)]
    pub(crate) method: Method,
    /// What the smallest and the largest element become with minmax [default: 0,1]
    #[arg(long, value_name = "A,B", allow_hyphen_values = true)]
    pub(crate) range: Option<Interval>,
    /// Do not take the mean (or the median) away, only scale
    #[arg(long)]
    pub(crate) no_center: bool,
    /// Cut off what lies outside of the range of minmax, or of -1 to 1: with --by, elements of a new file can
    #[arg(long)]
    pub(crate) clip: bool,
    /// Write what was found of FILE to this JSON file, for --by; an existing file is refused, see --overwrite
    #[arg(long, value_name = "PATH", conflicts_with_all = ["in_place", "by"])]
    pub(crate) save_fit: Option<PathBuf>,
    /// Scale by what --save-fit wrote for another file with the same columns, and find nothing anew
    #[arg(
        long, value_name = "PATH",
        conflicts_with_all = ["in_place", "range", "no_center", "clip"]
    )]
    pub(crate) by: Option<PathBuf>,
    /// The way back: FILE is what was normalized so, OUT becomes what it was
    #[arg(long, requires = "by")]
    pub(crate) inverse: bool,
    /// Element type of OUT [default: float16 and float32 as they are, float64 for all others]
    #[arg(long, value_name = "DTYPE", value_enum)]
    pub(crate) output_dtype: Option<FloatType>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) checkpoint: CheckpointArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AppendArgs {
    /// The array file that grows
    pub(crate) file: PathBuf,
    /// The array files whose rows are appended, in this order
    #[arg(required = true)]
    pub(crate) more: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CleanArgs {
    /// Folders to look in, or array files
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Look into folders within folders as well; links are not followed
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the commands that reduce have in common, with defaults of their own.
macro_rules! asked {
    ($($args:ident: |$this:ident| $checkpoint:expr;)*) => {$(
        impl $args {
            pub(crate) fn asked(&self) -> Asked<'_> {
                let $this = self;
                Asked {
                    axes: &$this.axis,
                    keepdims: $this.keepdims,
                    nan: $this.nan,
                    select: &$this.select,
                    reading: &$this.input.reading,
                    engine: &$this.engine,
                    checkpoint: $checkpoint,
                }
            }
        }
    )*};
}
asked! {
    TotalArgs: |args| args.checkpoint.get();
    StatsArgs: |args| args.checkpoint.get();
    QuantilesArgs: |args| None;
}

#[cfg(test)]
#[path = "../tests/cli/written.rs"]
mod written;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    /// A new flag that takes a path has to be in the list that the table of outputs is made of.
    #[test]
    fn every_path_is_in_the_table_of_outputs() {
        let command = <Args as clap::CommandFactory>::command();
        let mut found = Vec::new();
        for command in command.get_subcommands() {
            let is_path = |arg: &&clap::Arg| {
                arg.get_value_parser().type_id() == std::any::TypeId::of::<PathBuf>()
            };
            let paths = command.get_arguments().filter(is_path);
            found
                .extend(paths.map(|arg| (command.get_name().to_owned(), arg.get_id().to_string())));
        }
        let mut listed: Vec<_> = written::PATHS
            .iter()
            .map(|(command, arg, _)| ((*command).to_owned(), (*arg).to_owned()))
            .collect();
        found.sort();
        listed.sort();
        assert_eq!(found, listed);
    }
}
