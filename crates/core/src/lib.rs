//! Array files as typed, checked, mapped rows: the file side of [rowmill](https://docs.rs/rowmill).
//!
//! This crate owns everything about a file: what is in it ([`Meta`], from a `.npy` header, a JSON
//! [`Sidecar`] or an explicit [`RawSpec`]), how its bytes are reached (a shared read-only mapping,
//! or positioned reads: [`Backend`]) and how it is written ([`ArrayMut`], [`AtomicFile`];
//! [`Outputs`] sees to it that nothing is lost by that). It is the only crate of the workspace that
//! maps, flushes and locks.
//!
//! A mapped file that shrinks or fails is an error, not SIGBUS: see [`BusErrors`].
//!
//! Every open checks dtype, shape, offset and length against the file, exactly, before the first
//! byte is used. Whatever the layout on disk, rows come out through one door: [`Source::tile`].
//!
//! | numpy mode | type | can write | can flush |
//! |---|---|---|---|
//! | `r`  | [`Array`] ([`AnyArray`] when the dtype is known at run time only) | no | no |
//! | `r+` | [`ArrayMut::open`] ([`OpenOptions::open_mut`]) | yes | yes |
//! | `w+` | [`ArrayMut::create`] ([`CreateOptions`]) | yes | yes |
//! | `c`  | [`CowArray`] | in memory only | no |
//! | none | [`Appender`] | rows at the end | commits |

mod any_array;
mod append;
mod array;
mod array_mut;
mod atomic;
mod checksums;
mod clean;
mod concat;
mod cow;
mod create;
mod detect;
mod dtype;
mod element;
mod error;
mod flush;
mod framing;
mod identity;
mod journal;
mod layout;
mod leftovers;
mod map;
mod merged;
mod meta;
pub mod npy;
mod options;
mod outputs;
mod part;
mod permuted;
mod publish;
mod raw;
mod shape;
mod sidecar;
#[cfg(test)]
#[path = "../tests/common/skipped.rs"]
mod skipped;
mod slice;
mod source;
mod tile;
mod writable;

pub use any_array::{AnyArray, open};
pub use append::Appender;
pub use array::Array;
pub use array_mut::ArrayMut;
pub use atomic::AtomicFile;
pub use checksums::{ChecksumHasher, Checksums};
pub use clean::{CleanOptions, Fate, Leftover};
pub use concat::{Concat, files_like};
pub use cow::CowArray;
pub use create::{CreateOptions, StagedArray};
pub use dtype::{ByteOrder, DType, ParseDTypeError};
pub use element::Element;
pub use error::{Error, MetaError, Result, ViewError};
pub use flush::{FlushPolicy, Triggers};
pub use framing::{Framing, FramingError};
pub use identity::{FileIdentity, Identity};
pub use journal::{
    Journal, JournalError, JournalHead, JournalRecord, check_journal, frame_journal,
};
pub use leftovers::LeftoverKind;
pub use map::{Assembly, Unfilled, WriteBack, zeros};
pub use merged::Merged;
pub use meta::{Format, Meta};
pub use options::{Backend, BusErrors, OpenOptions, WhileWritten};
pub use outputs::{Kind, Outputs, Role, SourceFile, Taken};
pub use part::{ParseSliceError, Part, Pick, Slice};
pub use permuted::Permuted;
pub use raw::RawSpec;
pub use shape::{MAX_NDIM, Order, ParseShapeError, Shape, ShapeError};
pub use sidecar::{Sidecar, SidecarError};
pub use slice::SliceSource;
pub use source::Source;
pub use tile::{Tile, TileBuffer};

pub use half::{bf16, f16};
pub use num_complex::Complex;
