//! Answers as numbers.

use rowmill::Source;

use crate::common::erased;

/// Any array.
pub(super) type AnySource<'a, T> = Box<dyn Source<T> + 'a>;

/// A number of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// The numbers of each cell of a result, and its shape.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) cells: Vec<Vec<Number>>,
    pub(super) dims: Vec<usize>,
}

/// Any reduction.
pub(super) type Erased<'a, T> = erased::Erased<'a, T, Answer>;
