//! Sidecars: JSON files that say what a raw file holds, or name the columns of a `.npy` file.

mod error;
mod replacement;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

pub use error::SidecarError;
pub(crate) use replacement::{Described, Replacement, Said};
use value::Value;

use crate::{
    ByteOrder, Checksums, DType, Format, Kind, Meta, Order, Outputs, ParseDTypeError, RawSpec,
    Role, Shape,
};

/// The longest sidecar that is read, in bytes.
pub(crate) const MAX_SIDECAR_LEN: u64 = 1024 * 1024;

/// The version of the sidecars that are written, and the only one that is read.
const VERSION: u64 = 1;

/// The keys of a sidecar, in the order in which they are written.
const KEYS: [&str; 8] =
    ["rowmill", "dtype", "shape", "order", "offset", "columns", "checksum_rows", "xxh3_64"];

/// What a JSON file beside an array file says about it.
///
/// For a raw file `data.dat` it is `data.dat.meta.json`; `dtype` and `shape` are required, the
/// others have the defaults shown, and `columns` may be left out. The dtype may also be a name
/// (`"float32"`), which means the byte order of the machine that reads it:
///
/// ```json
/// {
///   "rowmill": 1,
///   "dtype": "<f4",
///   "shape": [1000, 2],
///   "order": "C",
///   "offset": 0,
///   "columns": ["temp", "wind_speed"]
/// }
/// ```
///
/// Checksums, if there are any, are a list `"xxh3_64"` of texts of 16 hexadecimal digits, one for each
/// run of `"checksum_rows"` rows: see [`Checksums`].
///
/// Beside a `.npy` file it needs only `rowmill` and `columns`; anything else it says has to agree
/// with the header. Unknown keys are refused, because ignoring them could change what the data
/// means, and no path is ever part of it, so that the two files can be moved together.
///
/// Many hand-made raw files come as `data.dat` with `data_meta.json`, which has `dtype` and `shape`
/// beside keys of its own. That form is read as well ([`Sidecar::parse_handmade`]), never written.
///
/// A field is `None` when the sidecar says nothing about it.
///
/// ```
/// use rowmill_core::{DType, Sidecar};
/// let sidecar = Sidecar::parse(br#"{"rowmill": 1, "dtype": "<f4", "shape": [1000, 64]}"#)?;
/// assert_eq!(sidecar.dtype.map(|(dtype, _)| dtype), Some(DType::F32));
/// assert_eq!(sidecar.offset, None);
/// # Ok::<(), rowmill_core::SidecarError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sidecar {
    /// The element type, and the order of the bytes of one element (the machine's for elements of
    /// one byte).
    pub dtype: Option<(DType, ByteOrder)>,
    /// The shape.
    pub shape: Option<Shape>,
    /// The order of the elements.
    pub order: Option<Order>,
    /// Where the first element starts, in bytes from the start of the file.
    pub offset: Option<u64>,
    /// The names of the columns: one for each element of a row.
    pub columns: Option<Vec<String>>,
    /// Checksums of the rows.
    pub checksums: Option<Checksums>,
}

impl Sidecar {
    /// The sidecar of an array file, if there is one.
    ///
    /// # Errors
    /// [`Error::Sidecar`](crate::Error::Sidecar) and [`Error::Io`](crate::Error::Io).
    pub fn beside(array: &Path) -> crate::Result<Option<Self>> {
        crate::detect::read_sidecar(array)
    }

