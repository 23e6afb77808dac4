//! What `rowmill sum` and `rowmill mean` have in common: one number a cell.

use std::io::Write;

use rowmill::{AnyArray, Meta};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{label, label_header, most_lines};
use crate::args::{Axis, TotalArgs};
use crate::failure::Failure;
use crate::input::describe_speed;
use crate::json::{self, Nested};
use crate::note;
use crate::number::Number;
use crate::reduce::{Cells, Job, Question};
use crate::table::{Table, grouped};

/// The answer for one cell, and how many elements went into it.
pub(super) struct Total {
    pub(super) value: Number,
    pub(super) count: u64,
}

pub(super) fn run<Q: Question<Answer = Total>>(
    key: &'static str,
    question: Q,
    args: &TotalArgs,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let array = args.input.open()?;
    let select = args.select.open(&args.input)?;
    let (engine, bar) = args.engine.build()?;
    let (axis, nan) = (args.axis, args.nan.into());
    let cells = Job { engine: &engine, array: &array, axis, select: &select, nan }.run(question)?;
    drop(bar);
    if args.json {
        return json::write(out, &Report { key, args, array: &array, cells: &cells })
            .map_err(Failure::Output);
    }
    let bytes = array.meta().byte_len() as u64;
    let taking_part: u64 = cells.values.iter().map(|t| t.count).sum();
    note(format_args!(
        "{} in {}; {} elements{}",
        args.input.describe(&array),
        describe_speed(bytes, cells.seconds),
        grouped(taking_part),
        args.select.describe(),
    ));
    print(key, axis, array.meta(), &cells, out).map_err(Failure::Output)
}

fn print(
    key: &'static str,
    axis: Axis,
    meta: &Meta,
    cells: &Cells<Total>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if cells.dims.is_empty()
        && let [only] = cells.values.as_slice()
    {
        return writeln!(out, "{}", only.value);
    }
    let line = |i: usize| {
        let Total { value, count } = &cells.values[i];
        vec![label(axis, meta, &cells.dims, i), count.to_string(), value.rounded()]
    };
    let header = vec![label_header(axis), "count", key];
    Table { header, len: cells.values.len(), line: &line }.write(out, most_lines())
}

struct Report<'a> {
    key: &'static str,
    args: &'a TotalArgs,
    array: &'a AnyArray,
    cells: &'a Cells<Total>,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cells { dims, values, seconds } = self.cells;
        let meta = self.array.meta();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &json::path(&self.args.input.file))?;
        map.serialize_entry("dtype", meta.dtype.name())?;
        map.serialize_entry("shape", meta.shape.dims())?;
        map.serialize_entry("axis", self.args.axis.name())?;
        map.serialize_entry("count", &Nested { dims, value: |i: usize| values[i].count.into() })?;
        map.serialize_entry(self.key, &Nested { dims, value: |i: usize| values[i].value })?;
        map.serialize_entry("seconds", seconds)?;
        map.serialize_entry("bytes", &meta.byte_len())?;
        map.end()
    }
}
