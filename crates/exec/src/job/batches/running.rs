//! The consumer's side of an epoch: takes batches in order as the loader finishes them.

use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use rowmill_core::{Element, Source};

use super::Batch;
use super::loader::Loader;
use crate::engine::control::Observer;
use crate::engine::run::{TICK, panic_message};
use crate::engine::{CancelToken, Progress};
use crate::error::{Error, Result};

/// The batches of an epoch, in order. Made from [`ShuffledBatches`](super::ShuffledBatches).
///
/// An item is an error if an option is invalid ([`Error::BadOption`]), or if the array cannot be
/// read or changed meanwhile ([`Error::File`]). So it is if memory ([`Error::TooManyRows`]) or
/// threads ([`Error::LoaderThread`]) run out, and if the engine's token was cancelled
/// ([`Error::Cancelled`]). An error is the last item. Rows are delivered only after the file was
/// found unchanged since it was opened.
///
/// The engine's progress callback is called on the consumer's thread. Dropping the iterator stops
/// reading, within 4 MiB per thread.
#[derive(Debug)]
pub struct Batches<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Running(Running<T>),
    Failed(Option<Error>),
}

/// A running epoch.
#[derive(Debug)]
pub(super) struct Running<T> {
    /// Batches of the current group.
    ready: VecDeque<Batch<T>>,
    /// `None` at the end.
    groups: Option<Receiver<Result<Vec<Batch<T>>>>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    cancel: CancelToken,
    observer: Option<Observer>,
    progress: Progress,
    begun: Instant,
    reported: Instant,
}

impl<T> From<Result<Running<T>>> for Batches<T> {
    fn from(started: Result<Running<T>>) -> Self {
        Self(match started {
            Ok(running) => State::Running(running),
            Err(error) => State::Failed(Some(error)),
        })
    }
}

impl<T: Element> Iterator for Batches<T> {
    type Item = Result<Batch<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let running = match &mut self.0 {
            State::Running(running) => running,
            State::Failed(error) => return error.take().map(Err),
        };
        match running.next() {
            Ok(batch) => batch.map(Ok),
            Err(error) => {
                // This drops the running epoch, which stops it.
                self.0 = State::Failed(None);
                Some(Err(error))
            }
        }
    }
}

impl<T: Element> FusedIterator for Batches<T> {}

impl<T: Element> Running<T> {
    /// Starts the loader of an epoch of `total` bytes.
    pub(super) fn start<S>(
        loader: Loader<T, S>,
        total: u64,
        observer: Option<Observer>,
    ) -> Result<Self>
    where
        S: Source<T> + Send + 'static,
    {
        let (cancel, stop) = (loader.cancel.clone(), Arc::clone(&loader.stop));
        let (send, groups) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("rowmill-batches".to_owned())
            .spawn(move || loader.run(&send))
            .map_err(|source| Error::LoaderThread { source })?;
        Ok(Self {
            ready: VecDeque::new(),
            groups: Some(groups),
            thread: Some(thread),
            stop,
            cancel,
            observer,
            progress: Progress { job: "batches", done: 0, total, elapsed: Duration::ZERO },
            begun: Instant::now(),
            reported: Instant::now(),
        })
    }

    fn next(&mut self) -> Result<Option<Batch<T>>> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if self.reported.elapsed() >= TICK {
                self.report();
            }
            if let Some(batch) = self.ready.pop_front() {
                self.progress.done += size_of_val(batch.as_slice()) as u64;
                return Ok(Some(batch));
            }
            let Some(groups) = &self.groups else { return Ok(None) };
            match groups.recv_timeout(TICK) {
                Ok(group) => self.ready = group?.into(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.groups = None;
                    if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                        let message = panic_message(&*panic);
                        return Err(Error::KernelPanicked { chunk: 0, message });
                    }
                    self.report();
                }
            }
        }
    }

    fn report(&mut self) {
        self.reported = Instant::now();
        self.progress.elapsed = self.begun.elapsed();
        if let Some(observer) = &self.observer {
            (observer.0)(&self.progress);
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The loader stops waiting for its group to be taken.
        self.groups = None;
        if let Some(thread) = self.thread.take() {
            // Its panic concerns only work that nobody needs any more.
            let _ = thread.join();
        }
    }
}
