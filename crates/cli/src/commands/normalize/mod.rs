//! `rowmill normalize`

mod args;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rowmill::durable::{Journal, Kind, Outputs, Role};
use rowmill::file::Format;
use rowmill::map::InPlace;
use rowmill::normalize::{NormalizeAxis, NormalizeMethod};
use rowmill::reduce::NormOrder;
use rowmill::{Checkpoint, CreateOptions, DType, Engine, FileError, Fitted, Normalize, Shape};
use rowmill_any::{
    AnySource, Normalization, NormalizedInPlace, checksums, fit, normalize_in_place,
    store_checksums,
};
use serde::Serialize;

use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json;
use crate::note;
use crate::reduce::resume_by;
use crate::report::Resources;
use crate::table::printable;
use crate::values::{Axis, Method};
pub(super) use args::{EXAMPLES, NormalizeArgs};

/// The JSON object.
#[derive(Serialize)]
struct Report<'a> {
    file: json::Paths,
    output: String,
    dtype: &'static str,
    output_dtype: &'static str,
    shape: &'a [usize],
    axis: &'static str,
    method: &'static str,
    seconds: f64,
    bytes: usize,
    #[serde(rename = "report", skip_serializing_if = "Option::is_none")]
    resources: Option<Resources>,
}

pub(super) fn run(args: &NormalizeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let how = normalize_options(args)?;
    let saved = args.by.as_deref().map(read_fit).transpose()?;
    let Some(output) = &args.output else { return in_place(args, how, out) };
    let input = args.input.open_part(&args.part)?;
    check_name(output)?;
    let checkpoint = args.checkpoint.get();
    let outputs = plan_outputs(args, &input, output, checkpoint.as_ref())?;
    if input.dtype().is_complex() {
        return Err(Failure::unordered(input.dtype(), "normalize scales numbers on a line"));
    }
    let running = args.engine.build(&args.input.file)?;
    let start = Instant::now();
    let job = Job { args, input: &input, output, outputs, checkpoint: checkpoint.as_ref() };
    let dtype = job.write(&running.engine, how, saved.as_ref());
    let dtype = dtype.map_err(|failure| failure.or_left(|| resume_by(checkpoint.as_ref())))?;
    if args.checksums {
        let written = rowmill::open(output)?;
        let sums = checksums(&running.engine, &AnySource::from_array(&written))?;
        store_checksums(output, written.meta(), sums)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let resources = running.finish();
    let how = method_and_axis_names(saved.as_ref().map_or(how, Fitted::how));
    let done = Normalized { files: &input.files, dtype: input.dtype(), shape: &input.shape, how };
    report(args, done, (output, dtype), seconds, resources, out)
}

/// A normalized copy to write.
struct Job<'a> {
    args: &'a NormalizeArgs,
    input: &'a Input,
    output: &'a Path,
    outputs: Outputs,
    checkpoint: Option<&'a Checkpoint>,
}

impl Job<'_> {
    /// Writes the copy, by a saved fit or with the options of `how`, and returns its dtype.
    fn write(
        self,
        engine: &Engine,
        how: Normalize,
        saved: Option<&Fitted>,
    ) -> Result<DType, Failure> {
        let Self { args, input, output, outputs, checkpoint } = self;
        let source = input.source()?;
        let failure = |error| input.failure(error);
        let found;
        let mut job = match (saved, &args.save_fit) {
            (Some(fitted), _) if args.inverse => Normalization::inverse(fitted),
            (Some(fitted), _) => Normalization::by(fitted),
            (None, None) => Normalization::new(how),
            (None, Some(path)) => {
                found = fit(engine, &source, how).map_err(failure)?;
                found.save(path, &outputs).map_err(|error| failure(error.into()))?;
                Normalization::by(&found)
            }
        };
        if let Some(to) = args.output_dtype {
            job = job.output_dtype(to.dtype());
        }
        if let Some(checkpoint) = checkpoint {
            job = job.checkpoint(checkpoint);
        }
        let mut options = CreateOptions::new().format(Format::Npy).outputs(outputs);
        if let Some(names) = &input.columns {
            options = options.columns(names.clone());
        }
        job.write(engine, &source, output, &options).map_err(failure)
    }
}

/// Replaces the rows of the file itself.
fn in_place(args: &NormalizeArgs, how: Normalize, out: &mut dyn Write) -> Result<(), Failure> {
    args.input.refuse_field("--in-place changes whole files")?;
    let (file, spec) = (&args.input.file, args.input.reading.raw.spec()?);
    let dtype = args.input.read_dtype(spec.as_ref())?;
    if !dtype.is_float() {
        return Err(Failure::Usage(format!(
            "{} holds {dtype}, which cannot hold normalized values; --in-place needs float16, \
             bfloat16, float32 or float64, name an output instead",
            file.display()
        )));
    }
    let running = args.engine.build(&args.input.file)?;
    let start = Instant::now();
    let changed = normalize_in_place(&running.engine, file, spec.as_ref(), how);
    let changed = changed.map_err(|error| {
        let left = || {
            let path = file.display();
            Journal::path_for(file).exists().then(|| {
                format!("{path} is changed in part; run the same command again to finish it")
            })
        };
        Failure::from(error).or_left(left)
    })?;
    let NormalizedInPlace { meta, outcome, .. } = changed;
    let seconds = start.elapsed().as_secs_f64();
    if args.checksums {
        let written = args.input.open()?;
        let sums = checksums(&running.engine, &AnySource::from_array(&written))?;
        store_checksums(file, written.meta(), sums)?;
    }
    let resources = running.finish();
    if outcome == InPlace::AlreadyDone {
        let name = file.display().to_string();
        note(format_args!(
            "{} was normalized so already, and is unchanged since",
            printable(&name)
        ));
    }
    let how = method_and_axis_names(how);
    let done = Normalized { files: std::slice::from_ref(file), dtype, shape: &meta.shape, how };
    report(args, done, (file, dtype), seconds, resources, out)
}

