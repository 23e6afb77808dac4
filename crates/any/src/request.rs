//! Requests: statistics of an array, over some axes, of selected elements.

use std::ops::Range;

use rowmill_core::{Complex, DType, Shape};
use rowmill_exec::{Checkpoint, Engine, NanPolicy, Partial};

use crate::Result;
use crate::answer::Answer;
use crate::axes::Axes;
use crate::dispatch::{Outcome, Task, answer, run_complex, run_real};
use crate::source::{AnySource, Selection, match_source};
use crate::statistic::{Statistic, Statistics};

/// Statistics of an array, in one read where possible: which statistics, over which axes, of which
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
    /// Requests these statistics, over everything.
    pub fn new(statistics: Statistics) -> Self {
        Self {
            statistics: statistics.0,
            axes: Axes::All,
            keepdims: false,
            nan: NanPolicy::Propagate,
            selection: Selection::All,
        }
    }

    /// Sets the axes to reduce. Default: all.
    pub fn axes(mut self, axes: Axes) -> Self {
        self.axes = axes;
        self
    }

    /// Keeps reduced axes in the answer, with length 1. Default: no.
    pub fn keepdims(mut self, keepdims: bool) -> Self {
        self.keepdims = keepdims;
        self
    }

    /// Sets the treatment of NaN. Default: [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = policy;
        self
    }

    /// Sets the elements that take part. Default: all.
    pub fn selection(mut self, selection: Selection<'a>) -> Self {
        self.selection = selection;
        self
    }

    /// Computes the answer.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::reduce`]. Requests that the array cannot answer give
    /// [`Error::Unordered`](crate::Error::Unordered) or another error of this crate.
    pub fn reduce(&self, engine: &Engine, source: &AnySource<'_>) -> Result<Answer> {
        self.run_answer(source, Task::Reduce(engine, None))
    }

    /// Does the same as [`reduce`](Self::reduce) with a checkpoint: a killed job resumes when run
    /// again.
    ///
    /// # Errors
    /// Returns the errors of [`rowmill_exec::Call::reduce`], and
    /// [`Error::NotMergeable`](crate::Error::NotMergeable) for exact quantiles.
    pub fn reduce_resumable(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<Answer> {
        // The label keeps axes apart: the checkpoint sees only the view in which they are reduced.
        let labelled = match &self.axes {
            Axes::Listed(_) => {
                let label = format!("over axes {} of {}", self.axes, source.shape());
                Some(checkpoint.clone().label(label))
            }
            _ => None,
        };
        self.run_answer(source, Task::Reduce(engine, Some(labelled.as_ref().unwrap_or(checkpoint))))
    }

    /// Computes the partial of some rows: see [`Engine::partial`].
    ///
    /// # Errors
    /// Returns the errors of [`Engine::partial`],
    /// [`Error::NotMergeable`](crate::Error::NotMergeable) for exact quantiles, and
    /// [`Error::NoInterval`](crate::Error::NoInterval) for histograms without an interval.
    pub fn partial(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        rows: Range<usize>,
    ) -> Result<Partial> {
        self.run_partial(source, Task::Partial(engine, rows))
    }

    /// Extends an earlier partial by the rows that it lacks: see [`Engine::partial_after`].
    ///
    /// # Errors
    /// Returns the errors of [`Engine::partial_after`].
    pub fn partial_after(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        earlier: Partial,
    ) -> Result<Partial> {
        self.run_partial(source, Task::PartialAfter(engine, earlier))
    }

    /// Computes the answer from merged partials. The selection of this request is ignored, because
    /// it was applied when the partials were made.
    ///
    /// # Errors
    /// Returns the errors of [`Partial::finish`], and
    /// [`Error::NoInterval`](crate::Error::NoInterval) for histograms without an interval.
    pub fn finish(&self, partial: &Partial) -> Result<Answer> {
        self.check_intervals()?;
        self.run_answer(&placeholder(partial)?, Task::Finish(partial))
    }

    fn run_answer(&self, source: &AnySource<'_>, task: Task<'_>) -> Result<Answer> {
        match self.run(source, task)? {
            Outcome::Columns(columns) => Ok(answer(self.dims(source.shape())?, columns)),
            Outcome::Partial(_) => unreachable!("a task that gives columns"),
        }
    }

    /// Refuses histograms without an interval: a partial of some rows cannot know it.
    fn check_intervals(&self) -> Result<()> {
        let lacks_interval = |s: &&Statistic| matches!(s, Statistic::Histogram(_, None));
        match self.statistics.iter().find(lacks_interval) {
            Some(statistic) => Err(crate::Error::NoInterval { statistic: statistic.to_string() }),
            None => Ok(()),
        }
    }

    fn run_partial(&self, source: &AnySource<'_>, task: Task<'_>) -> Result<Partial> {
        self.check_intervals()?;
        match self.run(source, task)? {
            Outcome::Partial(partial) => Ok(partial),
            Outcome::Columns(_) => unreachable!("a task that gives a state"),
        }
    }

    fn run(&self, source: &AnySource<'_>, task: Task<'_>) -> Result<Outcome> {
        if let AnySource::C64(x) = source {
            return run_complex::<Complex<f32>, f32>(&**x, self, task);
        }
        if let AnySource::C128(x) = source {
            return run_complex::<Complex<f64>, f64>(&**x, self, task);
        }
        match_source!(source, x => run_real(&**x, self, task); complex _x => unreachable!("seen above"))
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

/// A placeholder with the dtype and the shape of a partial. Nothing can be read from it.
fn placeholder(partial: &Partial) -> Result<AnySource<'static>> {
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
