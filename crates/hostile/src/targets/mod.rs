//! The targets, one file each.

mod checkpoint;
mod flags;
mod npy_header;
mod open;
mod sidecar;

pub use checkpoint::{CHECKPOINT, JOURNAL};
pub use flags::{CHUNK_SIZE, CONDITION, OUTPUTS, RAW_SPEC};
pub use npy_header::NPY_HEADER;
pub use open::OPEN;
pub use sidecar::SIDECAR;
