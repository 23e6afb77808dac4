//! The values of options, and their spellings.

use std::str::FromStr;

use clap::ValueEnum;
use rowmill::error::ParseDTypeError;
use rowmill::file::{ByteOrder, Order};
use rowmill::{ChunkSize, DType, NanPolicy};
use rowmill_any::Axes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    All,
    Columns,
    Rows,
}

impl Axis {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Columns => "columns",
            Self::Rows => "rows",
        }
    }
}

impl From<Axis> for Axes {
    fn from(axis: Axis) -> Self {
        match axis {
            Axis::All => Self::All,
            Axis::Columns => Self::Columns,
            Axis::Rows => Self::Rows,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Nan {
    Propagate,
    Skip,
    Error,
}

impl From<Nan> for NanPolicy {
    fn from(nan: Nan) -> Self {
        match nan {
            Nan::Propagate => Self::Propagate,
            Nan::Skip => Self::Skip,
            Nan::Error => Self::Error,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// Mean 0 and standard deviation 1
    Zscore,
    /// From 0 to 1, or the given range
    Minmax,
    /// Largest absolute value 1
    Maxabs,
    /// By median and quartiles, which extreme values do not affect
    Robust,
    /// Absolute values with sum 1; mostly for rows
    L1,
    /// Euclidean norm 1; mostly for rows
    L2,
}

impl Method {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Zscore => "zscore",
            Self::Minmax => "minmax",
            Self::Maxabs => "maxabs",
            Self::Robust => "robust",
            Self::L1 => "l1",
            Self::L2 => "l2",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloatType {
    #[value(alias = "float16")]
    F16,
    #[value(alias = "float32")]
    F32,
    #[value(alias = "float64")]
    F64,
}

impl FloatType {
    /// The dtype of an array with this element type.
    pub(crate) const fn dtype(self) -> DType {
        match self {
            Self::F16 => DType::F16,
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Backend {
    #[default]
    Auto,
    Mapped,
    Positioned,
}

impl From<Backend> for rowmill::file::Backend {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Auto => Self::Auto,
            Backend::Mapped => Self::Mapped,
            Backend::Positioned => Self::Positioned,
        }
    }
}

/// The reaction to a file that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum WhileWritten {
    #[default]
    Warn,
    Refuse,
}

impl From<WhileWritten> for rowmill::file::WhileWritten {
    fn from(while_written: WhileWritten) -> Self {
        match while_written {
            WhileWritten::Warn => Self::Allow,
            WhileWritten::Refuse => Self::Refuse,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArg {
    #[value(name = "C")]
    C,
    #[value(name = "F")]
    F,
}

impl From<OrderArg> for Order {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::C => Self::C,
            OrderArg::F => Self::F,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByteOrderArg {
    Little,
    Big,
}

impl From<ByteOrderArg> for ByteOrder {
    fn from(order: ByteOrderArg) -> Self {
        match order {
            ByteOrderArg::Little => Self::Little,
            ByteOrderArg::Big => Self::Big,
        }
    }
}

/// A dtype, with the byte order if the text includes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DTypeArg {
    pub(crate) dtype: DType,
    pub(crate) byte_order: Option<ByteOrder>,
}

impl FromStr for DTypeArg {
    type Err = ParseDTypeError;

    fn from_str(text: &str) -> Result<Self, ParseDTypeError> {
        let (dtype, byte_order) = DType::parse_with_order(text)?;
        let is_explicit = text.trim_start().starts_with(['<', '>']);
        Ok(Self { dtype, byte_order: is_explicit.then_some(byte_order) })
    }
}

/// Parses a non-negative number of seconds, possibly with a fraction.
pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse::<f64>().ok();
    let seconds = seconds.filter(|s| (0.0..=1e9).contains(s));
    seconds.ok_or_else(|| "expected seconds from 0 on, such as 5 or 0.5".to_owned())
}

/// Parses a range of rows, `A:B`; either end may be omitted.
pub(crate) fn parse_rows(text: &str) -> Result<(Option<usize>, Option<usize>), String> {
    let expected = || "expected FIRST:END, such as 0:1000000, 500: or :500".to_owned();
    let (first, end) = text.split_once(':').ok_or_else(expected)?;
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        number => number.parse().map(Some).map_err(|_| expected()),
    };
    Ok((bound(first)?, bound(end)?))
}

/// Parses part K of N, counted from 1.
pub(crate) fn parse_part(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(k, n)| {
        let (k, n) = (k.trim().parse().ok()?, n.trim().parse().ok()?);
        (1..=n).contains(&k).then_some((k, n))
    });
    parts.ok_or_else(|| "expected K/N with K from 1 to N, such as 1/4".to_owned())
}

/// A number of bytes, spelled like a chunk size: `64M`, `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(ChunkSize::Bytes(bytes)) => Ok(Self { bytes: bytes as u64 }),
            _ => Err(format!("{text:?} is not a size; expected bytes, such as 512MiB or 4G")),
        }
    }
}

/// One or more numbers from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fractions(pub(crate) Vec<f64>);

impl FromStr for Fractions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fraction = |text: &str| match text.trim().parse() {
            Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
            _ => Err(format!("{:?} is not a number from 0 to 1, such as 0.5", text.trim())),
        };
        text.split(',').map(fraction).collect::<Result<_, _>>().map(Self)
    }
}

/// A finite, nonempty interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once(',').ok_or("expected two numbers, such as 0,1")?;
        let number = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(format!("{:?} is not a finite number", text.trim())),
        };
        let (low, high) = (number(low)?, number(high)?);
        if low < high && (high - low).is_finite() {
            return Ok(Self { low, high });
        }
        Err(format!("expected the smaller number first, got {low} and {high}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dtypes_say_their_byte_order_or_not() {
        let parse = |text: &str| text.parse::<DTypeArg>().expect(text);
        assert_eq!(parse(">i2").byte_order, Some(ByteOrder::Big));
        assert_eq!(parse("<f4").byte_order, Some(ByteOrder::Little));
        assert_eq!(parse("float32"), DTypeArg { dtype: DType::F32, byte_order: None });
        assert!("f3".parse::<DTypeArg>().is_err());
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("1", 1), ("64K", 64 << 10), (" 2GiB ", 2 << 30), ("5mb", 5 << 20)] {
            assert_eq!(text.parse(), Ok(Size { bytes }), "{text}");
        }
        for text in ["", "0", "auto", "5rows", "-1", "1.5G", "99999999999G", "lots"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn fractions() {
        assert_eq!("0, 0.5,1".parse(), Ok(Fractions(vec![0.0, 0.5, 1.0])));
        for text in ["", "50", "0.5,", "-0.1", "nan", "50%"] {
            assert!(text.parse::<Fractions>().is_err(), "{text}");
        }
    }

    #[test]
    fn intervals() {
        assert_eq!("-1, 2e0".parse(), Ok(Interval { low: -1.0, high: 2.0 }));
        for text in ["", "1", "1,0", "0,0", "0,inf", "nan,1", "0,1,2", "-1e308,1e308"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
