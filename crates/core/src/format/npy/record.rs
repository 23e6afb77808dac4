//! Structured arrays: one field of their records, located without storing the others.

use super::HeaderError;
use super::code::{exact, kind};
use super::parser::Parser;
use crate::dtype::{ByteOrder, DType};

/// The location of one field's elements in a structured array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The record size: bytes from one record to the next.
    pub size: usize,
    /// The offset of the field in a record, in bytes.
    pub offset: usize,
    /// Elements of the field in each record: 1, or more for a sub-array.
    pub len: usize,
    /// The number of records.
    pub count: usize,
}

/// A field, before the number of records is known.
pub(super) struct Found {
    pub(super) dtype: DType,
    pub(super) byte_order: ByteOrder,
    /// The axes of a sub-array; none for a single element.
    pub(super) dims: Vec<usize>,
    pub(super) offset: usize,
    /// The size of a record, in bytes.
    pub(super) size: usize,
}

/// The deepest nesting of records.
const MOST_DEPTH: usize = 8;

/// The most fields that an error lists.
const MOST_LISTED: usize = 20;

/// The state of a scan through the fields.
struct Scan<'w> {
    wanted: Option<&'w str>,
    found: Option<Found>,
    /// Why the selected field cannot be read.
    problem: Option<&'static str>,
    listed: String,
    fields: usize,
}

/// The type of a field.
enum Item {
    Plain(DType, ByteOrder),
    Other(&'static str),
    Record,
}

/// Parses the list of fields of a `descr`, and finds one of them.
///
/// # Errors
/// [`HeaderError::Structured`] if none is selected, [`HeaderError::NoSuchField`],
/// [`HeaderError::Field`], and the errors of damaged headers.
pub(super) fn find(parser: &mut Parser<'_>, wanted: Option<&str>) -> Result<Found, HeaderError> {
    let mut scan = Scan::new(wanted);
    let size = parser.record(&mut scan, 0, 0, "")?;
    if scan.fields > MOST_LISTED {
        scan.listed += ", …";
    }
    let Some(wanted) = wanted else {
        return Err(HeaderError::Structured { fields: scan.listed });
    };
    if let Some(problem) = scan.problem {
        return Err(HeaderError::Field { field: crate::text::clip(wanted), problem });
    }
    match scan.found {
        Some(found) => Ok(Found { size, ..found }),
        None => {
            let wanted = crate::text::clip(wanted);
            Err(HeaderError::NoSuchField { wanted, fields: scan.listed })
        }
    }
}

impl<'w> Scan<'w> {
    fn new(wanted: Option<&'w str>) -> Self {
        Self { wanted, found: None, problem: None, listed: String::new(), fields: 0 }
    }

