//! Streams: results of chunks, handed to the caller's thread in row order.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use crossbeam_channel::bounded;
use parking_lot::Mutex;
use rowmill_core::{Element, Source, TileBuffer};

use crate::map::{Chunk, each_run};
use crate::plan::Plan;
use crate::{CancelToken, Engine, Error, Result};

/// Chunks that may be finished or under way for each worker before the consumer has to catch up.
const AHEAD_PER_WORKER: usize = 2;

impl Engine {
    /// Computes something of each chunk of rows on the workers and hands the results to `consume`
    /// on the caller's thread, in row order. When the consumer is slow the workers wait, so that
    /// only a few results (two for each worker) exist at a time.
    ///
    /// `consume` gets the rows of the chunk and the result; [`ControlFlow::Break`] ends the stream
    /// early, which is not an error. With [`ChunkSize::Rows`](crate::ChunkSize::Rows) the chunks
    /// are that many rows each.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{ChunkSize, Engine};
    /// let data: Vec<u32> = (0..10).collect();
    /// let x = SliceSource::new(&data, [5, 2]).unwrap();
    /// let engine = Engine::builder().chunk(ChunkSize::Rows(2)).build()?;
    /// let mut seen = Vec::new();
    /// engine.stream(
    ///     &x,
    ///     |chunk| Ok(chunk.as_slice().iter().sum::<u32>()),
    ///     |rows, sum| {
    ///         seen.push((rows, sum));
    ///         ControlFlow::Continue(())
    ///     },
    /// )?;
    /// assert_eq!(seen, [(0..2, 6), (2..4, 22), (4..5, 17)]);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Cancelled`], [`Error::KernelPanicked`], and what `kernel` gives.
    /// Results before the chunk that failed have been consumed.
    ///
    /// # Panics
    /// When `consume` does; the workers stop first.
    pub fn stream<T, S, R>(
        &self,
        source: &S,
        kernel: impl Fn(&Chunk<'_, T>) -> Result<R> + Sync,
        mut consume: impl FnMut(Range<usize>, R) -> ControlFlow<()>,
    ) -> Result<()>
    where
        T: Element,
        S: Source<T>,
        R: Send,
    {
        let shape = source.shape();
        let row_len = shape.row_len();
        let row_bytes = row_len * size_of::<T>();
        let plan = Plan::rows(shape.rows(), row_bytes, self.chunk, self.workers());
        let compute = |buffer: &mut TileBuffer<T>, chunk: usize| {
            let rows = plan.chunk(chunk);
            let mut result = None;
            let elements = rows.start * row_len..rows.end * row_len;
            each_run(source, elements, buffer, |input, _| {
                result = Some(kernel(&input)?);
                Ok(())
            })?;
            // Called once: chunks are whole rows.
            result.ok_or(Error::OutputRow { expected: 1, found: 0 })
        };
        if self.pool.current_thread_index().is_some() {
            // Called from a kernel of this very engine: its workers may all be waiting for us.
            let mut buffer = TileBuffer::new();
            for chunk in 0..plan.len() {
                if consume(plan.chunk(chunk), compute(&mut buffer, chunk)?).is_break() {
                    break;
                }
            }
            return source.verify().map_err(Error::from);
        }
        let bytes = |chunk: usize| (plan.chunk(chunk).len() * row_bytes) as u64;
        let window = (self.workers() * AHEAD_PER_WORKER).max(1);
        let (results, arrived) = bounded::<(usize, R)>(window);
        // A worker needs a permit to start a chunk and the consumer gives it back, so that results
        // that wait for an earlier one are few as well. Chunks start in order: the one that the
        // consumer waits for always has its permit.
        let (give, permits) = bounded::<()>(window);
        for _ in 0..window {
            let _ = give.send(());
        }
        let ended = CancelToken::new();
        std::thread::scope(|scope| {
            let (ended, plan) = (&ended, &plan);
            let job = scope.spawn(move || {
                // Ends the consumer's wait when the workers are done.
                let results = Mutex::new(Some(results));
                let sender = || results.lock().clone();
                let outcome = self.run(
                    "stream",
                    plan.len(),
                    bytes,
                    || (TileBuffer::new(), sender()),
                    |(buffer, results), chunk| {
                        let _ = permits.recv();
                        if ended.is_cancelled() {
                            return Err(Error::Cancelled);
                        }
                        let result = compute(buffer, chunk)?;
                        if let Some(results) = results {
                            // A consumer that is gone has ended the stream.
                            results.send((chunk, result)).map_err(|_| Error::Cancelled)?;
                        }
                        Ok(())
                    },
                );
                results.lock().take();
                outcome
            });
            let mut waiting = BTreeMap::new();
            let mut next = 0;
            'consume: while let Ok((chunk, result)) = arrived.recv() {
                waiting.insert(chunk, result);
                while let Some(result) = waiting.remove(&next) {
                    if consume(plan.chunk(next), result).is_break() {
                        ended.cancel();
                        break 'consume;
                    }
                    next += 1;
                    let _ = give.send(());
                }
            }
            drop((arrived, give));
            let outcome = job.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            if ended.is_cancelled() { Ok(()) } else { outcome }
        })?;
        source.verify().map_err(Error::from)
    }
}
