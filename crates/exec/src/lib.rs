//! Map and reduce kernels over chunks of rows, on every core, with answers that never depend on how
//! the work was split: the engine of [rowmill](https://docs.rs/rowmill).
//!
//! An [`Engine`] holds workers and options. A [`Reduce`] kernel turns an array into an answer
//! ([`Sum`], [`Mean`], [`MinMax`], [`Moments`], [`Counts`], [`Stats`], or one of your own), a
//! [`Map`] kernel turns it into another array, [`Engine::stream`] passes results of chunks to a
//! consumer.
//!
//! The array is cut into **blocks** of about 512 KiB whose bounds depend on shape and dtype alone;
//! each is folded from identity with a fixed number of lanes, and the partials are merged in a
//! balanced tree over the blocks. Workers, chunk size and instruction set change no bit.

mod engine;
mod error;
mod job;
mod kernel;
mod resume;

#[doc(hidden)]
pub use engine::memory;
pub use engine::{
    CancelToken, ChunkSize, Engine, EngineBuilder, ParseChunkSizeError, Profile, Progress,
    RunReport,
};
pub use error::{CheckpointError, Error, FittedError, ParseConditionError, PartialError, Result};
pub use job::{
    Batch, Batches, BinCount, Call, Cast, CastElement, Chunk, Computed, Elements, Elementwise,
    Fitted, InPlace, Map, Mapping, Normalize, NormalizeAxis, NormalizeMethod, Normalizing,
    Quantiles, RowMap, RowOrder, RowSelection, ShuffledBatches, map_elements, map_rows,
};
pub use kernel::{
    All, AllTrue, Answer, Answers, AnyAxis, AnyTrue, ApproxQuantiles, ArgMax, ArgMin, ArgMinMax,
    ArrayMask, Axes, Axis, Block, CellPlace, CellTotals, ColumnName, Columns, CompareMask,
    CompareOp, ComplexMeanVar, Complexed, Condition, ConditionMask, Counts, Covariance,
    CovarianceMatrix, Distinct, Each, ExactMean, ExactSum, Extrema, Extremum, FloatElement,
    Histogram, HistogramCounts, Kernel, Kurtosis, Mask, Mean, MeanVar, MinMax, Moments, NanPolicy,
    Norm, NormOrder, Numeric, Over, ParseThresholdError, Positional, Product, Ptp, Reduce, Reducer,
    Reduction, Room, Rows, Sample, Selected, Selector, Shared, Skewness, State, Stats, Sum,
    Summary, Tally, Term, Then, Threshold, TopK, Totals, Tried, Unmasked, ValueMask, ValueRange,
    Values, Weighted, WeightedMean,
};
pub use resume::{Absent, Checkpoint, Partial};

/// Parsers of private files, for fuzzing.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::resume::{check_checkpoint, frame_checkpoint};
}

pub use rowmill_lanes::arch::{Isa, Job, ParseIsaError, Simd, prefetch};
