//! The engine of a command, with its progress bar and its reports.

use std::path::Path;

use rowmill::{ChunkSize, Engine, Error};

use crate::args::EngineArgs;
use crate::failure::Failure;
use crate::interrupt::Interruptible;
use crate::note;
use crate::progress::Bar;
use crate::report::{Reports, Resources};

/// An engine, its progress bar and its reports.
pub(crate) struct MonitoredEngine {
    pub(crate) engine: Engine,
    bar: Bar,
    reports: Reports,
    /// Dropped last: until then a signal cancels the jobs of the engine.
    _interruptible: Interruptible,
}

impl MonitoredEngine {
    /// Removes the bar after all jobs. Returns their resources, if requested.
    pub(crate) fn finish(self) -> Option<Resources> {
        drop(self.bar);
        self.reports.finish()
    }
}

impl EngineArgs {
    /// Builds the engine, with the progress bar and the reports of its jobs.
    pub(crate) fn build(&self, file: &Path) -> Result<MonitoredEngine, Failure> {
        let mut builder = Engine::builder();
        let auto = self.chunk == ChunkSize::Auto;
        if !auto {
            builder = builder.chunk(self.chunk);
        }
        if let Some(workers) = self.workers {
            builder = builder.workers(workers as usize);
        }
        // A profile covers all settings, so it is not mixed with explicit ones.
        if auto && self.workers.is_none() && !self.no_profile {
            builder = builder.tuned_for(file);
        }
        if let Some(ceiling) = self.memory_ceiling {
            builder = builder.memory_ceiling(ceiling.bytes);
        }
        let (bar, reports) = (Bar::new(!self.no_progress), Reports::new(self.report));
        let interruptible = Interruptible::begin().map_err(Failure::Setup)?;
        builder = builder.cancel(interruptible.token());
        match reports.collect(bar.watch(builder)).build() {
            Ok(engine) => {
                if let Some(profile) = engine.profile() {
                    note(format_args!("tuned: {profile}; --no-profile does without"));
                }
                Ok(MonitoredEngine { engine, bar, reports, _interruptible: interruptible })
            }
            Err(error @ Error::BadOption { .. }) => Err(Failure::Usage(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}
