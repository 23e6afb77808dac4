//! Numbers as JSON, in nested lists.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::answer::Column;
use crate::scalar::Scalars;

/// The numbers of an answer as nested lists of a given shape; a single number without axes. They
/// are serialized one by one, so no list of millions is built first.
///
/// ```
/// use rowmill_any::Scalars;
/// let numbers = Scalars::Unsigned((0..6).collect());
/// assert_eq!(serde_json::to_string(&numbers.nested([2, 3]))?, "[[0,1,2],[3,4,5]]");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Nested<'a> {
    dims: Vec<usize>,
    leaves: Leaves<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Leaves<'a> {
    Numbers(&'a Scalars),
    /// Numbers, or lists of numbers.
    Cells(&'a Column),
}

impl Column {
    /// The number, or the list, of each cell, as nested lists of the shape of the cells.
    #[must_use]
    pub fn nested(&self, dims: impl Into<Vec<usize>>) -> Nested<'_> {
        Nested { dims: dims.into(), leaves: Leaves::Cells(self) }
    }
}

impl Scalars {
    /// The numbers as nested lists of this shape.
    #[must_use]
    pub fn nested(&self, dims: impl Into<Vec<usize>>) -> Nested<'_> {
        Nested { dims: dims.into(), leaves: Leaves::Numbers(self) }
    }
}

/// # Panics
/// Panics if there are fewer numbers than the shape requires.
impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Level { dims: &self.dims, first: 0, leaves: self.leaves }.serialize(serializer)
    }
}

/// The cells from index `first` on, as many as fill these axes.
struct Level<'a> {
    dims: &'a [usize],
    first: usize,
    leaves: Leaves<'a>,
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { dims, first, leaves } = *self;
        let Some((&len, dims)) = dims.split_first() else {
            return match leaves {
                Leaves::Numbers(numbers) => numbers.get(first).serialize(serializer),
                Leaves::Cells(column) if column.is_lists() => {
                    column.list(first).serialize(serializer)
                }
                Leaves::Cells(column) => column.scalar(first).serialize(serializer),
            };
        };
        let step: usize = dims.iter().product();
        let mut list = serializer.serialize_seq(Some(len))?;
        for i in 0..len {
            list.serialize_element(&Level { dims, first: first + i * step, leaves })?;
        }
        list.end()
    }
}
