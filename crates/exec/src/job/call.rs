//! One call on one array, with its options.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rowmill_core::{Element, Source};

use crate::engine::Engine;
use crate::engine::control::{CancelToken, Observer, Progress};
use crate::error::Result;
use crate::job::map::{Chunk, Map, Mapping};
use crate::job::{Normalize, Normalizing, Quantiles};
use crate::kernel::reduce::Reduce;
use crate::kernel::{NanPolicy, Numeric};
use crate::resume::checkpoint::Checkpoint;
use crate::resume::partial::Partial;

/// One call on one array: options that apply to any kind of job. Made by [`Engine::on`].
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{CancelToken, Engine, Mean, NanPolicy, Sum};
/// let x = SliceSource::new(&[1.0_f32, f32::NAN, 3.0, 4.0], [2, 2]).unwrap();
/// let engine = Engine::new()?;
/// let token = CancelToken::new();
/// let call = engine.on(&x).nan(NanPolicy::Skip).cancel(token.clone());
/// let (sum, mean) = call.reduce((Sum::all(), Mean::per_row()))?;
/// assert_eq!((sum, &mean[..]), (8.0, &[1.0, 3.5][..]));
/// // The token stops jobs of this call alone.
/// token.cancel();
/// assert_eq!(engine.reduce(&x, Sum::all().nan(NanPolicy::Skip))?, 8.0);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "reduce(), map(), ... run the job"]
pub struct Call<'a, S> {
    engine: Engine,
    source: &'a S,
    checkpoint: Option<&'a Checkpoint>,
    nan: NanPolicy,
}

impl Engine {
    /// A call on an array, with its own options.
    pub fn on<'a, S>(&self, source: &'a S) -> Call<'a, S> {
        Call { engine: self.clone(), source, checkpoint: None, nan: NanPolicy::Propagate }
    }
}

impl<'a, S> Call<'a, S> {
    /// The progress callback, called on the waiting thread about ten times a second while the job
    /// runs and once at its end. Default: that of the engine.
    pub fn progress(mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.engine.observer = Some(Observer(Arc::new(callback)));
        self
    }

    /// A token that stops the jobs of this call only. The engine's token stops them as well.
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.engine.cancel = token.or(&self.engine.cancel);
        self
    }

    /// Saves progress in a checkpoint: a job that was killed at any point resumes when it is run
    /// again, with the same bits as an uninterrupted run. For [`reduce`](Self::reduce) and
    /// [`stream`](Self::stream); maps and normalizations inherit it. Default: no checkpoint.
    pub fn checkpoint(mut self, checkpoint: &'a Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// The NaN policy of reductions that do not set their own, and of quantiles. Default:
    /// [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = policy;
        self
    }

    /// Reduces the array with a reduction, or a tuple of reductions, in one read.
    ///
    /// The checkpoint holds states: small for reductions over everything or per column, as large as
    /// the answer per row.
    ///
    /// # Errors
    /// As [`Engine::reduce`]; with a checkpoint [`Error::Checkpoint`](crate::Error::Checkpoint) if
    /// it is damaged, of another job, or of an input that has changed since, and
    /// [`Error::Unsaved`](crate::Error::Unsaved) if the reduction's states cannot be saved.
    pub fn reduce<T, R>(&self, kernel: R) -> Result<R::Output>
    where
        T: Element,
        S: Source<T>,
        R: Reduce<T>,
    {
        let (source, nan) = (self.source, self.nan);
        match self.checkpoint {
            None => self.engine.reduce_dyn(source, &kernel, nan),
            Some(checkpoint) => self.engine.reduce_resumable(source, &kernel, nan, checkpoint),
        }
    }

    /// The mergeable state of some rows: see [`Engine::partial`].
    ///
    /// # Errors
    /// As [`Engine::partial`].
    pub fn partial<T, R>(&self, kernel: R, rows: Range<usize>) -> Result<Partial>
    where
        T: Element,
        S: Source<T>,
        R: Reduce<T>,
    {
        self.engine.partial_with(self.source, &kernel, self.nan, rows)
    }

    /// Exact quantiles: see [`Engine::quantiles`].
    pub fn quantiles<'q, T: Numeric>(&'q self, at: &'q [f64]) -> Quantiles<'q, T, S>
    where
        S: Source<T>,
    {
        self.engine.quantiles(self.source, at).nan(self.nan)
    }

    /// Maps the array to a new one: see [`Engine::map`].
    pub fn map<T, U, K>(&self, kernel: K) -> Mapping<'_, T, U, S, K>
    where
        T: Element,
        U: Element,
        S: Source<T>,
        K: Map<T, U>,
    {
        let mapping = self.engine.map(self.source, kernel);
        match self.checkpoint {
            None => mapping,
            Some(checkpoint) => mapping.checkpoint(checkpoint),
        }
    }

    /// Normalizes the array: see [`Engine::normalize`].
    pub fn normalize<T: Numeric>(&self, how: Normalize) -> Normalizing<'_, T, S>
    where
        S: Source<T>,
    {
        let job = self.engine.normalize(self.source, how);
        match self.checkpoint {
            None => job,
            Some(checkpoint) => job.checkpoint(checkpoint),
        }
    }

    /// Streams results of chunks to a consumer, in row order: see [`Engine::stream`].
    ///
    /// With a checkpoint, a killed stream resumes behind the rows that were consumed. Rows consumed
    /// after the last checkpoint are passed to `consume` again, so make it idempotent, for instance
    /// by writing to the position of the rows; with [`Checkpoint::every`] zero that is at most one
    /// chunk. The checkpoint needs a [label](Checkpoint::label) that says what `kernel` computes. A
    /// stream that `consume` ended keeps its checkpoint and resumes there on the next run.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use rowmill_core::{Array, ArrayMut};
    /// use rowmill_exec::{Checkpoint, ChunkSize, Engine};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("x.npy");
    /// # ArrayMut::<u8>::create(&path, [5, 2])?.close()?;
    /// let x = Array::<u8>::open(&path)?;
    /// let engine = Engine::builder().chunk(ChunkSize::Rows(2)).build()?;
    /// let checkpoint = Checkpoint::at(dir.path().join("stream.checkpoint")).label("rows");
    /// let mut seen = Vec::new();
    /// for _ in 0..2 {
    ///     engine.on(&x).checkpoint(&checkpoint).stream(
    ///         |chunk| Ok(chunk.rows()),
    ///         |_, rows| {
    ///             seen.push(rows);
    ///             if seen.len() == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    ///         },
    ///     )?;
    /// }
    /// assert_eq!(seen, [0..2, 2..4, 4..5]);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Engine::stream`], and with a checkpoint as [`reduce`](Self::reduce).
    ///
    /// # Panics
    /// If `consume` panics; the workers stop first.
    pub fn stream<T, R>(
        &self,
        kernel: impl Fn(&Chunk<'_, T>) -> Result<R> + Sync,
        consume: impl FnMut(Range<usize>, R) -> ControlFlow<()>,
    ) -> Result<()>
    where
        T: Element,
        S: Source<T>,
        R: Send,
    {
        match self.checkpoint {
            None => self.engine.stream(self.source, kernel, consume),
            Some(checkpoint) => {
                self.engine.stream_resumable(self.source, kernel, consume, checkpoint)
            }
        }
    }
}