    fn see(&mut self, path: &str, item: &Item, offset: usize, dims: Vec<usize>) {
        if !path.is_empty() {
            self.fields += 1;
            if self.fields <= MOST_LISTED {
                let comma = if self.listed.is_empty() { "" } else { ", " };
                self.listed += &format!("{comma}{}", crate::text::clip(path));
            }
        }
        if self.wanted.is_none_or(|wanted| wanted != path || path.is_empty()) {
            return;
        }
        if self.found.is_some() || self.problem.is_some() {
            self.problem = Some("there is more than one of that name");
            return;
        }
        match *item {
            Item::Record => self.problem = Some("it is a record itself; ask for one of its fields"),
            Item::Other(kind) => self.problem = Some(kind),
            Item::Plain(dtype, byte_order) => {
                self.found = Some(Found { dtype, byte_order, dims, offset, size: 0 });
            }
        }
    }
}

impl Parser<'_> {
    /// Reads the list of fields of a record that begins at `offset`, and returns its size.
    fn record(
        &mut self,
        scan: &mut Scan<'_>,
        depth: usize,
        offset: usize,
        prefix: &str,
    ) -> Result<usize, HeaderError> {
        let too_large = |parser: &Self| parser.syntax("records of a size that can be counted");
        if depth == MOST_DEPTH {
            return Err(self.syntax("records nested at most eight deep"));
        }
        self.expect(b'[', "a list of fields, starting with [")?;
        let mut size = 0_usize;
        while !self.eat(b']') {
            self.expect(b'(', "a field in parentheses: ('name', '<f4')")?;
            let name = self.field_name()?;
            let path = format!("{prefix}{name}");
            self.expect(b',', "a comma after the name of the field")?;
            self.skip_space();
            let at = offset.checked_add(size).ok_or_else(|| too_large(self))?;
            let (item, bytes, dims) = if self.rest().first() == Some(&b'[') {
                let found_before = scan.found.is_some();
                let bytes = self.record(scan, depth + 1, at, &format!("{path}."))?;
                // The shape of a nested record follows it.
                let dims = self.field_dims()?;
                if scan.found.is_some() && !found_before && dims.iter().any(|&dim| dim != 1) {
                    scan.found = None;
                    scan.problem = Some("it is in records that are a sub-array themselves");
                }
                (Item::Record, bytes, dims)
            } else {
                let (item, bytes) = self.item()?;
                (item, bytes, self.field_dims()?)
            };
            let count = dims.iter().try_fold(1_usize, |n, &dim| n.checked_mul(dim));
            let all = count.and_then(|count| count.checked_mul(bytes));
            let next =
                all.and_then(|all| size.checked_add(all)).filter(|&n| isize::try_from(n).is_ok());
            size = next.ok_or_else(|| too_large(self))?;
            if !matches!(item, Item::Record) || scan.wanted == Some(path.as_str()) {
                scan.see(&path, &item, at, dims);
            }
            self.expect(b')', "the end of the field, )")?;
            if !self.eat(b',') {
                self.expect(b']', "a comma or ]")?;
                break;
            }
        }
        Ok(size)
    }

    /// `'name'`, or `('title', 'name')`.
    fn field_name(&mut self) -> Result<String, HeaderError> {
        if !self.eat(b'(') {
            let name = self.string("the name of a field")?;
            return Ok(self.text_of(name));
        }
        self.string("the title of a field")?;
        self.expect(b',', "a comma after the title of the field")?;
        let name = self.string("the name of a field")?;
        self.expect(b')', "a closing ) after the name")?;
        Ok(self.text_of(name))
    }

    /// The code of a field: its type and its size in bytes.
    fn item(&mut self) -> Result<(Item, usize), HeaderError> {
        let raw = self.string("the dtype of the field, such as '<f4'")?;
        let refused = || HeaderError::UnsupportedDType {
            found: format!("'{}'", self.excerpt_of(raw)),
            kind: kind(raw),
        };
        let text = std::str::from_utf8(raw).map_err(|_| refused())?;
        if let Some((dtype, byte_order)) = exact(text) {
            let order = if dtype.size() == 1 { ByteOrder::NATIVE } else { byte_order };
            return Ok((Item::Plain(dtype, order), dtype.size()));
        }
        let code = text.strip_prefix(['<', '>', '|', '=']).unwrap_or(text);
        let mut chars = code.chars();
        let letter = chars.next();
        let digits = chars.as_str();
        let digits = digits.split_once('[').map_or(digits, |(digits, _)| digits);
        let n = match digits {
            "" => None,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<usize>().ok(),
            _ => None,
        };
        // Fields that are not read need only their size.
        let bytes = match letter {
            Some('S' | 'a' | 'V' | 'M' | 'm' | 'f' | 'i' | 'u' | 'c') => n,
            Some('U') => n.and_then(|n| n.checked_mul(4)),
            _ => None,
        };
        bytes.map(|bytes| (Item::Other(kind(raw)), bytes)).ok_or_else(refused)
    }

    /// The axes of a sub-array, if there is one.
    fn field_dims(&mut self) -> Result<Vec<usize>, HeaderError> {
        if !self.eat(b',') {
            return Ok(Vec::new());
        }
        self.skip_space();
        match self.rest().first() {
            Some(b'(') => Ok(self.shape()?.dims().to_vec()),
            // A trailing comma.
            Some(b')') => Ok(Vec::new()),
            _ => Ok(vec![self.dimension()?]),
        }
    }
}
