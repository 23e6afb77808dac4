//! `rowmill normalize`

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rowmill::{
    AnyArray, Array, CreateOptions, DType, Element, Engine, Format, Normalize, NormalizeAxis,
    NormalizeMethod, Numeric, f16, match_array,
};
use serde::Serialize;

use crate::args::NormalizeArgs;
use crate::failure::Failure;
use crate::input::describe_speed;
use crate::json;
use crate::note;
use crate::report::Took;
use crate::table::clean;
use crate::values::{Axis, FloatType, Method};

/// The JSON object.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    output: String,
    dtype: &'static str,
    output_dtype: &'static str,
    shape: &'a [usize],
    axis: &'static str,
    method: &'static str,
    seconds: f64,
    bytes: usize,
    #[serde(rename = "report", skip_serializing_if = "Option::is_none")]
    took: Option<Took>,
}

pub(super) fn run(args: &NormalizeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let how = how(args)?;
    check_output(args)?;
    let array = args.input.open()?;
    let dtype = output_dtype(args, &array);
    let running = args.engine.build()?;
    let mut options = CreateOptions::new().format(Format::Npy);
    if let Some(names) = &array.meta().columns {
        options = options.columns(names.clone());
    }
    let start = Instant::now();
    match_array!(&array, x => write(&running.engine, x, how, dtype, &args.output, &options))?;
    let seconds = start.elapsed().as_secs_f64();
    let took = running.finish();
    let bytes = array.meta().byte_len();
    if args.json {
        let report = Report {
            file: json::path(&args.input.file),
            output: json::path(&args.output),
            dtype: array.dtype().name(),
            output_dtype: dtype.name(),
            shape: array.shape().dims(),
            axis: args.axis.name(),
            method: args.method.name(),
            seconds,
            bytes,
            took,
        };
        return json::write(out, &report).map_err(Failure::Output);
    }
    note(format_args!(
        "wrote {}: {dtype} {} in {}",
        clean(&args.output.display().to_string()),
        array.shape(),
        describe_speed(bytes as u64, seconds),
    ));
    Ok(())
}

fn how(args: &NormalizeArgs) -> Result<Normalize, Failure> {
    let method = match (args.method, args.range) {
        (Method::Zscore, None) => NormalizeMethod::ZScore,
        (Method::Zscore, Some(_)) => {
            let message = "--range goes with --method minmax; the z-score has no range";
            return Err(Failure::Usage(message.to_owned()));
        }
        (Method::Minmax, None) => NormalizeMethod::MinMax { low: 0.0, high: 1.0 },
        (Method::Minmax, Some(to)) => NormalizeMethod::MinMax { low: to.low, high: to.high },
    };
    Ok(Normalize::new(method).axis(match args.axis {
        Axis::All => NormalizeAxis::All,
        Axis::Columns => NormalizeAxis::Columns,
        Axis::Rows => NormalizeAxis::Rows,
    }))
}

/// Refuses an output that would not be a `.npy` file, or would be the input.
fn check_output(args: &NormalizeArgs) -> Result<(), Failure> {
    let shown = args.output.display();
    if !args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        return Err(Failure::Usage(format!(
            "cannot write {shown}: only .npy files can be written so far, so its name has to end \
             in .npy"
        )));
    }
    // What cannot be compared is not there yet, or opening it says what is wrong.
    if same_file::is_same_file(&args.input.file, &args.output).unwrap_or(false) {
        return Err(Failure::Usage(format!(
            "{shown} is the input itself; give the output another name, so that the input stays"
        )));
    }
    Ok(())
}

/// What was asked for, or what the dtype of the input normalizes to.
fn output_dtype(args: &NormalizeArgs, array: &AnyArray) -> DType {
    match args.output_dtype {
        Some(FloatType::F16) => DType::F16,
        Some(FloatType::F32) => DType::F32,
        Some(FloatType::F64) => DType::F64,
        None => match_array!(array, x => normalized(x)),
    }
}

fn normalized<T: Numeric>(_: &Array<T>) -> DType {
    <T::Normalized as Element>::DTYPE
}

fn write<T: Numeric>(
    engine: &Engine,
    array: &Array<T>,
    how: Normalize,
    dtype: DType,
    path: &Path,
    options: &CreateOptions,
) -> rowmill::Result<()> {
    let job = engine.normalize(array, how);
    match dtype {
        DType::F16 => job.write_as::<f16>(path, options),
        DType::F32 => job.write_as::<f32>(path, options),
        _ => job.write_as::<f64>(path, options),
    }
}
