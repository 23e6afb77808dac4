//! 256-bit unsigned integers, as far as exact variances of integers need them.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// An unsigned integer of 256 bits. Sums of squares of 2^64 64-bit elements stay below 2^192, and
/// times their count below 2^256, so nothing here overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct U256 {
    high: u128,
    low: u128,
}

impl From<u128> for U256 {
    #[inline(always)]
    fn from(low: u128) -> Self {
        Self { high: 0, low }
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.high, self.low).cmp(&(other.high, other.low))
    }
}

impl U256 {
    /// The sum.
    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high.wrapping_add(other.high).wrapping_add(u128::from(carry)), low }
    }

    /// The difference; the other is no larger.
    pub(crate) fn sub(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow)), low }
    }

    /// Times 2^`bits`, for `bits` below 128.
    #[inline(always)]
    pub(crate) fn shl(self, bits: u32) -> Self {
        if bits == 0 {
            return self;
        }
        Self { high: self.high << bits | self.low >> (128 - bits), low: self.low << bits }
    }

    /// `a * b`.
    pub(crate) fn product(a: u128, b: u128) -> Self {
        const MASK: u128 = u64::MAX as u128;
        let (ah, al, bh, bl) = (a >> 64, a & MASK, b >> 64, b & MASK);
        let low = Self::from(al * bl);
        let high = Self { high: ah * bh, low: 0 };
        low.add(Self::from(ah * bl).shl(64)).add(Self::from(al * bh).shl(64)).add(high)
    }

    /// `self * b`, which has to fit.
    pub(crate) fn mul(self, b: u128) -> Self {
        let high = Self { high: Self::product(self.high, b).low, low: 0 };
        Self::product(self.low, b).add(high)
    }

    fn bits(self) -> u32 {
        if self.high != 0 {
            256 - self.high.leading_zeros()
        } else {
            128 - self.low.leading_zeros()
        }
    }

    /// `self / divisor`, rounded once, to nearest, ties to even. The divisor is not zero and both
    /// are below 2^255.
    pub(crate) fn ratio(self, divisor: Self) -> f64 {
        // Where both are floats themselves, one division rounds once.
        if (self.high | divisor.high) == 0 && (self.low | divisor.low) < 1 << 53 {
            return self.low as f64 / divisor.low as f64;
        }
        // Scale by a power of two so that the quotient has 54 or 55 bits: 53 and two to round by.
        let exponent = self.bits() as i32 - divisor.bits() as i32;
        let mut scale = 54 - exponent;
        let (mut rest, mut divisor) = (self, divisor);
        // Long division, a bit at a time: the dividend is doubled instead of scaled at once, so
        // that nothing outgrows 256 bits.
        let mut quotient: u64 = 0;
        if exponent > 0 {
            divisor = shl_any(divisor, exponent as u32);
        } else {
            rest = shl_any(rest, exponent.unsigned_abs());
        }
        for step in 0..=54 {
            quotient <<= 1;
            if rest >= divisor {
                rest = rest.sub(divisor);
                quotient |= 1;
            }
            if step < 54 {
                rest = rest.shl(1);
            }
        }
        // What is left decides ties only: it becomes a last, sticky bit.
        quotient = quotient << 1 | u64::from(rest != Self::default());
        scale += 1;
        // Conversion rounds to nearest even once; powers of two are exact.
        quotient as f64 * 2.0_f64.powi(-scale)
    }
}

fn shl_any(value: U256, bits: u32) -> U256 {
    let mut value = value;
    let mut bits = bits;
    while bits > 0 {
        let step = bits.min(127);
        value = value.shl(step);
        bits -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wide(x: u128) -> U256 {
        U256::from(x)
    }

    proptest! {
        #[test]
        fn small_values_agree_with_u128(a in 0..u128::from(u64::MAX), b in 1..u128::from(u64::MAX)) {
            prop_assert_eq!(U256::product(a, b), wide(a * b));
            prop_assert_eq!(wide(a).mul(b), wide(a * b));
            prop_assert_eq!(wide(a + b).sub(wide(b)), wide(a));
        }

        #[test]
        fn ratios_of_exact_floats_are_division(a in 0..(1_u64 << 53), b in 1..(1_u64 << 53)) {
            // Both are exact as f64, and f64 division rounds once.
            let ratio = wide(u128::from(a)).ratio(wide(u128::from(b)));
            prop_assert_eq!(ratio, a as f64 / b as f64);
        }

        #[test]
        fn ratios_to_one_are_conversion(a in any::<u128>()) {
            let a = a >> 1;
            prop_assert_eq!(wide(a).ratio(wide(1)), a as f64);
        }

        #[test]
        fn common_factors_cancel(a in 1..(1_u64 << 53), b in 1..(1_u64 << 53), k in 1..u128::MAX >> 4) {
            let (a, b) = (u128::from(a), u128::from(b));
            let ratio = U256::product(a, k).ratio(U256::product(b, k));
            prop_assert_eq!(ratio, a as f64 / b as f64);
        }
    }

    #[test]
    fn products_carry() {
        let max = U256::product(u128::MAX, u128::MAX);
        assert_eq!(max, U256 { high: u128::MAX - 1, low: 1 });
        assert_eq!(wide(1).shl(100).shl(100), U256 { high: 1 << 72, low: 0 });
    }
}
