//! [`Disk`]: the operation that makes written rows durable.

use std::fmt::Debug;
use std::ops::Range;

use crate::error::Result;

/// The target of syncs. Tests substitute others for a mapped file.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Makes everything durable that was stored in these bytes of the file before the call, or in
    /// all of them. It is not called again after an error.
    fn sync(&self, bytes: Option<Range<usize>>) -> Result<()>;
}
