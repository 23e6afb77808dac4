//! The element types an array file can hold, and their names.

use std::fmt;
use std::str::FromStr;

/// The element type of an array, named as numpy names it.
///
/// All of numpy's numeric types are here except `longdouble` and its complex counterpart, which
/// differ between machines.
///
/// ```
/// use rowmill_core::DType;
/// let dtype: DType = "<f4".parse().unwrap();
/// assert_eq!(dtype, DType::F32);
/// assert_eq!(dtype.name(), "float32");
/// assert_eq!(dtype.size(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DType {
    /// One byte; any non-zero byte is true.
    Bool,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// IEEE 754 binary16.
    F16,
    /// bfloat16: the upper half of a binary32. `.npy` files cannot hold it.
    Bf16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// A complex number of two binary32.
    C64,
    /// A complex number of two binary64.
    C128,
}

/// The table of dtypes: passes each variant of [`DType`](crate::DType) with its element type to a
/// macro, with real and complex types separated.
///
/// ```
/// macro_rules! count {
///     (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
///         [$(stringify!($number)),*, $(stringify!($pair)),*].len()
///     };
/// }
/// assert_eq!(rowmill_core::dtype_table!(count), rowmill_core::DType::ALL.len());
/// ```
///
/// The macro may be a path, and may take tokens of its own before the table:
///
/// ```
/// mod names {
///     macro_rules! is_listed {
///         ($name:ident
///          numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
///             [$(stringify!($number),)* $(stringify!($pair),)*].contains(&stringify!($name))
///         };
///     }
///     pub(crate) use is_listed;
/// }
/// assert!(rowmill_core::dtype_table!([names::is_listed] F16));
/// assert!(!rowmill_core::dtype_table!([names::is_listed] F8));
/// ```
#[macro_export]
macro_rules! dtype_table {
    ($then:ident) => {
        $crate::dtype_table! { [$then] }
    };
    ([$($then:tt)+] $($before:tt)*) => {
        $($then)+! {
            $($before)*
            numeric {
                Bool: bool,
                I8: i8,
                I16: i16,
                I32: i32,
                I64: i64,
                U8: u8,
                U16: u16,
                U32: u32,
                U64: u64,
                F16: $crate::f16,
                Bf16: $crate::bf16,
                F32: f32,
                F64: f64,
            }
            complex {
                C64: $crate::Complex<f32>,
                C128: $crate::Complex<f64>,
            }
        }
    };
}

macro_rules! all {
    (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
        impl DType {
            /// Every dtype, in numpy's order of kinds.
            pub const ALL: [Self; [$(Self::$number,)* $(Self::$pair,)*].len()] =
                [$(Self::$number,)* $(Self::$pair,)*];

            /// Whether the type is a complex number.
            #[must_use]
            pub const fn is_complex(self) -> bool {
                match self {
                    $(Self::$number => false,)*
                    $(Self::$pair => true,)*
                }
            }
        }
    };
}
dtype_table!(all);

