//! `rowmill stats`

use std::io::{self, Write};
use std::ops::Range;

use rowmill::{Array, Block, Error, Outputs, Reduce, Resume, Shape, Stats, Summary, match_array};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{label, most_lines};
use crate::args::StatsArgs;
use crate::axes::Axes;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Nested};
use crate::note;
use crate::number::Number;
use crate::reduce::{Answering, Cells, How, Partial, finish, masked, over_axis, timed};
use crate::report::Took;
use crate::table::{Table, write_list};

/// A [`Summary`] of whatever dtype.
pub(super) struct Cell {
    pub(super) count: u64,
    pub(super) nan: u64,
    pub(super) inf: u64,
    pub(super) sum: Number,
    pub(super) mean: f64,
    pub(super) var: f64,
    pub(super) min: Option<Number>,
    pub(super) max: Option<Number>,
}

impl<T: Answering> From<Summary<T>> for Cell {
    fn from(s: Summary<T>) -> Self {
        Self {
            count: s.count,
            nan: s.nan,
            inf: s.inf,
            sum: s.sum.into(),
            mean: s.mean,
            var: s.var,
            min: s.min.map(Into::into),
            max: s.max.map(Into::into),
        }
    }
}

/// A statistic: its name, and its number of a cell.
pub(super) type Column = (&'static str, fn(&Cell) -> Number);

/// In the order of the JSON object.
pub(super) const ALL: [Column; 9] = [
    ("count", |c| c.count.into()),
    ("nan", |c| c.nan.into()),
    ("inf", |c| c.inf.into()),
    ("sum", |c| c.sum),
    ("mean", |c| c.mean.into()),
    ("std", |c| c.var.sqrt().into()),
    ("var", |c| c.var.into()),
    ("min", |c| Number::or_nan(c.min)),
    ("max", |c| Number::or_nan(c.max)),
];

/// In the order of the table.
const TABLE: [&str; 8] = ["count", "nan", "inf", "mean", "std", "min", "max", "sum"];

/// The kernel, with everything that is known at run time only.
pub(super) struct Kernel<'a, T> {
    pub(super) ddof: u64,
    pub(super) how: How<'a, T>,
    /// What is computed, in words, where that is known from before.
    pub(super) job: Option<&'a str>,
}

impl<T: Answering> Reduce<T> for Kernel<'_, T> {
    type Partial = Partial<T>;
    type Output = Cells<Cell>;

    fn check(&self, shape: &Shape) -> Result<(), Error> {
        let kernel = Stats::all();
        masked!(self.how, kernel => Reduce::<T>::check(&kernel, shape))
    }

    fn identity(&self) -> Self::Partial {
        Reduce::<T>::identity(&Stats::all())
    }

    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<(), Error> {
        over_axis!(self.how, Stats; stats => {
            masked!(self.how, stats => stats.accumulate(partial, block))
        })
    }

    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        Reduce::<T>::merge(&Stats::all(), partial, next);
    }

    fn verify(&self) -> Result<(), Error> {
        let kernel = Stats::all();
        masked!(self.how, kernel => Reduce::<T>::verify(&kernel))
    }

    fn register(&self, outputs: &mut Outputs) {
        let kernel = Stats::all();
        masked!(self.how, kernel => Reduce::<T>::register(&kernel, outputs));
    }

    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output, Error> {
        over_axis!(self.how, Stats.ddof(self.ddof); stats => masked!(self.how, stats => {
            Ok(finish::<T, _, _, _>(&stats, partial, shape)?.map(Into::into))
        }))
    }
}

impl<T: Answering> Resume<T> for Kernel<'_, T> {
    fn describe(&self) -> Option<String> {
        if let Some(job) = self.job {
            return Some(job.to_owned());
        }
        over_axis!(self.how, Stats.ddof(self.ddof); stats => masked!(self.how, stats => {
            Resume::<T>::describe(&stats)
        }))
    }

    fn save(&self, partial: &Self::Partial) -> Vec<u8> {
        Resume::<T>::save(&Stats::all(), partial)
    }

    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<Self::Partial> {
        over_axis!(self.how, Stats; stats => Resume::<T>::load(&stats, bytes, shape, blocks))
    }
}

pub(super) fn run(args: &StatsArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let input = args.input.open()?;
    let (cells, seconds, took) = match_array!(
        input.first(),
        x => reduce(x, args, &input)?;
        complex _x => return Err(Failure::unordered(input.dtype(), "stats looks for minima and maxima"))
    );
    if args.json {
        let report = Report { args, input: &input, cells: &cells, seconds, took };
        return json::write(out, &report).map_err(Failure::Output);
    }
    let bytes = input.byte_len() as u64;
    note(format_args!(
        "{} in {}{}",
        input.describe(),
        describe_speed(bytes, seconds),
        args.select.describe(),
    ));
    print(&args.axis, input.columns.as_deref(), &cells, out).map_err(Failure::Output)
}

fn reduce<T: Answering>(
    first: &Array<T>,
    args: &StatsArgs,
    input: &Input,
) -> Result<(Cells<Cell>, f64, Option<Took>), Failure> {
    args.asked().answer(input, first, |engine, source, how, checkpoint| {
        timed(engine, source, Kernel { ddof: args.ddof, how, job: None }, checkpoint)
    })
}

pub(super) fn print(
    axes: &Axes,
    columns: Option<&[String]>,
    cells: &Cells<Cell>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if cells.dims.is_empty()
        && let [only] = cells.values.as_slice()
    {
        return write_list(out, &ALL.map(|(name, number)| (name, number(only).rounded())));
    }
    // Infinities are rare: they have a column when there are any.
    let any_inf = cells.values.iter().any(|c| c.inf > 0);
    let shown = TABLE.iter().filter(|&&name| name != "inf" || any_inf);
    let shown = shown.filter_map(|&name| ALL.iter().find(|(n, _)| *n == name));
    let shown: Vec<&Column> = shown.collect();
    let line = |i: usize| {
        let mut line = vec![label(axes, columns, &cells.dims, i)];
        line.extend(shown.iter().map(|(_, number)| number(&cells.values[i]).rounded()));
        line
    };
    let mut header = vec![axes.header()];
    header.extend(shown.iter().map(|(name, _)| name));
    Table { header, len: cells.values.len(), line: &line }.write(out, most_lines())
}

struct Report<'a> {
    args: &'a StatsArgs,
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
        if let Some(names) = &input.columns {
            map.serialize_entry("columns", names)?;
        }
        for (name, number) in ALL {
            map.serialize_entry(name, &Nested { dims, value: |i: usize| number(&values[i]) })?;
        }
        map.serialize_entry("seconds", &self.seconds)?;
        map.serialize_entry("bytes", &input.byte_len())?;
        if let Some(took) = &self.took {
            map.serialize_entry("report", took)?;
        }
        map.end()
    }
}
