//! Shuffled batches: every row once, in an order that a seed decides, read in long runs.
//!
//! ```text
//!   rows in the file   | window 0 | window 1 | window 2 | window 3 | ...
//!   visited as                 2, 0 | 3, 1 | ...               windows shuffled, two to a group
//!   loaded by               [ 2 and 0 ]  [ 3 and 1 ]           in file order, each row to its place
//!   rows shuffled          b b b b b b|b  b b b b|b ...        cut into batches
//! ```
//!
//! A loader thread fills the batches of one group while the consumer takes those of the group
//! before, and waits for the consumer to come for them: two groups are in memory at a time.

use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use rowmill_core::{Element, Source, TileBuffer, zeros};

use crate::control::Observer;
use crate::gather::{Gather, Slot, slots};
use crate::run::{TICK, panic_message};
use crate::shuffle::Order;
use crate::{CancelToken, Engine, Error, Progress, Result};

/// Rows of a batch, unless told otherwise.
const BATCH_ROWS: usize = 256;

/// Rows of a window, unless told otherwise: so many bytes, and not more rows than this.
const WINDOW_BYTES: usize = 4 << 20;
const WINDOW_ROWS: usize = 64 << 10;

/// Windows that are mixed, unless told otherwise.
const TOGETHER: usize = 8;

/// What a loader takes at a time, in bytes: with the default a window. With 1 MiB the threads
/// interrupted each other's readahead, and a cold epoch took up to twice as long.
const PIECE_BYTES: usize = 4 << 20;

/// Some rows of an array in the order of an epoch, and their numbers. It owns both: it can be kept,
/// or sent to another thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    number: usize,
    indices: Vec<usize>,
    values: Vec<T>,
    row_dims: Vec<usize>,
}

impl<T: Element> Batch<T> {
    /// Which batch of the epoch it is, from 0.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The number in the array of each row.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The elements in C order, row after row as in [`indices`](Self::indices).
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.values
    }

    /// The shape: the number of rows, then the shape of a row.
    #[must_use]
    pub fn dims(&self) -> Vec<usize> {
        let rows = self.indices.len();
        std::iter::once(rows).chain(self.row_dims.iter().copied()).collect()
    }

    /// The rows one by one.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        let row_len = self.values.len() / self.indices.len().max(1);
        (0..self.indices.len()).map(move |i| &self.values[i * row_len..(i + 1) * row_len])
    }

    /// The numbers of the rows, and the elements.
    #[must_use]
    pub fn into_parts(self) -> (Vec<usize>, Vec<T>) {
        (self.indices, self.values)
    }
}

/// An epoch of shuffled batches that has not begun. Made by [`Engine::shuffled_batches`].
///
/// # The order
///
/// It is a function of the seed, the number of the epoch, the number of rows and the two sizes of
/// windows, and of nothing else: not of the machine, the workers or the batch size. It stays as it
/// is in later versions.
///
/// 1. The rows are cut into windows of [`window_rows`](Self::window_rows); the last is shorter. The
///    list of their numbers 0, 1, … is shuffled with the numbers of key 0.
/// 2. Each [`windows_together`](Self::windows_together) of that list are a group; the last is
///    smaller. The rows of group `g`, first in the order of its windows and within each rising, are
///    shuffled with the numbers of key `g + 1`.
/// 3. The rows of all groups, one group after the other, are the epoch. Batches are cut from it
///    without regard to groups.
///
/// To shuffle `n` items is to swap, for `i` from `n - 1` down to 1, item `i` with item
/// `r * (i + 1) / 2^64`, rounded down, where `r` is the next number. The numbers of key `k` are
/// those of [SplitMix64](https://prng.di.unimi.it/splitmix64.c) from the state
/// `m(m(m(seed) ^ epoch) ^ k)`, where `m(s)` is its first number from the state `s`. All arithmetic
/// is in 64 bits, the product in 128.
#[derive(Clone, Debug)]
#[must_use = "iterating starts to read"]
pub struct ShuffledBatches<T, S> {
    source: S,
    seed: u64,
    epoch: u64,
    batch: usize,
    window: Option<usize>,
    together: usize,
    workers: usize,
    cancel: CancelToken,
    observer: Option<Observer>,
    element: PhantomData<fn() -> T>,
}