    /// Writes this beside an array file, in one step, in the place of the sidecar that it has; what says
    /// nothing removes that. The array file is not looked at: what is written has to fit it.
    ///
    /// # Errors
    /// [`Error::Sidecar`](crate::Error::Sidecar) for what is too long to be read back,
    /// [`Error::OtherKind`](crate::Error::OtherKind) when anything but a sidecar stands there,
    /// [`Error::Locked`](crate::Error::Locked) while someone else writes it,
    /// [`Error::Io`](crate::Error::Io).
    pub fn write(&self, array: &Path) -> crate::Result<()> {
        let path = Self::path_for(array);
        let mut outputs = Outputs::new();
        outputs.read(Role::Output, array);
        outputs.plan(Role::Sidecar, Kind::Sidecar, &path)?;
        if *self == Self::default() {
            return match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    Err(crate::Error::io("remove", &path)(e))
                }
                _ => crate::atomic::sync_directory(&path),
            };
        }
        let json = self.to_json();
        check_len(&path, &json)?;
        outputs.save(Role::Sidecar, Kind::Sidecar, &path, json.as_bytes())
    }

    /// Whether these bytes are a sidecar of rowmill's own form, or the record of a replacement.
    pub(crate) fn is_own(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_ok() || Self::is_record(bytes)
    }

    /// Whether they are what stands in its place while its array is being replaced.
    pub(crate) fn is_record(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_err() && Replacement::is(bytes)
    }

    /// Where the sidecar of an array file is: `data.dat` has `data.dat.meta.json`.
    ///
    /// ```
    /// use std::path::Path;
    /// use rowmill_core::Sidecar;
    /// assert_eq!(Sidecar::path_for(Path::new("a/b.dat")), Path::new("a/b.dat.meta.json"));
    /// ```
    #[must_use]
    pub fn path_for(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".meta.json");
        name.into()
    }

    /// Where the hand-made form is looked for: `data.dat` has `data_meta.json`.
    ///
    /// ```
    /// use std::path::Path;
    /// use rowmill_core::Sidecar;
    /// assert_eq!(Sidecar::handmade_path_for(Path::new("a/b.dat")), Path::new("a/b_meta.json"));
    /// ```
    #[must_use]
    pub fn handmade_path_for(path: &Path) -> PathBuf {
        let mut name = path.file_stem().map_or_else(OsString::new, OsString::from);
        name.push("_meta.json");
        path.with_file_name(name)
    }

    /// Parses rowmill's own form.
    ///
    /// # Errors
    /// [`SidecarError`] for anything but an object of version 1 with known keys, none of them
    /// twice, and values of the right types. That the keys needed for a raw file are there is
    /// checked when the file is opened.
    pub fn parse(bytes: &[u8]) -> Result<Self, SidecarError> {
        let entries: Entries = entries(bytes)?;
        match &entries.known[0] {
            Some(Value::Unsigned(VERSION)) => {}
            Some(Value::Unsigned(found)) => return Err(SidecarError::Version { found: *found }),
            Some(other) => return Err(wrong_type("rowmill", "the version, 1", other)),
            None => return Err(SidecarError::MissingKey { key: "rowmill" }),
        }
        if let Some(key) = entries.unknown {
            return Err(SidecarError::UnknownKey { key });
        }
        Self::from_known(entries.known)
    }

    /// Parses the hand-made form: no version, and unknown keys are somebody else's. The order may
    /// be said as numpy says it: `"fortran_order": true`.
    ///
    /// # Errors
    /// [`SidecarError`] for anything but an object whose `dtype`, `shape`, `order` (or
    /// `fortran_order`), `offset` and `columns`, as far as they are there, have the right types and
    /// come once.
    pub fn parse_handmade(bytes: &[u8]) -> Result<Self, SidecarError> {
        let Entries { known, fortran_order, .. } = entries(bytes)?;
        let mut sidecar = Self::from_known(known)?;
        if let Some(fortran_order) = fortran_order {
            if sidecar.order.is_some() {
                return Err(SidecarError::DuplicateKey { key: "order" });
            }
            sidecar.order = Some(match &fortran_order {
                Value::Other(text) if text == "true" => Order::F,
                Value::Other(text) if text == "false" => Order::C,
                other => return Err(wrong_type("fortran_order", "true or false", other)),
            });
        }
        Ok(sidecar)
    }

    fn from_known(known: [Option<Value>; KEYS.len()]) -> Result<Self, SidecarError> {
        let [_, dtype, shape, order, offset, columns, rows, values] = known;
        Ok(Self {
            dtype: dtype.map(dtype_of).transpose()?,
            shape: shape.map(shape_of).transpose()?,
            order: order.map(order_of).transpose()?,
            offset: offset.map(offset_of).transpose()?,
            columns: columns.map(columns_of).transpose()?,
            checksums: checksums_of(rows, values)?,
        })
    }

    /// The sidecar of an array file: everything for a raw file, the columns for a `.npy` file.
    #[must_use]
    pub fn for_meta(meta: &Meta) -> Self {
        let columns = meta.columns.clone();
        match meta.format {
            Format::Npy => Self { columns, ..Self::default() },
            Format::Raw => Self {
                dtype: Some((meta.dtype, meta.byte_order)),
                shape: Some(meta.shape.clone()),
                order: Some(meta.order),
                offset: Some(meta.offset),
                columns,
                checksums: None,
            },
        }
    }

    /// What a sidecar would say that says the same as an explicit spec.
    pub(crate) fn for_spec(spec: &RawSpec) -> Self {
        Self {
            dtype: Some(normal_order(spec.dtype, spec.byte_order)),
            shape: Some(spec.shape.clone()),
            order: Some(spec.order),
            offset: Some(spec.offset),
            columns: None,
            checksums: None,
        }
    }

    /// Whether it describes the layout of the data, and not the columns alone.
    pub(crate) fn gives_layout(&self) -> bool {
        self.dtype.is_some() || self.shape.is_some()
    }

    /// The same with the defaults of a raw file where it says nothing, if it gives a layout.
    pub(crate) fn with_defaults(mut self) -> Self {
        if self.gives_layout() {
            self.order.get_or_insert(Order::C);
            self.offset.get_or_insert(0);
        }
        self
    }

    /// Checks that nothing it says differs from another description of the same file.
    ///
    /// # Errors
    /// [`SidecarError::Contradicts`] with both.
    pub(crate) fn agree_with(&self, expected: &Self, other: &str) -> Result<(), SidecarError> {
        let descr = |(dtype, order): &(DType, ByteOrder)| dtype.descr(*order);
        let order = |order: &Order| format!("{order:?}");
        differ("dtype", &self.dtype, &expected.dtype, descr, other)?;
        differ("shape", &self.shape, &expected.shape, Shape::to_string, other)?;
        differ("order", &self.order, &expected.order, order, other)?;
        differ("offset", &self.offset, &expected.offset, u64::to_string, other)?;
        let columns = |columns: &Vec<String>| clip(&format!("{columns:?}"));
        differ("columns", &self.columns, &expected.columns, columns, other)
    }

    /// The sidecar as JSON, one line for each key and one at the end.
    ///
    /// ```
    /// use rowmill_core::Sidecar;
    /// let text = "{\n  \"rowmill\": 1,\n  \"columns\": [\"a\", \"b\"]\n}\n";
    /// assert_eq!(Sidecar::parse(text.as_bytes())?.to_json(), text);
    /// # Ok::<(), rowmill_core::SidecarError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut lines = vec![format!("\"rowmill\": {VERSION}")];
        if let Some((dtype, order)) = self.dtype {
            lines.push(format!("\"dtype\": \"{}\"", dtype.descr(order)));
        }
        if let Some(shape) = &self.shape {
            let dims: Vec<String> = shape.dims().iter().map(usize::to_string).collect();
            lines.push(format!("\"shape\": [{}]", dims.join(", ")));
        }
        if let Some(order) = self.order {
            lines.push(format!("\"order\": \"{order:?}\""));
        }
        if let Some(offset) = self.offset {
            lines.push(format!("\"offset\": {offset}"));
        }
        if let Some(columns) = &self.columns {
            // The `Display` of a `Value` is JSON with every escape that a name can need.
            let quoted = columns.iter().map(|c| serde_json::Value::from(c.as_str()).to_string());
            lines.push(format!("\"columns\": [{}]", quoted.collect::<Vec<_>>().join(", ")));
        }
        if let Some(checksums) = &self.checksums {
            let each = checksums.values().iter().map(|value| format!("\"{value:016x}\""));
            lines.push(format!("\"checksum_rows\": {}", checksums.step()));
            lines.push(format!("\"xxh3_64\": [{}]", each.collect::<Vec<_>>().join(", ")));
        }
        format!("{{\n  {}\n}}\n", lines.join(",\n  "))
    }
}

