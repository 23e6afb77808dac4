//! The engine of a command, its progress bar and its reports.

use std::path::Path;

use rowmill::{ChunkSize, Engine, Error};

use crate::args::EngineArgs;
use crate::failure::Failure;
use crate::note;
use crate::progress::Bar;
use crate::report::{Reports, Took};

/// An engine, and who listens to it.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    bar: Bar,
    reports: Reports,
}

impl Running {
    /// All jobs are done: the bar goes. Gives what they took, if that was asked for.
    pub(crate) fn finish(self) -> Option<Took> {
        drop(self.bar);
        self.reports.tell()
    }
}

impl EngineArgs {
    /// An engine, the progress bar that it moves, and the reports of its jobs.
    pub(crate) fn build(&self, file: &Path) -> Result<Running, Failure> {
        let mut builder = Engine::builder();
        let auto = self.chunk == ChunkSize::Auto;
        if !auto {
            builder = builder.chunk(self.chunk);
        }
        if let Some(workers) = self.workers {
            builder = builder.workers(workers as usize);
        }
        // A profile is of all settings together: none is used beside settings that were asked for.
        if auto && self.workers.is_none() && !self.no_profile {
            builder = builder.tuned_for(file);
        }
        if let Some(ceiling) = self.memory_ceiling {
            builder = builder.memory_ceiling(ceiling.bytes);
        }
        let (bar, reports) = (Bar::new(!self.no_progress), Reports::new(self.report));
        match reports.collect(bar.watch(builder)).build() {
            Ok(engine) => {
                if let Some(profile) = engine.profile() {
                    note(format_args!("tuned: {profile}; --no-profile does without"));
                }
                Ok(Running { engine, bar, reports })
            }
            Err(error @ Error::BadOption { .. }) => Err(Failure::Usage(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}
