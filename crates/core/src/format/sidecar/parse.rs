//! Parses a sidecar from bytes: finds keys by name and checks the type of each value.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::value::Value;
use super::{KEYS, Sidecar, SidecarError, normal_order};
use crate::dtype::{ByteOrder, DType, ParseDTypeError};
use crate::format::Checksums;
use crate::limits::{MAX_SIDECAR_LEN, SIDECAR_VERSION};
use crate::shape::{Order, Shape};
use crate::text::clip;

impl Sidecar {
    /// Parses rowmill's own form.
    ///
    /// # Errors
    /// [`SidecarError`] unless it is an object of version 1 with known keys, no duplicates, and
    /// values of the right types. Opening the file checks that the keys required for a raw file are
    /// present.
    pub fn parse(bytes: &[u8]) -> Result<Self, SidecarError> {
        let entries: Entries = entries(bytes)?;
        match &entries.known[0] {
            Some(Value::Unsigned(SIDECAR_VERSION)) => {}
            Some(Value::Unsigned(found)) => return Err(SidecarError::Version { found: *found }),
            Some(other) => return Err(wrong_type("rowmill", "the version, 1", other)),
            None => return Err(SidecarError::MissingKey { key: "rowmill" }),
        }
        if let Some(key) = entries.unknown {
            return Err(SidecarError::UnknownKey { key });
        }
        Self::from_known(entries.known)
    }

    /// Parses the hand-made form: it has no version, and unknown keys are ignored. The order may be
    /// given in numpy's form: `"fortran_order": true`.
    ///
    /// # Errors
    /// [`SidecarError`] unless it is an object whose `dtype`, `shape`, `order` (or
    /// `fortran_order`), `offset` and `columns`, if present, have the right types and occur once.
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
}

/// The entries of a JSON object: the values of the known keys, in the order of [`KEYS`], and the
/// first unknown key.
#[derive(Default)]
struct Entries {
    known: [Option<Value>; KEYS.len()],
    /// Not one of rowmill's own keys, but ignoring it would misread the file.
    fortran_order: Option<Value>,
    unknown: Option<String>,
    duplicate: Option<&'static str>,
}

/// The key for the order in `.npy` headers, and so in many hand-made sidecars.
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
