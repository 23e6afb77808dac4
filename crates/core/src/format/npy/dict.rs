//! [`parse_dict`]: the text of a header, parsed without evaluating and without recursion.

use super::HeaderError;
use super::code::{is_signed, kind};
use super::parser::Parser;
use super::record::{self, Found, Record};
use crate::dtype::{ByteOrder, DType};
use crate::shape::{MAX_NDIM, Order, Shape, ShapeError};
use crate::text::clip;

/// The dict of a `.npy` header: a [`Header`](super::Header) without the offset, which depends on
/// the bytes before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dict {
    /// The element type.
    pub dtype: DType,
    /// The byte order of an element; native for one-byte elements.
    pub byte_order: ByteOrder,
    /// The order of the elements.
    pub order: Order,
    /// The shape; for a field that is a sub-array, with its axes after those of the array.
    pub shape: Shape,
    /// The location within the records, for one field of a structured array.
    pub record: Option<Record>,
}

/// The encoding of a header's text.
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
/// [`HeaderError`] unless it is a dict with exactly the keys descr, fortran_order and shape that
/// has a supported dtype and a shape that this machine can address.
pub fn parse_dict(text: &[u8], encoding: Encoding) -> Result<Dict, HeaderError> {
    parse_field(text, encoding, None)
}

/// The same for one field of a structured array; dtype, shape and location are those of the field.
///
/// A nested field is `outer.inner`.
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
    let mut parser = Parser::new(text, encoding, field);
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

/// A field of `records` records.
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

/// A `descr`: the type of all elements, or one field of records.
enum Descr {
    Plain(DType, ByteOrder),
    Field(Found),
}

/// Parses the colon and the value of a key that must not have occurred before.
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

impl Parser<'_> {
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
        // The dtype parser accepts spaces around the code, but NumPy writes none.
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
            // A header has room for 30,000 dimensions; only as many as can be used are stored.
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
        // In Python `(3)` is a number.
        if count == 1 && !comma {
            self.at = start;
            return Err(self.wrong_type("shape", TUPLE));
        }
        Ok(Shape::new(dims)?)
    }
}
