//! Array files as typed, checked, mapped rows: the file side of [rowmill](https://docs.rs/rowmill).
//!
//! This crate owns everything about a file: its metadata ([`Meta`], from a `.npy` header, a JSON
//! [`Sidecar`] or an explicit [`RawSpec`]), access to its bytes (a shared read-only mapping, or
//! positioned reads: [`Backend`]) and writing it ([`ArrayMut`], [`AtomicFile`]; [`Outputs`]
//! prevents data loss). It is the only crate of the workspace that maps, flushes and locks.
//!
//! A mapped file that is truncated or fails gives an error, not SIGBUS: see [`BusErrors`].
//!
//! Every open checks dtype, shape, offset and length against the file, exactly, before the first
//! byte is used. Whatever the layout on disk, rows are read through one method: [`Source::tile`].
//!
//! | numpy mode | type | can write | can flush |
//! |---|---|---|---|
//! | `r`  | [`Array`] ([`AnyArray`] when the dtype is known at run time only) | no | no |
//! | `r+` | [`ArrayMut::open`] ([`OpenOptions::open_mut`]) | yes | yes |
//! | `w+` | [`ArrayMut::create`] ([`CreateOptions`]) | yes | yes |
//! | `c`  | [`CowArray`] | in memory only | no |
//! | none | [`Appender`] | rows at the end | commits |

mod array;
mod dtype;
mod durable;
mod element;
mod error;
mod format;
mod fs;
mod identity;
mod limits;
mod map;
mod shape;
#[cfg(test)]
#[path = "../tests/common/skipped.rs"]
mod skipped;
mod text;
mod tile;
mod view;

pub use array::{
    AnyArray, Array, ArrayMut, CowArray, CreateOptions, OpenOptions, StagedArray, WhileWritten,
    files_like, open,
};
pub use dtype::{ByteOrder, DType, ParseDTypeError};
pub use durable::{
    Appender, AtomicFile, CleanOptions, CleanOutcome, FlushPolicy, Journal, JournalHead,
    JournalRecord, Leftover, Outputs, Triggers,
};
pub use element::Element;
pub use error::{Error, JournalError, MetaError, Result, SidecarError, Taken, ViewError};
pub use format::{
    ChecksumHasher, Checksums, Format, Framing, FramingError, LeftoverKind, Meta, RawSpec, Sidecar,
    npy,
};
pub use fs::{Kind, Role, SourceFile};
pub use identity::{FileIdentity, Identity};
pub use map::{Backend, BusErrors, WriteBack};
pub use shape::{MAX_NDIM, Order, ParseShapeError, Shape, ShapeError};
pub use tile::{Assembly, Tile, TileBuffer, Unfilled, zeros};
pub use view::{Concat, Merged, ParseSliceError, Part, Permuted, Pick, Slice, SliceSource, Source};

/// Parsers of private files, for fuzzing.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::durable::{check_journal, frame_journal};
}

pub use half::{bf16, f16};
pub use num_complex::Complex;
