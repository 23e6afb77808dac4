//! Running the chunks of a job on the workers: who takes which, what happens on failure, and what
//! the caller's thread does meanwhile.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use parking_lot::Mutex;

use crate::{Engine, Error, Progress, Result};

/// Jobs of fewer bytes run on the caller's thread: waking the workers takes as long as reading
/// about this much.
const SMALL_BYTES: u64 = 512 << 10;

/// How often the progress callback is called.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the workers of a job share.
struct Shared {
    next: AtomicUsize,
    done_bytes: AtomicU64,
    stop: AtomicBool,
    /// The failure of the lowest chunk that failed.
    failure: Mutex<Option<(usize, Error)>>,
}

impl Shared {
    fn fail(&self, chunk: usize, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failure = self.failure.lock();
        if failure.as_ref().is_none_or(|(earlier, _)| chunk < *earlier) {
            *failure = Some((chunk, error));
        }
    }
}

impl Engine {
    /// Runs `work` for every chunk, in rising order, each worker with a state of its own. Stops at
    /// the first failure, at a panic, and when cancelled.
    pub(crate) fn run<W>(
        &self,
        job: &'static str,
        chunks: usize,
        bytes: impl Fn(usize) -> u64 + Sync,
        worker: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, usize) -> Result<()> + Sync,
    ) -> Result<()> {
        let start = Instant::now();
        let total: u64 = (0..chunks).map(&bytes).sum();
        let shared = Shared {
            next: AtomicUsize::new(0),
            done_bytes: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
        };
        let report = || {
            if let Some(observer) = &self.observer {
                let done = shared.done_bytes.load(Ordering::Relaxed);
                (observer.0)(&Progress { job, done, total, elapsed: start.elapsed() });
            }
        };
        // Takes chunks until there is none left; `each` is called after each.
        let take_chunks = |each: &dyn Fn()| {
            let mut state = None;
            while !shared.stop.load(Ordering::Relaxed) {
                let chunk = shared.next.fetch_add(1, Ordering::Relaxed);
                if chunk >= chunks {
                    break;
                }
                if self.cancel.is_cancelled() {
                    shared.fail(chunk, Error::Cancelled);
                    break;
                }
                let state = state.get_or_insert_with(&worker);
                match catch_unwind(AssertUnwindSafe(|| work(state, chunk))) {
                    Ok(Ok(())) => {
                        shared.done_bytes.fetch_add(bytes(chunk), Ordering::Relaxed);
                    }
                    Ok(Err(error)) => shared.fail(chunk, error),
                    Err(panic) => {
                        let message = panic_message(&*panic);
                        shared.fail(chunk, Error::KernelPanicked { chunk, message });
                    }
                }
                each();
            }
        };
        let workers = self.workers().min(chunks);
        // A job within a job must not wait for the workers that it is run by.
        let nested = self.pool.current_thread_index().is_some();
        if total < SMALL_BYTES || workers <= 1 || nested {
            let last = std::cell::Cell::new(start);
            take_chunks(&|| {
                if last.get().elapsed() >= PROGRESS_EVERY {
                    last.set(Instant::now());
                    report();
                }
            });
        } else {
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
                if self.observer.is_some() {
                    while finished.recv_timeout(PROGRESS_EVERY) == Err(RecvTimeoutError::Timeout) {
                        report();
                    }
                }
            });
        }
        if let Some((_, error)) = shared.failure.into_inner() {
            return Err(error);
        }
        report();
        Ok(())
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}
