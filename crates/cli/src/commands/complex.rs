//! `rowmill sum` and `rowmill mean` of complex numbers, which have kernels of their own.

use rowmill::{
    All, Checkpoint, Columns, Complex, Counts, Element, Engine, Mask, Mean, Result, Rows, Source,
    Sum,
};

use super::total::{Cell, Total, together};
use crate::reduce::{Cells, How, Select};
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
                    ($statistic:ident, $kept:ident, $axis:ident) => {{
                        let values = $statistic::$axis().nan(how.nan);
                        let counts = Counts::$axis().nan(how.nan);
                        match how.select {
                            Select::Array(mask) => {
                                let mask = Mask::array(mask);
                                let kernels = (values.masked(mask), counts.masked(mask));
                                together::<_, $kept, _, _, _>(engine, source, kernels, checkpoint)
                            }
                            // Comparisons have been refused.
                            _ => {
                                let kernels = (values, counts);
                                together::<_, $kept, _, _, _>(engine, source, kernels, checkpoint)
                            },
                        }
                    }};
                }
                match (total, how.axis) {
                    (Total::Sum, Axis::All) => both!(Sum, All, all),
                    (Total::Sum, Axis::Columns) => both!(Sum, Columns, per_column),
                    (Total::Sum, Axis::Rows) => both!(Sum, Rows, per_row),
                    (Total::Mean, Axis::All) => both!(Mean, All, all),
                    (Total::Mean, Axis::Columns) => both!(Mean, Columns, per_column),
                    (Total::Mean, Axis::Rows) => both!(Mean, Rows, per_row),
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
