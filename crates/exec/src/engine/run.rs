//! Running the chunks of a job: scheduling, failures, and the duties of the caller's thread
//! meanwhile.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use rayon::prelude::*;

use crate::engine::input::Input;
use crate::engine::report::Watch;
use crate::engine::{Engine, OWN, Progress, RunReport};
use crate::error::{Error, Result};

/// Jobs of fewer bytes run on the caller's thread: waking the workers takes as long as reading
/// about this much.
const SMALL_BYTES: u64 = 4 << 20;

/// The interval of the progress callback, and of checks by a waiting thread.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The interval of memory samples, if a report is requested.
const LOOK: Duration = Duration::from_millis(10);

thread_local! {
    /// Whether this thread is a worker of an engine.
    static WORKS: Cell<bool> = const { Cell::new(false) };
}

/// Marks the thread as a worker of an engine; each worker calls it first.
pub(crate) fn begin_worker() {
    WORKS.set(true);
}

/// A running job: the state that its workers share.
pub(crate) struct Job<'a> {
    engine: &'a Engine,
    name: &'static str,
    chunks: usize,
    total: u64,
    written: u64,
    releases: bool,
    start: Instant,
    watch: Option<Watch>,
    next: AtomicUsize,
    done: AtomicU64,
    stop: AtomicBool,
    /// The failure of the lowest failed chunk.
    failure: Mutex<Option<(usize, Error)>>,
}

