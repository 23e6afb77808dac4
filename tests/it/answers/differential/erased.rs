//! Answers as numbers.

use rowmill::Source;

use crate::common::erased;
pub(super) use crate::common::number::Number;

/// An array of any layout.
pub(super) type AnySource<'a, T> = Box<dyn Source<T> + 'a>;

/// The numbers of each cell of a result, and its shape.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) cells: Vec<Vec<Number>>,
    pub(super) dims: Vec<usize>,
}

/// A reduction with its type erased.
pub(super) type Erased<'a, T> = erased::Erased<'a, T, Answer>;
