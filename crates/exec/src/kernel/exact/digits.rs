//! The stored form of exact sums: the nonzero digits.

use serde::{Deserialize, Serialize};

use super::wide::{CHUNKS, carry};

/// An exact number, as digits of 32 bits: `sum of digits[i] * 2^(32 (start + i) - 1074)`. Each
/// number has one form: only the last digit may be negative, neither the first nor the last is
/// zero, and the last is -1 only if it is the only one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digits {
    start: u8,
    digits: Vec<i64>,
    /// Whether there was a NaN, an infinity, a negative infinity.
    nan: bool,
    above: bool,
    below: bool,
}

/// The exponent of two of the first digit's unit.
const UNIT: i32 = -1074;

const DIGIT: i64 = 1 << 32;

impl Digits {
    /// The digits of these chunks, the first of which has number `first`.
    pub(super) fn of(mut chunks: [i64; CHUNKS], first: usize) -> Self {
        carry(&mut chunks);
        let Some(start) = chunks.iter().position(|&c| c != 0) else { return Self::default() };
        let mut end = chunks.iter().rposition(|&c| c != 0).unwrap_or(start) + 1;
        // A negative number begins with a long run of the largest digits.
        while chunks[end - 1] == -1 && end - start > 1 {
            chunks[end - 2] -= DIGIT;
            end -= 1;
        }
        let digits = chunks[start..end].to_vec();
        Self { start: (first + start) as u8, digits, ..Self::default() }
    }

    pub(super) fn with_special(self, nan: bool, above: bool, below: bool) -> Self {
        Self { nan, above, below, ..self }
    }

    /// Whether a NaN was added.
    pub(super) fn has_nan(&self) -> bool {
        self.nan
    }

    /// Whether these are valid digits, in the unique form of a number: they may come from a file.
    pub(super) fn is_valid(&self) -> bool {
        let Some((last, others)) = self.digits.split_last() else { return self.start == 0 };
        usize::from(self.start) + self.digits.len() <= CHUNKS
            && others.iter().all(|digit| (0..DIGIT).contains(digit))
            && (-DIGIT..DIGIT).contains(last)
            && self.digits[0] != 0
            && *last != 0
            && (*last != -1 || others.is_empty())
    }

    /// Whether these can be the digits of a sum of `count` elements whose finite magnitudes are at
    /// most `largest`.
    pub(super) fn is_valid_sum(&self, count: u64, largest: f64) -> bool {
        if count == 0 {
            return *self == Self::default();
        }
        let Some(&last) = self.digits.last() else { return self.is_valid() };
        // The magnitude is at least this power of two, in units of the last digit ...
        let borrows = last < 0 && self.digits.len() > 1;
        let least = if borrows { (last + 1).unsigned_abs() } else { last.unsigned_abs() };
        let place = i32::from(self.start) + self.digits.len() as i32 - 1;
        let size = least.checked_ilog2().map_or(UNIT, |bits| bits as i32 + UNIT + 32 * place);
        // ... and below this one.
        let exponent = (largest.to_bits() >> 52 & 0x7ff) as i32 - 1022;
        self.is_valid() && size < exponent + count.ilog2() as i32 + 1
    }

    /// Adds another number.
    pub(super) fn add(&mut self, other: &Self) {
        let mut chunks = [0; CHUNKS];
        for part in [&*self, other] {
            for (chunk, digit) in chunks[usize::from(part.start)..].iter_mut().zip(&part.digits) {
                *chunk += digit;
            }
        }
        let special = (self.nan | other.nan, self.above | other.above, self.below | other.below);
        *self = Self::of(chunks, 0).with_special(special.0, special.1, special.2);
    }

