//! The numbers of an answer, whatever dtype they come from.

use std::fmt;

use rowmill::{Complex, bf16, f16};
use serde::{Serialize, Serializer};

/// One number of an answer. Integers stay exact; smaller floats fit a float64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Complex(Complex<f64>),
}

macro_rules! numbers {
    ($($t:ty => $variant:ident;)*) => {$(
        impl From<$t> for Number {
            fn from(value: $t) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
numbers! {
    bool => Bool;
    i8 => Signed;
    i16 => Signed;
    i32 => Signed;
    i64 => Signed;
    u8 => Unsigned;
    u16 => Unsigned;
    u32 => Unsigned;
    u64 => Unsigned;
    f16 => Float;
    bf16 => Float;
    f32 => Float;
    f64 => Float;
}

impl Number {
    /// NaN where there is nothing.
    pub(crate) fn or_nan(value: Option<Self>) -> Self {
        value.unwrap_or(Self::Float(f64::NAN))
    }

    /// As a float, rounded.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Bool(value) => f64::from(u8::from(value)),
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
            Self::Float(value) => value,
            // There is no number that it is.
            Self::Complex(_) => f64::NAN,
        }
    }

    /// For a table: floats to [`DIGITS`] significant digits.
    pub(crate) fn rounded(self) -> String {
        match self {
            Self::Float(value) => significant(value),
            Self::Complex(z) => complex(z, significant),
            exact => exact.to_string(),
        }
    }
}

/// All of it: floats in the fewest digits that read back to the same bits.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Float(value) if value.is_nan() => f.write_str("nan"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Complex(z) => f.write_str(&complex(*z, |half| Self::Float(half).to_string())),
        }
    }
}

/// NaN as null, infinities as texts, complex numbers as lists of two, integers exact, floats so that they read back to the same
/// bits.
impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Bool(value) => serializer.serialize_bool(value),
            Self::Signed(value) => serializer.serialize_i64(value),
            Self::Unsigned(value) => serializer.serialize_u64(value),
            Self::Float(f64::INFINITY) => serializer.serialize_str("inf"),
            Self::Float(f64::NEG_INFINITY) => serializer.serialize_str("-inf"),
            Self::Float(value) if value.is_nan() => serializer.serialize_none(),
            Self::Float(value) => serializer.serialize_f64(value),
            Self::Complex(z) => [Self::Float(z.re), Self::Float(z.im)].serialize(serializer),
        }
    }
}

impl From<Complex<f64>> for Number {
    fn from(z: Complex<f64>) -> Self {
        Self::Complex(z)
    }
}

/// A complex number as numpy writes it: `1.5-2.0j`.
fn complex(z: Complex<f64>, half: impl Fn(f64) -> String) -> String {
    let im = half(z.im);
    let sign = if im.starts_with(['-']) { "" } else { "+" };
    format!("{}{sign}{im}j", half(z.re))
}

/// Significant digits in a table.
const DIGITS: i32 = 10;

/// A float to ten significant digits, trailing zeros trimmed: C's `%.10g`, except that whole
/// numbers of up to 15 digits are written out.
fn significant(value: f64) -> String {
    to_digits(value, DIGITS)
}

/// The same to so many digits.
pub(crate) fn to_digits(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return Number::Float(value).to_string();
    }
    let scientific = format!("{value:.*e}", digits as usize - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..15).contains(&exponent) {
        let decimals = (digits - 1 - exponent).max(0) as usize;
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    format!("{}e{exponent:+03}", trimmed(mantissa))
}

/// Without zeros at the end of the decimals.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_significant_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (100.0, "100"),
            (10.940_000_534_057_617, "10.94000053"),
            (-1.0 / 3.0, "-0.3333333333"),
            (1e-5, "0.00001"),
            (1.5e-6, "1.5e-06"),
            (123_456_789_012.75, "123456789013"),
            (999_999_999.999_9, "1000000000"),
            (9.999_999_999_9, "10"),
            (1e15, "1e+15"),
            (1.0 / 3.0 * 1e300, "3.333333333e+299"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::MIN_POSITIVE, "2.225073859e-308"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn json_keeps_every_bit() {
        let json = |n: Number| serde_json::to_string(&n).expect("plain");
        assert_eq!(json(Number::Float(f64::NAN)), "null");
        assert_eq!(json(Number::Float(f64::INFINITY)), "\"inf\"");
        assert_eq!(json(Number::Float(f64::NEG_INFINITY)), "\"-inf\"");
        assert_eq!(json(u64::MAX.into()), "18446744073709551615");
        assert_eq!(json(i64::MIN.into()), "-9223372036854775808");
        assert_eq!(json(true.into()), "true");
        for value in [0.1_f64, -0.0, 1e300, 5e-324, 1.0 / 3.0, 123_456_789.0] {
            let back: f64 = serde_json::from_str(&json(value.into())).expect("a number");
            assert_eq!(back.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn all_digits_for_a_single_answer() {
        assert_eq!(Number::Float(0.1).to_string(), "0.1");
        assert_eq!(Number::Float(3.0).to_string(), "3.0");
        assert_eq!(Number::Float(f64::NAN).to_string(), "nan");
        assert_eq!(Number::Float(f64::NEG_INFINITY).to_string(), "-inf");
        assert_eq!(Number::from(f16::from_f32(1.5)).to_string(), "1.5");
        let z = |re, im| Number::from(Complex::new(re, im));
        assert_eq!(z(1.5, -2.0).to_string(), "1.5-2.0j");
        assert_eq!(z(f64::NAN, f64::INFINITY).to_string(), "nan+infj");
        assert_eq!(z(1.5, 2.0).rounded(), "1.5+2j");
        assert_eq!(serde_json::to_string(&z(1.5, f64::NAN)).expect("plain"), "[1.5,null]");
    }
}
