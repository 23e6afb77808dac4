//! The `.npy` format: headers read and written.
//!
//! Versions 1.0, 2.0 and 3.0 are read. The parser works on bytes alone, evaluates nothing, and
//! never holds more than [`MAX_HEADER_LEN`] bytes of a header, whatever the file claims. It
//! recurses only into nested records, eight deep. It reads only the header:
//! [`Meta::check`](crate::Meta::check) checks the length of the data.
//!
//! The header is the `repr` of a Python dict with exactly three keys:
//!
//! ```text
//! \x93NUMPY  1 0  76 00      {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   ...\n
//! magic      ver  length LE  dict                                       spaces to a multiple of 64
//! ```
//!
//! The length takes two bytes in version 1.0 and four in 2.0 and 3.0; 3.0 is UTF-8, the others
//! Latin-1. The parser accepts everything that NumPy has ever written (Python 2's `10L` and NumPy
//! 2's `np.int64(10)` included), not all that Python would evaluate.
//!
//! ```
//! use rowmill_core::{ByteOrder, DType, Order, Shape, npy};
//! let shape = Shape::new([3, 4])?;
//! let bytes = npy::write(DType::F32, ByteOrder::Little, Order::C, &shape);
//! let header = npy::read(&mut bytes.as_slice(), bytes.len() as u64)?;
//! assert_eq!((header.dtype, header.offset), (DType::F32, 128));
//! assert_eq!(header.shape, shape);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod dict;
mod header;
mod parser;
mod record;
mod write;

#[cfg(test)]
mod fixtures_tests;
#[cfg(test)]
mod record_tests;
#[cfg(test)]
mod tests;

pub use crate::error::HeaderError;
pub use dict::{Dict, Encoding, parse_dict, parse_field};
pub use header::{Header, read, read_field};
pub use record::Record;
pub(crate) use write::reshaped;
pub use write::write;

pub use crate::limits::MAX_HEADER_LEN;

/// The first bytes of every `.npy` file.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";
