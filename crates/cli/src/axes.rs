//! What an answer keeps: nothing, columns, rows, or what a list of axes leaves.

use std::fmt;
use std::str::FromStr;

use rowmill::{Array, Checkpoint, Element, Engine, Error, Over, Shape};
use serde::{Serialize, Serializer};

use crate::args::{EngineArgs, ReadArgs, SelectArgs};
use crate::failure::Failure;
use crate::input::{Input, Readable};
use crate::reduce::{Cells, How, Select};
use crate::report::Took;
use crate::values::{Axis, Nan};

/// `--axis`: one of the names, or the axes that are reduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Axes {
    Named(Axis),
    Listed(Vec<isize>),
}

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(axis) = <Axis as clap::ValueEnum>::from_str(text, false) {
            return Ok(Self::Named(axis));
        }
        let axes = text.split(',').map(|axis| axis.trim().parse().ok());
        axes.collect::<Option<_>>().map(Self::Listed).ok_or_else(|| {
            "expected all, columns, rows, or the axes to reduce, such as 0,2 or -1".to_owned()
        })
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(axis) => write!(f, "{}", axis.name()),
            Self::Listed(axes) => {
                let axes: Vec<String> = axes.iter().map(isize::to_string).collect();
                write!(f, "{}", axes.join(","))
            }
        }
    }
}

/// As in JSON: the name, or the list.
impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(axis) => serializer.serialize_str(axis.name()),
            Self::Listed(axes) => axes.serialize(serializer),
        }
    }
}

impl Axes {
    /// What the cells of an answer are called.
    pub(crate) fn header(&self) -> &'static str {
        match self {
            Self::Named(Axis::Rows) => "row",
            Self::Named(_) => "column",
            Self::Listed(_) => "index",
        }
    }

    /// Whether a cell is a column of the array, which may have a name.
    pub(crate) fn keeps_columns(&self) -> bool {
        match self {
            Self::Named(axis) => *axis == Axis::Columns,
            Self::Listed(axes) => axes == &[0],
        }
    }
}

/// What a job reads, seen so that its axes are all, columns or rows.
struct Seen<'a, T> {
    source: Readable<'a, T>,
    select: Select<'a, T>,
    axis: Axis,
    /// The shape of the answer.
    dims: Vec<usize>,
}

impl<'a, T: Element> Seen<'a, T> {
    fn new(
        source: Readable<'a, T>,
        select: Select<'a, T>,
        axes: &Axes,
        keepdims: bool,
    ) -> Result<Self, Failure> {
        let shape = source.shape().clone();
        let listed = match axes {
            Axes::Listed(axes) => axes,
            Axes::Named(axis) => {
                let dims = named_dims(*axis, &shape, keepdims);
                return Ok(Self { source, select, axis: *axis, dims });
            }
        };
        let reduced = shape.axes(listed).map_err(|error| Failure::Usage(error.to_string()))?;
        let axis = match &reduced[..] {
            all if all.len() == shape.ndim() => Axis::All,
            [0, ..] => Axis::Columns,
            _ => Axis::Rows,
        };
        let select = match select {
            Select::Array(mask) if mask.shape() == &shape => {
                Select::Array(Box::new(Over::new(mask, listed)?.into_view()))
            }
            Select::Array(_) => {
                return Err(Failure::Usage(
                    "--mask with one entry for each row goes with --axis all, columns or rows; for a list of \
                     axes the mask needs the shape of the array"
                        .to_owned(),
                ));
            }
            Select::Condition(condition, rows)
                if !condition.has_columns() && rows.shape() == &shape =>
            {
                Select::Condition(condition, Box::new(Over::new(rows, listed)?.into_view()))
            }
            Select::Condition(..) => {
                return Err(Failure::Usage(
                    "--where about columns goes with --axis all, columns or rows; a list of axes leaves \
                     no columns, only x"
                        .to_owned(),
                ));
            }
            select => select,
        };
        let over = Over::new(source, listed)?;
        let over = if keepdims { over.keepdims() } else { over };
        let dims = over.dims().to_vec();
        Ok(Self { source: Box::new(over.into_view()), select, axis, dims })
    }
}

