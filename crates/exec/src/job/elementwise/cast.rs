//! [`Cast`]: computed numbers as elements of another type, and the numbers that it cannot hold.

use half::{bf16, f16};
use rowmill_core::Element;

/// The treatment of values that an element type cannot hold. Values in between are rounded: to the
/// nearest float, to the integer towards zero as numpy's `astype` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// The job ends with [`rowmill_core::Error::Narrowing`]. For integers that is what is beyond
    /// their range, infinities and NaN; for floats a finite value that would become infinite.
    Checked,
    /// It becomes the nearest value that there is, for floats an infinity; NaN becomes 0 in
    /// integers.
    Saturating,
}

mod sealed {
    pub trait Sealed {}
}

/// A type that computed elements can be cast to: every real number type.
pub trait CastElement: Element + sealed::Sealed {
    /// The nearest value, saturating, and whether nothing was lost but digits.
    fn cast_from(value: f64) -> (Self, bool);
}

macro_rules! integers {
    ($($t:ty)*) => {$(
        impl sealed::Sealed for $t {}
        impl CastElement for $t {
            #[inline]
            #[allow(clippy::cast_lossless, reason = "lossless for some of the types only")]
            fn cast_from(value: f64) -> (Self, bool) {
                // The least and the first beyond are floats exactly.
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
