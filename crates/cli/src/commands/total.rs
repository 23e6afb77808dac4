//! What `rowmill sum` and `rowmill mean` have in common: one number a cell.

use std::io::Write;
use std::ops::Range;

use rowmill::{
    All, AnyArray, Array, Block, Checkpoint, Columns, Counts, Element, Engine, Error, Mean,
    Outputs, Reduce, Resume, Rows, Shape, Source, Sum, Tally, match_array,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::complex::{self, ComplexElement};
use super::{label, most_lines};
use crate::args::TotalArgs;
use crate::axes::Axes;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Nested};
use crate::note;
use crate::number::Number;
use crate::reduce::{Answering, Cells, How, Kept, Partial, finish, masked, over_axis, timed};
use crate::report::Took;
use crate::table::{Table, grouped};
use crate::values::Axis;

/// One number of the elements of a cell.
#[derive(Clone, Copy)]
pub(super) enum Total {
    Sum,
    Mean,
}

impl Total {
    /// As the command and the key of the JSON object.
    const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
        }
    }
}

/// The answer for one cell, and how many elements went into it.
pub(super) struct Cell {
    pub(super) value: Number,
    pub(super) count: u64,
}

/// The kernel, with everything that is known at run time only.
struct Kernel<'a, T> {
    total: Total,
    how: How<'a, T>,
}

/// Sums, means and counts are made of the same partial: it is accumulated once, as for a sum, and
/// finished twice.
impl<T: Answering> Reduce<T> for Kernel<'_, T> {
    type Partial = Partial<T>;
    type Output = Cells<Cell>;

    fn check(&self, shape: &Shape) -> Result<(), Error> {
        let kernel = Sum::all();
        masked!(self.how, kernel => Reduce::<T>::check(&kernel, shape))
    }

    fn identity(&self) -> Self::Partial {
        Reduce::<T>::identity(&Sum::all())
    }

    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<(), Error> {
        over_axis!(self.how, Sum; sum => masked!(self.how, sum => sum.accumulate(partial, block)))
    }

    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        Reduce::<T>::merge(&Sum::all(), partial, next);
    }

    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output, Error> {
        let counts = partial.clone();
        let Cells { dims, values } = match self.total {
            Total::Sum => {
                over_axis!(self.how, Sum; sum => masked!(self.how, sum => {
                    finish::<T, _, _, _>(&sum, partial, shape)?.map(Into::into)
                }))
            }
            Total::Mean => {
                over_axis!(self.how, Mean; mean => masked!(self.how, mean => {
                    finish::<T, _, _, _>(&mean, partial, shape)?.map(Into::into)
                }))
            }
        };
        let counts = over_axis!(self.how, Counts; kernel => {
            finish::<T, _, _, _>(&kernel, counts, shape)?.values
        });
        let cells = values.into_iter().zip(counts);
        let values = cells.map(|(value, tally)| Cell { value, count: tally.count }).collect();
        Ok(Cells { dims, values })
    }

    fn verify(&self) -> Result<(), Error> {
        let kernel = Sum::all();
        masked!(self.how, kernel => Reduce::<T>::verify(&kernel))
    }

    fn register(&self, outputs: &mut Outputs) {
        let kernel = Sum::all();
        masked!(self.how, kernel => Reduce::<T>::register(&kernel, outputs));
    }
}

impl<T: Answering> Resume<T> for Kernel<'_, T> {
    fn describe(&self) -> Option<String> {
        let sum = over_axis!(self.how, Sum; sum => masked!(self.how, sum => {
            Resume::<T>::describe(&sum)?
        }));
        Some(format!("{}: {sum}", self.total.name()))
    }

    fn save(&self, partial: &Self::Partial) -> Vec<u8> {
        Resume::<T>::save(&Sum::all(), partial)
    }

    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<Self::Partial> {
        over_axis!(self.how, Sum; sum => Resume::<T>::load(&sum, bytes, shape, blocks))
    }
}

