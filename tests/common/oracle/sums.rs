//! Sums, means, variances, counts and ranges.
//!
//! The bounds for a cell of `n` elements with `S = Σ|x|`:
//!
//! | result | integers and bool | `f16`, `f32` | `f64` |
//! |---|---|---|---|
//! | sum | exact, or the exact sum in the error | a rounding of `S` for each addition in `f64` | one rounding, and `1e-28 S` |
//! | mean | rounded once | as the sum, and one rounding | likewise |
//! | var | rounded once | relative `1e-12`, and what rounding of the mean costs | likewise |

use rowmill::DType;
use rowmill::reduce::{MeanVar, Tally, ValueRange};

use super::{Cell, same};
use crate::common::exact::{Natural, fsum, is_ratio_rounded, mean_and_squares};
use crate::common::value::{Total, Value};

impl<T: Value> Cell<T> {
    fn count(&self) -> u64 {
        self.elements.len() as u64
    }

    /// The allowed error of a sum of floats.
    fn sum_bound(&self, exact: f64) -> f64 {
        let size = fsum(self.floats().map(f64::abs));
        match T::DTYPE {
            DType::F64 => exact.abs() * f64::EPSILON + size * 1e-28,
            // Half an epsilon for each sequential addition; a column of a block is not longer.
            _ => size * f64::EPSILON / 2.0 * self.elements.len().clamp(8, 4200) as f64,
        }
    }

    pub fn check_sum(&self, got: T::Sum, at: &str) {
        if let Some(integers) = self.integers() {
            assert_eq!(got.integer(), Some(integers.iter().sum()), "sum, {at}");
        } else if let Some(special) = self.special_sum() {
            assert!(same(got.float(), special), "sum {got:?}, expected {special}, {at}");
        } else {
            let exact = fsum(self.floats());
            let off = (got.float() - exact).abs();
            assert!(off <= self.sum_bound(exact), "sum {got:?}, expected {exact}, {at}");
        }
    }

    pub fn check_mean(&self, got: f64, at: &str) {
        if self.elements.is_empty() {
            assert!(got.is_nan(), "mean of nothing {got}, {at}");
        } else if let Some(integers) = self.integers() {
            let sum: i128 = integers.iter().sum();
            let below = Natural::from(u128::from(self.count()));
            assert!(sum == 0 || (sum < 0) == (got < 0.0), "sign of mean {got}, {at}");
            let rounded = is_ratio_rounded(got.abs(), &sum.unsigned_abs().into(), &below);
            assert!(rounded, "mean {got} is not {sum} / {} rounded, {at}", self.count());
        } else if let Some(special) = self.special_sum() {
            assert!(same(got, special), "mean {got}, expected {special}, {at}");
        } else {
            let (exact, _) = mean_and_squares(&self.floats().collect::<Vec<_>>());
            let n = self.elements.len() as f64;
            let bound = self.sum_bound(exact * n) / n + exact.abs() * f64::EPSILON;
            assert!((got - exact).abs() <= bound, "mean {got}, expected {exact}, {at}");
        }
    }

    pub fn check_var(&self, got: f64, ddof: u64, at: &str) {
        let n = self.count();
        if n <= ddof || self.special_sum().is_some() {
            assert!(got.is_nan(), "var {got} of {n} elements, ddof {ddof}, {at}");
        } else if let Some(integers) = self.integers() {
            let sum: i128 = integers.iter().sum();
            // Squares are halved, so that any number of them fits.
            let squares = integers.iter().map(|x| x.unsigned_abs().pow(2));
            let (high, low) = squares.fold((0, 0), |(high, low), square| {
                (high + (square >> 64), low + (square & u128::from(u64::MAX)))
            });
            let squares = Natural::from(high).shl(64).add(&Natural::from(low));
            let sum = Natural::from(sum.unsigned_abs());
            let of = |n: u64| Natural::from(u128::from(n));
            let above = squares.mul(&of(n)).sub(&sum.mul(&sum));
            let rounded = is_ratio_rounded(got, &above, &of(n).mul(&of(n - ddof)));
            assert!(rounded, "var {got} is not rounded once, {at}");
        } else {
            let (mean, squares) = mean_and_squares(&self.floats().collect::<Vec<_>>());
            let exact = squares / (n - ddof) as f64;
            // One rounding of the mean moves the variance by this much.
            let rounding = mean.abs() * f64::EPSILON;
            let bound = 1e-12 * exact + 8.0 * rounding * exact.sqrt() + 16.0 * rounding * rounding;
            let off = (got - exact).abs();
            assert!(off <= bound, "var {got}, expected {exact}, off by {off:e}, {at}");
        }
    }

    pub fn check_moments(&self, got: MeanVar, ddof: u64, at: &str) {
        assert_eq!(got.count, self.count(), "count, {at}");
        self.check_mean(got.mean, at);
        self.check_var(got.var, ddof, at);
        assert!(same(got.std(), got.var.sqrt()), "std, {at}");
    }

    pub fn check_counts(&self, got: Tally, at: &str) {
        let expected = Tally { count: self.count(), nan: self.nan, inf: self.inf };
        assert_eq!(got, expected, "{at}");
    }

    /// The range is NaN if there is a NaN and it was not skipped.
    pub fn check_range(&self, got: Option<ValueRange<T>>, at: &str) {
        let Some(ValueRange { min, max }) = got else {
            assert!(self.elements.is_empty(), "no range, {at}");
            return;
        };
        if self.has_nan() {
            assert!(min.float().is_nan() && max.float().is_nan(), "{min:?} {max:?}, {at}");
            return;
        }
        assert_eq!(Some((min, max)), self.range(), "range, {at}");
    }
}
