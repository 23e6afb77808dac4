//! An explicit description of a raw file.

use crate::dtype::{ByteOrder, DType};
use crate::shape::{Order, Shape};

/// The description of a raw file, given by the caller instead of a sidecar.
///
/// ```
/// use rowmill_core::{ByteOrder, DType, Order, RawSpec, Shape};
/// let spec = RawSpec::new(DType::I16, Shape::new([17, 21, 3, 20])?)
///     .offset(352)
///     .order(Order::F)
///     .byte_order(ByteOrder::Big);
/// assert_eq!(spec.offset, 352);
/// # Ok::<(), rowmill_core::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawSpec {
    /// The element type.
    pub dtype: DType,
    /// The shape.
    pub shape: Shape,
    /// Where the first element starts, in bytes from the start of the file.
    pub offset: u64,
    /// The order of the elements.
    pub order: Order,
    /// The order of the bytes of one element.
    pub byte_order: ByteOrder,
}

impl RawSpec {
    /// Elements of this dtype and shape from the start of the file, in C order and native byte
    /// order.
    #[must_use]
    pub const fn new(dtype: DType, shape: Shape) -> Self {
        let (order, byte_order) = (Order::C, ByteOrder::NATIVE);
        Self { dtype, shape, offset: 0, order, byte_order }
    }

    /// Where the first element starts, in bytes from the start of the file. Default: 0.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// The order of the elements. Default: [`Order::C`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The order of the bytes of one element. Default: [`ByteOrder::NATIVE`].
    #[must_use]
    pub fn byte_order(mut self, byte_order: ByteOrder) -> Self {
        self.byte_order = byte_order;
        self
    }
}