impl<'a> Job<'a> {
    /// A job of this many chunks and bytes of input.
    pub(crate) fn new(engine: &'a Engine, name: &'static str, chunks: usize, total: u64) -> Self {
        let watch = engine.reporter.as_ref().map(|_| Watch::start());
        Self {
            engine,
            name,
            chunks,
            total,
            written: 0,
            releases: false,
            start: Instant::now(),
            watch,
            next: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// The same job with this many bytes of output.
    pub(crate) fn writing(self, written: u64) -> Self {
        Self { written, ..self }
    }

    /// The same job; it releases finished chunks if all of them would exceed the memory ceiling.
    pub(crate) fn within_ceiling(self) -> Self {
        let bytes = self.total.saturating_add(self.written);
        Self { releases: bytes > self.engine.ceiling / 2, ..self }
    }

    /// Whether finished chunks are released.
    pub(crate) fn releases(&self) -> bool {
        self.releases
    }

    /// The number of useful workers. One means the caller's own thread: the job is small, or it is
    /// nested in a job of this or another engine, whose workers may all be waiting for it.
    pub(crate) fn workers(&self) -> usize {
        if WORKS.get() || self.total < SMALL_BYTES {
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

    /// Runs one chunk of this many bytes. A failure, a panic or a cancellation stops the job.
    pub(crate) fn step<R>(
        &self,
        chunk: usize,
        bytes: u64,
        work: impl FnOnce() -> Result<R>,
    ) -> Option<R> {
        let (mut work, mut result) = (Some(work), None);
        self.attempt(chunk, bytes, &mut || {
            if let Some(work) = work.take() {
                result = Some(work()?);
            }
            Ok(())
        });
        result
    }

    /// As [`step`](Self::step), compiled once.
    fn attempt(&self, chunk: usize, bytes: u64, work: &mut dyn FnMut() -> Result<()>) {
        let failure = if self.engine.cancel.is_cancelled() {
            Error::Cancelled
        } else {
            match catch_unwind(AssertUnwindSafe(work)) {
                Ok(Ok(())) => {
                    self.done.fetch_add(bytes, Ordering::Relaxed);
                    return;
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
    }

    /// Stops handing out chunks.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the job has to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reports progress to the observer.
    pub(crate) fn report(&self) {
        if let Some(observer) = &self.engine.observer {
            let done = self.done.load(Ordering::Relaxed);
            let elapsed = self.start.elapsed();
            (observer.0)(&Progress { job: self.name, done, total: self.total, elapsed });
        }
    }

    /// Ends the job, complete or not: returns the first failure, if any. The source must be
    /// unchanged since it was opened.
    pub(crate) fn end(&self, input: &dyn Input) -> Result<()> {
        self.end_dyn(&|| input.check(), &|| input.verify())
    }

    /// As [`end`](Self::end), with the type-erased checks of the source.
    pub(crate) fn end_dyn(
        &self,
        check: &dyn Fn() -> Result<()>,
        verify: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let failure = self.failure.lock().take();
        match failure {
            Some((_, error @ Error::Cancelled)) => Err(error),
            Some((_, error)) => {
                // A kernel may have panicked on bytes past the end of a truncated file.
                check()?;
                Err(error)
            }
            None => {
                self.report();
                verify()
            }
        }
    }

    /// Ends a job that succeeded, and sends its report.
    pub(crate) fn succeed(&self) {
        let (Some(reporter), Some(watch)) = (&self.engine.reporter, &self.watch) else { return };
        let (elapsed, usage) = (self.start.elapsed(), watch.end());
        (reporter.0)(&RunReport {
            job: self.name,
            read: self.done.load(Ordering::Relaxed),
            written: self.written,
            elapsed,
            workers: self.workers(),
            chunks: self.chunks,
            released: self.releases,
            peak_resident: usage.map(|u| u.0),
            major_faults: usage.map(|u| u.1),
            minor_faults: usage.map(|u| u.2),
        });
    }
}

/// The regular duties of the thread that waits for a job: it reports progress and samples the
/// memory of the process.
pub(crate) struct Pulse<'a> {
    job: &'a Job<'a>,
    reported: Cell<Instant>,
    looked: Cell<Instant>,
}

impl<'a> Pulse<'a> {
    pub(crate) fn new(job: &'a Job<'a>) -> Self {
        Self { job, reported: Cell::new(job.start), looked: Cell::new(job.start) }
    }

    /// The interval of these duties; `None` if there is neither an observer nor a report.
    pub(crate) fn every(&self) -> Option<Duration> {
        let observed = self.job.engine.observer.is_some().then_some(TICK);
        self.job.watch.is_some().then_some(LOOK).or(observed)
    }

    /// Does what is due.
    pub(crate) fn beat(&self) {
        if self.every().is_none() {
            return;
        }
        let now = Instant::now();
        if let Some(watch) = &self.job.watch
            && now.duration_since(self.looked.get()) >= LOOK
        {
            self.looked.set(now);
            watch.look();
        }
        if now.duration_since(self.reported.get()) >= TICK {
            self.reported.set(now);
            self.job.report();
        }
    }
}

/// Calls `work` for each number below `n` on the workers of this thread's engine. Not generic:
/// rayon's code for each closure takes long to compile.
pub(crate) fn for_each(n: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..n).into_par_iter().for_each(work);
}

impl Engine {
    /// Runs `work` on a worker, so that [`for_each`] uses the engine's pool.
    pub(crate) fn on_workers(&self, work: &mut (dyn FnMut() + Send)) {
        if WORKS.get() {
            return work();
        }
        if !self.is_guest() {
            return self.pool.install(work);
        }
        let waited = std::thread::scope(|threads| threads.spawn(|| self.pool.install(work)).join());
        if let Err(panic) = waited {
            std::panic::resume_unwind(panic);
        }
    }

    /// Calls `work` for every chunk; each worker has its own state.
    pub(crate) fn run<W: 'static>(
        &self,
        job: &Job<'_>,
        bytes: impl Fn(usize) -> u64 + Sync,
        worker: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, usize) -> Result<()> + Sync,
    ) {
        self.run_dyn(job, &bytes, &|| Box::new(worker()), &|state, chunk| {
            work(state.downcast_mut().expect(OWN), chunk)
        });
    }

    /// As [`run`](Self::run), compiled once.
    pub(crate) fn run_dyn(
        &self,
        job: &Job<'_>,
        bytes: &(dyn Fn(usize) -> u64 + Sync),
        worker: &(dyn Fn() -> Box<dyn Any> + Sync),
        work: &(dyn Fn(&mut dyn Any, usize) -> Result<()> + Sync),
    ) {
        let take_chunks = |after_each: &dyn Fn()| {
            let mut state = None;
            while let Some(chunk) = job.take() {
                job.attempt(chunk, bytes(chunk), &mut || {
                    work(&mut **state.get_or_insert_with(worker), chunk)
                });
                after_each();
            }
        };
        let pulse = Pulse::new(job);
        let workers = job.workers();
        if workers == 1 {
            take_chunks(&|| pulse.beat());
            return;
        }
        // Disconnected when the last worker is done.
        let (running, finished) = bounded::<()>(0);
        let all_chunks = || take_chunks(&|| {});
        let watch = || {
            if let Some(tick) = pulse.every() {
                while finished.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    pulse.beat();
                }
            }
        };
        if !self.is_guest() {
            self.pool.in_place_scope(|scope| {
                start(scope, workers, running, &all_chunks);
                watch();
            });
            return;
        }
        std::thread::scope(|threads| {
            threads.spawn(|| {
                self.pool.in_place_scope(|scope| start(scope, workers, running, &all_chunks));
            });
            watch();
        });
    }

    /// Whether this thread is a worker of a pool that belongs to no engine. While it waited for our
    /// workers, rayon would run other work of its own pool on the same stack, under the same locks.
    /// So a thread of its own waits in its place, and this one blocks like any other.
    fn is_guest(&self) -> bool {
        rayon::current_thread_index().is_some() && !WORKS.get()
    }
}

/// Starts this many workers, each of which holds on to `running`.
fn start<'s>(
    scope: &rayon::Scope<'s>,
    workers: usize,
    running: Sender<()>,
    work: &'s (dyn Fn() + Sync),
) {
    for _ in 0..workers {
        let running = running.clone();
        scope.spawn(move |_| {
            work();
            drop(running);
        });
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_measured_unless_somebody_wants_to_know() {
        let quiet = Engine::builder().workers(2).build().expect("an engine");
        let job = Job::new(&quiet, "reduce", 8, 1 << 30);
        assert!(job.watch.is_none() && Pulse::new(&job).every().is_none());
        let observed = Engine::builder().workers(2).progress(|_| {}).build().expect("an engine");
        let job = Job::new(&observed, "reduce", 8, 1 << 30);
        assert!(job.watch.is_none() && Pulse::new(&job).every() == Some(TICK));
        let reporting = Engine::builder().workers(2).report(|_| {}).build().expect("an engine");
        let job = Job::new(&reporting, "reduce", 8, 1 << 30);
        assert!(job.watch.is_some() && Pulse::new(&job).every() == Some(LOOK));
    }

    #[test]
    fn jobs_above_half_the_ceiling_release() {
        let engine = Engine::builder().workers(1).memory_ceiling(8 << 20);
        let engine = engine.build().expect("the least ceiling");
        let job = |read, written| Job::new(&engine, "map", 9, read).writing(written);
        let releases = |read, written| job(read, written).within_ceiling().releases();
        assert!(!job(u64::MAX, 0).releases(), "only what is reported to");
        assert!(!releases(4 << 20, 0) && !releases(2 << 20, 2 << 20) && !releases(0, 0));
        assert!(releases((4 << 20) + 1, 0) && releases(0, 5 << 20) && releases(u64::MAX, u64::MAX));
    }
}
