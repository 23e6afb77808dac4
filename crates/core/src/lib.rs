//! Array files as typed, checked, mapped rows: the file side of [rowmill](https://docs.rs/rowmill).
//!
//! This crate owns everything about a file: what is in it ([`Meta`], from a `.npy` header, a JSON
//! [`Sidecar`] or an explicit [`RawSpec`]), how its bytes are reached (a shared read-only mapping,
//! or positioned reads: [`Backend`]) and how it is written ([`ArrayMut`], [`AtomicFile`]). It is
//! the only crate of the workspace that maps, flushes and locks.
//!
//! Every open checks dtype, shape, offset and length against the file, exactly, before the first
//! byte is used. Whatever the layout on disk, rows come out through one door: [`Source::tile`].
//!
//! | numpy mode | type | can write | can flush |
//! |---|---|---|---|
//! | `r`  | [`Array`] ([`AnyArray`] when the dtype is known at run time only) | no | no |
//! | `r+` | [`ArrayMut::open`] | yes | yes |
//! | `w+` | [`ArrayMut::create`] ([`CreateOptions`]) | yes | yes |
//! | `c`  | [`CowArray`] | in memory only | no |

mod array;
mod array_mut;
mod atomic;
mod cow;
mod detect;
mod dtype;
mod element;
mod error;
mod layout;
mod map;
mod meta;
pub mod npy;
mod raw;
mod shape;
mod sidecar;
mod source;

pub use array::{AnyArray, Array, Backend, OpenOptions, open};
pub use array_mut::{ArrayMut, CreateOptions, StagedArray};
pub use atomic::AtomicFile;
pub use cow::CowArray;
pub use dtype::{ByteOrder, DType, ParseDTypeError};
pub use element::Element;
pub use error::{Error, Result};
pub use map::{Assembly, Unfilled, WriteBack, zeros};
pub use meta::{Format, Meta};
pub use raw::RawSpec;
pub use shape::{MAX_NDIM, Order, Shape, ShapeError};
pub use sidecar::{Sidecar, SidecarError};
pub use source::{SliceSource, Source, Tile, TileBuffer};

pub use half::f16;
