//! Extremes, products, exact sums, histograms, shapes of distributions, norms and sketches.

use std::collections::HashSet;

use rowmill::reduce::{Extremum, HistogramCounts};
use rowmill::{Error, Result};

use super::{Cell, bits, order, quantile, quantile_position};
use crate::common::exact::fsum;
use crate::common::value::{Total, Value};

pub fn close(got: f64, expected: f64, off: f64, at: &str) {
    let same = got == expected || (got.is_nan() && expected.is_nan());
    assert!(same || (got - expected).abs() <= off, "{got} is not {expected} within {off:e}, {at}");
}

/// The exact product of integers; `None` beyond 128 bits.
fn exact_product(integers: &[i128]) -> Option<i128> {
    let zero = integers.contains(&0).then_some(0);
    zero.or_else(|| integers.iter().try_fold(1_i128, |a, &b| a.checked_mul(b)))
}

impl<T: Value> Cell<T> {
    pub fn check_truth(&self, any: bool, all: bool, at: &str) {
        assert_eq!(any, self.floats().any(|x| x != 0.0), "{at}");
        assert_eq!(all, self.floats().all(|x| x != 0.0), "{at}");
    }

    pub fn check_distinct(&self, got: u64, at: &str) {
        // Integers beyond 2^53 are not distinct as floats.
        let key = |&(_, x): &(usize, T)| (x.integer(), bits(x.float() + 0.0));
        let distinct: HashSet<_> = self.elements.iter().map(key).collect();
        assert_eq!(got, distinct.len() as u64, "{at}");
    }

    /// Checks the difference of the largest and the smallest element.
    pub fn check_ptp(&self, got: T::Sum, at: &str) {
        let (low, high) = self.range().expect("elements");
        match low.integer().zip(high.integer()) {
            Some((low, high)) => assert_eq!(got.integer(), Some(high - low), "{at}"),
            None if self.has_nan() => assert!(got.float().is_nan(), "{at}"),
            None => close(got.float(), high.float() - low.float(), 0.0, at),
        }
    }

    /// Whether the difference of the largest and the smallest element overflows.
    pub fn ptp_overflows(&self) -> bool {
        let range = self.range().and_then(|(low, high)| low.integer().zip(high.integer()));
        range.is_some_and(|(low, high)| high - low > T::SUMS.1)
    }

    /// Whether the product of integers overflows.
    pub fn product_overflows(&self) -> bool {
        let integers = self.integers().expect("floats have a product");
        let fits = |p: i128| p >= T::SUMS.0 && p <= T::SUMS.1;
        !exact_product(&integers).is_some_and(fits)
    }

    /// The best elements first: NaN, then by value, then by index.
    fn ranked(&self, largest: bool) -> Vec<(usize, T)> {
        let mut ranked = self.elements.clone();
        ranked.sort_by(|&(i, a), &(j, b)| match (a.float().is_nan(), b.float().is_nan()) {
            (false, false) if largest => order(b, a).then(i.cmp(&j)),
            (false, false) => order(a, b).then(i.cmp(&j)),
            (a, b) => b.cmp(&a).then(i.cmp(&j)),
        });
        ranked
    }

    pub fn check_best(&self, got: &[Extremum<T>], k: usize, largest: bool, at: &str) {
        let expected = self.ranked(largest);
        assert_eq!(got.len(), expected.len().min(k), "{at}");
        for (got, expected) in got.iter().zip(expected) {
            assert_eq!(got.index, expected.0, "{largest} {at}");
            // Zeros of both signs are equal.
            assert_eq!(bits(got.value.float() + 0.0), bits(expected.1.float() + 0.0), "{at}");
        }
    }

    fn check_integer(got: &Result<T::Sum>, exact: Option<i128>, at: &str) {
        let exact = exact.filter(|&x| x >= T::SUMS.0 && x <= T::SUMS.1);
        match (got, exact) {
            (Ok(got), Some(exact)) => assert_eq!(got.integer(), Some(exact), "{at}"),
            (Err(Error::SumOverflow { .. } | Error::ProductOverflow { .. }), None) => {}
            (got, _) => panic!("{got:?} is not {exact:?}, {at}"),
        }
    }

