//! [`Parser`]: a position in the text of a header, and the tokens at it.

use super::{Encoding, HeaderError};

/// A position in the text of a header. Every method moves forward only, so parsing ends.
pub(super) struct Parser<'a> {
    text: &'a [u8],
    pub(super) at: usize,
    encoding: Encoding,
    /// The selected field of records.
    pub(super) field: Option<&'a str>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a [u8], encoding: Encoding, field: Option<&'a str>) -> Self {
        Self { text, at: 0, encoding, field }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or(&[])
    }

    pub(super) fn skip_space(&mut self) {
        let is_space = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c');
        self.at += self.rest().iter().take_while(is_space).count();
    }

    /// Skips spaces, then `byte` if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), HeaderError> {
        if self.eat(byte) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    /// Skips a whole word if it is next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word.as_bytes());
        let found = after.is_some_and(|a| {
            !a.first().is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        });
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// A string in either kind of quotes. No supported header contains a backslash, so escapes are
    /// refused rather than decoded.
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

    /// `3`, Python 2's `3L`, or NumPy 2's `np.int64(3)`.
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

    pub(super) fn wrong_type(&self, key: &'static str, expected: &'static str) -> HeaderError {
        HeaderError::WrongType { key, expected, found: self.excerpt_of(self.rest()) }
    }

    /// Some bytes of the header as text.
    pub(super) fn text_of(&self, bytes: &[u8]) -> String {
        match self.encoding {
            Encoding::Latin1 => bytes.iter().map(|&b| char::from(b)).collect(),
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// The start of some bytes of the header, as text for an error.
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

/// How NumPy 2 prints its integers: the `repr` of every integer type that can occur in a shape.
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
