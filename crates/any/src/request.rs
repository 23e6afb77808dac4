//! Requests: which statistics of an array, over which axes, of which elements.

use std::ops::Range;

use rowmill_core::{Complex, DType, Shape};
use rowmill_exec::{Checkpoint, Engine, NanPolicy, Partial};

use crate::Result;
use crate::answer::Answer;
use crate::axes::Axes;
use crate::dispatch::{Outcome, Task, answer, complex, numbers};
use crate::source::{AnySource, Selection, match_source};
use crate::statistic::{Statistic, Statistics};

/// Statistics of an array, in one read where they allow it: which ones, over which axes, of which
/// elements. Everything is a value.
///
/// ```
/// use rowmill_any::{AnySource, Axes, Request, Scalar};
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{CompareOp, Engine, Mask};
/// let x = SliceSource::new(&[1.0_f32, 10.0, 2.0, 20.0], [2, 2]).unwrap();
/// let request = Request::new("mean,max".parse()?)
///     .axes(Axes::Columns)
///     .selection(rowmill_any::Selection::Compare(Mask::compare(CompareOp::Lt, 20)));
/// let answer = request.reduce(&Engine::new()?, &AnySource::new(x))?;
/// assert_eq!(answer.column("mean").unwrap().scalar(0), Scalar::Float(1.5));
/// assert_eq!(answer.column("max").unwrap().scalar(1), Scalar::Float(10.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "reduce() runs the job"]
pub struct Request<'a> {
    pub(crate) statistics: Vec<Statistic>,
    pub(crate) axes: Axes,
    pub(crate) keepdims: bool,
    pub(crate) nan: NanPolicy,
    pub(crate) selection: Selection<'a>,
}

impl<'a> Request<'a> {
    /// These statistics, over everything.
    pub fn new(statistics: Statistics) -> Self {
        Self {
            statistics: statistics.0,
            axes: Axes::All,
            keepdims: false,
            nan: NanPolicy::Propagate,
            selection: Selection::All,
        }
    }

    /// The axes to reduce. Default: all.
    pub fn axes(mut self, axes: Axes) -> Self {
        self.axes = axes;
        self
    }

    /// Whether axes that are reduced stay in the answer, with length 1. Default: they do not.
    pub fn keepdims(mut self, keepdims: bool) -> Self {
        self.keepdims = keepdims;
        self
    }

    /// The treatment of NaN. Default: [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = policy;
        self
    }

    /// The elements that take part. Default: all.
    pub fn selection(mut self, selection: Selection<'a>) -> Self {
        self.selection = selection;
        self
    }

    /// The answer.
    ///
    /// # Errors
    /// As [`Engine::reduce`]; [`Error::Unordered`](crate::Error::Unordered) and the other errors of
    /// this crate for requests that the array cannot answer.
    pub fn reduce(&self, engine: &Engine, source: &AnySource<'_>) -> Result<Answer> {
        self.answer(source, Task::Reduce(engine, None))
    }

    /// As [`reduce`](Self::reduce), kept in a checkpoint: killed and run again, the job goes on.
    ///
    /// # Errors
    /// As [`rowmill_exec::Call::reduce`]; [`Error::NotMergeable`](crate::Error::NotMergeable) for
    /// exact quantiles.
    pub fn reduce_resumable(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<Answer> {
        // A checkpoint sees the array as its axes are reduced, and would take other axes for
        // another array.
        let over = match &self.axes {
            Axes::Listed(_) => {
                let label = format!("over axes {} of {}", self.axes, source.shape());
                Some(checkpoint.clone().label(label))
            }
            _ => None,
        };
        self.answer(source, Task::Reduce(engine, Some(over.as_ref().unwrap_or(checkpoint))))
    }

    /// The mergeable state of some rows: see [`Engine::partial`].
    ///
    /// # Errors
    /// As [`Engine::partial`]; [`Error::NotMergeable`](crate::Error::NotMergeable) for exact
    /// quantiles, [`Error::NoInterval`](crate::Error::NoInterval) for histograms without one.
    pub fn partial(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        rows: Range<usize>,
    ) -> Result<Partial> {
        self.state(source, Task::Partial(engine, rows))
    }

    /// The state with the rows that an earlier one lacks: see [`Engine::partial_after`].
    ///
    /// # Errors
    /// As [`Engine::partial_after`].
    pub fn partial_after(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        earlier: Partial,
    ) -> Result<Partial> {
        self.state(source, Task::PartialAfter(engine, earlier))
    }

    /// The answer of merged states. Which elements took part was decided when they were made; the
    /// selection of this request does not matter.
    ///
    /// # Errors
    /// As [`Partial::finish`]; [`Error::NoInterval`](crate::Error::NoInterval) for histograms
    /// without an interval.
    pub fn finish(&self, partial: &Partial) -> Result<Answer> {
        self.check_intervals()?;
        self.answer(&absent(partial)?, Task::Finish(partial))
    }

    fn answer(&self, source: &AnySource<'_>, task: Task<'_>) -> Result<Answer> {
        match self.run(source, task)? {
            Outcome::Columns(columns) => Ok(answer(self.dims(source.shape())?, columns)),
            Outcome::Partial(_) => unreachable!("a task that gives columns"),
        }
    }

    /// Refuses histograms over the interval of the elements, which no state of some rows knows.
    fn check_intervals(&self) -> Result<()> {
        let open = |s: &&Statistic| matches!(s, Statistic::Histogram(_, None));
        match self.statistics.iter().find(open) {
            Some(open) => Err(crate::Error::NoInterval { statistic: open.to_string() }),
            None => Ok(()),
        }
    }

    fn state(&self, source: &AnySource<'_>, task: Task<'_>) -> Result<Partial> {
        self.check_intervals()?;
        match self.run(source, task)? {
            Outcome::Partial(partial) => Ok(partial),
            Outcome::Columns(_) => unreachable!("a task that gives a state"),
        }
    }

    fn run(&self, source: &AnySource<'_>, task: Task<'_>) -> Result<Outcome> {
        if let AnySource::C64(x) = source {
            return complex::<Complex<f32>, f32>(&**x, self, task);
        }
        if let AnySource::C128(x) = source {
            return complex::<Complex<f64>, f64>(&**x, self, task);
        }
        match_source!(source, x => numbers(&**x, self, task); complex _x => unreachable!("seen above"))
    }

    /// The shape of the answer.
    fn dims(&self, shape: &Shape) -> Result<Vec<usize>> {
        let Axes::Listed(axes) = &self.axes else {
            return Ok(self.axes.named_dims(shape, self.keepdims));
        };
        let reduced = shape.axes(axes).map_err(crate::Error::Axes)?;
        let dims = shape.dims().iter().enumerate();
        Ok(match self.keepdims {
            true => dims.map(|(i, &dim)| if reduced.contains(&i) { 1 } else { dim }).collect(),
            false => dims.filter(|(i, _)| !reduced.contains(i)).map(|(_, &dim)| dim).collect(),
        })
    }
}

/// An array of the dtype and the shape of a partial, of which nothing can be read.
fn absent(partial: &Partial) -> Result<AnySource<'static>> {
    let absent = partial.absent()?;
    macro_rules! of_dtype {
        (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
            match partial.dtype() {
                $(DType::$number => AnySource::$number(Box::new(absent)),)*
                $(DType::$pair => AnySource::$pair(Box::new(absent)),)*
                other => unreachable!("{other} is not in the table"),
            }
        };
    }
    Ok(rowmill_core::dtype_table!(of_dtype))
}
