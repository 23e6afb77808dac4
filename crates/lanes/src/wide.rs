//! 256-bit unsigned integers, with the operations that exact variances of integers need.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// An unsigned integer of 256 bits. Sums of squares of 2^64 64-bit elements stay below 2^192, and
/// their products with the count below 2^256, so nothing here overflows.
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

#[allow(clippy::should_implement_trait, reason = "wrapping ones, which operators do not promise")]
impl U256 {
    /// The sum.
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high.wrapping_add(other.high).wrapping_add(u128::from(carry)), low }
    }

    /// The difference; the other must not be larger.
    pub fn sub(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow)), low }
    }

    /// Times 2^`bits`, for `bits` below 128.
    #[inline(always)]
    pub fn shl(self, bits: u32) -> Self {
        if bits == 0 {
            return self;
        }
        Self { high: self.high << bits | self.low >> (128 - bits), low: self.low << bits }
    }

    /// `a * b`.
    pub fn product(a: u128, b: u128) -> Self {
        const MASK: u128 = u64::MAX as u128;
        let (ah, al, bh, bl) = (a >> 64, a & MASK, b >> 64, b & MASK);
        let low = Self::from(al * bl);
        let high = Self { high: ah * bh, low: 0 };
        low.add(Self::from(ah * bl).shl(64)).add(Self::from(al * bh).shl(64)).add(high)
    }

    /// `self * b`, which must not overflow.
    pub fn mul(self, b: u128) -> Self {
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
    pub fn ratio(self, divisor: Self) -> f64 {
        // If both are exact floats, a single division rounds once.
        if (self.high | divisor.high) == 0 && (self.low | divisor.low) < 1 << 53 {
            return self.low as f64 / divisor.low as f64;
        }
        // Scale by a power of two so that the quotient has 54 or 55 bits: 53 and two to round by.
        let exponent = self.bits() as i32 - divisor.bits() as i32;
        let mut scale = 54 - exponent;
        let (mut rest, mut divisor) = (self, divisor);
        // Long division, a bit at a time: the dividend is doubled instead of scaled at once, so
        // that nothing exceeds 256 bits.
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
        // The remainder decides ties only: it becomes a last, sticky bit.
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
