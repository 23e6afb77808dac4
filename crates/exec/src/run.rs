//! Running the chunks of a job: who takes which, what happens on failure, and what the caller's
//! thread does meanwhile.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use parking_lot::Mutex;

use crate::report::Watch;
use crate::{Engine, Error, Progress, Result, RunReport};

/// Jobs of fewer bytes run on the caller's thread: waking the workers takes as long as reading
/// about this much.
const SMALL_BYTES: u64 = 4 << 20;

/// How often the progress callback is called, and how soon a waiting thread looks up.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// How often the memory of the process is looked at, if somebody wants to know.
const LOOK: Duration = Duration::from_millis(10);

/// A job under way: what its workers share.
pub(crate) struct Job<'a> {
    engine: &'a Engine,
    name: &'static str,
    chunks: usize,
    total: u64,
    written: u64,
    start: Instant,
    watch: Option<Watch>,
    next: AtomicUsize,
    done: AtomicU64,
    stop: AtomicBool,
    /// The failure of the lowest chunk that failed.
    failure: Mutex<Option<(usize, Error)>>,
}

impl<'a> Job<'a> {
    /// A job of so many chunks and bytes of input.
    pub(crate) fn new(engine: &'a Engine, name: &'static str, chunks: usize, total: u64) -> Self {
        Self {
            engine,
            name,
            chunks,
            total,
            written: 0,
            start: Instant::now(),
            watch: engine.reporter.as_ref().map(|_| Watch::start()),
            next: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// The same job, that writes so many bytes.
    pub(crate) fn writing(self, written: u64) -> Self {
        Self { written, ..self }
    }

    /// Whether finished chunks have to be let go, for all of them would not stay below the memory
    /// ceiling.
    pub(crate) fn lets_go(&self) -> bool {
        self.total.saturating_add(self.written) > self.engine.ceiling / 2
    }

    /// How many workers are of use. One means the caller's own thread: when the job is small, or
    /// when it is part of a job of the same engine, whose workers may all be waiting for it.
    pub(crate) fn workers(&self) -> usize {
        let nested = self.engine.pool.current_thread_index().is_some();
        if nested || self.total < SMALL_BYTES {
            1
        } else {
            self.engine.workers().min(self.chunks).max(1)
        }
    }

    /// The next chunk, in rising order.
    pub(crate) fn take(&self) -> Option<usize> {
        let go_on = !self.stop.load(Ordering::Relaxed);
        let chunk = || self.next.fetch_add(1, Ordering::Relaxed);
        go_on.then(chunk).filter(|&chunk| chunk < self.chunks)
    }

    /// Does a chunk, of so many bytes. A failure, a panic or a cancellation stops the job.
    pub(crate) fn step<R>(
        &self,
        chunk: usize,
        bytes: u64,
        work: impl FnOnce() -> Result<R>,
    ) -> Option<R> {
        let failure = if self.engine.cancel.is_cancelled() {
            Error::Cancelled
        } else {
            match catch_unwind(AssertUnwindSafe(work)) {
                Ok(Ok(result)) => {
                    self.done.fetch_add(bytes, Ordering::Relaxed);
                    return Some(result);
                }
                Ok(Err(error)) => error,
                Err(panic) => Error::KernelPanicked { chunk, message: panic_message(&*panic) },
            }
        };
        self.stop();
        let mut earliest = self.failure.lock();
        if earliest.as_ref().is_none_or(|(earlier, _)| chunk < *earlier) {
            *earliest = Some((chunk, failure));
        }
        None
    }

    /// Lets no further chunk be taken.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether there is a reason to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Tells the observer how far the job is.
    pub(crate) fn report(&self) {
        if let Some(observer) = &self.engine.observer {
            let done = self.done.load(Ordering::Relaxed);
            let elapsed = self.start.elapsed();
            (observer.0)(&Progress { job: self.name, done, total: self.total, elapsed });
        }
    }

    /// Looks at the memory of the process.
    fn look(&self) {
        if let Some(watch) = &self.watch {
            let _ = watch.look();
        }
    }

    /// The end: the first failure, if there was one.
    pub(crate) fn end(&self) -> Result<()> {
        match self.failure.lock().take() {
            Some((_, error)) => return Err(error),
            None => self.report(),
        }
        if let (Some(reporter), Some(watch)) = (&self.engine.reporter, &self.watch) {
            let (elapsed, usage) = (self.start.elapsed(), watch.end());
            (reporter.0)(&RunReport {
                job: self.name,
                read: self.total,
                written: self.written,
                elapsed,
                workers: self.workers(),
                chunks: self.chunks,
                released: self.lets_go(),
                peak_resident: usage.map(|u| u.0),
                major_faults: usage.map(|u| u.1),
                minor_faults: usage.map(|u| u.2),
            });
        }
        Ok(())
    }
}

impl Engine {
    /// Does `work` for every chunk, each worker with a state of its own.
    pub(crate) fn run<W>(
        &self,
        job: &Job<'_>,
        bytes: impl Fn(usize) -> u64 + Sync,
        worker: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, usize) -> Result<()> + Sync,
    ) {
        let take_chunks = |after_each: &dyn Fn()| {
            let mut state = None;
            while let Some(chunk) = job.take() {
                job.step(chunk, bytes(chunk), || work(state.get_or_insert_with(&worker), chunk));
                after_each();
            }
        };
        let workers = job.workers();
        if workers == 1 {
            let (last, looked) = (Cell::new(job.start), Cell::new(job.start));
            take_chunks(&|| {
                if self.observer.is_none() && self.reporter.is_none() {
                    return;
                }
                if last.get().elapsed() >= TICK {
                    last.set(Instant::now());
                    job.report();
                }
                if looked.get().elapsed() >= LOOK {
                    looked.set(Instant::now());
                    job.look();
                }
            });
            return;
        }
        // Closed when the last worker is done.
        let (running, finished) = bounded::<()>(0);
        let take_chunks = &take_chunks;
        self.pool.in_place_scope(|scope| {
            for _ in 0..workers {
                let running = running.clone();
                scope.spawn(move |_| {
                    take_chunks(&|| {});
                    drop(running);
                });
            }
            drop(running);
            let mut last = job.start;
            let tick = if self.reporter.is_some() { LOOK } else { TICK };
            if self.observer.is_some() || self.reporter.is_some() {
                while finished.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    job.look();
                    if last.elapsed() >= TICK {
                        last = Instant::now();
                        job.report();
                    }
                }
            }
        });
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}
