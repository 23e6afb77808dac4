//! Arrays: opened, created, read, written.

mod any_array;
#[expect(clippy::module_inception, reason = "a file has the name of its type")]
mod array;
mod array_mut;
mod concat;
mod cow;
mod create;
mod options;
mod staged;
mod writable;

pub use self::any_array::{AnyArray, open};
pub use self::array::Array;
pub use self::array_mut::ArrayMut;
pub use self::concat::files_like;
pub use self::cow::CowArray;
pub use self::create::CreateOptions;
pub use self::options::{OpenOptions, WhileWritten};
pub use self::staged::StagedArray;
