//! The numbers of an answer, formatted for tables.

use rowmill_any::format_complex;

pub(crate) use rowmill_any::Scalar as Number;

/// The significant digits in a table.
const DIGITS: i32 = 10;

/// Formats a number for a table: floats get ten significant digits.
pub(crate) fn rounded(number: impl Into<Number>) -> String {
    match number.into() {
        Number::Float(value) => to_digits(value, DIGITS),
        Number::Complex(z) => format_complex(z, |part| to_digits(part, DIGITS)),
        exact => exact.to_string(),
    }
}

/// Formats a float with this many significant digits and no trailing zeros. This is C's `%.10g`,
/// except that whole numbers of up to 15 digits are written out.
pub(crate) fn to_digits(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return Number::Float(value).to_string();
    }
    let scientific = format!("{value:.*e}", digits as usize - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..15).contains(&exponent) {
        let decimals = (digits - 1 - exponent).max(0) as usize;
        return trim_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    format!("{}e{exponent:+03}", trim_zeros(mantissa))
}

/// The text without trailing zeros after the decimal point.
fn trim_zeros(text: &str) -> &str {
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
            assert_eq!(rounded(value), text);
        }
        assert_eq!(rounded(rowmill::Complex::new(1.5, 2.0)), "1.5+2j");
        assert_eq!((rounded(Number::Missing), rounded(7_u64)), ("nan".into(), "7".into()));
    }
}
