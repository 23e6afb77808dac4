//! [`Meta`]: everything known about an array file before its first element is read.

use std::borrow::Cow;
use std::path::Path;

use crate::dtype::{ByteOrder, DType};
use crate::element::Element;
use crate::error::{Error, MetaError, Result};
use crate::format::RawSpec;
use crate::format::detect::read_meta;
use crate::format::npy::Record;
use crate::fs::open_regular;
use crate::shape::{Order, Shape, ShapeError};

/// The source of an array file's description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A `.npy` file: its header.
    Npy,
    /// A raw file: a sidecar or an explicit [`RawSpec`](crate::RawSpec).
    Raw,
}

/// The metadata of an array file, checked against the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// The source of the description.
    pub format: Format,
    /// The element type.
    pub dtype: DType,
    /// The order of the bytes of one element.
    pub byte_order: ByteOrder,
    /// The order of the elements.
    pub order: Order,
    /// The shape.
    pub shape: Shape,
    /// Where the first element starts, in bytes from the start of the file.
    pub offset: u64,
    /// The names of the columns, if a sidecar has them: one for each element of a row.
    pub columns: Option<Vec<String>>,
    /// The location within the records, for one field of a structured array.
    pub record: Option<Record>,
}

impl Meta {
    /// Reads the metadata of an array file, and checks it against the file's length. Reads no
    /// element.
    ///
    /// ```
    /// use rowmill_core::{ArrayMut, DType, Meta};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
    /// assert_eq!(Meta::read(&path, None)?.dtype, DType::F32);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`OpenOptions::open_any`](crate::OpenOptions::open_any), but an array that is being
    /// changed in place is not refused.
    pub fn read(path: impl AsRef<Path>, spec: Option<&RawSpec>) -> Result<Self> {
        let path = path.as_ref();
        let mut file = open_regular(path, std::fs::OpenOptions::new().read(true))?;
        let len = file.metadata().map_err(Error::io("inspect", path))?.len();
        read_meta(path, &mut file, len, spec)
    }

    /// The number of bytes of all elements.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.shape.len() * self.dtype.size()
    }

    /// The end of the last element, in bytes from the start of the file, once
    /// [`check`](Self::check) has succeeded.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.byte_len() as u64
    }

    /// The names of the columns, as a source of the file's rows gives them.
    pub(crate) fn column_names(&self) -> Option<Cow<'_, [String]>> {
        self.columns.as_deref().map(Cow::Borrowed)
    }

    /// Checks that the file has exactly the length that the metadata requires, that the number of
    /// column names is right, and that the file name does not spell another dtype.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::TooLarge`],
    /// [`MetaError::ColumnNames`] or [`MetaError::NameContradicts`].
    pub fn check(&self, path: &Path, file_len: u64) -> Result<()> {
        let too_large = |e| Error::TooLarge { path: path.to_owned(), source: e };
        let elements = self.shape.byte_len(self.dtype.size()).map_err(too_large)?;
        let (start, bytes) = match self.record {
            None => (self.offset, Some(elements)),
            Some(record) => {
                let bytes = record.count.checked_mul(record.size);
                let bytes = bytes.filter(|&bytes| isize::try_from(bytes).is_ok());
                (self.offset - record.offset as u64, bytes)
            }
        };
        let bytes = bytes
            .ok_or_else(|| too_large(ShapeError::TooLarge { dims: self.shape.dims().to_vec() }))?;
        let expected = start.checked_add(bytes as u64).ok_or_else(|| Error::Truncated {
            path: path.to_owned(),
            expected: u64::MAX,
            found: file_len,
        })?;
        if file_len < expected {
            return Err(Error::Truncated { path: path.to_owned(), expected, found: file_len });
        }
        if file_len > expected {
            return Err(Error::TrailingBytes { path: path.to_owned(), expected, found: file_len });
        }
        if let Some(columns) = &self.columns
            && columns.len() != self.shape.row_len()
        {
            return Err(MetaError::ColumnNames {
                path: path.to_owned(),
                expected: self.shape.row_len(),
                found: columns.len(),
            }
            .into());
        }
        self.check_name(path)
    }

    /// Refuses a file whose name spells another dtype than its metadata: one of the two is wrong,
    /// and a guess would be silent. Only whole words that are dtype names count
    /// (`data_float32.dat`), not codes such as `f4` or `i2`, which occur in names by chance.
    fn check_name(&self, path: &Path) -> Result<()> {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { return Ok(()) };
        for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
            let word = word.to_ascii_lowercase();
            let spelled = ["float", "int", "uint", "complex", "bfloat"].iter().any(|kind| {
                word.strip_prefix(kind)
                    .is_some_and(|bits| matches!(bits, "8" | "16" | "32" | "64" | "128"))
            });
            let short = DType::ALL.iter().any(|d| d.is_float() && d.rust_name() == word);
            if (spelled || short) && word != self.dtype.name() && word != self.dtype.rust_name() {
                return Err(MetaError::NameContradicts {
                    path: path.to_owned(),
                    name_says: word,
                    metadata_says: self.dtype,
                }
                .into());
            }
        }
        Ok(())
    }
}

/// Refuses a file of another dtype.
pub(crate) fn expect_dtype<T: Element>(path: &Path, meta: &Meta) -> Result<()> {
    if meta.dtype == T::DTYPE {
        return Ok(());
    }
    Err(Error::DTypeMismatch { path: path.to_owned(), expected: T::DTYPE, found: meta.dtype })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(dtype: DType) -> Meta {
        Meta {
            format: Format::Raw,
            dtype,
            byte_order: ByteOrder::NATIVE,
            order: Order::C,
            shape: Shape::new([2, 3]).expect("small"),
            offset: 10,
            columns: None,
            record: None,
        }
    }

    #[test]
    fn length_is_checked_exactly() {
        let meta = meta(DType::F32);
        let path = Path::new("a.dat");
        assert!(meta.check(path, 34).is_ok());
        assert!(matches!(
            meta.check(path, 33),
            Err(Error::Truncated { expected: 34, found: 33, .. })
        ));
        assert!(matches!(
            meta.check(path, 36),
            Err(Error::TrailingBytes { expected: 34, found: 36, .. })
        ));
        let far = Meta { offset: u64::MAX, ..meta };
        assert!(matches!(far.check(path, 34), Err(Error::Truncated { .. })));
    }

    #[test]
    fn a_name_that_spells_another_dtype_is_refused() {
        let contradicts = |name: &str, dtype| {
            matches!(
                meta(dtype).check(Path::new(name), 10 + 6 * dtype.size() as u64),
                Err(Error::Meta(MetaError::NameContradicts { .. }))
            )
        };
        assert!(contradicts("data_float32.dat", DType::F64));
        assert!(contradicts("x-FLOAT64-v2.dat", DType::F32));
        assert!(contradicts("a.f32.bin", DType::I32));
        assert!(contradicts("z.complex64.raw", DType::F64));
        assert!(!contradicts("data_float32.dat", DType::F32));
        assert!(!contradicts("data_f32.dat", DType::F32));
        assert!(!contradicts("sample_i2_u8.dat", DType::F32));
        assert!(!contradicts("floats.dat", DType::F64));
        assert!(!contradicts("float32things.dat", DType::F64));
    }

    #[test]
    fn column_names_are_counted() {
        let named = Meta { columns: Some(vec!["a".into(), "b".into()]), ..meta(DType::U8) };
        assert!(matches!(
            named.check(Path::new("a.dat"), 16),
            Err(Error::Meta(MetaError::ColumnNames { expected: 3, found: 2, .. }))
        ));
    }
}
