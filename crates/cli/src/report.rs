//! `--report`: the resources of jobs, as lines of text and as a JSON object.

use std::sync::{Arc, Mutex, PoisonError};

use rowmill::EngineBuilder;
use rowmill::engine::RunReport;
use serde::Serialize;

use crate::note;

/// The resources of all jobs of a command, as in the JSON. Times, bytes, chunks and page faults are
/// summed; workers and memory are maxima. Null means that the system does not provide the figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Resources {
    read: u64,
    written: u64,
    seconds: f64,
    bytes_per_second: f64,
    workers: usize,
    chunks: usize,
    released: bool,
    peak_resident: Option<u64>,
    major_faults: Option<u64>,
    minor_faults: Option<u64>,
}

impl Resources {
    /// Sums these reports; `None` for a command without jobs.
    fn of(reports: &[RunReport]) -> Option<Self> {
        let all = || reports.iter();
        let sum = |part: fn(&RunReport) -> Option<u64>| all().map(part).sum::<Option<u64>>();
        let (read, written) = (all().map(|r| r.read).sum(), all().map(|r| r.written).sum());
        let seconds: f64 = all().map(|r| r.elapsed.as_secs_f64()).sum();
        Some(Self {
            read,
            written,
            seconds,
            bytes_per_second: (read + written) as f64 / seconds.max(1e-9),
            workers: all().map(|r| r.workers).max()?,
            chunks: all().map(|r| r.chunks).sum(),
            released: all().any(|r| r.released),
            peak_resident: all().map(|r| r.peak_resident).max()?,
            major_faults: sum(|r| r.major_faults),
            minor_faults: sum(|r| r.minor_faults),
        })
    }
}

/// The reports of an engine's jobs, if requested.
pub(crate) struct Reports(Option<Arc<Mutex<Vec<RunReport>>>>);

impl Reports {
    pub(crate) fn new(wanted: bool) -> Self {
        Self(wanted.then(Arc::default))
    }

    /// Collects the reports of an engine's jobs.
    pub(crate) fn collect(&self, builder: EngineBuilder) -> EngineBuilder {
        let Some(list) = &self.0 else { return builder };
        let list = Arc::clone(list);
        builder.report(move |report| {
            list.lock().unwrap_or_else(PoisonError::into_inner).push(report.clone());
        })
    }

    /// Notes the report of each job, and returns the total.
    pub(crate) fn finish(self) -> Option<Resources> {
        let list = self.0?;
        let reports = list.lock().unwrap_or_else(PoisonError::into_inner);
        reports.iter().for_each(note);
        Resources::of(&reports)
    }
}
