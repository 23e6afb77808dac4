//! Order-preserving integer keys of elements, and elements as exact numbers.

use super::exact::{Wide, add_floats};
use rowmill_lanes::arch::Isa;
use rowmill_lanes::lanes::Lane;

/// A lane with an order-preserving map to unsigned integers.
pub trait Key: Lane {
    /// The bits of a key.
    const BITS: u32;

    /// The key: in the order of the elements, with equal keys for zeros of both signs, and one key
    /// above all others for every NaN.
    fn key(self) -> u64;

    /// The element of a key.
    fn from_key(key: u64) -> Self;

    /// The exact value of an integer; zero for floats.
    fn integer(self) -> i128;

    /// A number as a sum: the float for floats, the integer for integers.
    fn total(float: f64, integer: i128) -> Self::Total;

    /// The exact sum of integers; `None` for floats.
    fn exact(total: Self::Total) -> Option<i128>;

    /// Adds floats exactly; does nothing for integers.
    fn add_exactly(isa: Isa, x: &[Self], to: &mut Wide);
}

macro_rules! integers {
    ($($t:ty as $unsigned:ty;)*) => {$(
        impl Key for $t {
            const BITS: u32 = <$t>::BITS;

            #[inline(always)]
            fn key(self) -> u64 {
                // Flips the sign of signed integers.
                u64::from(self as $unsigned ^ <$t>::MIN as $unsigned)
            }
            #[inline(always)]
            fn from_key(key: u64) -> Self {
                (key as $unsigned ^ <$t>::MIN as $unsigned) as Self
            }
            #[inline(always)]
            fn integer(self) -> i128 {
                self.into()
            }
            fn total(_: f64, integer: i128) -> i128 {
                integer
            }
            fn exact(total: i128) -> Option<i128> {
                Some(total)
            }
            fn add_exactly(_: Isa, _: &[Self], _: &mut Wide) {}
        }
    )*};
}
integers! {
    i32 as u32;
    u32 as u32;
    i64 as u64;
    u64 as u64;
}

macro_rules! floats {
    ($($t:ty as $bits:ty;)*) => {$(
        impl Key for $t {
            const BITS: u32 = <$bits>::BITS;

            #[inline(always)]
            fn key(self) -> u64 {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                // Adding zero makes a negative zero positive.
                let bits = if self.is_nan() { <$t>::NAN } else { self + 0.0 }.to_bits();
                let bits = if self.is_nan() { bits & !SIGN } else { bits };
                u64::from(if bits & SIGN == 0 { bits | SIGN } else { !bits })
            }
            #[inline(always)]
            fn from_key(key: u64) -> Self {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                let key = key as $bits;
                Self::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
            }
            #[inline(always)]
            fn integer(self) -> i128 {
                0
            }
            fn total(float: f64, _: i128) -> Self::Total {
                float.into()
            }
            fn exact(_: Self::Total) -> Option<i128> {
                None
            }
            fn add_exactly(isa: Isa, x: &[Self], to: &mut Wide) {
                add_floats(isa, x, to);
            }
        }
    )*};
}
floats! {
    f32 as u32;
    f64 as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order<L: Key>(rising: &[L]) {
        for pair in rising.windows(2) {
            assert!(pair[0].key() < pair[1].key(), "{pair:?}");
        }
        for &x in rising {
            assert_eq!(L::from_key(x.key()), x);
            assert!(x.key() >> (L::BITS - 1) <= 1);
        }
    }

    #[test]
    fn keys_are_in_the_order_of_the_elements() {
        in_order(&[i32::MIN, -7, -1, 0, 1, 9, i32::MAX]);
        in_order(&[i64::MIN, -7, -1, 0, 1, 9, i64::MAX]);
        in_order(&[0, 1, u32::MAX - 1, u32::MAX]);
        in_order(&[0, 1, u64::MAX - 1, u64::MAX]);
        let floats = [f64::NEG_INFINITY, -1e300, -1.0, -1e-310, 0.0, 1e-310, 0.5, 1.0, 1e300];
        in_order(&floats);
        in_order(&[f32::NEG_INFINITY, -3e38, -1e-40, 0.0, 1e-40, 2.0, f32::INFINITY]);
        assert_eq!((-0.0_f64).key(), 0.0_f64.key());
        assert_eq!((-f32::NAN).key(), f32::NAN.key());
        assert!(f64::NAN.key() > f64::INFINITY.key() && f64::from_key(f64::NAN.key()).is_nan());
    }
}
