//! Answers as values: a shape, and columns of numbers.

use crate::scalar::{Scalar, Scalars};

/// The answer to a request: the shape of its cells, and a column for each statistic. A column holds
/// a number, or a list of numbers, for each cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub(crate) dims: Vec<usize>,
    pub(crate) columns: Vec<Column>,
}

/// The reason why a cell has no ordinary number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The cell, in C order.
    pub cell: usize,
    /// The reason, in words.
    pub reason: String,
}

/// The numbers of one statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    name: String,
    values: Scalars,
    /// The start of each cell's list, and the end of the last; `None` if a cell holds a single
    /// number.
    offsets: Option<Vec<usize>>,
    /// The first cell without an ordinary number, and why; the reasons of the others are alike.
    missing: Option<Missing>,
}

impl Answer {
    /// The shape of the cells: the axes that are kept.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The number of cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.dims.iter().product()
    }

    /// The columns, in the order of the statistics. A statistic of several numbers has several
    /// columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, values: Scalars) -> Self {
        Self { name: name.into(), values, offsets: None, missing: None }
    }

    /// A column of lists, one for each cell.
    pub(crate) fn lists(name: impl Into<String>, lists: Vec<Vec<Scalar>>) -> Self {
        let mut offsets = Vec::with_capacity(lists.len() + 1);
        let mut end = 0;
        offsets.push(0);
        for list in &lists {
            end += list.len();
            offsets.push(end);
        }
        let values = Scalars::from(lists.concat());
        Self { name: name.into(), values, offsets: Some(offsets), missing: None }
    }

    pub(crate) fn with_missing(mut self, cell: usize, reason: String) -> Self {
        self.missing.get_or_insert(Missing { cell, reason });
        self
    }

    /// The name of the statistic, as requested: `mean`, `quantile(0.5)`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether each cell holds a list instead of a single number.
    #[must_use]
    pub fn is_lists(&self) -> bool {
        self.offsets.is_some()
    }

    /// All numbers, cell by cell.
    #[must_use]
    pub fn values(&self) -> &Scalars {
        &self.values
    }

    /// The first cell without an ordinary number, and the reason.
    #[must_use]
    pub fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    /// The number of cell `i`. For a list this is the first entry, or [`Scalar::Missing`] if it is
    /// empty.
    ///
    /// # Panics
    /// Panics if `i` is out of bounds.
    #[must_use]
    pub fn scalar(&self, i: usize) -> Scalar {
        match &self.offsets {
            None => self.values.get(i),
            Some(offsets) if offsets[i] == offsets[i + 1] => Scalar::Missing,
            Some(offsets) => self.values.get(offsets[i]),
        }
    }

    /// The numbers of cell `i`.
    ///
    /// # Panics
    /// Panics if `i` is out of bounds.
    #[must_use]
    pub fn list(&self, i: usize) -> Vec<Scalar> {
        let range = match &self.offsets {
            None => i..i + 1,
            Some(offsets) => offsets[i]..offsets[i + 1],
        };
        range.map(|i| self.values.get(i)).collect()
    }
}
