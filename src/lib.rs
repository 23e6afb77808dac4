//! Arrays larger than memory, processed on all cores at the speed of memory, with answers that
//! never depend on how the work was split.
//!
//! # The tour
//!
//! Open an array file. Its metadata is checked against the file before the first byte is used. A
//! wrong dtype, shape or length is an error that names the expected and the actual value.
//!
//! ```
//! use rowmill::{Array, Engine, Mask, Mean, MinMax, NanPolicy, Sum};
//!
//! # fn main() -> Result<(), rowmill::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
//! let x = Array::<f32>::open(path)?; // or rowmill::open(path)?, with the dtype known at run time
//! assert_eq!(x.shape().dims(), [26_115, 9]);
//! # Ok(()) }
//! ```
//!
//! An [`Engine`] holds the workers. Several answers take a single read, and no setting changes a
//! bit of them.
//!
//! ```
//! # use rowmill::{Array, Engine, Mask, Mean, MinMax, NanPolicy, Sum};
//! # fn main() -> Result<(), rowmill::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
//! # let x = Array::<f32>::open(path)?;
//! let engine = Engine::new()?;
//! let skip = NanPolicy::Skip;
//! let (sum, mean, range) = engine.reduce(
//!     &x,
//!     (Sum::all().nan(skip), Mean::per_column().nan(skip), MinMax::all().nan(skip)),
//! )?;
//! assert_eq!(mean.len(), 9);
//! assert!(range.min < range.max && sum > 0.0);
//!
//! let hot = engine.reduce(&x, Sum::all().masked(Mask::value(|v| v > 100.0)))?;
//! # assert!(hot > 0.0);
//! # Ok(()) }
//! ```
//!
//! Outputs appear under their name only once they are complete.
//!
//! ```
//! # use rowmill::{Array, Engine, Normalize};
//! # fn main() -> Result<(), rowmill::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
//! # let x = Array::<f32>::open(path)?;
//! # let engine = Engine::new()?;
//! # let dir = tempfile::tempdir().unwrap();
//! # let out = dir.path().join("weather_z.npy");
//! engine.normalize(&x, Normalize::z_score().per_column()).write_npy(&out)?;
//! # Ok(()) }
//! ```
//!
//! # From NumPy
//!
//! | numpy | rowmill |
//! |---|---|
//! | `np.load(path, mmap_mode="r")` | [`open`], or [`Array::<f32>::open`](Array::open), which checks the dtype |
//! | `np.memmap(path, dtype, shape=s)` | [`Array::open_raw`]; [`ArrayMut`] is mode `r+`, [`CowArray`] `c` |
//! | `open_memmap(path, "w+", dtype, shape)` | [`ArrayMut::create`], [`CreateOptions`] |
//! | `a.mean()`, `a.mean(axis=0)` | `Mean::all()`, `Mean::per_column()` in [`Engine::reduce`] |
//! | `a.sum(axis=(0, 2), keepdims=True)` | [`Over`] |
//! | `np.nanmean(a)` | `Mean::all().nan(NanPolicy::Skip)` |
//! | `a[a > 0.5].sum()`, `a.sum(where=mask)` | `Sum::all().masked(...)` with [`Mask`] or [`Condition`] |
//! | `np.quantile(a, [0.25, 0.5], axis=0)` | [`Engine::quantiles`] |
//! | `np.histogram`, `np.cov`, `np.argmax`, `np.unique` | [`Histogram`], [`Covariance`], [`ArgMax`], [`Distinct`] |
//! | `a[10:20, :3]`, `a[[7, 1, 4]]` | [`Source::part`], [`Engine::rows`] |
//! | `np.concatenate([a, b])` | [`Concat`] |
//! | `(a - a.mean(0)) / a.std(0)` | [`Engine::normalize`] |
//! | `a.flush()` | [`ArrayMut::flush`], which lasts through a power cut |
//!
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | open, create and write array files | [`open`], [`Array`], [`ArrayMut`], [`CreateOptions`], [`CowArray`] |
//! | replace an existing file | `.overwrite(true)` on the writing call, [`durable::Outputs`] |
//! | make written rows survive a power cut | [`FlushPolicy`], [`ArrayMut::durable_rows`], [`ArrayMut::durable_from`] |
//! | append rows, remove leftovers of a crash | [`Appender`], [`durable::CleanOptions`] |
//! | describe a raw file | [`file::RawSpec`], [`file::Sidecar`] |
//! | work on some rows, some columns, a box | [`Source::part`], [`view::Part`] |
//! | treat many files as one array | [`Concat`] |
//! | reduce any set of axes | [`Over`]; for the first or last axes, in place: [`Source::merge_axes`] |
//! | reduce | [`Engine::reduce`], [`Sum`], [`Mean`], [`MinMax`], [`Moments`], [`Counts`], [`Stats`] |
//! | find the positions of extremes | [`ArgMin`], [`ArgMax`], [`ArgMinMax`], [`TopK`] |
//! | describe a distribution | [`Skewness`], [`Kurtosis`], [`Histogram`], [`Engine::histogram`], [`Distinct`] |
//! | find quantiles | [`Engine::quantiles`], [`ApproxQuantiles`] |
//! | compare columns | [`Covariance`] |
//! | compute other sums and products | [`Product`], [`Norm`], [`WeightedMean`], [`Ptp`], [`AnyTrue`], [`AllTrue`] |
//! | sum with a single rounding | [`reduce::Reduction::exact`] |
//! | draw a sample | [`Sample`] |
//! | transform elements before a job | [`Elementwise`] |
//! | reduce in several processes, or after an append | [`Partial`], [`Engine::partial`], [`Engine::partial_after`] |
//! | normalize by saved statistics, and undo it | [`Engine::fit`], [`Fitted`], [`Engine::normalize_by`], [`Engine::denormalize`] |
//! | skip elements | [`Mask`], [`Condition`], [`NanPolicy`] |
//! | write a custom reduction | [`reduce::Kernel`], [`reduce::Reduction::of`] |
//! | map to a new array | [`Engine::map`], [`Engine::normalize`], [`map_elements`], [`map_rows`], [`Map`] |
//! | consume chunks in order | [`Engine::stream`] |
//! | gather rows by index | [`Engine::rows`], [`train::RowOrder`] |
//! | train on shuffled batches | [`Engine::shuffled_batches`] |
//! | detect damage | [`Engine::checksums`], [`Engine::verify`] |
//! | change an array in place | [`Engine::map_in_place`], [`Engine::normalize_in_place`] |
//! | resume after a kill | [`Checkpoint`], [`Call::checkpoint`] |
//! | report progress and cancel | [`Call::progress`], [`Call::cancel`], [`EngineBuilder::progress`], [`CancelToken`] |
//! | share options within a call | [`Engine::on`] |
//! | look up result types | [`Numeric`] |

