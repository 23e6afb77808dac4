//! `rowmill quantiles`

use std::io::{self, Write};
use std::time::Instant;

use rowmill::{Array, match_array};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{label, most_lines};
use crate::args::QuantilesArgs;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Nested};
use crate::note;
use crate::number::Number;
use crate::reduce::{Answering, Cells, masked};
use crate::report::Took;
use crate::table::{Table, write_list};
use crate::values::Axis;

/// Of each cell, the quantiles in the order in which they were asked for.
type Found = Cells<Vec<f64>>;

pub(super) fn run(args: &QuantilesArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    let (cells, seconds, took) = match_array!(
        input.first(),
        x => find(x, args, &input)?;
        complex _x => return Err(Failure::unordered(input.dtype(), "quantiles need an order"))
    );
    if args.json {
        let report = Report { args, input: &input, cells: &cells, seconds, took };
        return json::write(out, &report).map_err(Failure::Output);
    }
    note(format_args!(
        "{} in {}{}",
        input.describe(),
        describe_speed(input.byte_len() as u64, seconds),
        args.select.describe(),
    ));
    print(args, &input, &cells, out).map_err(Failure::Output)
}

fn find<T: Answering>(
    first: &Array<T>,
    args: &QuantilesArgs,
    input: &Input,
) -> Result<(Found, f64, Option<Took>), Failure> {
    args.asked().answer(input, first, |engine, source, how, _| {
        let quantiles = engine.quantiles(source, &args.at.0).nan(how.nan);
        let start = Instant::now();
        let values = masked!(how, quantiles => match how.axis {
            Axis::All => quantiles.all().map(|all| vec![all]),
            Axis::Columns => quantiles.per_column().map(rowmill::Values::into_vec),
            Axis::Rows => quantiles.per_row().map(rowmill::Values::into_vec),
        })?;
        // Its shape follows.
        Ok((Cells { dims: Vec::new(), values }, start.elapsed().as_secs_f64()))
    })
}

fn print(
    args: &QuantilesArgs,
    input: &Input,
    cells: &Found,
    out: &mut dyn Write,
) -> io::Result<()> {
    let names: Vec<String> = args.at.0.iter().map(f64::to_string).collect();
    if cells.dims.is_empty()
        && let [only] = cells.values.as_slice()
    {
        let numbers = only.iter().map(|&x| Number::from(x).rounded());
        let list: Vec<_> = names.iter().map(String::as_str).zip(numbers).collect();
        return write_list(out, &list);
    }
    let line = |i: usize| {
        let mut line = vec![label(&args.axis, input.columns.as_deref(), &cells.dims, i)];
        line.extend(cells.values[i].iter().map(|&x| Number::from(x).rounded()));
        line
    };
    let mut header = vec![args.axis.header()];
    header.extend(names.iter().map(String::as_str));
    Table { header, len: cells.values.len(), line: &line }.write(out, most_lines())
}

struct Report<'a> {
    args: &'a QuantilesArgs,
    input: &'a Input,
    cells: &'a Found,
    seconds: f64,
    took: Option<Took>,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cells { dims, values } = self.cells;
        // numpy puts the quantiles first; here those of a cell are together.
        let at = &self.args.at.0;
        let mut with_at = dims.clone();
        with_at.push(at.len());
        let value = |i: usize| Number::from(values[i / at.len()][i % at.len()]);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &json::paths(&self.input.files))?;
        map.serialize_entry("dtype", self.input.dtype().name())?;
        map.serialize_entry("shape", self.input.shape.dims())?;
        map.serialize_entry("axis", &self.args.axis)?;
        map.serialize_entry("at", at)?;
        map.serialize_entry("quantiles", &Nested { dims: &with_at, value })?;
        map.serialize_entry("seconds", &self.seconds)?;
        map.serialize_entry("bytes", &self.input.byte_len())?;
        if let Some(took) = &self.took {
            map.serialize_entry("report", took)?;
        }
        map.end()
    }
}
