//! The output of commands that reduce: one JSON object, or a note and a table.

use std::io::{self, Write};

use rowmill_any::{Answer, Axes};
use serde::Serialize;

use super::{label, max_lines};
use crate::args::SelectArgs;
use crate::failure::Failure;
use crate::input::{Input, describe_speed};
use crate::json::{self, Entries, Paths, Value};
use crate::note;
use crate::reduce::TimedAnswer;
use crate::report::Resources;
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
    entries: Entries<'a>,
    seconds: f64,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Resources>,
}

impl<'a> Report<'a> {
    /// Starts a report with the entries specific to the command.
    pub(super) fn new(input: &'a Input, answered: &'a TimedAnswer, entries: Entries<'a>) -> Self {
        Self {
            file: json::paths(&input.files),
            dtype: input.dtype().name(),
            shape: input.shape.dims(),
            axis: None,
            columns: None,
            entries,
            seconds: answered.seconds,
            bytes: input.byte_len(),
            report: answered.resources.as_ref(),
        }
    }

    /// Adds the reduced axes.
    pub(super) fn axis(self, axis: &'a Axes) -> Self {
        Self { axis: Some(axis), ..self }
    }

    /// Adds the column names of the input, if it has any.
    pub(super) fn columns(self, input: &'a Input) -> Self {
        Self { columns: input.columns.as_deref(), ..self }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> Result<(), Failure> {
        json::write(out, self).map_err(Failure::Output)
    }
}

/// The numbers of each statistic, keyed by its name.
pub(super) fn entries<'a>(
    names: impl IntoIterator<Item = &'a str>,
    answer: &'a Answer,
) -> Entries<'a> {
    let nested = answer.columns().iter().map(|c| Value::Nested(c.nested(answer.dims())));
    Entries(names.into_iter().zip(nested).collect())
}

/// Notes on stderr what was read and how fast, followed by `more`.
pub(super) fn note_summary(input: &Input, answered: &TimedAnswer, more: &str, select: &SelectArgs) {
    note(format_args!(
        "{} in {}{more}{}",
        input.describe(),
        describe_speed(input.byte_len() as u64, answered.seconds),
        select.describe(),
    ));
}

/// Writes a line for each cell: its label, and its numbers under these names. Without axes it
/// writes a list of names and numbers.
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
    Table { header, len: answer.cells(), line: &line }.write(out, max_lines())
}
