//! `rowmill partial` and `rowmill merge`

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use rowmill::{
    Array, DType, Element, Error, FileError, Kind, Outputs, Partial, Role, Shape, Source,
    match_array,
};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::stats::{self, Cell, Kernel};
use crate::args::{MergeArgs, PartArgs, PartialArgs};
use crate::axes::Axes;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Nested};
use crate::note;
use crate::reduce::{Answering, Cells, How, Select};
use crate::table::{clean, grouped};
use crate::values::{Axis, Nan};

/// The file: a partial, and what is needed to make a kernel for it and to print what it gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Saved {
    /// What it was made of.
    files: Vec<String>,
    axis: String,
    nan: String,
    /// The names of the columns, if they have some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    partial: serde_json::Value,
}

/// What is in such a file.
struct Read {
    files: Vec<String>,
    axis: Axis,
    nan: Nan,
    columns: Option<Vec<String>>,
    partial: Partial,
}

impl Read {
    fn from(path: &Path) -> Result<Self, Failure> {
        let io = |source| FileError::Io { action: "read", path: path.to_owned(), source };
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(FileError::NotRegular { path: path.to_owned() }.into());
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        Self::parse(&text).map_err(|what| {
            let name = path.display().to_string();
            Failure::Found(format!("{}: {what}", clean(&name)))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let no_partial = |e: &dyn std::fmt::Display| {
            format!("no partial of `rowmill partial`, or a part of one ({e}); make it again")
        };
        let saved: Saved = serde_json::from_str(text).map_err(|e| no_partial(&e))?;
        let value = |name: &str, e: String| no_partial(&format!("{name}: {e}"));
        Ok(Self {
            axis: Axis::from_str(&saved.axis, false).map_err(|e| value("axis", e))?,
            nan: Nan::from_str(&saved.nan, false).map_err(|e| value("nan", e))?,
            files: saved.files,
            columns: saved.columns,
            partial: Partial::from_json(&saved.partial.to_string()).map_err(|e| e.to_string())?,
        })
    }

    fn write(&self, path: &Path, outputs: &Outputs) -> Result<(), Failure> {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|v| v.get_name().to_owned()).unwrap_or_default()
        };
        let saved = Saved {
            files: self.files.clone(),
            axis: self.axis.name().to_owned(),
            nan: name(&|| self.nan.to_possible_value()),
            columns: self.columns.clone(),
            partial: serde_json::from_str(&self.partial.to_json()).unwrap_or_default(),
        };
        let mut text = serde_json::to_string_pretty(&saved).unwrap_or_default();
        text.push('\n');
        Ok(outputs.save(Role::Partial, Kind::Partial, path, text.as_bytes())?)
    }
}

/// What was asked for, in rows of this array.
fn rows<T: Element>(args: &PartialArgs, shape: &Shape) -> Range<usize> {
    let of = shape.rows();
    match (args.rows, args.part) {
        (Some((first, end)), _) => first.unwrap_or(0)..end.unwrap_or(of),
        (None, Some((k, n))) => {
            let step = Partial::step::<T>(shape);
            let bands = of.div_ceil(step) as u128;
            let bound = |k: usize| {
                let band = bands * k as u128 / n as u128;
                usize::try_from(band * step as u128).unwrap_or(of).min(of)
            };
            bound(k - 1)..bound(k)
        }
        (None, None) => 0..of,
    }
}

pub(super) fn make(args: &PartialArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open_part(&PartArgs::default())?;
    let outputs = files(args, &input)?;
    let earlier = args.after.as_deref().map(Read::from).transpose()?;
    let (before, mut files) = match earlier {
        Some(earlier) => (Some(earlier.partial), earlier.files),
        None => (None, Vec::new()),
    };
    let start = Instant::now();
    let partial = match_array!(
        input.first(),
        x => reduce(x, args, &input, before)?;
        complex _x => return Err(Failure::unordered(input.dtype(), "partials look for minima and maxima"))
    );
    let seconds = start.elapsed().as_secs_f64();
    for file in input.files.iter().map(|file| json::path(file)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let columns = input.columns.clone();
    let made = Read { files, axis: args.axis, nan: args.nan, columns, partial };
    made.write(&args.output, &outputs)?;
    let rows = made.partial.rows();
    if args.json {
        let report = Report { made: &made, input: &input, rows: &rows, seconds };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let count: usize = rows.iter().map(ExactSizeIterator::len).sum();
    let bytes = (count * input.shape.row_len() * input.dtype().size()) as u64;
    note(format_args!(
        "{}: {} rows of {} in {}{}",
        clean(&args.output.display().to_string()),
        grouped(count as u64),
        input.describe(),
        describe_speed(bytes, seconds),
        args.select.describe(),
    ));
    Ok(())
}

/// The files of the call; what is written takes none of them.
fn files(args: &PartialArgs, input: &Input) -> Result<Outputs, Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    input.register(&mut outputs);
    args.select.register(&mut outputs);
    if let Some(after) = &args.after {
        outputs.read(Role::Partial, after);
    }
    outputs.plan(Role::Partial, Kind::Partial, &args.output)?;
    Ok(outputs)
}

fn reduce<T: Answering>(
    first: &Array<T>,
    args: &PartialArgs,
    input: &Input,
    before: Option<Partial>,
) -> Result<Partial, Failure> {
    let select = args.select.open(&args.input.reading, input, first)?;
    let running = args.engine.build(&input.files[0])?;
    let how = How { axis: args.axis, select: &select, nan: args.nan.into() };
    let (kernel, source) = (Kernel { ddof: 0, how, job: None }, input.source(first)?);
    let partial = match before {
        Some(before) => running.engine.partial_after(&source, kernel, before),
        None => running.engine.partial(&source, kernel, rows::<T>(args, source.shape())),
    };
    let partial = partial.map_err(|error| input.failure(error))?;
    running.finish();
    Ok(partial)
}

struct Report<'a> {
    made: &'a Read,
    input: &'a Input,
    rows: &'a [Range<usize>],
    seconds: f64,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<_> = self.rows.iter().map(|rows| (rows.start, rows.end)).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("files", &self.made.files)?;
        map.serialize_entry("dtype", self.input.dtype().name())?;
        map.serialize_entry("shape", self.input.shape.dims())?;
        map.serialize_entry("axis", self.made.axis.name())?;
        map.serialize_entry("rows", &rows)?;
        map.serialize_entry("seconds", &self.seconds)?;
        map.end()
    }
}

