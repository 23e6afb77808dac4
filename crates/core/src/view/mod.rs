//! Sources of rows, and views of them.

mod concat;
mod merged;
mod part;
mod permuted;
mod slice;
mod source;

pub use self::concat::Concat;
pub use self::merged::Merged;
pub use self::part::{ParseSliceError, Part, Pick, Slice};
pub use self::permuted::Permuted;
pub use self::slice::SliceSource;
pub use self::source::Source;
pub(crate) use self::source::check_ranges;