impl DType {
    /// Size of one element in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::C64 => 8,
            Self::C128 => 16,
        }
    }

    /// The size of the words that byte order applies to, in bytes: each half of a complex number.
    pub(crate) const fn word_size(self) -> usize {
        if self.is_complex() { self.size() / 2 } else { self.size() }
    }

    /// numpy's name (for `bfloat16` that of the `ml_dtypes` package): `float32`, `int64`, `bool`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::C64 => "complex64",
            Self::C128 => "complex128",
        }
    }

    /// The type code of the array interface protocol, without byte order: `f4`, `i8`, `b1`.
    /// `bfloat16` has none there; its code here is `bf16`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bool => "b1",
            Self::I8 => "i1",
            Self::I16 => "i2",
            Self::I32 => "i4",
            Self::I64 => "i8",
            Self::U8 => "u1",
            Self::U16 => "u2",
            Self::U32 => "u4",
            Self::U64 => "u8",
            Self::F16 => "f2",
            Self::Bf16 => "bf16",
            Self::F32 => "f4",
            Self::F64 => "f8",
            Self::C64 => "c8",
            Self::C128 => "c16",
        }
    }

    /// Rust's name of the type, as the command line takes it: `f32`, `i64`, `bool`.
    #[must_use]
    pub const fn rust_name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::C64 => "c64",
            Self::C128 => "c128",
        }
    }

    /// The `descr` of a `.npy` header: `<f4`, `>i2`, `|b1`.
    #[must_use]
    pub fn descr(self, order: ByteOrder) -> String {
        let sign = match order {
            _ if self.size() == 1 => '|',
            ByteOrder::Little => '<',
            ByteOrder::Big => '>',
        };
        format!("{sign}{}", self.code())
    }

    /// Whether the type is a float, and so can hold NaN.
    #[must_use]
    pub const fn is_float(self) -> bool {
        match self {
            Self::F16 | Self::Bf16 | Self::F32 | Self::F64 => true,
            Self::Bool | Self::C64 | Self::C128 => false,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => false,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => false,
        }
    }

    /// Whether `.npy` headers have a code for it.
    #[must_use]
    pub const fn has_npy_code(self) -> bool {
        match self {
            Self::Bf16 => false,
            Self::Bool | Self::F16 | Self::F32 | Self::F64 | Self::C64 | Self::C128 => true,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => true,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => true,
        }
    }

    /// Parses a dtype with its byte order, in any spelling that [`FromStr`] accepts.
    ///
    /// Without a sign, or with `=`, the byte order is the machine's.
    ///
    /// # Errors
    /// [`ParseDTypeError`] if the text is not a supported dtype.
    pub fn parse_with_order(text: &str) -> Result<(Self, ByteOrder), ParseDTypeError> {
        let error = || ParseDTypeError { text: text.to_owned() };
        let trimmed = text.trim();
        let mut chars = trimmed.chars();
        let (order, rest, signed) = match chars.next() {
            Some('<') => (ByteOrder::Little, chars.as_str(), true),
            Some('>') => (ByteOrder::Big, chars.as_str(), true),
            Some('|' | '=') => (ByteOrder::NATIVE, chars.as_str(), true),
            _ => (ByteOrder::NATIVE, trimmed, false),
        };
        // `i8` is eight bytes in numpy and eight bits in Rust: numpy's codes require a sign, Rust's
        // names exclude it. Unambiguous codes are accepted either way.
        let found = Self::ALL.into_iter().find(|d| {
            if signed {
                rest == d.code() || (*d == Self::Bool && rest == "?")
            } else {
                rest == d.name() || rest == d.rust_name()
            }
        });
        let found = found.or_else(|| {
            let by_code = Self::ALL.into_iter().find(|d| d.code() == rest);
            by_code.filter(|_| !signed && !matches!(rest, "i8" | "u8"))
        });
        found.map(|dtype| (dtype, order)).ok_or_else(error)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Accepts numpy's names (`float32`), signed codes (`<f4`) and Rust's names (`f32`). The byte
/// order, if any, is dropped: see [`DType::parse_with_order`]. A bare `i8` or `u8` is eight
/// **bits**.
impl FromStr for DType {
    type Err = ParseDTypeError;

    fn from_str(text: &str) -> Result<Self, ParseDTypeError> {
        Self::parse_with_order(text).map(|(dtype, _)| dtype)
    }
}

/// A text that is not a supported dtype.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a supported dtype; expected one of bool, int8 to int64, uint8 to uint64, \
     float16, bfloat16, float32, float64, complex64, complex128 (or a code such as \"<f4\")"
)]
pub struct ParseDTypeError {
    /// The text.
    pub text: String,
}

/// The order of the bytes of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first (`<`).
    Little,
    /// Most significant byte first (`>`).
    Big,
}

impl ByteOrder {
    /// The order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back() {
        for dtype in DType::ALL {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let (parsed, parsed_order) =
                    DType::parse_with_order(&dtype.descr(order)).expect("descr");
                assert_eq!(parsed, dtype);
                assert!(dtype.size() == 1 || parsed_order == order);
            }
            assert_eq!(dtype.name().parse(), Ok(dtype));
            assert_eq!(dtype.rust_name().parse(), Ok(dtype));
        }
    }

    #[test]
    fn eight_is_bits_without_a_sign_and_bytes_with_one() {
        assert_eq!("i8".parse(), Ok(DType::I8));
        assert_eq!("<i8".parse(), Ok(DType::I64));
        assert_eq!("u8".parse(), Ok(DType::U8));
        assert_eq!("|u1".parse(), Ok(DType::U8));
        assert_eq!("f4".parse(), Ok(DType::F32));
    }

    #[test]
    fn others_are_refused_by_name() {
        for text in ["", "<", "O", "|O", "<c32", "<M8[ns]", "|S5", "<U3", "|V8", "float128", "<f44"]
        {
            let error = text.parse::<DType>().expect_err(text);
            assert!(error.to_string().contains(&format!("{text:?}")));
        }
    }
}
