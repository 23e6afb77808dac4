//! Sums and products with their rounding errors.

use serde::{Deserialize, Serialize};

/// A sum and its accumulated rounding errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compensated {
    /// The rounded sum.
    pub sum: f64,
    /// The sum of the rounding errors.
    pub error: f64,
}

impl Compensated {
    /// The sum with its errors added. After an overflow or a non-finite element the errors are
    /// meaningless.
    #[inline(always)]
    pub fn value(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.error } else { self.sum }
    }
}

impl From<f64> for Compensated {
    fn from(sum: f64) -> Self {
        // Adding this keeps a negative zero negative.
        Self { sum, error: -0.0 }
    }
}

/// `a + b` and the error of that addition, exactly.
#[inline(always)]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// `a * b` and the error of that product, exactly (Dekker's product with Veltkamp's split), for
/// products that neither overflow nor underflow.
#[inline(always)]
pub fn two_product(a: f64, b: f64) -> (f64, f64) {
    let split = |x: f64| {
        let c = x * 134_217_729.0; // 2^27 + 1
        let high = c - (c - x);
        (high, x - high)
    };
    let product = a * b;
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    (product, ((ah * bh - product) + ah * bl + al * bh) + al * bl)
}

/// The difference of two means. Compensated sums give it more digits than the means have.
pub trait Distance: Sized {
    /// From the mean of `na` numbers with sum `a` to that of `nb` with sum `b`.
    fn distance(a: Self, na: u64, b: Self, nb: u64) -> f64;
    /// The sum of the deviations of `count` numbers from a shift.
    fn off(self, count: u64, shift: f64) -> f64;
}

impl Distance for f64 {
    #[inline(always)]
    fn distance(a: Self, na: u64, b: Self, nb: u64) -> f64 {
        b / nb as f64 - a / na as f64
    }
    #[inline(always)]
    fn off(self, count: u64, shift: f64) -> f64 {
        self - count as f64 * shift
    }
}

impl Distance for Compensated {
    #[inline(always)]
    fn distance(a: Self, na: u64, b: Self, nb: u64) -> f64 {
        let parts = |total: Self, n: u64| {
            let n = n as f64;
            let mean = total.sum / n;
            let (product, error) = two_product(mean, n);
            (mean, ((total.sum - product) - error + total.error) / n)
        };
        let ((a, a_rest), (b, b_rest)) = (parts(a, na), parts(b, nb));
        let plain = b - a;
        let distance = plain + (b_rest - a_rest);
        // Close to the largest numbers the split overflows.
        if distance.is_finite() { distance } else { plain }
    }
    #[inline(always)]
    fn off(self, count: u64, shift: f64) -> f64 {
        // The product is exact: see `short`.
        (self.sum - count as f64 * shift) + self.error
    }
}
