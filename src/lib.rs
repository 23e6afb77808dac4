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
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | open, create and write array files | [`open`], [`Array`], [`ArrayMut`], [`CreateOptions`], [`CowArray`] |
//! | replace an existing file | `.overwrite(true)` on the writing call, [`Outputs`] |
//! | make written rows survive a power cut | [`FlushPolicy`], [`ArrayMut::durable_rows`], [`ArrayMut::durable_from`] |
//! | append rows, remove leftovers of a crash | [`Appender`], [`CleanOptions`] |
//! | describe a raw file | [`RawSpec`], [`Sidecar`] |
//! | work on some rows, some columns, a box | [`Source::part`], [`Part`] |
//! | treat many files as one array | [`Concat`] |
//! | reduce any set of axes | [`Over`]; for the first or last axes, in place: [`Source::merge_axes`] |
//! | reduce | [`Engine::reduce`], [`Sum`], [`Mean`], [`MinMax`], [`Moments`], [`Counts`], [`Stats`] |
//! | find the positions of extremes | [`ArgMin`], [`ArgMax`], [`ArgMinMax`], [`TopK`] |
//! | describe a distribution | [`Skewness`], [`Kurtosis`], [`Histogram`], [`Engine::histogram`], [`Distinct`] |
//! | find quantiles | [`Engine::quantiles`], [`ApproxQuantiles`] |
//! | compare columns | [`Covariance`] |
//! | compute other sums and products | [`Product`], [`Norm`], [`WeightedMean`], [`Ptp`], [`AnyTrue`], [`AllTrue`] |
//! | sum with a single rounding | [`Reduction::exact`] |
//! | draw a sample | [`Sample`] |
//! | transform elements before a job | [`Elementwise`] |
//! | reduce in several processes, or after an append | [`Partial`], [`Engine::partial`], [`Engine::partial_after`] |
//! | normalize by saved statistics, and undo it | [`Engine::fit`], [`Fitted`], [`Engine::normalize_by`], [`Engine::denormalize`] |
//! | skip elements | [`Mask`], [`Condition`], [`NanPolicy`] |
//! | write a custom reduction | [`Reduce`] |
//! | map to a new array | [`Engine::map`], [`Engine::normalize`], [`map_elements`], [`map_rows`], [`Map`] |
//! | consume chunks in order | [`Engine::stream`] |
//! | gather rows by index | [`Engine::rows`], [`RowOrder`] |
//! | train on shuffled batches | [`Engine::shuffled_batches`] |
//! | detect damage | [`Engine::checksums`], [`Engine::verify`] |
//! | change an array in place | [`Engine::map_in_place`], [`Engine::normalize_in_place`] |
//! | resume after a kill | [`Checkpoint`], [`Call::checkpoint`] |
//! | report progress and cancel | [`Call::progress`], [`Call::cancel`], [`EngineBuilder::progress`], [`CancelToken`] |
//! | share options within a call | [`Engine::on`] |
//! | look up result types | [`Numeric`] |

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
