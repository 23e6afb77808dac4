//! The Rust types of array elements.

use std::fmt::Debug;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use half::{bf16, f16};
use num_complex::Complex;

use self::gather::{Read, Runs, gather};
use crate::dtype::DType;
use crate::error::Result;

mod boxes;
pub(crate) mod gather;

mod sealed {
    use super::{Range, Read, Result, Runs};

    pub trait Sealed: Sized {
        /// Reorders elements for [`Permuted`](crate::Permuted) axes. A method of each type, so that
        /// it is compiled with this crate and not again by each crate that reads arrays.
        fn gather(
            axes: (&[usize], &[usize]),
            rows: &Range<usize>,
            runs: Runs,
            values: &mut [Self],
            most: usize,
            read: Read<'_, Self>,
        ) -> Result<()>;
    }
}

/// A type of array elements: `bool`, `i8` to `i64`, `u8` to `u64`, [`f16`](struct@f16),
/// [`bf16`](struct@bf16), `f32`, `f64`, and [`Complex`] of the last two. Sealed: the list is
/// [`DType`]'s.
///
/// ```
/// use rowmill_core::{DType, Element};
/// assert_eq!(<f32 as Element>::DTYPE, DType::F32);
/// ```
pub trait Element:
    sealed::Sealed + Copy + Default + Zeroable + PartialEq + Debug + Send + Sync + 'static
{
    /// The dtype of this type.
    const DTYPE: DType;

    /// The type that stored bytes are read as before they are checked: any bit pattern is valid.
    /// The type itself, except for `bool`, of which Rust accepts only two patterns.
    type Stored: Pod + Send + Sync;

    /// The element for this stored value.
    fn load(stored: Self::Stored) -> Self;

    /// The stored value of this element.
    fn store(self) -> Self::Stored;

    /// The same bytes in reverse order.
    fn swap(stored: Self::Stored) -> Self::Stored;

    /// The elements in place, unless bytes have to be checked one by one (`bool`).
    fn view(stored: &[Self::Stored]) -> Option<&[Self]>;

    /// The elements in place, for writing; `None` as in [`view`](Self::view).
    fn view_mut(stored: &mut [Self::Stored]) -> Option<&mut [Self]>;

    /// The elements as a buffer to read into, for types that accept any bit pattern; `None` for
    /// `bool`.
    fn stored_mut(elements: &mut [Self]) -> Option<&mut [Self::Stored]>;

    /// The elements as bytes, in native order.
    fn bytes(elements: &[Self]) -> &[u8];
}

macro_rules! gathers {
    () => {
        fn gather(
            axes: (&[usize], &[usize]),
            rows: &Range<usize>,
            runs: Runs,
            values: &mut [Self],
            most: usize,
            read: Read<'_, Self>,
        ) -> Result<()> {
            gather(axes, rows, runs, values, most, read)
        }
    };
}

macro_rules! pod_elements {
    ($($t:ty: $dtype:ident, |$x:ident| $swap:expr;)*) => {$(
        impl sealed::Sealed for $t {
            gathers!();
        }

        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            type Stored = Self;

            #[inline(always)]
            fn load(stored: Self) -> Self {
                stored
            }
            #[inline(always)]
            fn store(self) -> Self {
                self
            }
            #[inline(always)]
            fn swap($x: Self) -> Self {
                $swap
            }
            #[inline(always)]
            fn view(stored: &[Self]) -> Option<&[Self]> {
                Some(stored)
            }
            #[inline(always)]
            fn view_mut(stored: &mut [Self]) -> Option<&mut [Self]> {
                Some(stored)
            }
            #[inline(always)]
            fn stored_mut(elements: &mut [Self]) -> Option<&mut [Self]> {
                Some(elements)
            }
            #[inline(always)]
            fn bytes(elements: &[Self]) -> &[u8] {
                bytemuck::must_cast_slice(elements)
            }
        }
    )*};
}

pod_elements! {
    i8: I8, |x| x;
    i16: I16, |x| x.swap_bytes();
    i32: I32, |x| x.swap_bytes();
    i64: I64, |x| x.swap_bytes();
    u8: U8, |x| x;
    u16: U16, |x| x.swap_bytes();
    u32: U32, |x| x.swap_bytes();
    u64: U64, |x| x.swap_bytes();
    f16: F16, |x| Self::from_bits(x.to_bits().swap_bytes());
    bf16: Bf16, |x| Self::from_bits(x.to_bits().swap_bytes());
    f32: F32, |x| Self::from_bits(x.to_bits().swap_bytes());
    f64: F64, |x| Self::from_bits(x.to_bits().swap_bytes());
    Complex<f32>: C64, |x| Self::new(swap(x.re), swap(x.im));
    Complex<f64>: C128, |x| Self::new(swap(x.re), swap(x.im));
}

/// The bytes of each half of a complex number in reverse order.
#[inline(always)]
fn swap<F: Element<Stored = F>>(half: F) -> F {
    F::swap(half)
}

impl sealed::Sealed for bool {
    gathers!();
}

impl Element for bool {
    const DTYPE: DType = DType::Bool;
    type Stored = u8;

    #[inline(always)]
    fn load(stored: u8) -> Self {
        stored != 0
    }
    #[inline(always)]
    fn store(self) -> u8 {
        u8::from(self)
    }
    #[inline(always)]
    fn swap(stored: u8) -> u8 {
        stored
    }
    // Even checked bytes could change under a shared mapping: bools are always copied.
    #[inline(always)]
    fn view(_: &[u8]) -> Option<&[Self]> {
        None
    }
    #[inline(always)]
    fn view_mut(_: &mut [u8]) -> Option<&mut [Self]> {
        None
    }
    #[inline(always)]
    fn stored_mut(_: &mut [Self]) -> Option<&mut [u8]> {
        None
    }
    #[inline(always)]
    fn bytes(elements: &[Self]) -> &[u8] {
        bytemuck::must_cast_slice(elements)
    }
}