/// The normalized array.
struct Normalized<'a> {
    files: &'a [PathBuf],
    dtype: DType,
    shape: &'a Shape,
    /// The names of method and axis.
    how: (&'static str, &'static str),
}

/// The names of method and axis.
fn method_and_axis_names(how: Normalize) -> (&'static str, &'static str) {
    let (method, axis) = how.method_and_axis();
    let method = match method {
        NormalizeMethod::ZScore => Method::Zscore,
        NormalizeMethod::MinMax { .. } => Method::Minmax,
        NormalizeMethod::MaxAbs => Method::Maxabs,
        NormalizeMethod::Robust { .. } => Method::Robust,
        NormalizeMethod::Norm(NormOrder::L1) => Method::L1,
        _ => Method::L2,
    };
    let axis = match axis {
        NormalizeAxis::All => Axis::All,
        NormalizeAxis::Columns => Axis::Columns,
        NormalizeAxis::Rows => Axis::Rows,
    };
    (method.name(), axis.name())
}

fn report(
    args: &NormalizeArgs,
    done: Normalized<'_>,
    (output, dtype): (&Path, DType),
    seconds: f64,
    resources: Option<Resources>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bytes = done.shape.len().saturating_mul(done.dtype.size());
    if args.json {
        let report = Report {
            file: json::paths(done.files),
            output: json::path(output),
            dtype: done.dtype.name(),
            output_dtype: dtype.name(),
            shape: done.shape.dims(),
            axis: done.how.1,
            method: done.how.0,
            seconds,
            bytes,
            resources,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    note(format_args!(
        "{} {}: {dtype} {} in {}",
        if args.in_place { "changed" } else { "wrote" },
        printable(&output.display().to_string()),
        done.shape,
        describe_speed(bytes as u64, seconds),
    ));
    Ok(())
}

fn normalize_options(args: &NormalizeArgs) -> Result<Normalize, Failure> {
    let method = match (args.method, args.range) {
        (Method::Zscore, None) => NormalizeMethod::ZScore,
        (Method::Maxabs, None) => NormalizeMethod::MaxAbs,
        (Method::Robust, None) => NormalizeMethod::Robust { low: 0.25, high: 0.75 },
        (Method::L1, None) => NormalizeMethod::Norm(NormOrder::L1),
        (Method::L2, None) => NormalizeMethod::Norm(NormOrder::L2),
        (other, Some(_)) if other != Method::Minmax => {
            let message =
                format!("--range goes with --method minmax; {} has no range", other.name());
            return Err(Failure::Usage(message));
        }
        (Method::Minmax, None) => NormalizeMethod::MinMax { low: 0.0, high: 1.0 },
        (_, Some(to)) => NormalizeMethod::MinMax { low: to.low, high: to.high },
    };
    let how = Normalize::new(method).centred(!args.no_center).clip(args.clip);
    Ok(how.axis(match args.axis {
        Axis::All => NormalizeAxis::All,
        Axis::Columns => NormalizeAxis::Columns,
        Axis::Rows => NormalizeAxis::Rows,
    }))
}

/// Registers the files of the call, so that no output replaces another of them.
fn plan_outputs(
    args: &NormalizeArgs,
    input: &Input,
    output: &Path,
    checkpoint: Option<&Checkpoint>,
) -> Result<Outputs, Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    input.register(&mut outputs);
    if let Some(by) = &args.by {
        outputs.read(Role::Fit, by);
    }
    if let Some(checkpoint) = checkpoint {
        checkpoint.plan(&mut outputs)?;
    }
    outputs.plan(Role::Output, Kind::Npy, output)?;
    if let Some(fit) = &args.save_fit {
        // A resumed run finds the fit that it wrote before the kill; both are the same.
        match checkpoint.is_some_and(|checkpoint| checkpoint.path().exists()) {
            true => outputs.reserve(Role::Fit, Kind::Fit, fit)?,
            false => outputs.plan(Role::Fit, Kind::Fit, fit)?,
        }
    }
    Ok(outputs)
}

/// Refuses an output that is not named `.npy`.
fn check_name(output: &Path) -> Result<(), Failure> {
    let shown = output.display();
    if !output.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        return Err(Failure::Usage(format!(
            "cannot write {shown}: only .npy files can be written so far, so its name has to end \
             in .npy"
        )));
    }
    Ok(())
}

fn read_fit(path: &Path) -> Result<Fitted, Failure> {
    let io = |source| FileError::Io { action: "read", path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(FileError::NotRegular { path: path.to_owned() }.into());
    }
    let text = std::fs::read_to_string(path).map_err(io)?;
    let name = path.display().to_string();
    Fitted::from_json(&text).map_err(|e| Failure::Found(format!("{}: {e}", printable(&name))))
}