impl Engine {
    /// Batches of rows in shuffled order, each row once: an epoch of training. The order depends on
    /// `seed` and on the knobs that [`ShuffledBatches`] says, and is the same everywhere.
    ///
    /// The file is read in long runs (windows), which is what disks are good at, and shuffled
    /// within some windows at a time. The next windows are read on threads of their own, as many as
    /// the engine has workers, while a batch is used. Memory holds two groups of windows, 64 MiB
    /// by default, and what the consumer keeps.
    ///
    /// `source` is owned, since those threads outlive the call: an
    /// [`Array`](rowmill_core::Array) is cheap to clone.
    ///
    /// ```
    /// use rowmill_core::{Array, CreateOptions};
    /// use rowmill_exec::Engine;
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # let mut x = CreateOptions::new().create::<f32>(&path, [10, 2])?;
    /// # x.write_rows(0, &(0..20).map(|v| v as f32).collect::<Vec<_>>())?;
    /// # x.close()?;
    /// let x = Array::<f32>::open(&path)?; // of shape (10, 2)
    /// let engine = Engine::new()?;
    /// for epoch in 0..2 {
    ///     let mut rows = Vec::new();
    ///     for batch in engine.shuffled_batches(x.clone(), 42).batch_rows(4).epoch(epoch) {
    ///         let batch = batch?;
    ///         rows.extend_from_slice(batch.indices());
    ///         assert_eq!(batch.as_slice().len(), batch.indices().len() * 2);
    ///     }
    ///     rows.sort();
    ///     assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shuffled_batches<T, S>(&self, source: S, seed: u64) -> ShuffledBatches<T, S>
    where
        T: Element,
        S: Source<T> + Send + 'static,
    {
        ShuffledBatches {
            source,
            seed,
            epoch: 0,
            batch: BATCH_ROWS,
            window: None,
            together: TOGETHER,
            workers: self.workers(),
            cancel: self.cancel.clone(),
            observer: self.observer.clone(),
            element: PhantomData,
        }
    }
}

impl<T, S> ShuffledBatches<T, S>
where
    T: Element,
    S: Source<T> + Send + 'static,
{
    /// Rows of a batch; the last of an epoch is shorter. It does not change the order. Default: 256.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch = rows;
        self
    }

    /// Rows that are read as one run. More are read faster from a disk and take more memory; each
    /// window takes a word of memory as well. Default: 4 MiB of rows, at least 1 and at most 65,536.
    pub fn window_rows(mut self, rows: usize) -> Self {
        self.window = Some(rows);
        self
    }

    /// Windows whose rows are mixed with each other. Default: 8. With 1, rows that are close
    /// to each other in the file stay close.
    pub fn windows_together(mut self, windows: usize) -> Self {
        self.together = windows;
        self
    }

    /// The number of the epoch: each has an order of its own. Default: 0.
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    fn start(self) -> Result<Running<T>> {
        let bad = |knob| Error::BadOption {
            knob,
            value: "0".to_owned(),
            expected: "expected at least 1",
        };
        if self.batch == 0 {
            return Err(bad("the number of rows of a batch"));
        }
        if self.window == Some(0) {
            return Err(bad("the number of rows of a window"));
        }
        if self.together == 0 {
            return Err(bad("the number of windows together"));
        }
        let shape = self.source.shape();
        let row_bytes = shape.row_len() * size_of::<T>();
        let default = || (WINDOW_BYTES / row_bytes.max(1)).clamp(1, WINDOW_ROWS);
        let window = self.window.unwrap_or_else(default);
        let total = (shape.rows() * row_bytes) as u64;
        let stop = Arc::new(AtomicBool::new(false));
        let loader = Loader {
            order: Order::new(self.seed, self.epoch, shape.rows(), window, self.together),
            source: self.source,
            batch: self.batch,
            workers: self.workers,
            cancel: self.cancel.clone(),
            stop: Arc::clone(&stop),
            element: PhantomData,
        };
        let (send, groups) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("rowmill-batches".to_owned())
            .spawn(move || loader.run(&send))
            .map_err(|source| Error::LoaderThread { source })?;
        Ok(Running {
            ready: VecDeque::new(),
            groups: Some(groups),
            thread: Some(thread),
            stop,
            cancel: self.cancel,
            observer: self.observer,
            progress: Progress { job: "batches", done: 0, total, elapsed: Duration::ZERO },
            begun: Instant::now(),
            reported: Instant::now(),
        })
    }
}

impl<T, S> IntoIterator for ShuffledBatches<T, S>
where
    T: Element,
    S: Source<T> + Send + 'static,
{
    type Item = Result<Batch<T>>;
    type IntoIter = Batches<T>;

    /// Starts to read.
    fn into_iter(self) -> Batches<T> {
        Batches(match self.start() {
            Ok(running) => State::Running(running),
            Err(error) => State::Failed(Some(error)),
        })
    }
}

/// The batches of an epoch, in order. Made from [`ShuffledBatches`].
///
/// An item is an error when a knob has no meaning ([`Error::BadOption`]), when the array cannot be
/// read or changed meanwhile ([`Error::File`]), when there is no memory ([`Error::TooManyRows`]) or
/// no thread ([`Error::LoaderThread`]), and when the engine's token was used
/// ([`Error::Cancelled`]). It is the last item. Rows are given out only after the file was found
/// unchanged since it was opened.
///
/// The engine's progress callback is called on the consumer's thread. Dropping the iterator ends
/// the reading, within 4 MiB of each thread.
#[derive(Debug)]
pub struct Batches<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Running(Running<T>),
    Failed(Option<Error>),
}

