//! From arguments to answers: every command that reduces comes through here.

use std::time::Instant;

use rowmill::Checkpoint;
use rowmill_any::{Answer, AnySource, Axes, Request, Selection, Statistic, Statistics};

use crate::args::{EngineArgs, ReadArgs, SelectArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::report::Took;
use crate::values::Nan;

/// What is asked of an input, whichever statistics are wanted.
pub(crate) struct Asked<'a> {
    pub(crate) axes: &'a Axes,
    pub(crate) keepdims: bool,
    pub(crate) nan: Nan,
    pub(crate) select: &'a SelectArgs,
    pub(crate) reading: &'a ReadArgs,
    pub(crate) engine: &'a EngineArgs,
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// An answer, how many seconds it took, and the report of its jobs.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) seconds: f64,
    pub(crate) took: Option<Took>,
}

impl<'a> Asked<'a> {
    /// The request for some statistics of an input.
    pub(crate) fn request(
        &self,
        statistics: Vec<Statistic>,
        selection: Selection<'a>,
    ) -> Request<'a> {
        Request::new(Statistics(statistics))
            .axes(self.axes.clone())
            .keepdims(self.keepdims)
            .nan(self.nan.into())
            .selection(selection)
    }

    /// The answer, in one read where the statistics allow it.
    pub(crate) fn answer(
        self,
        input: &'a Input,
        statistics: Vec<Statistic>,
    ) -> Result<Answered, Failure> {
        let selection = self.select.open(self.reading, input)?;
        let running = self.engine.build(&input.files[0])?;
        let source: AnySource<'_> = input.source()?;
        let request = self.request(statistics, selection);
        let start = Instant::now();
        let answer = match &self.checkpoint {
            None => request.reduce(&running.engine, &source),
            Some(checkpoint) => request.reduce_resumable(&running.engine, &source, checkpoint),
        };
        let answer = answer.map_err(|error| input.failure_over(self.axes, error))?;
        Ok(Answered { answer, seconds: start.elapsed().as_secs_f64(), took: running.finish() })
    }
}
