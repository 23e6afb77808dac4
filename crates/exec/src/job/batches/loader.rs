//! The loader: fills the batches of one group of windows after another, on its own threads.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use rowmill_core::{Element, Source, TileBuffer, zeros};

use super::Batch;
use crate::engine::CancelToken;
use crate::engine::run::panic_message;
use crate::error::{Error, Result};
use crate::job::gather::{Gather, Slot, slots};
use crate::job::shuffle::Order;

/// Bytes that a loader takes at a time: one window by default. With 1 MiB the threads interrupted
/// each other's readahead, and a cold epoch took up to twice as long.
const PIECE_BYTES: usize = 4 << 20;

/// An epoch as its loader reads it.
pub(super) struct Loader<T, S> {
    pub(super) source: S,
    pub(super) order: Order,
    pub(super) batch: usize,
    pub(super) workers: usize,
    pub(super) cancel: CancelToken,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) element: PhantomData<fn() -> T>,
}

impl<T: Element, S: Source<T>> Loader<T, S> {
    pub(super) fn run(&self, groups: &Sender<Result<Vec<Batch<T>>>>) {
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
            // Sending fails when the consumer is gone.
            if groups.send(loaded).is_err() || failed {
                return;
            }
        }
    }

    /// The size of a batch, in rows.
    fn rows_of(&self, number: usize) -> usize {
        self.batch.min(self.source.shape().rows() - number * self.batch)
    }

    /// Loads rows, the first of which is the `at`-th of the epoch: completes the batch that the
    /// previous group began, then fills those after it. The last one may not be full.
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

    /// Copies rows in file order.
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
                // If a thread cannot be started, the others do its work.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        failure.into_inner().map_or(Ok(()), Err)
    }
}