/// What is asked of an input, whichever numbers are wanted.
pub(crate) struct Asked<'a> {
    pub(crate) axes: &'a Axes,
    pub(crate) keepdims: bool,
    pub(crate) nan: Nan,
    pub(crate) select: &'a SelectArgs,
    pub(crate) reading: &'a ReadArgs,
    pub(crate) engine: &'a EngineArgs,
    pub(crate) checkpoint: Option<Checkpoint>,
}

impl Asked<'_> {
    /// What a job gives, how many seconds it took, and what else.
    pub(crate) fn answer<T: Element, V>(
        self,
        input: &Input,
        first: &Array<T>,
        job: impl FnOnce(
            &Engine,
            &Readable<'_, T>,
            How<'_, T>,
            Option<&Checkpoint>,
        ) -> Result<(Cells<V>, f64), Error>,
    ) -> Result<(Cells<V>, f64, Option<Took>), Failure> {
        let select = self.select.open(self.reading, input, first)?;
        let running = self.engine.build(&input.files[0])?;
        let seen = Seen::new(input.source(first)?, select, self.axes, self.keepdims)?;
        let how = How { axis: seen.axis, select: &seen.select, nan: self.nan.into() };
        // A checkpoint sees the array as its axes are reduced, and would take other axes for another array.
        let checkpoint = self.checkpoint.map(|checkpoint| match self.axes {
            Axes::Named(_) => checkpoint,
            Axes::Listed(_) => {
                checkpoint.label(format!("over axes {} of {}", self.axes, input.shape))
            }
        });
        let done = job(&running.engine, &seen.source, how, checkpoint.as_ref());
        let (cells, seconds) = done.map_err(|error| input.failure_over(self.axes, error))?;
        Ok((Cells { dims: seen.dims, ..cells }, seconds, running.finish()))
    }
}

fn named_dims(axis: Axis, shape: &Shape, keepdims: bool) -> Vec<usize> {
    let (reduced_rows, reduced_row) = match axis {
        Axis::All => (true, true),
        Axis::Columns => (true, false),
        Axis::Rows => (false, true),
    };
    let dims = shape
        .dims()
        .iter()
        .enumerate()
        .map(|(i, &dim)| (dim, if i == 0 { reduced_rows } else { reduced_row }));
    match (keepdims, shape.ndim()) {
        // An array without axes has one row all the same.
        (false, 0) if axis == Axis::Rows => vec![1],
        (true, _) => dims.map(|(dim, reduced)| if reduced { 1 } else { dim }).collect(),
        (false, _) => dims.filter(|(_, reduced)| !reduced).map(|(dim, _)| dim).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_names_or_lists() {
        assert_eq!("columns".parse(), Ok(Axes::Named(Axis::Columns)));
        assert_eq!("0, -1".parse(), Ok(Axes::Listed(vec![0, -1])));
        for text in ["", "column", "0,", "1.5", "0-2"] {
            assert!(text.parse::<Axes>().expect_err(text).contains("such as 0,2"));
        }
        assert_eq!(Axes::Listed(vec![0, -1]).to_string(), "0,-1");
    }

    #[test]
    fn shapes_of_the_named_axes() {
        let shape = Shape::new([2, 3, 4]).expect("small");
        for (axis, dims, kept) in [
            (Axis::All, &[][..], &[1, 1, 1][..]),
            (Axis::Columns, &[3, 4], &[1, 3, 4]),
            (Axis::Rows, &[2], &[2, 1, 1]),
        ] {
            assert_eq!(named_dims(axis, &shape, false), dims);
            assert_eq!(named_dims(axis, &shape, true), kept);
        }
    }
}
