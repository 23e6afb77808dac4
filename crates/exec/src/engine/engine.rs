//! The engine: workers, chunk size, progress and cancellation, and the jobs that it runs.

use std::sync::Arc;

use crate::engine::control::{CancelToken, Observer, Progress};
use crate::engine::plan::ChunkSize;
use crate::engine::profile::Profile;
use crate::engine::report::Reporter;
use crate::engine::{RunReport, memory};
use crate::error::{Error, Result};
use rowmill_lanes::arch::Isa;

/// Runs jobs over arrays on its own workers.
///
/// Answers do not depend on any knob of the engine. Engines are cheap to clone: clones share their
/// workers, which stop when the last clone is dropped, and one engine serves many jobs at once.
/// Options of a single call, like its progress callback and its cancel token, are set with
/// [`on`](Self::on).
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{ChunkSize, Engine, Mean, MinMax, Sum};
/// let data: Vec<f32> = (0..12).map(|i| i as f32).collect();
/// let x = SliceSource::new(&data, [4, 3]).unwrap();
/// let engine = Engine::builder().workers(2).chunk(ChunkSize::Bytes(1 << 20)).build()?;
/// let (sum, mean, range) = engine.reduce(&x, (Sum::all(), Mean::per_column(), MinMax::all()))?;
/// assert_eq!(sum, 66.0);
/// assert_eq!(*mean, [4.5, 5.5, 6.5]);
/// assert_eq!(range.max, 11.0);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) pool: Arc<rayon::ThreadPool>,
    pub(crate) chunk: ChunkSize,
    pub(crate) isa: Isa,
    pub(crate) observer: Option<Observer>,
    pub(crate) cancel: CancelToken,
    /// Bytes.
    pub(crate) ceiling: u64,
    pub(crate) reporter: Option<Reporter>,
    profile: Option<Profile>,
}

/// The knobs of an [`Engine`].
#[derive(Clone, Debug, Default)]
#[must_use = "build() makes the engine"]
pub struct EngineBuilder {
    workers: Option<usize>,
    chunk: Option<ChunkSize>,
    isa: Option<Isa>,
    observer: Option<Observer>,
    cancel: CancelToken,
    ceiling: Option<u64>,
    reporter: Option<Reporter>,
    profile: Option<Profile>,
}

/// The smallest memory ceiling per worker: a few blocks and their decode buffers.
const LEAST_CEILING: u64 = 8 << 20;

/// Overrides the instruction set (`baseline` or `avx2`) of engines that do not set their own: for
/// tests and debugging.
const ISA_VARIABLE: &str = "ROWMILL_ISA";

impl EngineBuilder {
    /// The number of worker threads. Default: one for each core that the process may use.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The chunk size that a worker takes at a time. Default: [`ChunkSize::Auto`].
    pub fn chunk(mut self, size: ChunkSize) -> Self {
        self.chunk = Some(size);
        self
    }

    /// Applies the saved [`Profile`] of this array file if it matches the file, the machine and the
    /// release. Workers and chunk size that are set explicitly take precedence. Default: none.
    pub fn tuned_for(mut self, array: impl AsRef<std::path::Path>) -> Self {
        self.profile = Profile::find(array.as_ref());
        self
    }

    /// The instruction set. Default: the fastest, unless the environment variable `ROWMILL_ISA`
    /// names another.
    pub fn isa(mut self, isa: Isa) -> Self {
        self.isa = Some(isa);
        self
    }

