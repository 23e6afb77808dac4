//! The arguments that commands share; those of one command stand in its file.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, value_parser};
use rowmill::{Checkpoint, ChunkSize, Condition, Shape};
use rowmill_any::Axes;

use crate::commands::Command;
use crate::condition::parse_condition;
use crate::part::{Columns, Entries, Entry};
use crate::values::{
    Backend, ByteOrderArg, DTypeArg, Nan, OrderArg, Size, WhileWritten, parse_seconds,
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
Exit codes: 0 ok, 1 the job failed, 2 wrong usage. No output ever replaces an input, a mask, a
sidecar or another output; an existing file is replaced with --overwrite only, and only by one of
its kind.

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

/// The file that is read, and what is in it if it does not say so itself. A heading of the help
/// holds for all that follows, so groups such as this one come after the options of the command
/// itself.
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
    /// The array file, or many that are one array: their rows in the order given, for a quoted
    /// pattern ('part-*.npy') sorted by name; of a structured .npy file, one field: 'x.npy[temp]'
    #[arg(index = 1, help_heading = None::<&str>, value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) reading: ReadArgs,
}

/// Over which axes a command reduces.
#[derive(Debug, ClapArgs)]
pub(crate) struct AxesArgs {
    /// One answer for all, for each of the columns, or of the rows; or the axes to reduce: 0,2 or
    /// -1
    #[arg(long, value_name = "AXES", default_value = "all", allow_hyphen_values = true)]
    pub(crate) axis: Axes,
    /// Axes that are reduced stay in the shape of the answer, with length 1
    #[arg(long)]
    pub(crate) keepdims: bool,
}

/// The arguments of every command that reduces. A command has its own words, and its own default,
/// for the NaN policy.
#[derive(Debug, ClapArgs)]
pub(crate) struct JobArgs {
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

/// Which part of the array is meant. Nothing else of it is read. Slices are numpy's: negative
/// numbers count from the end, what is beyond the array is cut off.
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
    /// Keep what was done in this file: after a kill, the same command goes on from there. Where
    /// anything but a checkpoint stands, or an input or an output, the job is refused
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
    /// Only elements for which this is true: 'x > 0.5', 'temp > 50 and not isnan(x)', '0 < x < 1 or
    /// [3] = 7'; x is the value of the element, other names and [numbers] are columns of its row
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
