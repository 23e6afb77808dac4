//! Sidecars: JSON files that describe a raw file, or name the columns of a `.npy` file.

mod parse;
mod replacement;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) use replacement::{Claims, Described, Replacement};

use crate::dtype::{ByteOrder, DType};
use crate::error::SidecarError;
use crate::format::{Checksums, Format, Meta, RawSpec};
use crate::limits::{MAX_SIDECAR_LEN, SIDECAR_VERSION};
use crate::shape::{Order, Shape};
use crate::text::clip;

/// The keys of a sidecar, in the order in which they are written.
const KEYS: [&str; 8] =
    ["rowmill", "dtype", "shape", "order", "offset", "columns", "checksum_rows", "xxh3_64"];

/// The description of an array file in the JSON file beside it.
///
/// For a raw file `data.dat` it is `data.dat.meta.json`; `dtype` and `shape` are required, the
/// others have the defaults shown, and `columns` is optional. The dtype may also be a name
/// (`"float32"`), which means the native byte order of the reader's machine:
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
/// Checksums, if there are any, are a list `"xxh3_64"` of strings of 16 hexadecimal digits, one per
/// run of `"checksum_rows"` rows: see [`Checksums`].
///
/// Beside a `.npy` file it needs only `rowmill` and `columns`; any other key has to agree with the
/// header. Unknown keys are refused, because ignoring them could change the meaning of the data. It
/// never contains a path, so that the two files can be moved together.
///
/// Many hand-made raw files come as `data.dat` with `data_meta.json`, which has `dtype` and `shape`
/// beside keys of its own. That form is read ([`Sidecar::parse_handmade`]), but never written.
///
/// A field is `None` if the sidecar does not have the key.
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
    /// The element type, and its byte order (native for one-byte elements).
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
    pub fn beside(array: &Path) -> crate::error::Result<Option<Self>> {
        crate::format::detect::read_sidecar(array)
    }

    /// Whether these bytes are a sidecar of rowmill's own form, or the record of a replacement.
    pub(crate) fn is_own(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_ok() || Self::is_record(bytes)
    }

    /// Whether they are the record of a replacement in progress.
    pub(crate) fn is_record(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_err() && Replacement::is(bytes)
    }

    /// The path of an array file's sidecar: `data.dat` has `data.dat.meta.json`.
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

    /// The path of the hand-made form: `data.dat` has `data_meta.json`.
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

    /// The sidecar that is equivalent to an explicit spec.
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

    /// Whether it describes the layout of the data, and not only the columns.
    pub(crate) fn gives_layout(&self) -> bool {
        self.dtype.is_some() || self.shape.is_some()
    }

    /// The same with defaults filled in for a raw file, if it gives a layout.
    pub(crate) fn with_defaults(mut self) -> Self {
        if self.gives_layout() {
            self.order.get_or_insert(Order::C);
            self.offset.get_or_insert(0);
        }
        self
    }

    /// Checks that it agrees with another description of the same file.
    ///
    /// # Errors
    /// [`SidecarError::Contradicts`] with both values.
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

    /// The sidecar as JSON, with one line per key and a final newline.
    ///
    /// ```
    /// use rowmill_core::Sidecar;
    /// let text = "{\n  \"rowmill\": 1,\n  \"columns\": [\"a\", \"b\"]\n}\n";
    /// assert_eq!(Sidecar::parse(text.as_bytes())?.to_json(), text);
    /// # Ok::<(), rowmill_core::SidecarError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut lines = vec![format!("\"rowmill\": {SIDECAR_VERSION}")];
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

/// Refuses a sidecar that could not be read back.
pub(crate) fn check_len(path: &Path, json: &str) -> crate::error::Result<()> {
    let found = json.len() as u64;
    if found > MAX_SIDECAR_LEN {
        let source = SidecarError::TooLong { found };
        return Err(crate::error::Error::Sidecar { path: path.to_owned(), source });
    }
    Ok(())
}

/// The byte order of single bytes is meaningless; a single spelling of it keeps comparisons simple.
fn normal_order(dtype: DType, order: ByteOrder) -> (DType, ByteOrder) {
    (dtype, if dtype.size() == 1 { ByteOrder::NATIVE } else { order })
}

/// An error if both are given and differ.
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
