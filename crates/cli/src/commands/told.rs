//! How commands that reduce tell their answer: one JSON object, or a note and a table.

use std::io::{self, Write};

use rowmill_any::{Answer, Axes};
use serde::Serialize;

use super::{label, most_lines};
use crate::args::SelectArgs;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Columns, Paths, Value};
use crate::note;
use crate::reduce::Answered;
use crate::report::Took;
use crate::table::{Table, write_list};

/// The JSON object of an answer.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    file: Paths,
    dtype: &'static str,
    shape: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    axis: Option<&'a Axes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(flatten)]
    entries: Columns<'a>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Took>,
}

impl<'a> Report<'a> {
    /// With the entries that are the command's own.
    pub(super) fn new(input: &'a Input, answered: &'a Answered, entries: Columns<'a>) -> Self {
        Self {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: None,
            columns: None,
            entries,
            seconds: answered.seconds,
            bytes: input.byte_len(),
            report: answered.took.as_ref(),
        }
    }

    /// With the axes that were reduced.
    pub(super) fn axis(self, axis: &'a Axes) -> Self {
        Self { axis: Some(axis), ..self }
    }

    /// With the names of the input's columns, if it has any.
    pub(super) fn columns(self, input: &'a Input) -> Self {
        Self { columns: input.columns.as_deref(), ..self }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> Result<(), Failure> {
        json::write(out, self).map_err(Failure::Output)
    }
}

/// The numbers of each statistic of an answer under its name.
pub(super) fn entries<'a>(
    names: impl IntoIterator<Item = &'a str>,
    answer: &'a Answer,
) -> Columns<'a> {
    let nested = answer.columns().iter().map(|c| Value::Nested(c.nested(answer.dims())));
    Columns(names.into_iter().zip(nested).collect())
}

/// Says on stderr what was read and how fast, with `more` behind.
pub(super) fn say(input: &Input, answered: &Answered, more: &str, select: &SelectArgs) {
    note(format_args!(
        "{} in {}{more}{}",
        input.describe(),
        describe_speed(input.byte_len() as u64, answered.seconds),
        select.describe(),
    ));
}

/// Writes a line for each cell of an answer, its label and its numbers under these names; without axes
/// a list of names and numbers.
pub(super) fn write_cells(
    out: &mut dyn Write,
    axes: &Axes,
    columns: Option<&[String]>,
    answer: &Answer,
    names: &[&str],
    numbers: &dyn Fn(usize) -> Vec<String>,
) -> io::Result<()> {
    if answer.dims().is_empty() {
        let list: Vec<_> = names.iter().copied().zip(numbers(0)).collect();
        return write_list(out, &list);
    }
    let line = |i: usize| {
        let mut line = vec![label(axes, columns, answer.dims(), i)];
        line.extend(numbers(i));
        line
    };
    let mut header = vec![axes.cell_name()];
    header.extend(names);
    Table { header, len: answer.cells(), line: &line }.write(out, most_lines())
}