pub(super) fn run(total: Total, args: &TotalArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    let (cells, seconds, took) = match (input.first(), args.exact) {
        (AnyArray::F32(x), true) => reduce_exactly(x, total, args, &input)?,
        (AnyArray::F64(x), true) => reduce_exactly(x, total, args, &input)?,
        (AnyArray::F16(x), true) => reduce_exactly(x, total, args, &input)?,
        (AnyArray::Bf16(x), true) => reduce_exactly(x, total, args, &input)?,
        (AnyArray::C64(_) | AnyArray::C128(_), true) => {
            let message =
                format!("--exact is for real numbers, this is {}; leave it out", input.dtype());
            return Err(Failure::Usage(message));
        }
        // Of integers and bools, all sums are exact.
        _ => match_array!(
            input.first(),
            x => reduce(x, total, args, &input)?;
            complex x => reduce_complex(x, total, args, &input)?
        ),
    };
    if args.json {
        let report = Report { total, args, input: &input, cells: &cells, seconds, took };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    let taking_part: u64 = cells.values.iter().map(|c| c.count).sum();
    note(format_args!(
        "{} in {}; {} elements{}",
        input.describe(),
        describe_speed(bytes, seconds),
        grouped(taking_part),
        args.select.describe(),
    ));
    print(total, &args.axis, &input, &cells, out).map_err(Failure::Output)
}

/// The cells of an answer, how many seconds they took, and what else.
type Done = Result<(Cells<Cell>, f64, Option<Took>), Failure>;

fn reduce<T: Answering>(first: &Array<T>, total: Total, args: &TotalArgs, input: &Input) -> Done {
    args.asked().answer(input, first, |engine, source, how, checkpoint| {
        timed(engine, source, Kernel { total, how }, checkpoint)
    })
}

fn reduce_complex<T: ComplexElement>(
    first: &Array<T>,
    total: Total,
    args: &TotalArgs,
    input: &Input,
) -> Done {
    if args.select.condition.is_some() {
        return Err(Failure::unordered(input.dtype(), "--where compares"));
    }
    args.asked().answer(input, first, |engine, source, how, checkpoint| {
        complex::total(engine, source, (total, how), checkpoint)
    })
}

/// The same rounded once.
fn reduce_exactly<T: Answering>(
    first: &Array<T>,
    total: Total,
    args: &TotalArgs,
    input: &Input,
) -> Done {
    args.asked().answer(input, first, |engine, source, how, checkpoint| {
        exactly(engine, source, (total, how), checkpoint)
    })
}

fn exactly<T: Answering>(
    engine: &Engine,
    source: &impl Source<T>,
    (total, how): (Total, How<'_, T>),
    checkpoint: Option<&Checkpoint>,
) -> Result<(Cells<Cell>, f64), Error> {
    macro_rules! exactly {
        ($statistic:ident, $axis:ident, $constructor:ident) => {{
            let values = $statistic::$constructor().nan(how.nan).exact();
            let counts = Counts::$constructor().nan(how.nan);
            masked!(how, values, counts => {
                together::<T, $axis, _, _, _>(engine, source, (values, counts), checkpoint)
            })
        }};
    }
    match (total, how.axis) {
        (Total::Sum, Axis::All) => exactly!(Sum, All, all),
        (Total::Sum, Axis::Columns) => exactly!(Sum, Columns, per_column),
        (Total::Sum, Axis::Rows) => exactly!(Sum, Rows, per_row),
        (Total::Mean, Axis::All) => exactly!(Mean, All, all),
        (Total::Mean, Axis::Columns) => exactly!(Mean, Columns, per_column),
        (Total::Mean, Axis::Rows) => exactly!(Mean, Rows, per_row),
    }
}

/// Values and the numbers of elements that went into them, in one read; and how many seconds it took.
pub(super) fn together<T, A, V, K, C>(
    engine: &Engine,
    source: &impl Source<T>,
    kernels: (K, C),
    checkpoint: Option<&Checkpoint>,
) -> Result<(Cells<Cell>, f64), Error>
where
    T: Element,
    A: Kept,
    V: Into<Number> + Send,
    K: Resume<T, Output = A::Output<V>>,
    C: Resume<T, Output = A::Output<Tally>>,
{
    let ((values, counts), seconds) = timed(engine, source, kernels, checkpoint)?;
    let Cells { dims, values } = A::cells(values);
    let cells = values.into_iter().zip(A::cells(counts).values);
    let cell = |(value, tally): (V, Tally)| Cell { value: value.into(), count: tally.count };
    Ok((Cells { dims, values: cells.map(cell).collect() }, seconds))
}

fn print(
    total: Total,
    axes: &Axes,
    input: &Input,
    cells: &Cells<Cell>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if cells.dims.is_empty()
        && let [only] = cells.values.as_slice()
    {
        return writeln!(out, "{}", only.value);
    }
    let line = |i: usize| {
        let Cell { value, count } = &cells.values[i];
        vec![
            label(axes, input.columns.as_deref(), &cells.dims, i),
            count.to_string(),
            value.rounded(),
        ]
    };
    let header = vec![axes.header(), "count", total.name()];
    Table { header, len: cells.values.len(), line: &line }.write(out, most_lines())
}

struct Report<'a> {
    total: Total,
    args: &'a TotalArgs,
    input: &'a Input,
    cells: &'a Cells<Cell>,
    seconds: f64,
    took: Option<Took>,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cells { dims, values } = self.cells;
        let input = self.input;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &json::paths(&input.files))?;
        map.serialize_entry("dtype", input.dtype().name())?;
        map.serialize_entry("shape", input.shape.dims())?;
        map.serialize_entry("axis", &self.args.axis)?;
        if self.args.exact {
            map.serialize_entry("exact", &true)?;
        }
        map.serialize_entry("count", &Nested { dims, value: |i: usize| values[i].count.into() })?;
        map.serialize_entry(
            self.total.name(),
            &Nested { dims, value: |i: usize| values[i].value },
        )?;
        map.serialize_entry("seconds", &self.seconds)?;
        map.serialize_entry("bytes", &input.byte_len())?;
        if let Some(took) = &self.took {
            map.serialize_entry("report", took)?;
        }
        map.end()
    }
}
