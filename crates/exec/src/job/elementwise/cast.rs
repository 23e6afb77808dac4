//! [`Cast`]: the conversion of computed numbers to another element type.

use half::{bf16, f16};
use rowmill_core::Element;

/// The treatment of values that an element type cannot represent. Values in between are rounded: to
/// the nearest float, or towards zero for integers, as by numpy's `astype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// The job fails with [`rowmill_core::Error::Narrowing`]: for integers at values out of range,
    /// infinities and NaN; for floats at a finite value that would become infinite.
    Checked,
    /// Saturates at the nearest representable value, an infinity for floats; NaN becomes 0 in
    /// integers.
    Saturating,
}

mod sealed {
    pub trait Sealed {}
}

/// A type that computed elements can be cast to: every real number type.
pub trait CastElement: Element + sealed::Sealed {
    /// The nearest value, saturating, and whether only digits were lost.
    fn cast_from(value: f64) -> (Self, bool);
}

macro_rules! integers {
    ($($t:ty)*) => {$(
        impl sealed::Sealed for $t {}
        impl CastElement for $t {
            #[inline]
            #[allow(clippy::cast_lossless, reason = "lossless for some of the types only")]
            fn cast_from(value: f64) -> (Self, bool) {
                // The lower bound and the first value beyond the upper one are exact as floats.
                let beyond = ((Self::MAX / 2 + 1) as f64) * 2.0;
                let whole = value.trunc();
                (value as Self, whole >= Self::MIN as f64 && whole < beyond)
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($t:ty: |$x:ident| $cast:expr;)*) => {$(
        impl sealed::Sealed for $t {}
        impl CastElement for $t {
            #[inline]
            fn cast_from($x: f64) -> (Self, bool) {
                let cast: Self = $cast;
                (cast, cast.is_finite() || !$x.is_finite())
            }
        }
    )*};
}
floats! {
    f16: |x| Self::from_f64(x);
    bf16: |x| Self::from_f64(x);
    f32: |x| x as Self;
    f64: |x| x;
}