/// Refuses a sidecar that would not be read back.
pub(crate) fn check_len(path: &Path, json: &str) -> crate::Result<()> {
    let found = json.len() as u64;
    if found > MAX_SIDECAR_LEN {
        let source = SidecarError::TooLong { found };
        return Err(crate::Error::Sidecar { path: path.to_owned(), source });
    }
    Ok(())
}

/// The entries of a JSON object: the values of the known keys, in the order of [`KEYS`], and the
/// first key that is not known.
#[derive(Default)]
struct Entries {
    known: [Option<Value>; KEYS.len()],
    /// Not one of rowmill's own keys, but ignoring it would misread the file.
    fortran_order: Option<Value>,
    unknown: Option<String>,
    duplicate: Option<&'static str>,
}

/// How a `.npy` header, and so many a hand-made sidecar, says the order.
const FORTRAN_ORDER: &str = "fortran_order";

fn entries(bytes: &[u8]) -> Result<Entries, SidecarError> {
    let found = bytes.len() as u64;
    if found > MAX_SIDECAR_LEN {
        return Err(SidecarError::TooLong { found });
    }
    let entries: Entries = serde_json::from_slice(bytes)?;
    match entries.duplicate {
        Some(key) => Err(SidecarError::DuplicateKey { key }),
        None => Ok(entries),
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object such as {\"rowmill\": 1, \"dtype\": \"<f4\", \"shape\": [1000, 64]}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Entries::default();
        while let Some(key) = map.next_key::<String>()? {
            let known = KEYS.into_iter().zip(&mut entries.known).find(|(known, _)| *known == key);
            match known {
                Some((_, slot @ None)) => *slot = Some(map.next_value()?),
                Some((key, Some(_))) => {
                    entries.duplicate.get_or_insert(key);
                    map.next_value::<IgnoredAny>()?;
                }
                None => {
                    entries.unknown.get_or_insert_with(|| clip(&key));
                    if key == FORTRAN_ORDER {
                        if entries.fortran_order.is_some() {
                            entries.duplicate.get_or_insert(FORTRAN_ORDER);
                        }
                        entries.fortran_order = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
        }
        Ok(entries)
    }
}

fn dtype_of(value: Value) -> Result<(DType, ByteOrder), SidecarError> {
    let Value::Text(text) = &value else {
        return Err(wrong_type("dtype", "a text such as \"<f4\" or \"float32\"", &value));
    };
    if matches!(text.trim(), "i8" | "u8") {
        return Err(SidecarError::AmbiguousDType { found: text.clone() });
    }
    let (dtype, order) =
        DType::parse_with_order(text).map_err(|_| ParseDTypeError { text: clip(text) })?;
    Ok(normal_order(dtype, order))
}

fn shape_of(value: Value) -> Result<Shape, SidecarError> {
    let Value::Numbers(numbers) = &value else {
        let expected = "a list of whole numbers from 0 on, such as [1000, 64]";
        return Err(wrong_type("shape", expected, &value));
    };
    let dims: Result<Vec<usize>, _> = numbers
        .iter()
        .map(|&found| usize::try_from(found).map_err(|_| SidecarError::DimensionTooLarge { found }))
        .collect();
    Ok(Shape::new(dims?)?)
}

fn order_of(value: Value) -> Result<Order, SidecarError> {
    match &value {
        Value::Text(text) if text == "C" => Ok(Order::C),
        Value::Text(text) if text == "F" => Ok(Order::F),
        other => Err(wrong_type("order", "\"C\" or \"F\"", other)),
    }
}

fn offset_of(value: Value) -> Result<u64, SidecarError> {
    match value {
        Value::Unsigned(offset) => Ok(offset),
        other => Err(wrong_type("offset", "a number of bytes from 0 on", &other)),
    }
}

fn columns_of(value: Value) -> Result<Vec<String>, SidecarError> {
    match value {
        Value::Texts(names) => Ok(names),
        Value::Numbers(empty) if empty.is_empty() => Ok(Vec::new()),
        other => Err(wrong_type("columns", "a list of names", &other)),
    }
}

fn checksums_of(
    rows: Option<Value>,
    values: Option<Value>,
) -> Result<Option<Checksums>, SidecarError> {
    let (rows, values) = match (rows, values) {
        (None, None) => return Ok(None),
        (Some(rows), Some(values)) => (rows, values),
        (None, _) => return Err(SidecarError::MissingKey { key: "checksum_rows" }),
        (_, None) => return Err(SidecarError::MissingKey { key: "xxh3_64" }),
    };
    let step = match &rows {
        Value::Unsigned(n) => usize::try_from(*n).ok().filter(|&n| n > 0),
        _ => None,
    };
    let step =
        step.ok_or_else(|| wrong_type("checksum_rows", "a number of rows from 1 on", &rows))?;
    let digits = |text: &String| {
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten()
    };
    let all = match &values {
        Value::Texts(texts) => texts.iter().map(digits).collect(),
        Value::Numbers(empty) if empty.is_empty() => Some(Vec::new()),
        _ => None,
    };
    let expected = "a list of texts of 16 hexadecimal digits";
    let all = all.ok_or_else(|| wrong_type("xxh3_64", expected, &values))?;
    Ok(Some(Checksums::new(step, all)))
}

fn wrong_type(key: &'static str, expected: &'static str, found: &Value) -> SidecarError {
    SidecarError::WrongType { key, expected, found: found.describe() }
}

/// The byte order of single bytes means nothing; one spelling for it keeps comparisons simple.
fn normal_order(dtype: DType, order: ByteOrder) -> (DType, ByteOrder) {
    (dtype, if dtype.size() == 1 { ByteOrder::NATIVE } else { order })
}

/// An error if both are given and not equal.
fn differ<V: PartialEq>(
    key: &'static str,
    found: &Option<V>,
    expected: &Option<V>,
    words: impl Fn(&V) -> String,
    other: &str,
) -> Result<(), SidecarError> {
    match (found, expected) {
        (Some(found), Some(expected)) if found != expected => Err(SidecarError::Contradicts {
            key,
            found: words(found),
            other: other.to_owned(),
            expected: words(expected),
        }),
        _ => Ok(()),
    }
}

/// The beginning of a text, for an error.
pub(crate) fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
