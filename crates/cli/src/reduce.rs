//! From arguments to a reduction: every dtype, axis and mask comes through here. What is generic
//! stays small; answers become [`Number`]s at once.

use std::time::Instant;

use rowmill::{
    All, AnyArray, Array, Columns, CompareMask, Counts, Engine, Mask, Mean, NanPolicy, Numeric,
    Reduction, Result, Rows, Selector, Stats, Sum, Unmasked, Values, match_array,
};

use crate::args::Axis;
use crate::number::Number;

/// Which elements take part.
pub(crate) enum Select {
    Everything,
    Compare(CompareMask),
    Array(Array<bool>),
}

/// The cells of an answer in C order, with the shape of the axes that were kept.
pub(crate) struct Cells<V> {
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Vec<V>,
    /// The time of the job, in seconds.
    pub(crate) seconds: f64,
}

/// What is reduced, and how.
pub(crate) struct Job<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) array: &'a AnyArray,
    pub(crate) axis: Axis,
    pub(crate) select: &'a Select,
    pub(crate) nan: NanPolicy,
}

/// A question about an array, asked for every dtype, axis and mask alike.
pub(crate) trait Question: Copy {
    /// The answer for one cell.
    type Answer;

    /// Asks it.
    fn ask<T, A, M>(self, of: &Of<'_, T, M>) -> Result<(Vec<usize>, Vec<Self::Answer>)>
    where
        T: Answering,
        A: Kept,
        M: Selector<T> + Copy;
}

/// Elements whose answers can be told.
pub(crate) trait Answering: Numeric<Sum: Into<Number>> + Into<Number> {}

impl<T: Numeric<Sum: Into<Number>> + Into<Number>> Answering for T {}

/// What a question is asked of.
pub(crate) struct Of<'a, T, M> {
    pub(crate) engine: &'a Engine,
    pub(crate) array: &'a Array<T>,
    pub(crate) mask: M,
    pub(crate) nan: NanPolicy,
    /// Whether every element takes part, so that there is nothing to count.
    pub(crate) everything: bool,
}

impl Job<'_> {
    /// Runs the reduction that answers a question.
    pub(crate) fn run<Q: Question>(&self, question: Q) -> Result<Cells<Q::Answer>> {
        let start = Instant::now();
        let (dims, values) = match_array!(self.array, x => self.by_axis(question, x))?;
        Ok(Cells { dims, values, seconds: start.elapsed().as_secs_f64() })
    }

    fn by_axis<Q: Question, T: Answering>(
        &self,
        question: Q,
        array: &Array<T>,
    ) -> Result<(Vec<usize>, Vec<Q::Answer>)> {
        match self.axis {
            Axis::All => self.by_mask::<Q, T, All>(question, array),
            Axis::Columns => self.by_mask::<Q, T, Columns>(question, array),
            Axis::Rows => self.by_mask::<Q, T, Rows>(question, array),
        }
    }

    fn by_mask<Q: Question, T: Answering, A: Kept>(
        &self,
        question: Q,
        array: &Array<T>,
    ) -> Result<(Vec<usize>, Vec<Q::Answer>)> {
        let Self { engine, nan, .. } = *self;
        match self.select {
            Select::Everything => {
                let everything = nan != NanPolicy::Skip || !T::DTYPE.is_float();
                let of = Of { engine, array, mask: Unmasked, nan, everything };
                question.ask::<T, A, _>(&of)
            }
            Select::Compare(mask) => {
                let of = Of { engine, array, mask: *mask, nan, everything: false };
                question.ask::<T, A, _>(&of)
            }
            Select::Array(mask) => {
                let mask = Mask::array(mask);
                question.ask::<T, A, _>(&Of { engine, array, mask, nan, everything: false })
            }
        }
    }
}

/// An axis with the constructors that belong to it.
pub(crate) trait Kept: rowmill::Axis {
    fn sum() -> Reduction<Sum, Self>;
    fn mean() -> Reduction<Mean, Self>;
    fn counts() -> Reduction<Counts, Self>;
    fn stats() -> Reduction<Stats, Self>;

    /// The shape of an answer, and its values.
    fn cells<V>(output: Self::Output<V>) -> (Vec<usize>, Vec<V>);

    /// How many elements go into a cell when all take part.
    fn cell_len(shape: &rowmill::Shape) -> usize;
}

macro_rules! kept {
    ($($axis:ident: $make:ident, $cells:expr, $cell_len:expr;)*) => {$(
        impl Kept for $axis {
            fn sum() -> Reduction<Sum, Self> {
                Sum::$make()
            }
            fn mean() -> Reduction<Mean, Self> {
                Mean::$make()
            }
            fn counts() -> Reduction<Counts, Self> {
                Counts::$make()
            }
            fn stats() -> Reduction<Stats, Self> {
                Stats::$make()
            }
            fn cells<V>(output: Self::Output<V>) -> (Vec<usize>, Vec<V>) {
                $cells(output)
            }
            fn cell_len(shape: &rowmill::Shape) -> usize {
                $cell_len(shape)
            }
        }
    )*};
}
kept! {
    All: all, |value| (Vec::new(), vec![value]), rowmill::Shape::len;
    Columns: per_column, parts, rowmill::Shape::rows;
    Rows: per_row, parts, rowmill::Shape::row_len;
}

fn parts<V>(values: Values<V>) -> (Vec<usize>, Vec<V>) {
    (values.dims().to_vec(), values.into_vec())
}