    pub fn check_product(&self, got: &Result<T::Sum>, at: &str) {
        if let Some(integers) = self.integers() {
            return Self::check_integer(got, exact_product(&integers), at);
        }
        let got = got.as_ref().expect("no overflow of floats").float();
        let (mut zero, mut inf, mut negative, mut log) = (false, false, false, 0.0);
        for x in self.floats() {
            zero |= x == 0.0;
            inf |= x.is_infinite();
            negative ^= x.is_sign_negative();
            log += x.abs().log2();
        }
        if self.has_nan() || (zero && inf) {
            assert!(got.is_nan(), "{got} {at}");
        } else if zero || inf {
            assert_eq!(got.abs(), if zero { 0.0 } else { f64::INFINITY }, "{at}");
        } else if (-1000.0..1000.0).contains(&log) {
            close(got.abs().log2(), log, 1e-9 * (1.0 + self.elements.len() as f64), at);
        }
        assert!(got.is_nan() || got.is_sign_negative() == negative, "{got} {at}");
    }

    pub fn check_exact(&self, sum: &Result<T::Sum>, mean: f64, at: &str) {
        let n = self.elements.len() as f64;
        if let Some(integers) = self.integers() {
            let exact: i128 = integers.iter().sum();
            close(mean, exact as f64 / n, mean.abs() * 1e-15, at);
            return Self::check_integer(sum, Some(exact), at);
        }
        let sum = sum.as_ref().expect("no overflow of floats").float();
        let exact = self.special_sum().unwrap_or_else(|| fsum(self.floats()));
        assert_eq!(bits(sum + 0.0), bits(exact + 0.0), "exact sum {sum} {exact}, {at}");
        // One rounding if the sum is divided by a power of two, else at most one more for the sum.
        let off = if (n as u64).is_power_of_two() { 0.0 } else { f64::EPSILON };
        close(mean, exact / n, (exact / n).abs() * off, at);
    }

    pub fn check_histogram(&self, got: &HistogramCounts, at: &str) {
        let (edges, last) = (&got.edges, got.counts.len() - 1);
        let mut expected = vec![0; got.counts.len()];
        let (mut below, mut above, mut nan) = (0, 0, 0);
        for x in self.floats() {
            let bin = (0..=last).find(|&i| {
                let up_to = if i == last { x <= edges[i + 1] } else { x < edges[i + 1] };
                x >= edges[i] && up_to
            });
            match bin {
                Some(i) => expected[i] += 1,
                None if x.is_nan() => nan += 1,
                None if x < edges[0] => below += 1,
                None => above += 1,
            }
        }
        assert_eq!(got.counts, expected, "{at}");
        assert_eq!((got.below, got.above, got.nan), (below, above, nan), "{at}");
    }

    pub fn check_shape(&self, got: [f64; 3], at: &str) {
        let n = self.elements.len() as f64;
        let mean = fsum(self.floats().filter(|x| x.is_finite())) / n;
        let moment = |power| fsum(self.floats().map(|x| (x - mean).powi(power))) / n;
        if !self.floats().all(f64::is_finite) || self.is_empty() {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let (m2, m3, m4) = (moment(2), moment(3), moment(4));
        if m2 <= (f64::EPSILON * mean).powi(2) {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let (skewness, kurtosis) = (m3 / m2.powf(1.5), m4 / (m2 * m2) - 3.0);
        let correction = if n > 2.0 { ((n - 1.0) * n).sqrt() / (n - 2.0) } else { 1.0 };
        close(got[0], skewness, 1e-8 * (1.0 + skewness.abs()), at);
        close(got[1], kurtosis, 1e-8 * (4.0 + kurtosis.abs()), at);
        close(got[2], skewness * correction, 1e-8 * (1.0 + skewness.abs()) * correction, at);
    }

    pub fn check_norms(&self, got: [f64; 3], at: &str) {
        if self.has_nan() {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let most = self.floats().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert_eq!(got[2], most, "{at}");
        if most == 0.0 || most.is_infinite() {
            return assert_eq!(got, [most; 3], "{at}");
        }
        let sum = fsum(self.floats().map(f64::abs));
        close(got[0], sum, sum * 1e-15, at);
        let root = most * fsum(self.floats().map(|x| (x / most).powi(2))).sqrt();
        close(got[1], root, root * 1e-14, at);
    }

    pub fn check_sketch(&self, got: &[f64], fractions: &[f64], within: f64, at: &str) {
        if self.has_nan() || self.is_empty() {
            return assert!(got.iter().all(|x| x.is_nan()), "{got:?} {at}");
        }
        let sorted = self.sorted();
        for (&got, &q) in got.iter().zip(fractions) {
            let (low, high, _) = quantile_position(sorted.len(), q);
            let (a, b) = (sorted[low].float(), sorted[high].float());
            if a.is_finite() && b.is_finite() {
                let off = within * a.abs().max(b.abs()) + f64::MIN_POSITIVE;
                close(got, quantile(&sorted, q), off * (1.0 + 1e-9), at);
            } else {
                assert!(!got.is_finite(), "{got} {at}");
            }
        }
    }
}
