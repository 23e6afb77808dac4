//! The time and memory that a finished job took.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::engine::memory;
use crate::engine::memory::Usage;

/// The time and memory that a finished job took. Handed to the callback of
/// [`EngineBuilder::report`](crate::EngineBuilder::report).
///
/// The memory figures cover the whole process while the job ran; only Linux reports them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunReport {
    /// The kind of job: `reduce`, `map`, `stream`, `rows`.
    pub job: &'static str,
    /// Bytes of array elements that were read, without masks. For a stream that its consumer ended
    /// early, the bytes read until then.
    pub read: u64,
    /// Bytes of elements that were written to a file.
    pub written: u64,
    /// The duration from the first chunk to the result. For a job that writes a file, until the
    /// file was durable and had its name.
    pub elapsed: Duration,
    /// Workers that took at least one chunk.
    pub workers: usize,
    /// The number of chunks.
    pub chunks: usize,
    /// Whether finished chunks of mapped files were released to stay below the memory ceiling.
    pub released: bool,
    /// Peak resident bytes: private memory and pages of mapped files. Sampled a hundred times a
    /// second, and exact if it is the peak since the process began.
    pub peak_resident: Option<u64>,
    /// Page faults that waited for a disk.
    pub major_faults: Option<u64>,
    /// Page faults that did not wait for a disk.
    pub minor_faults: Option<u64>,
}

impl RunReport {
    /// Bytes read and written per second of wall-clock time.
    #[must_use]
    pub fn bytes_per_second(&self) -> f64 {
        (self.read + self.written) as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for RunReport {
    /// One human-readable line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mega = |bytes: u64| bytes as f64 / 1e6;
        write!(f, "{}: {:.1} MB read", self.job, mega(self.read))?;
        if self.written > 0 {
            write!(f, ", {:.1} MB written", mega(self.written))?;
        }
        let speed = self.bytes_per_second() / 1e9;
        write!(f, " in {:.4} s ({speed:.2} GB/s)", self.elapsed.as_secs_f64())?;
        let many = |n: usize, what| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        write!(f, ", {}, {}", many(self.workers, "worker"), many(self.chunks, "chunk"))?;
        if let Some(peak) = self.peak_resident {
            write!(f, ", peak resident {:.1} MB", mega(peak))?;
        }
        if let (Some(major), Some(minor)) = (self.major_faults, self.minor_faults) {
            write!(f, ", page faults {major} major {minor} minor")?;
        }
        if self.released {
            write!(f, ", finished chunks let go")?;
        }
        Ok(())
    }
}

/// The callback for the report of a finished job.
#[derive(Clone)]
pub(crate) struct Reporter(pub(crate) Arc<dyn Fn(&RunReport) + Send + Sync>);

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}

/// Watches the memory of the process while a job runs.
#[derive(Debug)]
pub(crate) struct Watch {
    before: Option<Usage>,
    most: Mutex<u64>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let before = Usage::now();
        Self { before, most: Mutex::new(before.map_or(0, |u| u.resident)) }
    }

    /// Samples the resident bytes.
    pub(crate) fn look(&self) {
        if let Some(resident) = memory::resident() {
            self.note(resident);
        }
    }

    fn note(&self, resident: u64) {
        let mut most = self.most.lock();
        *most = resident.max(*most);
    }

    /// Peak, major and minor faults since the start.
    pub(crate) fn end(&self) -> Option<(u64, u64, u64)> {
        let (now, before) = (Usage::now()?, self.before?);
        self.note(now.resident);
        let peak = if now.peak > before.peak { now.peak } else { *self.most.lock() };
        let since = |now: u64, before: u64| now.saturating_sub(before);
        Some((
            peak,
            since(now.major_faults, before.major_faults),
            since(now.minor_faults, before.minor_faults),
        ))
    }
}
