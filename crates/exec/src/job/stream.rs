//! Streams: results of chunks, handed to the caller's thread in row order.
//!
//! ```text
//!   permits  --->  worker: takes the next chunk, computes  --->  results (any order)
//!      ^                                                             |
//!      +-------  caller's thread: puts in order, consumes  <---------+
//! ```
//!
//! A worker needs a permit before it takes a chunk, and the consumer returns one for each chunk
//! consumed. So at most a window of chunks is in flight, and the chunk that the consumer waits for
//! is always with a worker that has its permit. The workers are the stream's own threads because
//! they wait: if they were the engine's, a consumer that uses the engine could deadlock.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rowmill_core::{Element, Outputs, Source, TileBuffer};

use crate::engine::Engine;
use crate::engine::input::Typed;
use crate::engine::plan::{ChunkSize, Plan};
use crate::engine::run::{Job, Pulse, TICK};
use crate::error::Result;
use crate::job::map::{Chunk, Unit, each_run};
use crate::resume::checkpoint::{Checkpoint, Keeper, State};

/// Chunks in flight per worker before the consumer has to catch up.
const AHEAD_PER_WORKER: usize = 2;

impl Engine {
    /// Computes a result for each chunk of rows, on as many threads as the engine has workers, and
    /// passes the results to `consume` on the caller's thread, in row order. If the consumer is
    /// slow the workers wait, so that at most two results per worker exist at a time.
    ///
    /// `consume` gets the rows of the chunk and the result; [`ControlFlow::Break`] ends the stream
    /// early, which is not an error. With [`ChunkSize::Rows`](crate::ChunkSize::Rows) all chunks
    /// but the last have exactly that many rows.
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
    /// [`Error::File`](crate::Error::File), [`Error::Cancelled`](crate::Error::Cancelled),
    /// [`Error::KernelPanicked`](crate::Error::KernelPanicked), errors of `kernel`. Results before
    /// the failed chunk have been consumed.
    ///
    /// # Panics
    /// If `consume` panics; the workers stop first.
    pub fn stream<T, S, R>(
        &self,
        source: &S,
        kernel: impl Fn(&Chunk<'_, T>) -> Result<R> + Sync,
        consume: impl FnMut(Range<usize>, R) -> ControlFlow<()>,
    ) -> Result<()>
    where
        T: Element,
        S: Source<T>,
        R: Send,
    {
        self.stream_from(0, source, kernel, consume)
    }

    /// As [`stream`](Self::stream), with progress saved in a checkpoint: see
    /// [`Call::stream`](crate::Call::stream).
    pub(crate) fn stream_resumable<T, S, R>(
        &self,
        source: &S,
        kernel: impl Fn(&Chunk<'_, T>) -> Result<R> + Sync,
        mut consume: impl FnMut(Range<usize>, R) -> ControlFlow<()>,
        checkpoint: &Checkpoint,
    ) -> Result<()>
    where
        T: Element,
        S: Source<T>,
        R: Send,
    {
        let mut keeper = Keeper::open(checkpoint, None, &Typed(source), Outputs::new())?;
        let rows = source.shape().rows();
        let first = match keeper.take_found() {
            None => Some(0),
            Some(State::Stream(rows)) => usize::try_from(rows).ok(),
            Some(_) => return Err(keeper.damaged("it is not the checkpoint of a stream")),
        };
        let first = first.filter(|&first| first <= rows);
        let first = first.ok_or_else(|| keeper.damaged("it has more rows than the array"))?;
        let (mut consumed, mut ended) = (first, false);
        let mut failure = None;
        let state = |rows: usize| Ok(State::Stream(rows as u64));
        let result = self.stream_from(first, source, kernel, |rows, result| {
            consumed = rows.end;
            ended = consume(rows, result).is_break();
            failure = keeper.save_when_due(&|| state(consumed)).err();
            if ended || failure.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        if result.is_ok() && !ended {
            return keeper.remove();
        }
        let kept = keeper.save(&|| state(consumed));
        result.and(kept)
    }

    /// Streams the rows from `first` on.
    fn stream_from<T, S, R>(
        &self,
        first: usize,
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
        let row_bytes = shape.row_len() * size_of::<T>();
        let rows = shape.rows() - first;
        let plan = Plan::rows(rows, row_bytes, self.chunk, self.workers());
        // The consumer relies on the number of rows that it asked for.
        let plan = match self.chunk {
            ChunkSize::Rows(_) => plan,
            _ => plan.finer(self.most_chunk_bytes() / row_bytes.max(1)),
        };
        let job = &Job::new(self, "stream", plan.len(), (rows * row_bytes) as u64).within_ceiling();
        let chunks = Chunks { source, kernel: &kernel, plan, first, releases: job.releases() };
        let pulse = &Pulse::new(job);
        let ended = match job.workers() {
            1 => chunks.in_turn(job, pulse, &mut consume),
            workers => chunks.ahead(workers, job, pulse, &mut consume),
        };
        if !ended {
            job.end(&Typed(source))?;
        }
        job.succeed();
        Ok(())
    }
}

/// The chunks of a stream, and how each is computed.
struct Chunks<'a, S, K> {
    source: &'a S,
    kernel: &'a K,
    plan: Plan,
    /// The first row of the array that is streamed.
    first: usize,
    releases: bool,
}

impl<S, K> Chunks<'_, S, K> {
    /// The rows of a chunk, in the array.
    fn rows(&self, chunk: usize) -> Range<usize> {
        let rows = self.plan.chunk(chunk);
        self.first + rows.start..self.first + rows.end
    }

    /// Computes the next chunk, unless there is none, it failed or the job was stopped.
    fn next<T, R>(&self, job: &Job<'_>, buffer: &mut TileBuffer<T>) -> Option<(usize, R)>
    where
        T: Element,
        S: Source<T>,
        K: Fn(&Chunk<'_, T>) -> Result<R>,
    {
        let chunk = job.take()?;
        let rows = self.rows(chunk);
        let row_len = self.source.shape().row_len();
        let bytes = (rows.len() * row_len * size_of::<T>()) as u64;
        let result = job.step(chunk, bytes, || {
            let each = |x: &Chunk<'_, T>| (self.kernel)(x);
            let result = each_run(self.source, rows.clone(), Unit::Rows, buffer, |x, _| each(&x));
            self.source.check()?;
            let result = result?;
            if self.releases {
                self.source.release(rows, 0..row_len);
            }
            Ok(result)
        });
        Some((chunk, result??))
    }

    /// Computes and consumes one chunk after another. Returns whether the consumer ended it.
    fn in_turn<T, R>(
        &self,
        job: &Job<'_>,
        pulse: &Pulse<'_>,
        consume: &mut impl FnMut(Range<usize>, R) -> ControlFlow<()>,
    ) -> bool
    where
        T: Element,
        S: Source<T>,
        K: Fn(&Chunk<'_, T>) -> Result<R>,
    {
        let mut buffer = TileBuffer::new().below_ceiling(self.releases);
        while let Some((chunk, result)) = self.next(job, &mut buffer) {
            if consume(self.rows(chunk), result).is_break() {
                return true;
            }
            pulse.beat();
        }
        false
    }

    /// Computes chunks on several threads, ahead of the consumer, and consumes them in order.
    /// Returns whether the consumer ended it.
    fn ahead<T, R>(
        &self,
        workers: usize,
        job: &Job<'_>,
        pulse: &Pulse<'_>,
        consume: &mut impl FnMut(Range<usize>, R) -> ControlFlow<()>,
    ) -> bool
    where
        T: Element,
        S: Source<T>,
        R: Send,
        K: Fn(&Chunk<'_, T>) -> Result<R> + Sync,
    {
        let window = workers * AHEAD_PER_WORKER;
        let (give, permits) = bounded::<()>(window);
        for _ in 0..window {
            // The channel has room for each.
            let _ = give.send(());
        }
        let (results, arrived) = bounded::<(usize, R)>(window);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let (permits, results) = (permits.clone(), results.clone());
                scope.spawn(move || {
                    let mut buffer = TileBuffer::new().below_ceiling(self.releases);
                    while permits.recv().is_ok()
                        && let Some(result) = self.next(job, &mut buffer)
                        && results.send(result).is_ok()
                    {}
                });
            }
            drop((permits, results));
            self.reorder(job, pulse, &arrived, give, consume)
        })
    }

    /// Consumes results in order, though they arrive in any order, and returns a permit for each.
    fn reorder<R>(
        &self,
        job: &Job<'_>,
        pulse: &Pulse<'_>,
        arrived: &Receiver<(usize, R)>,
        give: Sender<()>,
        consume: &mut impl FnMut(Range<usize>, R) -> ControlFlow<()>,
    ) -> bool {
        let mut give = Some(give);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        let tick = pulse.every().unwrap_or(TICK);
        loop {
            match arrived.recv_timeout(tick) {
                Ok((chunk, result)) => _ = waiting.insert(chunk, result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            while let Some(result) = waiting.remove(&next) {
                if consume(self.rows(next), result).is_break() {
                    job.stop();
                    return true;
                }
                next += 1;
                if let Some(give) = &give {
                    let _ = give.send(());
                }
            }
            // Dropping the sender wakes workers that wait for a permit; they end after the last
            // one.
            if job.is_stopped() || next == self.plan.len() {
                give = None;
            }
            pulse.beat();
        }
    }
}
