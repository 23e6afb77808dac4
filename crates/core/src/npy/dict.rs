//! [`parse_dict`]: the text of a header, parsed without evaluating and without recursion.

use super::HeaderError;
use super::record::{self, Found, Record};
use crate::sidecar::clip;
use crate::{ByteOrder, DType, MAX_NDIM, Order, Shape, ShapeError};

/// The dict of a `.npy` header: a [`Header`](super::Header) without the offset, which the bytes
/// before it give.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dict {
    /// The element type.
    pub dtype: DType,
    /// The order of the bytes of one element; the machine's for elements of one byte.
    pub byte_order: ByteOrder,
    /// The order of the elements.
    pub order: Order,
    /// The shape; of a field that is a sub-array, with its axes behind those of the array.
    pub shape: Shape,
    /// Of one field of a structured array, where in the records it is.
    pub record: Option<Record>,
}

/// How the text of a header is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Versions 1.0 and 2.0.
    Latin1,
    /// Version 3.0.
    Utf8,
}

/// Parses the dict of a header: everything after the length, padding included.
///
/// ```
/// use rowmill_core::{DType, npy};
/// let text = b"{'shape': (10L, np.int64(3)), \"descr\": '|b1', 'fortran_order': False}  \n";
/// let dict = npy::parse_dict(text, npy::Encoding::Latin1)?;
/// assert_eq!((dict.dtype, dict.shape.dims()), (DType::Bool, &[10, 3][..]));
/// # Ok::<(), npy::HeaderError>(())
/// ```
///
/// # Errors
/// [`HeaderError`] for everything but a dict with exactly the keys descr, fortran_order and shape
/// that gives a supported dtype and a shape that this machine can address.
pub fn parse_dict(text: &[u8], encoding: Encoding) -> Result<Dict, HeaderError> {
    parse_field(text, encoding, None)
}

/// The same of one field of a structured array, whose dtype, shape and place are those of the field.
///
/// A field within a record that is a field is `outer.inner`.
///
/// ```
/// use rowmill_core::{DType, npy};
/// let text = b"{'descr': [('id', '<u2'), ('', '|V2'), ('xyz', '<f4', (3,))], \
///              'fortran_order': False, 'shape': (10,)}";
/// let dict = npy::parse_field(text, npy::Encoding::Latin1, Some("xyz"))?;
/// assert_eq!((dict.dtype, dict.shape.dims()), (DType::F32, &[10, 3][..]));
/// let record = dict.record.expect("it is structured");
/// assert_eq!((record.size, record.offset, record.len), (16, 4, 3));
/// # Ok::<(), npy::HeaderError>(())
/// ```
///
/// # Errors
/// As [`parse_dict`]; [`HeaderError::Structured`], [`HeaderError::NotStructured`],
/// [`HeaderError::NoSuchField`] and [`HeaderError::Field`].
pub fn parse_field(
    text: &[u8],
    encoding: Encoding,
    field: Option<&str>,
) -> Result<Dict, HeaderError> {
    if encoding == Encoding::Utf8
        && let Err(error) = std::str::from_utf8(text)
    {
        return Err(HeaderError::NotUtf8 { at: error.valid_up_to() });
    }
    let mut parser = Parser { text, at: 0, encoding, field };
    let (mut descr, mut order, mut shape) = (None, None, None);
    parser.expect(b'{', "a dict, starting with {")?;
    while !parser.eat(b'}') {
        match parser.string("a quoted key or }")? {
            b"descr" => set(&mut descr, "descr", &mut parser, Parser::descr)?,
            b"fortran_order" => set(&mut order, "fortran_order", &mut parser, Parser::order)?,
            b"shape" => set(&mut shape, "shape", &mut parser, Parser::shape)?,
            other => {
                return Err(HeaderError::UnknownKey { key: parser.excerpt_of(other) });
            }
        }
        if !parser.eat(b',') {
            parser.expect(b'}', "a comma or }")?;
            break;
        }
    }
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.syntax("nothing but spaces after the dict"));
    }
    let descr = descr.ok_or(HeaderError::MissingKey { key: "descr" })?;
    let order = order.ok_or(HeaderError::MissingKey { key: "fortran_order" })?;
    let shape = shape.ok_or(HeaderError::MissingKey { key: "shape" })?;
    match descr {
        Descr::Plain(..) if field.is_some() => {
            Err(HeaderError::NotStructured { wanted: clip(field.unwrap_or_default()) })
        }
        Descr::Plain(dtype, byte_order) => {
            Ok(Dict { dtype, byte_order, order, shape, record: None })
        }
        Descr::Field(found) => of_field(found, order, &shape),
    }
}

/// A field of so many records.
fn of_field(found: Found, order: Order, records: &Shape) -> Result<Dict, HeaderError> {
    let Found { dtype, byte_order, dims, offset, size } = found;
    if order == Order::F && records.dims().iter().filter(|&&dim| dim > 1).count() > 1 {
        return Err(HeaderError::FortranRecords);
    }
    let (len, count) = (dims.iter().product(), records.len());
    let all: Vec<usize> = records.dims().iter().copied().chain(dims).collect();
    let shape = Shape::new(all)?;
    let record = Some(Record { size, offset, len, count });
    Ok(Dict { dtype, byte_order, order: Order::C, shape, record })
}

