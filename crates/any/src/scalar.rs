//! The numbers of answers, independent of dtype.

use std::fmt;

use rowmill_core::{Complex, bf16, f16};
use serde::{Serialize, Serializer};

/// A number of an answer. Integers stay exact; smaller floats are widened to float64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A sum of integers that fits neither of these.
    Wide(i128),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(Complex<f64>),
    /// No number: the cell has none.
    Missing,
}

/// The numbers of a column, all of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalars {
    /// Truth values.
    Bool(Vec<bool>),
    /// Signed integers.
    Signed(Vec<i64>),
    /// Unsigned integers.
    Unsigned(Vec<u64>),
    /// Floats.
    Float(Vec<f64>),
    /// Complex numbers.
    Complex(Vec<Complex<f64>>),
    /// Numbers of different kinds, some possibly missing.
    Mixed(Vec<Scalar>),
}

impl Scalars {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Signed(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Complex(values) => values.len(),
            Self::Mixed(values) => values.len(),
        }
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at index `i`.
    ///
    /// # Panics
    /// Panics if `i` is out of bounds.
    #[must_use]
    pub fn get(&self, i: usize) -> Scalar {
        match self {
            Self::Bool(values) => Scalar::Bool(values[i]),
            Self::Signed(values) => Scalar::Signed(values[i]),
            Self::Unsigned(values) => Scalar::Unsigned(values[i]),
            Self::Float(values) => Scalar::Float(values[i]),
            Self::Complex(values) => Scalar::Complex(values[i]),
            Self::Mixed(values) => values[i],
        }
    }
}

/// Stores numbers of the same kind in the variant of that kind.
impl From<Vec<Scalar>> for Scalars {
    fn from(all: Vec<Scalar>) -> Self {
        macro_rules! of_one_kind {
            ($($variant:ident),*) => {
                match all.first() {
                    $(Some(Scalar::$variant(_)) => {
                        let of_kind = |s: &Scalar| match s {
                            Scalar::$variant(value) => Some(*value),
                            _ => None,
                        };
                        all.iter().map(of_kind).collect::<Option<Vec<_>>>().map(Self::$variant)
                    })*
                    _ => None,
                }
            };
        }
        of_one_kind!(Bool, Signed, Unsigned, Float, Complex).unwrap_or(Self::Mixed(all))
    }
}

macro_rules! numbers {
    ($($t:ty => $variant:ident;)*) => {$(
        impl From<$t> for Scalar {
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
    Complex<f64> => Complex;
}

impl<V: Into<Self>> From<Option<V>> for Scalar {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl Scalar {
    /// The value as a float, rounded; NaN if it is missing or complex.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Bool(value) => f64::from(u8::from(value)),
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
            Self::Wide(value) => value as f64,
            Self::Float(value) => value,
            Self::Complex(_) | Self::Missing => f64::NAN,
        }
    }
}

/// Writes all digits: floats with the fewest digits that read back to the same bits, missing
/// numbers as `nan`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Wide(value) => write!(f, "{value}"),
            Self::Missing => f.write_str("nan"),
            Self::Float(value) if value.is_nan() => f.write_str("nan"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Complex(z) => {
                f.write_str(&format_complex(*z, |part| Self::Float(part).to_string()))
            }
        }
    }
}

/// A complex number in numpy's notation, `1.5-2.0j`. Both parts are formatted by `format_part`.
pub fn format_complex(z: Complex<f64>, format_part: impl Fn(f64) -> String) -> String {
    let im = format_part(z.im);
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{}{sign}{im}j", format_part(z.re))
}

/// Serializes NaN and missing numbers as null, infinities and integers beyond 64 bits as strings,
/// and complex numbers as lists of two. Floats read back to the same bits.
impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Bool(value) => serializer.serialize_bool(value),
            Self::Signed(value) => serializer.serialize_i64(value),
            Self::Unsigned(value) => serializer.serialize_u64(value),
            Self::Wide(value) => serializer.collect_str(&value),
            Self::Float(f64::INFINITY) => serializer.serialize_str("inf"),
            Self::Float(f64::NEG_INFINITY) => serializer.serialize_str("-inf"),
            Self::Float(value) if value.is_nan() => serializer.serialize_none(),
            Self::Float(value) => serializer.serialize_f64(value),
            Self::Complex(z) => [Self::Float(z.re), Self::Float(z.im)].serialize(serializer),
            Self::Missing => serializer.serialize_none(),
        }
    }
}
