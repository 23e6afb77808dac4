//! Bytes to metadata: bounded parsers of everything that describes an array file.

pub(crate) mod append_journal;
mod checksums;
pub(crate) mod detect;
pub(crate) mod framing;
pub(crate) mod leftovers;
mod meta;
pub mod npy;
mod raw;
pub(crate) mod sidecar;

pub use self::checksums::{ChecksumHasher, Checksums};
pub use self::framing::{Framing, FramingError};
pub use self::leftovers::LeftoverKind;
pub(crate) use self::meta::expect_dtype;
pub use self::meta::{Format, Meta};
pub use self::raw::RawSpec;
pub use self::sidecar::Sidecar;
