//! Exact arithmetic, slow and simple: the reference for the library's numbers.

use std::cmp::Ordering;

/// A natural number of any size, base 2^32, lowest digit first, without leading zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Natural(Vec<u32>);

impl From<u128> for Natural {
    fn from(mut value: u128) -> Self {
        let mut digits = Vec::new();
        while value > 0 {
            digits.push(value as u32);
            value >>= 32;
        }
        Self(digits)
    }
}

impl Natural {
    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    pub fn add(&self, other: &Self) -> Self {
        let mut carry = 0;
        let mut digits = Vec::new();
        for i in 0..self.0.len().max(other.0.len()) {
            let at = |n: &Self| u64::from(n.0.get(i).copied().unwrap_or(0));
            carry += at(self) + at(other);
            digits.push(carry as u32);
            carry >>= 32;
        }
        digits.push(carry as u32);
        Self(digits).trimmed()
    }

    /// `self - other`, which must not be negative.
    pub fn sub(&self, other: &Self) -> Self {
        assert_ne!(self.cmp(other), Ordering::Less, "a negative difference");
        let mut borrow = 0;
        let mut digits = Vec::new();
        for (i, &digit) in self.0.iter().enumerate() {
            let difference =
                i64::from(digit) - i64::from(other.0.get(i).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(difference < 0);
            digits.push((difference + (borrow << 32)) as u32);
        }
        Self(digits).trimmed()
    }

    pub fn mul(&self, other: &Self) -> Self {
        let mut digits = vec![0_u32; self.0.len() + other.0.len()];
        for (i, &a) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (j, &b) in other.0.iter().enumerate() {
                carry += u64::from(a) * u64::from(b) + u64::from(digits[i + j]);
                digits[i + j] = carry as u32;
                carry >>= 32;
            }
            digits[i + other.0.len()] = carry as u32;
        }
        Self(digits).trimmed()
    }

    pub fn shl(&self, bits: u32) -> Self {
        let mut digits = vec![0; bits as usize / 32];
        digits.extend(&self.0);
        Self(digits).trimmed().mul(&Self::from(1_u128 << (bits % 32)))
    }

    pub fn cmp(&self, other: &Self) -> Ordering {
        let digits = self.0.len().cmp(&other.0.len());
        digits.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

/// Whether `got` is `above / below` rounded to the nearest float (ties either way).
pub fn is_ratio_rounded(got: f64, above: &Natural, below: &Natural) -> bool {
    if !got.is_finite() || got.is_sign_negative() {
        return false;
    }
    if got == 0.0 {
        return *above == Natural::default();
    }
    let bits = got.to_bits();
    let (mantissa, exponent) = ((bits & ((1 << 52) - 1)) | 1 << 52, (bits >> 52) as i32 - 1075);
    assert!(bits >> 52 > 0, "no ratio of the tests is subnormal");
    // |above / below - mantissa * 2^exponent| <= 2^exponent / 2, times 2 * below.
    let (left, unit) = if exponent >= 0 {
        (above.shl(1), below.shl(exponent as u32))
    } else {
        (above.shl(1 + exponent.unsigned_abs()), below.clone())
    };
    let middle = unit.mul(&Natural::from(u128::from(mantissa) * 2));
    let off = match left.cmp(&middle) {
        Ordering::Less => middle.sub(&left),
        _ => left.sub(&middle),
    };
    off.cmp(&unit) != Ordering::Greater
}

/// The sum of finite floats, correctly rounded (Shewchuk's growing expansion, like `math.fsum`).
/// Partial sums must not overflow.
pub fn fsum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut parts: Vec<f64> = Vec::new();
    for mut x in values {
        let mut kept = 0;
        for i in 0..parts.len() {
            let mut y = parts[i];
            if x.abs() < y.abs() {
                (x, y) = (y, x);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                parts[kept] = low;
                kept += 1;
            }
            x = high;
        }
        parts.truncate(kept);
        parts.push(x);
    }
    let mut high = parts.pop().unwrap_or(0.0);
    let mut low = 0.0;
    while let Some(y) = parts.pop() {
        let x = high;
        high = x + y;
        low = y - (high - x);
        if low != 0.0 {
            break;
        }
    }
    // The remaining parts decide half-way cases.
    if parts.last().is_some_and(|&more| (low < 0.0 && more < 0.0) || (low > 0.0 && more > 0.0)) {
        let twice = low * 2.0;
        let x = high + twice;
        if twice == x - high {
            high = x;
        }
    }
    high
}

/// A number in about twice the precision of `f64`.
#[derive(Clone, Copy, Debug)]
pub struct Double {
    high: f64,
    low: f64,
}

impl Double {
    pub fn new(high: f64) -> Self {
        Self { high, low: 0.0 }
    }

    pub fn add(self, x: f64) -> Self {
        let sum = self.high + x;
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (x - part);
        Self::joined(sum, error + self.low)
    }

    fn joined(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self { high: sum, low: low - (sum - high) }
    }

    pub fn square(self) -> Self {
        let high = self.high * self.high;
        let low = self.high.mul_add(self.high, -high) + 2.0 * self.high * self.low;
        Self::joined(high, low)
    }

    pub fn divided(self, by: f64) -> Self {
        let quotient = self.high / by;
        let rest = (-quotient).mul_add(by, self.high) + self.low;
        Self::joined(quotient, rest / by)
    }

    pub fn value(self) -> f64 {
        self.high + self.low
    }
}

/// The mean of finite floats and the sum of their squared distances from it, with far more correct
/// digits than an `f64` holds.
pub fn mean_and_squares(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mut sum = Double::new(0.0);
    for &x in values {
        sum = sum.add(x);
    }
    let mean = sum.divided(n);
    let (mut squares, mut off) = (Double::new(0.0), Double::new(0.0));
    for &x in values {
        let d = Double::new(x).add(-mean.high).add(-mean.low);
        let square = d.square();
        squares = squares.add(square.high).add(square.low);
        off = off.add(d.high).add(d.low);
    }
    // The error of the mean is subtracted from the squares.
    (mean.value(), squares.add(-off.square().divided(n).value()).value())
}
