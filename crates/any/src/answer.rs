//! Answers as values: a shape, and columns of numbers.

use crate::scalar::{Scalar, Scalars};

/// The answer of a request: the shape of its cells, and for each statistic a column with a number,
/// or a list of numbers, for each cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub(crate) dims: Vec<usize>,
    pub(crate) columns: Vec<Column>,
}

/// Why a cell has no number, where that is said.
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
    /// Where the list of each cell begins, and where the last ends; `None` for a number a cell.
    starts: Option<Vec<usize>>,
    /// Cells without a number of the usual kind, and why: the first only, as the others are alike.
    missing: Option<Missing>,
}

impl Answer {
    /// The shape of the cells: the axes that were kept.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The number of cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.dims.iter().product()
    }

    /// The columns, in the order of the statistics; a statistic of several numbers has several.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, values: Scalars) -> Self {
        Self { name: name.into(), values, starts: None, missing: None }
    }

    /// A column of lists, one for each cell.
    pub(crate) fn lists(name: impl Into<String>, lists: Vec<Vec<Scalar>>) -> Self {
        let mut starts = Vec::with_capacity(lists.len() + 1);
        let mut end = 0;
        starts.push(0);
        for list in &lists {
            end += list.len();
            starts.push(end);
        }
        let values = Scalars::from(lists.concat());
        Self { name: name.into(), values, starts: Some(starts), missing: None }
    }

    pub(crate) fn missing_at(mut self, cell: usize, reason: String) -> Self {
        self.missing.get_or_insert(Missing { cell, reason });
        self
    }

    /// The name of the statistic, as it is asked for: `mean`, `quantile(0.5)`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is a list for each cell, and not a number.
    #[must_use]
    pub fn is_lists(&self) -> bool {
        self.starts.is_some()
    }

    /// All numbers, those of a cell together.
    #[must_use]
    pub fn values(&self) -> &Scalars {
        &self.values
    }

    /// The first cell without a number of the usual kind, and why it has none.
    #[must_use]
    pub fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    /// The number of cell `i`; of lists the first, [`Scalar::Missing`] of an empty one.
    ///
    /// # Panics
    /// When there is no such cell.
    #[must_use]
    pub fn scalar(&self, i: usize) -> Scalar {
        match &self.starts {
            None => self.values.get(i),
            Some(starts) if starts[i] == starts[i + 1] => Scalar::Missing,
            Some(starts) => self.values.get(starts[i]),
        }
    }

    /// The numbers of cell `i`.
    ///
    /// # Panics
    /// When there is no such cell.
    #[must_use]
    pub fn list(&self, i: usize) -> Vec<Scalar> {
        let of = match &self.starts {
            None => i..i + 1,
            Some(starts) => starts[i]..starts[i + 1],
        };
        of.map(|at| self.values.get(at)).collect()
    }
}