/// What a header says of elements.
enum Descr {
    Plain(DType, ByteOrder),
    Field(Found),
}

/// The dtype that a code means, if it is one of those that are read, exactly as NumPy spells it.
pub(super) fn exact(code: &str) -> Option<(DType, ByteOrder)> {
    let is_exact = |dtype: &DType| code.trim() == code && dtype.has_npy_code();
    let found = DType::parse_with_order(code).ok().filter(|(dtype, _)| is_exact(dtype));
    found.filter(|_| is_signed(code))
}

/// Parses the colon and the value of a key that must not have come before.
fn set<'a, V>(
    slot: &mut Option<V>,
    key: &'static str,
    parser: &mut Parser<'a>,
    value: fn(&mut Parser<'a>) -> Result<V, HeaderError>,
) -> Result<(), HeaderError> {
    if slot.is_some() {
        return Err(HeaderError::DuplicateKey { key });
    }
    parser.expect(b':', "a colon after the key")?;
    parser.skip_space();
    *slot = Some(value(parser)?);
    Ok(())
}

/// A position in the text of a header. Every method moves forward only, so parsing ends.
pub(super) struct Parser<'a> {
    text: &'a [u8],
    pub(super) at: usize,
    encoding: Encoding,
    /// The field of records that is wanted.
    field: Option<&'a str>,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or(&[])
    }

    pub(super) fn skip_space(&mut self) {
        let is_space = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c');
        self.at += self.rest().iter().take_while(is_space).count();
    }

    /// Skips spaces, then `byte` if it is there.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), HeaderError> {
        if self.eat(byte) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    /// Skips a word if it is there, whole.
    fn eat_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word.as_bytes());
        let found = after.is_some_and(|a| {
            !a.first().is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        });
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// A string in either kind of quotes. A backslash has no place in a header that is supported,
    /// so escapes are refused rather than decoded.
    pub(super) fn string(&mut self, expected: &'static str) -> Result<&'a [u8], HeaderError> {
        self.skip_space();
        let (quote, inner) = match self.rest().split_first() {
            Some((&quote @ (b'\'' | b'"'), inner)) => (quote, inner),
            _ => return Err(self.syntax(expected)),
        };
        let end = inner.iter().position(|&b| b == quote || matches!(b, b'\\' | b'\n'));
        match end {
            Some(end) if inner[end] == quote => {
                self.at += end + 2;
                Ok(&inner[..end])
            }
            _ => Err(self.syntax("a string on one line that ends and has no backslash")),
        }
    }

    fn descr(&mut self) -> Result<Descr, HeaderError> {
        if self.rest().first() == Some(&b'[') {
            return record::find(self, self.field).map(Descr::Field);
        }
        // A tuple of a base and a shape.
        if matches!(self.rest().first(), Some(b'(' | b'{')) {
            let found = self.excerpt_of(self.rest().trim_ascii_end());
            return Err(HeaderError::UnsupportedDType { found, kind: "a structured dtype" });
        }
        if !matches!(self.rest().first(), Some(b'\'' | b'"')) {
            return Err(self.wrong_type("descr", "a string such as '<f4'"));
        }
        let raw = self.string("a string such as '<f4'")?;
        let found = || format!("'{}'", self.excerpt_of(raw));
        let text = std::str::from_utf8(raw).unwrap_or("");
        // The dtype parser forgives spaces around the code; NumPy writes none.
        let is_exact = |dtype: &(DType, ByteOrder)| text.trim() == text && dtype.0.has_npy_code();
        let exact = DType::parse_with_order(text).ok().filter(is_exact);
        match exact {
            Some((dtype, _)) if dtype.size() == 1 && is_signed(text) => {
                Ok(Descr::Plain(dtype, ByteOrder::NATIVE))
            }
            Some((dtype, byte_order)) if is_signed(text) => Ok(Descr::Plain(dtype, byte_order)),
            Some(_) => Err(HeaderError::UnsignedDType { found: found() }),
            None => Err(HeaderError::UnsupportedDType { found: found(), kind: kind(raw) }),
        }
    }

    fn order(&mut self) -> Result<Order, HeaderError> {
        if self.eat_word("False") {
            Ok(Order::C)
        } else if self.eat_word("True") {
            Ok(Order::F)
        } else {
            Err(self.wrong_type("fortran_order", "True or False"))
        }
    }

    pub(super) fn shape(&mut self) -> Result<Shape, HeaderError> {
        const TUPLE: &str = "a tuple such as (3, 4), (3,) or ()";
        let start = self.at;
        if !self.eat(b'(') {
            return Err(self.wrong_type("shape", TUPLE));
        }
        let mut dims = Vec::new();
        let mut count = 0;
        let mut comma = false;
        while !self.eat(b')') {
            let dim = self.dimension()?;
            count += 1;
            // A header has room for 30,000 dimensions; no more than can be used are kept.
            if count <= MAX_NDIM {
                dims.push(dim);
            }
            comma = self.eat(b',');
            if !comma {
                self.expect(b')', "a comma or )")?;
                break;
            }
        }
        if count > MAX_NDIM {
            return Err(ShapeError::TooManyDimensions { found: count }.into());
        }
        // To Python `(3)` is a number.
        if count == 1 && !comma {
            self.at = start;
            return Err(self.wrong_type("shape", TUPLE));
        }
        Ok(Shape::new(dims)?)
    }

    /// `3`, Python 2's `3L`, or what NumPy 2 makes of its own integers: `np.int64(3)`.
    pub(super) fn dimension(&mut self) -> Result<usize, HeaderError> {
        self.skip_space();
        let wrapped = INTEGER_CALLS.iter().find(|call| self.rest().starts_with(call.as_bytes()));
        if let Some(call) = wrapped {
            self.at += call.len();
            let dim = self.digits()?;
            self.expect(b')', "a closing ) after the dimension")?;
            return Ok(dim);
        }
        let dim = self.digits()?;
        if self.rest().first() == Some(&b'L') {
            self.at += 1;
        }
        Ok(dim)
    }

    fn digits(&mut self) -> Result<usize, HeaderError> {
        self.skip_space();
        let rest = self.rest();
        let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
        let count = unsigned.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = &unsigned[..count];
        // Python 2 read a leading zero as octal, Python 3 refuses it.
        if count == 0 || (count > 1 && digits[0] == b'0') {
            return Err(self.syntax("a whole number in decimal digits"));
        }
        if unsigned.len() < rest.len() {
            let found = self.excerpt_of(&rest[..=count]);
            return Err(HeaderError::NegativeDimension { found });
        }
        let value = digits.iter().try_fold(0_usize, |value, digit| {
            value.checked_mul(10)?.checked_add(usize::from(digit - b'0'))
        });
        self.at += count;
        value.ok_or_else(|| HeaderError::DimensionTooLarge { found: self.excerpt_of(digits) })
    }

    pub(super) fn syntax(&self, expected: &'static str) -> HeaderError {
        let rest = self.rest();
        let found = match rest {
            [] => "the end of the header".to_owned(),
            _ => format!("{:?}", self.excerpt_of(rest.trim_ascii_end())),
        };
        HeaderError::Syntax { at: self.at, expected, found }
    }

    fn wrong_type(&self, key: &'static str, expected: &'static str) -> HeaderError {
        HeaderError::WrongType { key, expected, found: self.excerpt_of(self.rest()) }
    }

    /// Some bytes of the header as text.
    pub(super) fn text_of(&self, bytes: &[u8]) -> String {
        match self.encoding {
            Encoding::Latin1 => bytes.iter().map(|&b| char::from(b)).collect(),
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// The beginning of some bytes of the header, as text for an error.
    pub(super) fn excerpt_of(&self, bytes: &[u8]) -> String {
        const LONGEST: usize = 40;
        let cut = &bytes[..bytes.len().min(LONGEST)];
        let mut text: String = match self.encoding {
            Encoding::Latin1 => cut.iter().map(|&b| char::from(b)).collect(),
            Encoding::Utf8 => String::from_utf8_lossy(cut).into_owned(),
        };
        if cut.len() < bytes.len() {
            text.push('…');
        }
        text
    }
}

/// How NumPy 2 prints its integers: the `repr` of every integer type that can end up in a shape.
const INTEGER_CALLS: [&str; 10] = [
    "np.int8(",
    "np.int16(",
    "np.int32(",
    "np.int64(",
    "np.longlong(",
    "np.uint8(",
    "np.uint16(",
    "np.uint32(",
    "np.uint64(",
    "np.ulonglong(",
];

fn is_signed(code: &str) -> bool {
    code.starts_with(['<', '>', '|', '='])
}

/// What a dtype outside the allow-list means, for people who do not know the codes by heart.
pub(super) fn kind(descr: &[u8]) -> &'static str {
    if descr.iter().any(u8::is_ascii_whitespace) {
        return "a code with spaces";
    }
    let sign = descr.iter().take(1).filter(|b| matches!(b, b'<' | b'>' | b'|' | b'=')).count();
    match descr.get(sign) {
        Some(b'O') => "Python objects",
        Some(b'S' | b'a') => "byte strings",
        Some(b'U') => "Unicode strings",
        Some(b'T') => "strings of any length",
        Some(b'M') => "dates and times",
        Some(b'm') => "time differences",
        Some(b'V') if &descr[sign..] == b"V2" => {
            "raw bytes, or bfloat16, for which .npy has no code"
        }
        Some(b'V') => "raw bytes or a structured dtype",
        Some(b'b') if descr.ends_with(b"bf16") => "bfloat16, for which .npy has no code",
        Some(b'c') => "complex numbers of another size",
        Some(b'f' | b'g') => "a float of another size",
        Some(b'i' | b'u') => "an integer of another size",
        _ => "unknown",
    }
}