#![forbid(unsafe_code)]

#[doc(inline)]
pub use rowmill_core::{
    AnyArray, Appender, Array, ArrayMut, Complex, Concat, CowArray, CreateOptions, DType, Element,
    Error as FileError, FlushPolicy, OpenOptions, Shape, Source, bf16, f16, match_array, open,
};
#[doc(inline)]
pub use rowmill_exec::{
    AllTrue, AnyTrue, ApproxQuantiles, ArgMax, ArgMin, ArgMinMax, Call, CancelToken, Checkpoint,
    ChunkSize, Condition, Counts, Covariance, Distinct, Elementwise, Engine, EngineBuilder, Error,
    Fitted, Histogram, Kurtosis, Map, Mask, Mean, MinMax, Moments, NanPolicy, Norm, Normalize,
    Numeric, Over, Partial, Product, Progress, Ptp, Result, Sample, Skewness, Stats, Sum, TopK,
    WeightedMean, map_elements, map_rows,
};

/// The content of a file, and how its bytes are reached.
pub mod file {
    #[doc(inline)]
    pub use rowmill_core::{
        Backend, BusErrors, ByteOrder, ChecksumHasher, Checksums, FileIdentity, Format, Identity,
        MAX_NDIM, Meta, Order, RawSpec, Sidecar, SourceFile, WhileWritten, files_like, npy,
    };
}

/// Writing that a crash cannot tear, and that replaces nothing a user would miss.
pub mod durable {
    #[doc(inline)]
    pub use rowmill_core::{
        AtomicFile, CleanOptions, CleanOutcome, Journal, Kind, Leftover, LeftoverKind, Outputs,
        Role, StagedArray, Taken, Triggers, WriteBack,
    };
}

/// Arrays made of others without copying: parts, files as one, other axes, computed elements.
pub mod view {
    #[doc(inline)]
    pub use rowmill_core::{Merged, Part, Permuted, Pick, Slice, SliceSource, Tile, TileBuffer};
    #[doc(inline)]
    pub use rowmill_exec::{Cast, CastElement, Computed};
}

/// The engine that every job runs on: what it tells, and what it may be told.
pub mod engine {
    #[doc(inline)]
    pub use rowmill_exec::{Isa, Profile, RunReport};
}

/// Reductions: their axes, their answers, and the trait for those of your own.
///
/// [`Kernel`](crate::reduce::Kernel) is that trait: the state of a cell, how elements go in, how
/// two states merge, the value. Axes, masks, NaN policy, fusion, checkpoints and partials come from
/// the frame that all reductions share.
pub mod reduce {
    #[doc(inline)]
    pub use rowmill_exec::{
        All, Answer, Answers, AnyAxis, Axes, Axis, BinCount, Block, CellPlace, CellTotals, Columns,
        ComplexMeanVar, Complexed, CovarianceMatrix, Each, ExactMean, ExactSum, Extrema, Extremum,
        HistogramCounts, Kernel, MeanVar, NormOrder, Positional, Quantiles, Reduce, Reducer,
        Reduction, Room, Rows, Selected, Shared, State, Summary, Tally, Then, Totals, Tried,
        ValueRange, Values, Weighted,
    };
}

/// Selections: which elements take part.
pub mod select {
    #[doc(inline)]
    pub use rowmill_exec::{
        ArrayMask, ColumnName, CompareMask, CompareOp, ConditionMask, Selector, Term, Threshold,
        Unmasked, ValueMask,
    };
}

/// Maps: arrays made of arrays, chunk by chunk, to a file or in place.
pub mod map {
    #[doc(inline)]
    pub use rowmill_exec::{Chunk, Elements, InPlace, Mapping, RowMap};
}

/// Normalization: what is found of an array, and the scaled copy.
pub mod normalize {
    #[doc(inline)]
    pub use rowmill_exec::{FloatElement, NormalizeAxis, NormalizeMethod, Normalizing};
}

/// Rows by their numbers, and shuffled batches for training.
pub mod train {
    #[doc(inline)]
    pub use rowmill_exec::{Batch, Batches, RowOrder, RowSelection, ShuffledBatches};
}

/// Errors within [`Error`] and [`FileError`], and those of texts that are parsed.
pub mod error {
    #[doc(inline)]
    pub use rowmill_core::{
        JournalError, MetaError, ParseDTypeError, ParseShapeError, ParseSliceError, ShapeError,
        SidecarError, ViewError,
    };
    #[doc(inline)]
    pub use rowmill_exec::{
        Absent, CheckpointError, FittedError, ParseChunkSizeError, ParseConditionError,
        ParseIsaError, ParseThresholdError, PartialError,
    };
}
