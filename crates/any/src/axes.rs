//! The reduced axes, as a value.

use std::fmt;
use std::str::FromStr;

use rowmill_core::Shape;
use serde::{Serialize, Serializer};

/// The axes to reduce: numpy's `axis`, as a value.
///
/// ```
/// use rowmill_any::Axes;
/// assert_eq!("columns".parse(), Ok(Axes::Columns));
/// assert_eq!("0,-1".parse(), Ok(Axes::Listed(vec![0, -1])));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Axes {
    /// All axes: one value.
    #[default]
    All,
    /// Axis 0: a value for each column.
    Columns,
    /// All axes but the first: a value for each row.
    Rows,
    /// The listed axes; negative ones count from the end.
    Listed(Vec<isize>),
}

/// The error for a text that names no axes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected all, columns, rows, or the axes to reduce, such as 0,2 or -1")]
pub struct ParseAxesError;

impl FromStr for Axes {
    type Err = ParseAxesError;

    fn from_str(text: &str) -> Result<Self, ParseAxesError> {
        match text {
            "all" => return Ok(Self::All),
            "columns" => return Ok(Self::Columns),
            "rows" => return Ok(Self::Rows),
            _ => {}
        }
        let axes = text.split(',').map(|axis| axis.trim().parse().ok());
        axes.collect::<Option<_>>().map(Self::Listed).ok_or(ParseAxesError)
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Columns => f.write_str("columns"),
            Self::Rows => f.write_str("rows"),
            Self::Listed(axes) => {
                let axes: Vec<String> = axes.iter().map(isize::to_string).collect();
                f.write_str(&axes.join(","))
            }
        }
    }
}

/// Serializes as the name, or as the list.
impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Listed(axes) => axes.serialize(serializer),
            named => serializer.collect_str(named),
        }
    }
}

impl Axes {
    /// The name of a cell of an answer: `column`, `row`, or `index`.
    #[must_use]
    pub fn cell_name(&self) -> &'static str {
        match self {
            Self::Rows => "row",
            Self::Listed(_) => "index",
            Self::All | Self::Columns => "column",
        }
    }

    /// Whether a cell is a column of the array, which may have a name.
    #[must_use]
    pub fn keeps_columns(&self) -> bool {
        match self {
            Self::Columns => true,
            Self::Listed(axes) => axes == &[0],
            Self::All | Self::Rows => false,
        }
    }

    /// The shape of an answer over named axes; listed axes are not handled here.
    pub(crate) fn named_dims(&self, shape: &Shape, keepdims: bool) -> Vec<usize> {
        let (reduces_rows, reduces_row) = match self {
            Self::All => (true, true),
            Self::Columns => (true, false),
            Self::Rows | Self::Listed(_) => (false, true),
        };
        let reduced = |axis: usize| if axis == 0 { reduces_rows } else { reduces_row };
        let dims = shape.dims().iter().enumerate();
        match (keepdims, shape.ndim()) {
            // An array without axes still has one row.
            (false, 0) if *self == Self::Rows => vec![1],
            (true, _) => dims.map(|(i, &dim)| if reduced(i) { 1 } else { dim }).collect(),
            (false, _) => dims.filter(|&(i, _)| !reduced(i)).map(|(_, &dim)| dim).collect(),
        }
    }
}