#[derive(Debug)]
struct Running<T> {
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
                // Dropping what runs ends it.
                self.0 = State::Failed(None);
                Some(Err(error))
            }
        }
    }
}

impl<T: Element> FusedIterator for Batches<T> {}

impl<T: Element> Running<T> {
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
        // The loader does not wait any longer for its group to be taken.
        self.groups = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, nobody asked for what it was doing.
            let _ = thread.join();
        }
    }
}

/// What reads ahead.
struct Loader<T, S> {
    source: S,
    order: Order,
    batch: usize,
    workers: usize,
    cancel: CancelToken,
    stop: Arc<AtomicBool>,
    element: PhantomData<fn() -> T>,
}

impl<T: Element, S: Source<T>> Loader<T, S> {
    fn run(&self, groups: &Sender<Result<Vec<Batch<T>>>>) {
        let mut at = 0;
        let mut begun = None;
        for group in 0..self.order.groups() {
            let rows = self.order.group(group);
            let loaded = self.load(&rows, at, begun.take()).map(|mut batches| {
                begun = batches.pop_if(|last| last.indices.len() < self.rows_of(last.number));
                batches
            });
            at += rows.len();
            let failed = loaded.is_err();
            // Nobody takes it when the consumer has gone.
            if groups.send(loaded).is_err() || failed {
                return;
            }
        }
    }

    /// The size of a batch, in rows.
    fn rows_of(&self, number: usize) -> usize {
        self.batch.min(self.source.shape().rows() - number * self.batch)
    }

    /// Loads rows, of which the first is `at`-th in the epoch: the rest of the batch that was begun
    /// with the group before, and the batches after it. The last may not be full.
    fn load(&self, rows: &[usize], at: usize, begun: Option<Batch<T>>) -> Result<Vec<Batch<T>>> {
        let shape = self.source.shape();
        let row_len = shape.row_len();
        let mut filled = begun.as_ref().map_or(0, |batch| batch.indices.len());
        let mut batches: Vec<Batch<T>> = begun.into_iter().collect();
        let (mut at, mut rest) = (at, rows);
        while !rest.is_empty() {
            let number = at / self.batch;
            let (size, place) = (self.rows_of(number), at % self.batch);
            if place == 0 {
                let row_bytes = row_len * size_of::<T>();
                batches.push(Batch {
                    number,
                    indices: Vec::with_capacity(size),
                    values: zeros(size * row_len)
                        .ok_or(Error::TooManyRows { rows: size, row_bytes })?,
                    row_dims: shape.row_dims().to_vec(),
                });
            }
            let (these, more) = rest.split_at(rest.len().min(size - place));
            if let Some(batch) = batches.last_mut() {
                batch.indices.extend_from_slice(these);
            }
            at += these.len();
            rest = more;
        }
        let mut wanted = Vec::with_capacity(rows.len());
        for batch in &mut batches {
            let out = &mut batch.values[filled * row_len..];
            wanted.extend(slots(&batch.indices[filled..], out, row_len));
            filled = 0;
        }
        wanted.sort_unstable_by_key(|slot| slot.0);
        self.copy(&mut wanted)?;
        self.source.verify()?;
        Ok(batches)
    }

    /// Copies rows that are in the order of the file.
    fn copy(&self, wanted: &mut [Slot<'_, T>]) -> Result<()> {
        let gather = &Gather::neighbours(&self.source);
        let row_bytes = (self.source.shape().row_len() * size_of::<T>()).max(1);
        let step = (PIECE_BYTES / row_bytes).max(self.source.rows_at_a_time()).max(1);
        let workers = self.workers.min(wanted.len().div_ceil(step));
        let pieces = Mutex::new(wanted.chunks_mut(step).enumerate());
        let failure = Mutex::new(None);
        let next = || if failure.lock().is_none() { pieces.lock().next() } else { None };
        let work = || {
            let mut buffer = TileBuffer::new();
            while let Some((chunk, piece)) = next() {
                let fetched = if self.stop.load(Ordering::Relaxed) || self.cancel.is_cancelled() {
                    Err(Error::Cancelled)
                } else {
                    let fetch = AssertUnwindSafe(|| gather.fetch(piece, &mut buffer));
                    let fetched = catch_unwind(fetch).unwrap_or_else(|panic| {
                        Err(Error::KernelPanicked { chunk, message: panic_message(&*panic) })
                    });
                    self.source.check().map_err(Error::from).and(fetched)
                };
                if let Err(error) = fetched {
                    failure.lock().get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers {
                // Without it the others have more to do.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        failure.into_inner().map_or(Ok(()), Err)
    }
}
