//! Shuffled batches: every row once, in an order determined by a seed, read in long runs.
//!
//! ```text
//!   rows in the file   | window 0 | window 1 | window 2 | window 3 | ...
//!   visited as                 2, 0 | 3, 1 | ...               windows shuffled, two per group
//!   loaded by               [ 2 and 0 ]  [ 3 and 1 ]           in file order, rows to their place
//!   rows shuffled          b b b b b b|b  b b b b|b ...        cut into batches
//! ```
//!
//! A loader thread fills the batches of one group while the consumer takes those of the previous
//! one, and then waits for the consumer: two groups are in memory at a time.

mod loader;
mod running;

use std::marker::PhantomData;
use std::sync::Arc;

use rowmill_core::{Element, Source};

use crate::engine::control::Observer;
use crate::engine::{CancelToken, Engine};
use crate::error::{Error, Result};
use crate::job::shuffle::Order;
use loader::Loader;
pub use running::Batches;
use running::Running;

/// The default number of rows per batch.
const BATCH_ROWS: usize = 256;

/// The default window: this many bytes, and at most this many rows.
const WINDOW_BYTES: usize = 4 << 20;
const WINDOW_ROWS: usize = 64 << 10;

/// The default number of windows that are mixed.
const GROUP_WINDOWS: usize = 8;
/// Some rows of an array in the order of an epoch, with their indices. It owns both, so it can be
/// kept or sent to another thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    number: usize,
    indices: Vec<usize>,
    values: Vec<T>,
    row_dims: Vec<usize>,
}

impl<T: Element> Batch<T> {
    /// The number of the batch within the epoch, from 0.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The index in the array of each row.
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

    /// An iterator over the rows.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        let row_len = self.values.len() / self.indices.len().max(1);
        (0..self.indices.len()).map(move |i| &self.values[i * row_len..(i + 1) * row_len])
    }

    /// The indices of the rows, and the elements.
    #[must_use]
    pub fn into_parts(self) -> (Vec<usize>, Vec<T>) {
        (self.indices, self.values)
    }
}

/// An epoch of shuffled batches that has not started. Made by [`Engine::shuffled_batches`].
///
/// # The order
///
/// It is a function of the seed, the number of the epoch, the number of rows and the two window
/// sizes alone: not of the machine, the workers or the batch size. It is stable across versions.
///
/// 1. The rows are cut into windows of [`window_rows`](Self::window_rows); the last is shorter. The
///    list of window numbers 0, 1, … is shuffled with the random numbers of key 0.
/// 2. Each run of [`windows_together`](Self::windows_together) windows of that list is a group; the
///    last is smaller. The rows of group `g`, listed window by window and ascending within each,
///    are shuffled with the random numbers of key `g + 1`.
/// 3. The epoch is the rows of all groups, one group after another. Batches are cut from it
///    regardless of groups.
///
/// Shuffling `n` items swaps, for `i` from `n - 1` down to 1, item `i` with item `r * (i + 1) /
/// 2^64`, rounded down, where `r` is the next random number. The random numbers of key `k` are
/// those of [SplitMix64](https://prng.di.unimi.it/splitmix64.c) from the state `m(m(m(seed) ^
/// epoch) ^ k)`, where `m(s)` is its first number from the state `s`. Arithmetic is in 64 bits, the
/// product in 128.
#[derive(Clone, Debug)]
#[must_use = "iterating starts to read"]
pub struct ShuffledBatches<T, S> {
    source: S,
    seed: u64,
    epoch: u64,
    batch: usize,
    window: Option<usize>,
    group: usize,
    workers: usize,
    cancel: CancelToken,
    observer: Option<Observer>,
    element: PhantomData<fn() -> T>,
}

impl Engine {
    /// Batches of rows in shuffled order, each row once: an epoch of training. The order depends on
    /// `seed` and on the options listed at [`ShuffledBatches`], and is the same on every machine.
    ///
    /// The file is read in long runs (windows), which disks do well, and rows are shuffled within a
    /// few windows at a time. Separate threads, as many as the engine has workers, read the next
    /// windows while a batch is used. Memory holds two groups of windows, 64 MiB by default, and
    /// the batches that the consumer keeps.
    ///
    /// `source` is owned, since those threads outlive the call: cloning an
    /// [`Array`](rowmill_core::Array) is cheap.
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
            group: GROUP_WINDOWS,
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
    /// Rows of a batch; the last of an epoch is shorter. No order depends on it. Default: 256.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch = rows;
        self
    }

    /// Rows per window, which is read as one run. Larger windows read faster from a disk and take
    /// more memory. Default: 4 MiB of rows, at least 1 and at most 65,536 rows. Each window takes a
    /// word of memory.
    pub fn window_rows(mut self, rows: usize) -> Self {
        self.window = Some(rows);
        self
    }

    /// The number of windows whose rows are mixed with each other. Default: 8. With 1, rows that
    /// are close to each other in the file stay close.
    pub fn windows_together(mut self, windows: usize) -> Self {
        self.group = windows;
        self
    }

    /// The number of the epoch; each has its own order. Default: 0.
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
        if self.group == 0 {
            return Err(bad("the number of windows per group"));
        }
        let shape = self.source.shape();
        let row_bytes = shape.row_len() * size_of::<T>();
        let default = || (WINDOW_BYTES / row_bytes.max(1)).clamp(1, WINDOW_ROWS);
        let window = self.window.unwrap_or_else(default);
        let total = (shape.rows() * row_bytes) as u64;
        let loader = Loader {
            order: Order::new(self.seed, self.epoch, shape.rows(), window, self.group),
            source: self.source,
            batch: self.batch,
            workers: self.workers,
            cancel: self.cancel,
            stop: Arc::default(),
            element: PhantomData,
        };
        Running::start(loader, total, self.observer)
    }
}

impl<T, S> IntoIterator for ShuffledBatches<T, S>
where
    T: Element,
    S: Source<T> + Send + 'static,
{
    type Item = Result<Batch<T>>;
    type IntoIter = Batches<T>;

    /// Starts reading.
    fn into_iter(self) -> Batches<T> {
        Batches::from(self.start())
    }
}
