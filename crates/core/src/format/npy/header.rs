//! [`read`]: from the first bytes of a file to its [`Header`], within bounds.

use std::io::Read;

use super::{Dict, Encoding, HeaderError, MAGIC, MAX_HEADER_LEN, Record, parse_field};
use crate::dtype::{ByteOrder, DType};
use crate::shape::{Order, Shape};

/// The fields of a `.npy` header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The element type.
    pub dtype: DType,
    /// The byte order of an element; native for one-byte elements.
    pub byte_order: ByteOrder,
    /// The order of the elements.
    pub order: Order,
    /// The shape; for a field that is a sub-array, with its axes after those of the array.
    pub shape: Shape,
    /// Where the first element starts, in bytes from the start of the file.
    pub offset: u64,
    /// The location within the records, for one field of a structured array. The records then start
    /// `start` bytes before `offset`.
    pub record: Option<Record>,
}

/// Reads the header of a `.npy` file of `file_len` bytes, and no more.
///
/// At most 12 bytes are read before the length of the header has been checked against the file and
/// against [`MAX_HEADER_LEN`]; only then is memory for the header allocated.
///
/// # Errors
/// [`HeaderError`] if the reader fails, and for every header that is damaged or asks for an
/// unsupported feature.
pub fn read(reader: &mut impl Read, file_len: u64) -> Result<Header, HeaderError> {
    read_field(reader, file_len, None)
}

/// The same for one field of a structured array: see [`parse_field`].
///
/// # Errors
/// As [`read`] and [`parse_field`].
pub fn read_field(
    reader: &mut impl Read,
    file_len: u64,
    field: Option<&str>,
) -> Result<Header, HeaderError> {
    let mut prefix = [0_u8; 12];
    let first = file_len.min(10) as usize;
    reader.read_exact(&mut prefix[..first])?;
    let magic = &prefix[..first.min(MAGIC.len())];
    if !MAGIC.starts_with(magic) {
        return Err(HeaderError::Magic { found: magic.to_vec() });
    }
    if first < 10 {
        return Err(HeaderError::TooShort { expected: 10, found: file_len });
    }
    let (encoding, start) = match (prefix[6], prefix[7]) {
        (1, 0) => (Encoding::Latin1, 10),
        (2, 0) => (Encoding::Latin1, 12),
        (3, 0) => (Encoding::Utf8, 12),
        (major, minor) => return Err(HeaderError::Version { major, minor }),
    };
    if file_len < start {
        return Err(HeaderError::TooShort { expected: start, found: file_len });
    }
    // Version 1.0 has two bytes of length: the other two stay zero.
    if start == 12 {
        reader.read_exact(&mut prefix[10..])?;
    }
    let len = u32::from_le_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]);
    if u64::from(len) > MAX_HEADER_LEN {
        return Err(HeaderError::TooLong { found: len.into() });
    }
    let offset = start + u64::from(len);
    if offset > file_len {
        return Err(HeaderError::BeyondFile { expected: offset, found: file_len });
    }
    let mut text = vec![0; len as usize];
    reader.read_exact(&mut text)?;
    let Dict { dtype, byte_order, order, shape, record } = parse_field(&text, encoding, field)?;
    let offset = offset.saturating_add(record.map_or(0, |record| record.offset as u64));
    Ok(Header { dtype, byte_order, order, shape, offset, record })
}
