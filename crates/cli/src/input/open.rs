//! Opening the files named by the arguments.

use std::path::{Path, PathBuf};

use rowmill::file::{ByteOrder, Meta, RawSpec};
use rowmill::{AnyArray, DType, FileError, OpenOptions, Shape};

use super::Input;
use crate::args::{InputArgs, RawArgs, ReadArgs};
use crate::failure::Failure;
use crate::note;
use crate::part::PartArgs;
use crate::table::{human_bytes, printable};

impl ReadArgs {
    pub(super) fn open_one(&self, file: &Path) -> Result<AnyArray, Failure> {
        let (file, field) = &split_field(file);
        let mut options = self.options();
        if let Some(field) = field {
            options = options.field(field);
        }
        let spec = self.raw.spec()?;
        if let Some(spec) = &spec {
            options = options.spec(spec.clone());
        }
        let array = options.open_any(file).map_err(|error| {
            let hint = spec.as_ref().and_then(|spec| length_hint(&error, spec));
            Failure::from(error).or_hint(hint)
        })?;
        warn_if_written(file, array.is_being_written().unwrap_or(false));
        Ok(array)
    }

    /// The options shared by all files.
    pub(super) fn options(&self) -> OpenOptions {
        OpenOptions::new().backend(self.backend.into()).while_written(self.while_written.into())
    }
}

impl InputArgs {
    pub(crate) fn open(&self) -> Result<AnyArray, Failure> {
        self.reading.open_one(&self.file)
    }

    /// Opens the file, or the matches of a pattern, possibly in part.
    pub(crate) fn open_part(&self, part: &PartArgs) -> Result<Input, Failure> {
        Input::open(std::slice::from_ref(&self.file), part, &self.reading)
    }

    /// Refuses a field of a structured file where only whole files make sense.
    pub(crate) fn refuse_field(&self, why: &str) -> Result<(), Failure> {
        match split_field(&self.file).1 {
            Some(field) => Err(Failure::Usage(format!(
                "{why}; a field ([{}]) can be read by info, describe, stats, sum, mean, quantiles and normalize",
                printable(&field)
            ))),
            None => Ok(()),
        }
    }

    /// The dtype of the file, even if an interrupted job left it partly changed.
    pub(crate) fn read_dtype(&self, spec: Option<&RawSpec>) -> Result<DType, Failure> {
        Ok(Meta::read(&self.file, spec)?.dtype)
    }

    /// The array as named in notes: `weather.npy: float32 (26115, 9), 940.1 kB`.
    pub(crate) fn describe(&self, x: &AnyArray) -> String {
        let name = self.file.display().to_string();
        let bytes = human_bytes(x.meta().byte_len() as u64);
        format!("{}: {} {}, {bytes}", printable(&name), x.dtype(), x.shape())
    }
}

/// Splits a file from a field in brackets: `x.npy[temp]`. An existing file of that exact name wins,
/// and brackets after anything but a `.npy` file belong to a pattern.
pub(super) fn split_field(file: &Path) -> (PathBuf, Option<String>) {
    let whole = || (file.to_owned(), None);
    if file.exists() {
        return whole();
    }
    let split = file.to_str().and_then(|text| text.strip_suffix(']')?.rsplit_once('['));
    let Some((path, field)) = split else { return whole() };
    let path = PathBuf::from(path);
    let is_npy = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
    if is_npy || path.is_file() { (path, Some(field.to_owned())) } else { whole() }
}

/// The files named by the arguments, with patterns expanded.
pub(super) fn expand_patterns(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for file in given {
        let (path, field) = split_field(file);
        let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']));
        match (pattern.filter(|_| !path.exists()), field) {
            (Some(pattern), None) => files.extend(rowmill::file::files_like(pattern)?),
            (Some(pattern), Some(field)) => {
                let with_field = |found: PathBuf| {
                    let mut name = found.into_os_string();
                    name.push(format!("[{field}]"));
                    name.into()
                };
                files.extend(rowmill::file::files_like(pattern)?.into_iter().map(with_field));
            }
            (None, _) => files.push(file.clone()),
        }
    }
    Ok(files)
}

pub(super) fn warn_if_written(file: &Path, is_being_written: bool) {
    if is_being_written {
        let name = file.display().to_string();
        note(format_args!(
            "rowmill: warning: {} is being written by someone else; if it changes meanwhile, this \
             fails",
            printable(&name)
        ));
    }
}

impl RawArgs {
    pub(crate) fn spec(&self) -> Result<Option<RawSpec>, Failure> {
        let (Some(dtype), Some(shape)) = (self.dtype, &self.shape) else { return Ok(None) };
        let flag_order = self.byte_order.map(ByteOrder::from);
        if let (Some(dtype_order), Some(flag_order)) = (dtype.byte_order, flag_order)
            && dtype_order != flag_order
        {
            let descr = dtype.dtype.descr(dtype_order);
            let message = format!("--dtype {descr} and --byte-order contradict each other");
            return Err(Failure::Usage(message));
        }
        let byte_order = flag_order.or(dtype.byte_order).unwrap_or(ByteOrder::NATIVE);
        let spec = RawSpec::new(dtype.dtype, shape.clone()).byte_order(byte_order);
        let spec = spec.offset(self.offset.unwrap_or(0));
        Ok(Some(spec.order(self.order.map(Into::into).unwrap_or_default())))
    }
}

/// A hint with the shape that would fit the length of a raw file.
fn length_hint(error: &FileError, spec: &RawSpec) -> Option<String> {
    let (FileError::Truncated { found, .. } | FileError::TrailingBytes { found, .. }) = error
    else {
        return None;
    };
    let data = found.checked_sub(spec.offset)?;
    // A row can be longer than any array if there are no rows.
    let row_bytes = spec.shape.row_len().checked_mul(spec.dtype.size())? as u64;
    if row_bytes == 0 || !data.is_multiple_of(row_bytes) {
        return None;
    }
    let mut dims = spec.shape.dims().to_vec();
    *dims.first_mut()? = usize::try_from(data / row_bytes).ok()?;
    let fits = Shape::new(dims).ok()?;
    Some(format!("its length would fit the shape {fits} of {}", spec.dtype))
}

#[cfg(test)]
mod tests {
    use rowmill::DType;

    use super::*;

    #[test]
    fn a_length_that_fits_another_number_of_rows() {
        let spec = RawSpec::new(DType::F32, Shape::new([1000, 64]).expect("small")).offset(10);
        let error = |found| FileError::Truncated { path: "x".into(), expected: 256_010, found };
        let hint = |found| length_hint(&error(found), &spec);
        let expected = "its length would fit the shape (999, 64) of float32";
        assert_eq!(hint(10 + 999 * 256).as_deref(), Some(expected));
        assert_eq!(hint(10 + 999 * 256 + 1), None);
        assert_eq!(hint(9), None);
        let wide = Shape::new([0, usize::MAX / 4]).expect("no elements");
        assert_eq!(length_hint(&error(8), &RawSpec::new(DType::F64, wide)), None);
        let scalar = RawSpec::new(DType::F32, Shape::new([]).expect("small"));
        assert_eq!(length_hint(&error(8), &scalar), None);
    }
}
