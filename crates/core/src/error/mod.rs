//! The errors of this crate: [`Error`] for array files, and those of the parsers inside it.

mod file;
mod header;
mod journal;
mod meta;
mod sidecar;
mod taken;
mod view;
mod words;

pub use file::Error;
pub use header::HeaderError;
pub use journal::JournalError;
pub use meta::MetaError;
pub use sidecar::SidecarError;
pub use taken::Taken;
pub use view::ViewError;

/// The result of an operation on an array file.
pub type Result<T, E = Error> = std::result::Result<T, E>;
