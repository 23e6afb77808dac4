//! The part of an array selected by the arguments.

use std::convert::Infallible;
use std::str::FromStr;

use clap::Args as ClapArgs;
use rowmill::Shape;
use rowmill::error::ParseSliceError;
use rowmill::view::{Pick, Slice};
use rowmill_any::Picks;

use crate::failure::Failure;
use crate::table::printable;

/// An index on an axis, or a slice of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AxisIndex {
    Index(i64),
    Slice(Slice),
}

impl FromStr for AxisIndex {
    type Err = ParseSliceError;

    fn from_str(text: &str) -> Result<Self, ParseSliceError> {
        match text.trim().parse() {
            Ok(index) => Ok(Self::Index(index)),
            Err(_) => text.parse().map(Self::Slice),
        }
    }
}

impl AxisIndex {
    /// The indices on an axis of length `len`.
    fn pick(self, len: usize) -> Result<Pick, Failure> {
        match self {
            Self::Slice(slice) => Ok(slice.into()),
            Self::Index(index) => Ok(resolve_index(index, len)?.into()),
        }
    }
}

/// The index from the start, for an index from either end.
fn resolve_index(index: i64, len: usize) -> Result<usize, Failure> {
    let from_start = if index < 0 { i128::from(index) + len as i128 } else { index.into() };
    let resolved = usize::try_from(from_start).ok().filter(|&index| index < len);
    resolved.ok_or_else(|| {
        let expected = match len {
            0 => "there is none".to_owned(),
            _ => format!("expected -{len} to {}", len - 1),
        };
        Failure::Usage(format!("there is no index {index} on an axis of {len}; {expected}"))
    })
}

/// An index or a slice for each axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AxisIndices(Vec<AxisIndex>);

impl FromStr for AxisIndices {
    type Err = ParseSliceError;

    fn from_str(text: &str) -> Result<Self, ParseSliceError> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Indices, slices and column names, resolved when the file is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnList(Vec<String>);

impl FromStr for ColumnList {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.split(',').map(|entry| entry.trim().to_owned()).collect()))
    }
}

impl ColumnList {
    /// The column indices for a row of `len` elements, which may have names.
    fn indices(&self, names: Option<&[String]>, len: usize) -> Result<Vec<usize>, Failure> {
        let mut indices = Vec::new();
        for text in &self.0 {
            let named = names.and_then(|names| names.iter().position(|name| name == text));
            match (named, text.parse()) {
                (Some(index), _) => indices.push(index),
                (None, Ok(AxisIndex::Index(index))) => indices.push(resolve_index(index, len)?),
                (None, Ok(AxisIndex::Slice(slice))) => indices.extend(slice.indices(len)),
                (None, Err(_)) => return Err(unknown_column(text, names)),
            }
        }
        Ok(indices)
    }
}

fn unknown_column(name: &str, names: Option<&[String]>) -> Failure {
    const SHOWN: usize = 20;
    let names = match names {
        None => "the file names no columns; expected numbers or slices, such as 0:3,7".to_owned(),
        Some(names) => {
            let shown: Vec<_> = names.iter().take(SHOWN).map(|name| printable(name)).collect();
            let more = if names.len() > SHOWN { ", …" } else { "" };
            format!("the columns are {}{more}", shown.join(", "))
        }
    };
    Failure::Usage(format!("there is no column {:?}; {names}", printable(name)))
}

/// The part of the array to read. Slices are numpy's: negative numbers count from the end, and
/// bounds outside of the array are clipped.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Part")]
pub(crate) struct PartArgs {
    /// Read only these rows: 10:20, -100:, ::10
    #[arg(long, value_name = "A:B[:STEP]", allow_hyphen_values = true)]
    pub(crate) rows: Option<AxisIndex>,
    /// Read only these elements of each row, in this order: 0:3,temp,-1
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) cols: Option<ColumnList>,
    /// Read only this box, one slice for each axis: 500:600,0:20
    #[arg(
        long = "box", value_name = "LIST", allow_hyphen_values = true,
        conflicts_with_all = ["rows", "cols"]
    )]
    pub(crate) box_indices: Option<AxisIndices>,
}

impl PartArgs {
    /// Whether the part is the whole array.
    pub(crate) fn is_all(&self) -> bool {
        self.rows.is_none() && self.cols.is_none() && self.box_indices.is_none()
    }

    /// The part of an array of this shape, whose columns may have names.
    pub(crate) fn picks(&self, shape: &Shape, names: Option<&[String]>) -> Result<Picks, Failure> {
        let mut picks = Picks::new();
        if let Some(rows) = self.rows {
            picks = picks.rows(rows.pick(shape.rows())?);
        }
        if let Some(columns) = &self.cols {
            picks = picks.columns(columns.indices(names, shape.row_len())?);
        }
        if let Some(AxisIndices(indices)) = &self.box_indices {
            let lengths = shape.dims().iter().copied().chain(std::iter::repeat(usize::MAX));
            let axes: Result<Vec<Pick>, Failure> =
                indices.iter().zip(lengths).map(|(index, len)| index.pick(len)).collect();
            picks = picks.axes(axes?);
        }
        Ok(picks)
    }

    /// The same rows of an array with one entry per row.
    pub(crate) fn row_picks(&self, shape: &Shape) -> Result<Picks, Failure> {
        let rows = match &self.box_indices {
            Some(AxisIndices(indices)) => indices.first().copied(),
            None => self.rows,
        };
        Self { rows, ..Self::default() }.picks(shape, None)
    }

    /// The column names of the part, if its columns still have names.
    pub(crate) fn names(
        &self,
        names: &[String],
        shape: &Shape,
    ) -> Result<Option<Vec<String>>, Failure> {
        let picked = match (&self.cols, &self.box_indices) {
            (Some(columns), _) => columns.indices(Some(names), names.len())?,
            (None, Some(AxisIndices(indices))) if shape.ndim() == 2 => match indices.get(1) {
                Some(AxisIndex::Slice(slice)) => slice.indices(names.len()),
                Some(AxisIndex::Index(index)) => vec![resolve_index(*index, names.len())?],
                None => (0..names.len()).collect(),
            },
            (None, Some(_)) => return Ok(None),
            (None, None) => (0..names.len()).collect(),
        };
        Ok(Some(picked.into_iter().filter_map(|i| names.get(i).cloned()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_name_number_and_slice() {
        let names: Vec<String> = ["a", "b", "2", "x:y", "e"].map(str::to_owned).to_vec();
        let indices = |text: &str, names: Option<&[String]>| {
            text.parse::<ColumnList>().expect("any text").indices(names, 5).ok()
        };
        assert_eq!(indices("a, e", Some(&names)), Some(vec![0, 4]));
        assert_eq!(indices("2,x:y,-1,1:3", Some(&names)), Some(vec![2, 3, 4, 1, 2]));
        assert_eq!(indices("::-2", None), Some(vec![4, 2, 0]));
        for text in ["a", "5", "-6", "", "1:2:0", "x:y"] {
            assert_eq!(indices(text, None), None, "{text}");
        }
        assert_eq!(indices("c", Some(&names)), None);
    }

    #[test]
    fn indices_of_a_box() {
        let parse = |text: &str| text.parse::<AxisIndices>().ok();
        assert_eq!(parse("1:,-3").expect("a box").0[1], AxisIndex::Index(-3));
        for text in ["", "1:2,", "a", "1:2:3:4", "1.5"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
