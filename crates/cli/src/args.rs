//! The arguments shared by several commands; the others are in the file of their command.

use std::path::PathBuf;

use clap::{Args as ClapArgs, value_parser};
use rowmill::{Checkpoint, ChunkSize, Condition, Shape};
use rowmill_any::Axes;

use crate::condition::parse_condition;
use crate::part::PartArgs;
use crate::values::{
    Backend, ByteOrderArg, DTypeArg, Nan, OrderArg, Size, WhileWritten, parse_seconds,
};

/// The input file, and its description if it has no header. A help heading applies to everything
/// after it, so groups like this one come after the options of the command itself.
#[derive(Debug, ClapArgs)]
pub(crate) struct InputArgs {
    /// The array file, or one field of a structured .npy file: 'x.npy[temp]'
    #[arg(index = 1, help_heading = None::<&str>)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) reading: ReadArgs,
}

/// Several input files, or a part of them.
#[derive(Debug, ClapArgs)]
pub(crate) struct InputsArgs {
    /// The array file, or several files as one array. Rows follow in the given order; a quoted
    /// pattern ('part-*.npy') is sorted by name. 'x.npy[temp]' is one field of a structured .npy
    /// file
    #[arg(index = 1, help_heading = None::<&str>, value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) reading: ReadArgs,
}

/// The axes that a command reduces.
#[derive(Debug, ClapArgs)]
pub(crate) struct AxesArgs {
    /// Reduce everything, each column, or each row; or list the axes to reduce, such as 0,2 or -1
    #[arg(long, value_name = "AXES", default_value = "all", allow_hyphen_values = true)]
    pub(crate) axis: Axes,
    /// Keep reduced axes in the shape of the answer, with length 1
    #[arg(long)]
    pub(crate) keepdims: bool,
}

/// The arguments of every command that reduces. Each command has its own help and default for the
/// NaN policy.
#[derive(Debug, ClapArgs)]
pub(crate) struct JobArgs {
    /// Let a NaN make the answer NaN, skip it, or fail
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

/// The way files are read.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Map the file once, read into a buffer per worker, or choose by filesystem: reads on a
    /// network or FUSE, else a mapping
    #[arg(long, value_enum, default_value_t, help_heading = "Engine")]
    pub(crate) backend: Backend,
    /// Warn or fail if another process is writing the file. A file that changes during the job is
    /// always an error
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
    /// Position of the first element [default: 0]
    #[arg(long, value_name = "BYTES", requires = "dtype", allow_negative_numbers = true)]
    pub(crate) offset: Option<u64>,
    /// Memory order. C: the last axis varies fastest, F: the first axis does [default: C]
    #[arg(long, value_enum, ignore_case = true, requires = "dtype")]
    pub(crate) order: Option<OrderArg>,
    /// Byte order of the elements, unless the dtype includes it [default: this machine's]
    #[arg(long, value_enum, requires = "dtype")]
    pub(crate) byte_order: Option<ByteOrderArg>,
}

/// The settings of the engine. None of them changes a bit of an answer.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// Number of worker threads [default: one per core]
    #[arg(
        long, value_name = "N", allow_negative_numbers = true,
        value_parser = value_parser!(u32).range(1..=4096)
    )]
    pub(crate) workers: Option<u32>,
    /// Amount of data that a worker takes at a time: 4MiB, 1000rows, auto
    #[arg(long, value_name = "SIZE", default_value_t)]
    pub(crate) chunk: ChunkSize,
    /// Limit on resident memory: 512MiB, 4G [default: three quarters of the available memory]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) memory_ceiling: Option<Size>,
    /// Ignore the settings that `tune-chunks --save` stored for the file
    #[arg(long)]
    pub(crate) no_profile: bool,
    /// Report the resources of each job on stderr: speed, workers, memory, page faults
    #[arg(long)]
    pub(crate) report: bool,
    /// Never show a progress bar (by default, a terminal shows one after a second)
    #[arg(long)]
    pub(crate) no_progress: bool,
}

/// The checkpoint of a job.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Checkpoint")]
pub(crate) struct CheckpointArgs {
    /// Save progress to this file, so that the same command resumes after a kill. Only a checkpoint
    /// is ever replaced, never an input, an output or another file
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

/// The elements that take part.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectArgs {
    /// Select elements by a condition: 'x > 0.5', 'temp > 50 and not isnan(x)', '0 < x < 1 or [3] =
    /// 7'. x is the element; other names and [numbers] are columns of its row
    #[arg(
        long = "where",
        value_name = "CONDITION",
        value_parser = parse_condition,
        allow_hyphen_values = true,
        conflicts_with = "mask"
    )]
    pub(crate) condition: Option<Condition>,
    /// Select by a bool array of the same shape, or with one entry per row
    #[arg(long, value_name = "FILE")]
    pub(crate) mask: Option<PathBuf>,
}
