//! From arguments to answers: every command that reduces comes through here.

use std::time::Instant;

use rowmill::Checkpoint;
use rowmill_any::{Answer, Axes, Request, Statistic, Statistics};

use crate::args::{AxesArgs, CheckpointArgs, JobArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::report::Took;

/// The axes that are reduced, and the checkpoint of the job.
pub(crate) struct Over<'a> {
    axes: &'a Axes,
    keepdims: bool,
    checkpoint: Option<Checkpoint>,
}

/// An answer, how many seconds it took, and the report of its jobs.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) seconds: f64,
    pub(crate) took: Option<Took>,
}

impl<'a> Over<'a> {
    pub(crate) fn axes(axes: &'a Axes) -> Self {
        Self { axes, keepdims: false, checkpoint: None }
    }

    /// Kept in a checkpoint, if one is asked for.
    pub(crate) fn checkpoint(self, args: &CheckpointArgs) -> Self {
        Self { checkpoint: args.get(), ..self }
    }
}

impl AxesArgs {
    pub(crate) fn over(&self) -> Over<'_> {
        Over { keepdims: self.keepdims, ..Over::axes(&self.axis) }
    }
}

impl JobArgs {
    /// The answer for some statistics of an input, in one read where they allow it.
    pub(crate) fn answer(
        &self,
        over: Over<'_>,
        input: &Input,
        statistics: Vec<Statistic>,
    ) -> Result<Answered, Failure> {
        let selection = self.select.open(&self.input.reading, input)?;
        let running = self.engine.build(&input.files[0])?;
        let source = input.source()?;
        let request = Request::new(Statistics(statistics))
            .axes(over.axes.clone())
            .keepdims(over.keepdims)
            .nan(self.nan.into())
            .selection(selection);
        let start = Instant::now();
        let answer = match &over.checkpoint {
            None => request.reduce(&running.engine, &source),
            Some(checkpoint) => request.reduce_resumable(&running.engine, &source, checkpoint),
        };
        let answer = answer.map_err(|error| input.failure_over(over.axes, error))?;
        Ok(Answered { answer, seconds: start.elapsed().as_secs_f64(), took: running.finish() })
    }
}
