//! [`Disk`]: what makes written rows durable.

use std::fmt::Debug;
use std::ops::Range;

use crate::error::Result;

/// Where rows become durable. Tests put others in the place of a mapped file.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Makes durable what had been stored in these bytes of the file when it was called, or in all
    /// of them. After an error it is not called again.
    fn sync(&self, bytes: Option<Range<usize>>) -> Result<()>;
}
