//! Limits and versions of files that are read; error messages refer to them too.

/// The longest `.npy` header that is read, in bytes: far more than any supported dtype and shape
/// need.
pub const MAX_HEADER_LEN: u64 = 64 * 1024;

/// The longest sidecar that is read, in bytes.
pub(crate) const MAX_SIDECAR_LEN: u64 = 1024 * 1024;

/// The version of sidecars that is written, and the only one that is read.
pub(crate) const SIDECAR_VERSION: u64 = 1;

/// The version of the journals of in-place jobs.
pub(crate) const JOURNAL_VERSION: u32 = 3;
