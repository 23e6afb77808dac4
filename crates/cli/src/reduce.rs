//! From arguments to a reduction: every dtype, axis and mask comes through here. What is generic
//! stays small; answers become numbers without a type parameter at once.

use std::time::Instant;

use rowmill::{
    All, Axis as ExecAxis, Checkpoint, Columns, CompareMask, Condition, Element, Engine, NanPolicy,
    Numeric, Reduce, Reduction, Result, Resume, Rows, Selector, Shape, Source, Statistic, Sum,
    Values,
};

use crate::input::Readable;
use crate::number::Number;
use crate::values::Axis;

/// Which elements of an array of `T` take part.
pub(crate) enum Select<'a, T> {
    Everything,
    Compare(CompareMask),
    /// A condition, and the rows that its columns are of.
    Condition(Condition, Readable<'a, T>),
    Array(Readable<'static, bool>),
}

/// What is kept of an array, and what of it takes part.
pub(crate) struct How<'a, T> {
    pub(crate) axis: Axis,
    pub(crate) select: &'a Select<'a, T>,
    pub(crate) nan: NanPolicy,
}

/// The cells of an answer in C order, with the shape of the axes that were kept.
pub(crate) struct Cells<V> {
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Vec<V>,
}

impl<V> Cells<V> {
    pub(crate) fn map<W>(self, f: impl FnMut(V) -> W) -> Cells<W> {
        Cells { dims: self.dims, values: self.values.into_iter().map(f).collect() }
    }
}

/// Elements whose answers can be told.
pub(crate) trait Answering: Numeric<Sum: Into<Number>> + Into<Number> {}

impl<T: Numeric<Sum: Into<Number>> + Into<Number>> Answering for T {}

/// The partial of all statistics alike.
pub(crate) type Partial<T> = <Reduction<Sum, All> as Reduce<T>>::Partial;

/// Evaluates an expression with the kernel of a statistic for an axis that is known at run time
/// only: `over_axis!(how, Stats.ddof(1); kernel => kernel.identity())`.
macro_rules! over_axis {
    ($how:expr, $statistic:ident $(. $option:ident ($value:expr))?; $kernel:ident => $body:expr) => {
        match $how.axis {
            $crate::values::Axis::All => {
                let $kernel = $statistic::all()$(.$option($value))?.nan($how.nan);
                $body
            }
            $crate::values::Axis::Columns => {
                let $kernel = $statistic::per_column()$(.$option($value))?.nan($how.nan);
                $body
            }
            $crate::values::Axis::Rows => {
                let $kernel = $statistic::per_row()$(.$option($value))?.nan($how.nan);
                $body
            }
        }
    };
}

/// The same for the mask: `masked!(how, kernel => kernel.check(shape))`; of several kernels too.
macro_rules! masked {
    ($how:expr, $($kernel:ident),+ => $body:expr) => {
        match $how.select {
            $crate::reduce::Select::Everything => $body,
            $crate::reduce::Select::Compare(mask) => {
                $(let $kernel = $kernel.masked(*mask);)+
                $body
            }
            $crate::reduce::Select::Condition(condition, rows) => {
                $(let $kernel = $kernel.masked(condition.on(rows));)+
                $body
            }
            $crate::reduce::Select::Array(mask) => {
                $(let $kernel = $kernel.masked(rowmill::Mask::array(mask));)+
                $body
            }
        }
    };
}

pub(crate) use {masked, over_axis};

/// What a kernel makes of a partial, whatever the axis.
pub(crate) fn finish<T, S, A, M>(
    kernel: &Reduction<S, A, M>,
    partial: Partial<T>,
    shape: &Shape,
) -> Result<Cells<S::Value>>
where
    T: Numeric,
    S: Statistic<T>,
    A: Kept,
    M: Selector<T>,
{
    Ok(A::cells(kernel.finish(partial, shape)?))
}

/// Runs a job, and tells how many seconds it took.
pub(crate) fn timed<T, R>(
    engine: &Engine,
    source: &impl Source<T>,
    kernel: R,
    checkpoint: Option<&Checkpoint>,
) -> Result<(R::Output, f64)>
where
    T: Element,
    R: Resume<T>,
{
    let start = Instant::now();
    let output = match checkpoint {
        Some(checkpoint) => engine.reduce_resumable(source, kernel, checkpoint)?,
        None => engine.reduce(source, kernel)?,
    };
    Ok((output, start.elapsed().as_secs_f64()))
}

/// An axis whose answers can be taken as cells.
pub(crate) trait Kept: ExecAxis {
    fn cells<V: Send>(output: Self::Output<V>) -> Cells<V>;
}

impl Kept for All {
    fn cells<V: Send>(output: V) -> Cells<V> {
        Cells { dims: Vec::new(), values: vec![output] }
    }
}

impl Kept for Columns {
    fn cells<V: Send>(output: Values<V>) -> Cells<V> {
        Cells { dims: output.dims().to_vec(), values: output.into_vec() }
    }
}

impl Kept for Rows {
    fn cells<V: Send>(output: Values<V>) -> Cells<V> {
        Columns::cells(output)
    }
}
