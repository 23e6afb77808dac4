//! [`write`]: writes a header byte for byte as NumPy does.

use super::MAGIC;
use crate::dtype::{ByteOrder, DType};
use crate::shape::{Order, Shape};

/// The data starts at a multiple of this, so that a mapping is aligned for any element.
const ALIGN: usize = 64;

/// NumPy leaves room for the growing axis to reach this many digits without moving the data.
const GROWTH_DIGITS: usize = 21;

/// Magic, version and the two bytes of the length.
const PREFIX: usize = 10;

/// The header of a `.npy` file, byte for byte as `numpy.lib.format` writes it: version 1.0, keys in
/// NumPy's order, room for the first dimension (the last in Fortran order) to grow, padded with
/// spaces so that the data starts at a multiple of 64.
///
/// Version 2.0 is never needed: 64 dimensions of 20 digits take 1.4 KiB of the 64 KiB that the
/// length field of version 1.0 can express.
///
/// ```
/// use rowmill_core::{ByteOrder, DType, Order, Shape, npy};
/// let bytes = npy::write(DType::I16, ByteOrder::Big, Order::F, &Shape::new([5])?);
/// assert_eq!(bytes.len(), 128);
/// assert!(bytes.starts_with(
///     b"\x93NUMPY\x01\x00\x76\x00{'descr': '>i2', 'fortran_order': True, 'shape': (5,), }"
/// ));
/// # Ok::<(), rowmill_core::ShapeError>(())
/// ```
#[must_use]
pub fn write(dtype: DType, byte_order: ByteOrder, order: Order, shape: &Shape) -> Vec<u8> {
    let mut dict = dict(dtype, byte_order, order, shape);
    let growing = match order {
        Order::C => shape.dims().first(),
        Order::F => shape.dims().last(),
    };
    if let Some(growing) = growing {
        let room = GROWTH_DIGITS.saturating_sub(growing.to_string().len());
        dict.extend(std::iter::repeat_n(' ', room));
    }
    // As in NumPy, a header that would end exactly at a multiple of 64 gets 64 more spaces.
    let unpadded = PREFIX + dict.len() + 1;
    let padding = ALIGN - unpadded % ALIGN;
    let length = dict.len() + padding + 1;
    // The higher bytes are zero: see above on version 2.0.
    let [low, high, ..] = length.to_le_bytes();

    let mut bytes = Vec::with_capacity(unpadded + padding);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0, low, high]);
    bytes.extend_from_slice(dict.as_bytes());
    bytes.extend(std::iter::repeat_n(b' ', padding));
    bytes.push(b'\n');
    bytes
}

/// A header with another shape and the same version and length, so that no data has to move. `None`
/// if there is no room for it.
pub(crate) fn reshaped(
    header: &[u8],
    dtype: DType,
    byte_order: ByteOrder,
    order: Order,
    shape: &Shape,
) -> Option<Vec<u8>> {
    let prefix = if header.get(MAGIC.len())? == &1 { PREFIX } else { PREFIX + 2 };
    let mut bytes = header.get(..prefix)?.to_vec();
    bytes.extend_from_slice(dict(dtype, byte_order, order, shape).as_bytes());
    let padding = header.len().checked_sub(bytes.len() + 1)?;
    bytes.extend(std::iter::repeat_n(b' ', padding));
    bytes.push(b'\n');
    Some(bytes)
}

fn dict(dtype: DType, byte_order: ByteOrder, order: Order, shape: &Shape) -> String {
    let descr = dtype.descr(byte_order);
    let fortran = if order == Order::F { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}
