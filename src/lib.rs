//! Arrays too big for memory, processed on every core at the speed of memory, with answers that
//! never depend on how the work was split.
//!
//! # The tour
//!
//! Open an array file. What is in it is checked against the file before the first byte is used; a
//! wrong dtype, shape or length is an error that says what was expected and what was found.
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
//! An [`Engine`] holds the workers. Several answers take one read, and no knob changes a bit of
//! them.
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
//! Outputs appear under their name complete or not at all.
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
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | open, create and write array files | [`open`], [`Array`], [`ArrayMut`], [`CreateOptions`], [`CowArray`] |
//! | replace a file that exists | `.overwrite(true)` of what writes it, [`Outputs`] |
//! | have written rows survive a power cut | [`FlushPolicy`], [`ArrayMut::durable_rows`], [`ArrayMut::durable_from`] |
//! | append rows, remove what a crash left | [`Appender`], [`CleanOptions`] |
//! | describe a raw file | [`RawSpec`], [`Sidecar`] |
//! | work on some rows, some columns, a box | [`Source::part`], [`Part`] |
//! | take many files as one array | [`Concat`] |
//! | reduce any set of axes | [`Over`]; the first or the last ones in place: [`Source::merge_axes`] |
//! | reduce | [`Engine::reduce`], [`Sum`], [`Mean`], [`MinMax`], [`Moments`], [`Counts`], [`Stats`] |
//! | find where the extremes are | [`ArgMin`], [`ArgMax`], [`ArgMinMax`], [`TopK`] |
//! | describe a distribution | [`Skewness`], [`Kurtosis`], [`Histogram`], [`Engine::histogram`], [`Distinct`] |
//! | find quantiles | [`Engine::quantiles`], [`ApproxQuantiles`] |
//! | relate columns | [`Covariance`] |
//! | sum and multiply otherwise | [`Product`], [`Norm`], [`WeightedMean`], [`Ptp`], [`AnyTrue`], [`AllTrue`] |
//! | sum without any rounding | [`Reduction::exact`] |
//! | look at a sample | [`Sample`] |
//! | compute elements before a job | [`Elementwise`] |
//! | reduce in several processes, or after an append | [`Partial`], [`Engine::partial`], [`Engine::partial_after`] |
//! | normalize by what was found before, and back | [`Engine::fit`], [`Fitted`], [`Engine::normalize_by`], [`Engine::denormalize`] |
//! | leave elements out | [`Mask`], [`Condition`], [`NanPolicy`] |
//! | write a reduction of your own | [`Kernel`], [`Reduction::of`] |
//! | map to a new array | [`Engine::map`], [`Engine::normalize`], [`map_elements`], [`map_rows`], [`Map`] |
//! | consume chunks in order | [`Engine::stream`] |
//! | gather rows by their numbers | [`Engine::rows`], [`RowOrder`] |
//! | train on shuffled batches | [`Engine::shuffled_batches`] |
//! | find damage | [`Engine::checksums`], [`Engine::verify`] |
//! | change an array in place | [`Engine::map_in_place`], [`Engine::normalize_in_place`] |
//! | go on after a kill | [`Checkpoint`], [`Call::checkpoint`] |
//! | watch and stop | [`Call::progress`], [`Call::cancel`], [`EngineBuilder::progress`], [`CancelToken`] |
//! | say options once for a call | [`Engine::on`] |
//! | know the result types | [`Numeric`] |

#![forbid(unsafe_code)]

pub use rowmill_core::{
    AnyArray, Appender, Array, ArrayMut, AtomicFile, Backend, BusErrors, ByteOrder, ChecksumHasher,
    Checksums, CleanOptions, Complex, Concat, CowArray, CreateOptions, DType, Element,
    Error as FileError, Fate, FileIdentity, FlushPolicy, Format, Identity, Journal, JournalError,
    Kind, Leftover, LeftoverKind, MAX_NDIM, Merged, Meta, MetaError, OpenOptions, Order, Outputs,
    ParseDTypeError, ParseShapeError, ParseSliceError, Part, Permuted, Pick, RawSpec, Role, Shape,
    ShapeError, Sidecar, SidecarError, Slice, SliceSource, Source, SourceFile, StagedArray, Taken,
    Tile, TileBuffer, Triggers, ViewError, WhileWritten, bf16, f16, files_like, match_array, npy,
    open, zeros,
};
pub use rowmill_exec::*;