pub(super) fn merge(args: &MergeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut outputs = Outputs::new().overwrite(args.overwrite);
    args.files.iter().for_each(|path| outputs.read(Role::Partial, path));
    if let Some(path) = &args.output {
        outputs.plan(Role::Partial, Kind::Partial, path)?;
    }
    let mut merged: Option<(Read, &PathBuf)> = None;
    for path in &args.files {
        let next = Read::from(path)?;
        merged = Some(match merged {
            None => (next, path),
            Some((before, first)) => (before.join(next, first, path)?, first),
        });
    }
    // There is one at least: the arguments say so.
    let Some((merged, _)) = merged else { return Ok(()) };
    if let Some(path) = &args.output {
        merged.write(path, &outputs)?;
        let rows: usize = merged.partial.rows().iter().map(ExactSizeIterator::len).sum();
        note(format_args!(
            "{}: {} rows of {} partials",
            clean(&path.display().to_string()),
            grouped(rows as u64),
            args.files.len(),
        ));
        if !args.json {
            return Ok(());
        }
    }
    let cells = finish(&merged, args.ddof)?;
    if args.json {
        let report = Answer { merged: &merged, cells: &cells };
        return json::write(out, &report).map_err(Failure::Output);
    }
    stats::print(&Axes::Named(merged.axis), merged.columns.as_deref(), &cells, out)
        .map_err(Failure::Output)
}

/// The answer, for whichever dtype it is.
fn finish(merged: &Read, ddof: u64) -> Result<Cells<Cell>, Failure> {
    macro_rules! of_dtype {
        ($($dtype:ident: $t:ty),* $(,)?) => {
            match merged.partial.dtype() {
                $(DType::$dtype => finish_typed::<$t>(merged, ddof)?,)*
                other => {
                    return Err(Failure::Found(format!("there are no statistics of {other}")));
                }
            }
        };
    }
    Ok(of_dtype! {
        Bool: bool, I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64,
        F16: rowmill::f16, Bf16: rowmill::bf16, F32: f32, F64: f64,
    })
}

fn finish_typed<T: Answering>(merged: &Read, ddof: u64) -> Result<Cells<Cell>, Error> {
    // What was selected is part of the partial.
    let select = Select::<T>::Everything;
    let how = How { axis: merged.axis, select: &select, nan: merged.nan.into() };
    let kernel = Kernel { ddof, how, job: Some(merged.partial.job()) };
    merged.partial.finish::<T, _>(kernel)
}

impl Read {
    fn join(self, next: Self, first: &Path, path: &Path) -> Result<Self, Failure> {
        let partial = self.partial.merge(next.partial).map_err(|e| {
            let names = [first, path].map(|path| path.display().to_string());
            Failure::Found(format!("{} with {}: {e}", clean(&names[0]), clean(&names[1])))
        })?;
        let mut files = self.files;
        files.extend(
            next.files.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>(),
        );
        Ok(Self { files, partial, columns: self.columns.or(next.columns), ..self })
    }
}

struct Answer<'a> {
    merged: &'a Read,
    cells: &'a Cells<Cell>,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cells { dims, values } = self.cells;
        let partial = &self.merged.partial;
        let mut shape = vec![partial.array_rows().unwrap_or(0)];
        shape.extend(partial.row_dims());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("files", &self.merged.files)?;
        map.serialize_entry("dtype", partial.dtype().name())?;
        map.serialize_entry("shape", &shape)?;
        map.serialize_entry("axis", self.merged.axis.name())?;
        if let Some(names) = &self.merged.columns {
            map.serialize_entry("columns", names)?;
        }
        for (name, number) in stats::ALL {
            map.serialize_entry(name, &Nested { dims, value: |i: usize| number(&values[i]) })?;
        }
        map.end()
    }
}