    /// The value of a sum with NaN or infinities; `None` if there are none.
    fn special(&self) -> Option<f64> {
        match (self.nan, self.above, self.below) {
            (false, false, false) => None,
            (false, true, false) => Some(f64::INFINITY),
            (false, false, true) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    /// The sign, and the digits of the magnitude, lowest first.
    fn magnitude(&self) -> (bool, Vec<u32>) {
        let negative = self.digits.last().is_some_and(|&last| last < 0);
        let sign = if negative { -1 } else { 1 };
        let mut over = 0_i64;
        let mut digits = Vec::with_capacity(self.digits.len() + 1);
        for digit in &self.digits {
            let value = digit * sign + over;
            digits.push(value as u32); // modulo 2^32
            over = value >> 32;
        }
        digits.push(over as u32);
        (negative, digits)
    }

    /// The number, rounded to the nearest float, ties to even.
    pub(super) fn rounded(&self) -> f64 {
        self.special().unwrap_or_else(|| {
            let (negative, digits) = self.magnitude();
            let value = nearest(&digits, UNIT + 32 * i32::from(self.start), false);
            if negative { -value } else { value }
        })
    }

    /// The number divided by `n`, which is not zero, rounded once.
    pub(super) fn divided(&self, n: u64) -> f64 {
        /// Extra digits, so that the quotient has more than 53 bits, whatever the divisor.
        const MORE: usize = 4;
        self.special().unwrap_or_else(|| {
            let (negative, digits) = self.magnitude();
            let mut quotient = vec![0; digits.len() + MORE];
            let mut rest = 0_u128;
            for i in (0..quotient.len()).rev() {
                let digit = if i >= MORE { digits[i - MORE] } else { 0 };
                rest = rest << 32 | u128::from(digit);
                quotient[i] = (rest / u128::from(n)) as u32; // rest < n before
                rest %= u128::from(n);
            }
            let unit = UNIT + 32 * (i32::from(self.start) - MORE as i32);
            let value = nearest(&quotient, unit, rest != 0);
            if negative { -value } else { value }
        })
    }
}

/// The float nearest to digits (lowest first) times `2^unit`, ties to even. `more` says that
/// nonzero digits follow the last one.
fn nearest(digits: &[u32], unit: i32, more: bool) -> f64 {
    let Some(last) = digits.iter().rposition(|&digit| digit != 0) else { return 0.0 };
    let top = 32 * last as i32 + 31 - digits[last].leading_zeros() as i32;
    // The lowest bit of a float of this magnitude.
    let lowest = (top + unit - 52).max(UNIT);
    let cut = lowest - unit;
    let bit =
        |i: i32| i >= 0 && digits.get(i as usize / 32).is_some_and(|d| d >> (i % 32) & 1 == 1);
    let mut mantissa = 0_u64;
    for i in (cut..=top).rev() {
        mantissa = mantissa << 1 | u64::from(bit(i));
    }
    let half = bit(cut - 1);
    let beyond = more || (0..cut - 1).any(bit);
    if half && (beyond || mantissa & 1 == 1) {
        mantissa += 1;
    }
    // A carry out of the mantissa correctly increments the exponent.
    let bits = (u64::from((lowest - UNIT).unsigned_abs()) << 52) + mantissa;
    f64::from_bits(bits.min(f64::INFINITY.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::super::wide::Wide;
    use super::*;

    fn sum(values: &[f64]) -> Digits {
        let mut wide = Wide::new();
        for &x in values {
            wide.add(x);
        }
        wide.take()
    }

    #[test]
    fn every_float_comes_back() {
        let tiny = f64::from_bits(1);
        let some = [1.0, 0.1, f64::MAX, f64::MIN_POSITIVE, tiny, 3.0 * tiny, 1e300, 1e-300];
        for x in some.into_iter().flat_map(|x| [x, -x]) {
            let digits = sum(&[x]);
            assert!(digits.is_valid(), "{digits:?}");
            assert_eq!(digits.rounded().to_bits(), x.to_bits());
            assert_eq!(digits.divided(1).to_bits(), x.to_bits());
            assert_eq!(sum(&[x, -x, x, 1.0, -1.0]), digits, "one number has one form");
            let mut zero = digits;
            zero.add(&sum(&[-x]));
            assert_eq!(zero, Digits::default());
        }
        assert_eq!(sum(&[]).rounded().to_bits(), 0);
    }

    #[test]
    fn ties_go_to_even() {
        let ulp = f64::EPSILON;
        assert_eq!(sum(&[1.0, ulp / 2.0]).rounded(), 1.0);
        assert_eq!(sum(&[1.0 + ulp, ulp / 2.0]).rounded(), 1.0 + 2.0 * ulp);
        assert_eq!(sum(&[1.0, ulp / 2.0, 1e-300]).rounded(), 1.0 + ulp);
        assert_eq!(sum(&[1.0, ulp / 2.0, -1e-300]).rounded(), 1.0);
        assert_eq!(sum(&[-1.0, -ulp / 2.0, -1e-300]).rounded(), -1.0 - ulp);
        // Carries to the next power of two, and past the largest float.
        assert_eq!(sum(&[2.0 - ulp, ulp / 2.0]).rounded(), 2.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).rounded(), f64::INFINITY);
        assert_eq!(sum(&[f64::MIN, f64::MIN]).divided(2), f64::MIN);
    }

    #[test]
    fn quotients_are_rounded_once() {
        assert_eq!(sum(&[1.0]).divided(3), 1.0 / 3.0);
        assert_eq!(sum(&[-10.0]).divided(7), -10.0 / 7.0);
        let tiny = f64::from_bits(1);
        assert_eq!(sum(&[tiny]).divided(2), 0.0); // a tie
        assert_eq!(sum(&[3.0 * tiny]).divided(2), 2.0 * tiny); // a tie
        assert_eq!(sum(&[2.0 * tiny]).divided(3), tiny);
        assert_eq!(sum(&[f64::MIN_POSITIVE]).divided(u64::MAX), 0.0);
        assert_eq!(sum(&[1e300; 5]).divided(u64::MAX), 5e300 / u64::MAX as f64);
    }

    #[test]
    fn special_values_are_those_of_ieee() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert!(sum(&[1.0, nan]).rounded().is_nan() && sum(&[inf, -inf]).divided(2).is_nan());
        assert_eq!(sum(&[inf, -1e308, -1e308]).rounded(), inf);
        assert_eq!(sum(&[-inf, 1.0]).divided(2), -inf);
    }

    #[test]
    fn many_additions_lose_nothing() {
        let values = vec![-f64::MAX; 100_000];
        let digits = sum(&values);
        assert_eq!(digits.divided(100_000), -f64::MAX);
        let mut twice = digits.clone();
        twice.add(&digits);
        assert_eq!(twice.divided(200_000), -f64::MAX);
    }

    #[test]
    fn digits_of_another_form_or_of_more_than_was_added_are_none() {
        let of = |start, digits: &[i64]| {
            Digits { start, digits: digits.to_vec(), ..Digits::default() }.is_valid()
        };
        assert!(of(0, &[]) && of(3, &[1]) && of(3, &[-1]) && of(3, &[5, 0, -2]));
        assert!(!of(1, &[]) && !of(3, &[0, 1]) && !of(3, &[1, 0]) && !of(3, &[1, -1]));
        assert!(!of(70, &[1]) && !of(69, &[1, 1]) && !of(3, &[-1, 1]) && !of(3, &[1 << 32, 1]));
        for x in [1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -0.1] {
            let digits = sum(&[x; 5]);
            assert!(digits.is_valid_sum(5, f64::MAX) && digits.is_valid_sum(5, x.abs()), "{x}");
            assert!(!digits.is_valid_sum(0, f64::MAX));
        }
        for x in [1.0, f64::MAX, f64::MIN, -0.1] {
            assert!(!sum(&[x; 5]).is_valid_sum(5, x.abs() / 32.0), "{x}");
        }
        assert!(!sum(&[f64::MAX; 5]).is_valid_sum(1, f64::MAX));
    }
}
