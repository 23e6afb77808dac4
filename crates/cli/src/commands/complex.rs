//! `rowmill sum` and `rowmill mean` of complex numbers, which have kernels of their own.

use rowmill::{
    Checkpoint, Complex, Counts, Element, Engine, Mask, Mean, Reduction, Result, Resume, Source,
    Sum, Tally,
};

use super::total::{Cell, Total};
use crate::reduce::{Cells, How, Kept, Select, timed};
use crate::values::Axis;

/// Cells, and how many seconds they took.
type Done = Result<(Cells<Cell>, f64)>;

/// A complex number that arrays hold.
pub(super) trait ComplexElement: Element {
    fn total(
        engine: &Engine,
        source: &impl Source<Self>,
        total: Total,
        how: How<'_, Self>,
        checkpoint: Option<&Checkpoint>,
    ) -> Done;
}

/// Values and counts, in one read.
fn together<T, A, S, M>(
    engine: &Engine,
    source: &impl Source<T>,
    kernels: (Reduction<S, A, M>, Reduction<Counts, A, M>),
    checkpoint: Option<&Checkpoint>,
) -> Done
where
    T: Element,
    A: Kept,
    Reduction<S, A, M>: Resume<T, Output = A::Output<Complex<f64>>>,
    Reduction<Counts, A, M>: Resume<T, Output = A::Output<Tally>>,
{
    let ((values, counts), seconds) = timed(engine, source, kernels, checkpoint)?;
    let Cells { dims, values } = A::cells(values);
    let cells = values.into_iter().zip(A::cells(counts).values);
    let cell =
        |(value, tally): (Complex<f64>, Tally)| Cell { value: value.into(), count: tally.count };
    Ok((Cells { dims, values: cells.map(cell).collect() }, seconds))
}

macro_rules! complex_elements {
    ($($t:ty)*) => {$(
        impl ComplexElement for Complex<$t> {
            fn total(
                engine: &Engine,
                source: &impl Source<Self>,
                total: Total,
                how: How<'_, Self>,
                checkpoint: Option<&Checkpoint>,
            ) -> Done {
                macro_rules! both {
                    ($statistic:ident, $axis:ident) => {{
                        let values = $statistic::$axis().nan(how.nan);
                        let counts = Counts::$axis().nan(how.nan);
                        match how.select {
                            Select::Array(mask) => {
                                let mask = Mask::array(mask);
                                let kernels = (values.masked(mask), counts.masked(mask));
                                together(engine, source, kernels, checkpoint)
                            }
                            // Comparisons have been refused.
                            _ => together(engine, source, (values, counts), checkpoint),
                        }
                    }};
                }
                match (total, how.axis) {
                    (Total::Sum, Axis::All) => both!(Sum, all),
                    (Total::Sum, Axis::Columns) => both!(Sum, per_column),
                    (Total::Sum, Axis::Rows) => both!(Sum, per_row),
                    (Total::Mean, Axis::All) => both!(Mean, all),
                    (Total::Mean, Axis::Columns) => both!(Mean, per_column),
                    (Total::Mean, Axis::Rows) => both!(Mean, per_row),
                }
            }
        }
    )*};
}
complex_elements!(f32 f64);

/// Totals of whichever complex type.
pub(super) fn total<T: ComplexElement>(
    engine: &Engine,
    source: &impl Source<T>,
    (total, how): (Total, How<'_, T>),
    checkpoint: Option<&Checkpoint>,
) -> Done {
    T::total(engine, source, total, how, checkpoint)
}
