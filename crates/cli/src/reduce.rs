//! From arguments to answers, for every command that reduces.

use std::time::Instant;

use rowmill::Checkpoint;
use rowmill_any::{Answer, Axes, Request, Statistic, Statistics};

use crate::args::{AxesArgs, CheckpointArgs, JobArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::report::Resources;

/// The reduced axes, and the checkpoint of the job.
pub(crate) struct ReduceOptions<'a> {
    axes: &'a Axes,
    keepdims: bool,
    checkpoint: Option<Checkpoint>,
}

/// An answer, the seconds it took, and the resources of its jobs.
pub(crate) struct TimedAnswer {
    pub(crate) answer: Answer,
    pub(crate) seconds: f64,
    pub(crate) resources: Option<Resources>,
}

/// The way to resume an interrupted job, if its checkpoint is there.
pub(crate) fn resume_by(checkpoint: Option<&Checkpoint>) -> Option<String> {
    let path = checkpoint?.path();
    path.exists().then(|| {
        format!("run the same command again to resume from the checkpoint {}", path.display())
    })
}

impl<'a> ReduceOptions<'a> {
    pub(crate) fn axes(axes: &'a Axes) -> Self {
        Self { axes, keepdims: false, checkpoint: None }
    }

    /// Uses a checkpoint, if requested.
    pub(crate) fn checkpoint(self, args: &CheckpointArgs) -> Self {
        Self { checkpoint: args.get(), ..self }
    }
}

impl AxesArgs {
    pub(crate) fn options(&self) -> ReduceOptions<'_> {
        ReduceOptions { keepdims: self.keepdims, ..ReduceOptions::axes(&self.axis) }
    }
}

impl JobArgs {
    /// Computes statistics of an input, in one read where possible.
    pub(crate) fn answer(
        &self,
        options: ReduceOptions<'_>,
        input: &Input,
        statistics: Vec<Statistic>,
    ) -> Result<TimedAnswer, Failure> {
        let selection = self.select.open(&self.input.reading, input)?;
        let running = self.engine.build(&input.files[0])?;
        let source = input.source()?;
        let request = Request::new(Statistics(statistics))
            .axes(options.axes.clone())
            .keepdims(options.keepdims)
            .nan(self.nan.into())
            .selection(selection);
        let start = Instant::now();
        let answer = match &options.checkpoint {
            None => request.reduce(&running.engine, &source),
            Some(checkpoint) => request.reduce_resumable(&running.engine, &source, checkpoint),
        };
        let answer = answer.map_err(|error| {
            let failure = input.failure_for_axes(options.axes, error);
            failure.or_left(|| resume_by(options.checkpoint.as_ref()))
        })?;
        Ok(TimedAnswer {
            answer,
            seconds: start.elapsed().as_secs_f64(),
            resources: running.finish(),
        })
    }
}