    /// The callback for progress. It is called on the caller's thread, about ten times a second
    /// while a job runs and once at its end. Default: none.
    pub fn progress(mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer(Arc::new(callback)));
        self
    }

    /// The token that stops the engine's jobs. Default: none.
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.cancel = token;
        self
    }

    /// The memory that a job may keep resident, in bytes: mapped pages of inputs and outputs, and
    /// buffers. Chunks that would exceed it are made smaller. Files larger than half of it are
    /// released chunk by chunk as they are processed. Released pages stay in the page cache, which
    /// the operating system reclaims on demand.
    ///
    /// It changes no bit of an answer. It does not cover results, memory held by the caller
    /// (arrays, files that earlier jobs left mapped) and rows that a map or a stream needs whole.
    /// Neither does it cover chunks of a [`stream`](Engine::stream) that are set in rows, and data
    /// read by [`rows`](Engine::rows) and [`shuffled_batches`](Engine::shuffled_batches).
    ///
    /// Default: three quarters of the machine's memory, or of the limit of the process's control
    /// group; no limit if neither is known.
    ///
    /// ```
    /// use rowmill_exec::Engine;
    /// let engine = Engine::builder().workers(2).memory_ceiling(64 << 20).build()?;
    /// assert_eq!(engine.memory_ceiling(), 64 << 20);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn memory_ceiling(mut self, bytes: u64) -> Self {
        self.ceiling = Some(bytes);
        self
    }

    /// The callback for reports, called on the caller's thread when a job has succeeded. A report
    /// holds the duration of the job, the peak memory of the process and its page faults. A failed
    /// job has no report; a normalization in two reads has two. Not called for
    /// [`shuffled_batches`](Engine::shuffled_batches). Default: none, and nothing is measured.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{Engine, Sum};
    /// let engine = Engine::builder().report(|report| eprintln!("{report}")).build()?;
    /// let x = SliceSource::new(&[1_i16, 2, 3], [3]).unwrap();
    /// engine.reduce(&x, Sum::all())?; // reduce: 0.0 MB read in 0.0000 s (0.01 GB/s), 1 worker, …
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn report(mut self, callback: impl Fn(&RunReport) + Send + Sync + 'static) -> Self {
        self.reporter = Some(Reporter(Arc::new(callback)));
        self
    }

    /// Starts the workers.
    ///
    /// # Errors
    /// [`Error::BadOption`] for zero workers, empty chunks or a memory ceiling below 8 MiB per
    /// worker; [`Error::Workers`] if threads cannot be started; [`Error::Isa`] if `ROWMILL_ISA`
    /// names an instruction set that this machine lacks.
    pub fn build(self) -> Result<Engine> {
        let bad = |knob, expected| Err(Error::BadOption { knob, value: "0".to_owned(), expected });
        if self.workers == Some(0) {
            return bad("workers", "expected at least 1");
        }
        let profile = self.profile.as_ref();
        let chunk = self.chunk.or(profile.map(Profile::chunk)).unwrap_or_default();
        if matches!(chunk, ChunkSize::Bytes(0) | ChunkSize::Rows(0)) {
            return bad("the chunk size", "expected at least one byte or row");
        }
        let isa = match (self.isa, std::env::var(ISA_VARIABLE)) {
            (Some(isa), _) => isa,
            (None, Ok(name)) if !name.is_empty() => name.parse()?,
            (None, _) => Isa::detect(),
        };
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = self.workers.or(profile.map(Profile::workers)).unwrap_or_else(cores);
        let least = LEAST_CEILING.saturating_mul(workers as u64);
        let ceiling = self.ceiling.unwrap_or_else(|| {
            memory::available().map_or(u64::MAX, |bytes| bytes / 4 * 3).max(least)
        });
        if ceiling < least {
            return Err(Error::BadOption {
                knob: "the memory ceiling",
                value: format!("{ceiling} bytes for {workers} workers"),
                expected: "expected at least 8 MiB for each; raise it or take fewer workers",
            });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|i| format!("rowmill-{i}"))
            .start_handler(|_| crate::engine::run::begin_worker())
            .build()
            .map_err(|source| Error::Workers { workers, source })?;
        Ok(Engine {
            pool: Arc::new(pool),
            chunk,
            isa,
            observer: self.observer,
            cancel: self.cancel,
            ceiling,
            reporter: self.reporter,
            profile: self.profile,
        })
    }
}

impl Engine {
    /// An engine with all defaults.
    ///
    /// # Errors
    /// As [`EngineBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A builder with all defaults.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The number of worker threads.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The chunk size that a worker takes at a time.
    #[must_use]
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk
    }

    /// The profile that [`EngineBuilder::tuned_for`] applied, if any.
    #[must_use]
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// The instruction set that kernels run on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The memory that jobs may keep resident, in bytes.
    #[must_use]
    pub fn memory_ceiling(&self) -> u64 {
        self.ceiling
    }

    /// The largest chunk, in bytes, that keeps the buffers of all workers within a part of the
    /// memory ceiling: inputs, outputs and decode buffers. At least a megabyte.
    pub(crate) fn most_chunk_bytes(&self) -> usize {
        usize::try_from(self.ceiling / 8).unwrap_or(usize::MAX) / self.workers()
    }
}
