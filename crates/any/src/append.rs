//! Appending to array files of any dtype.

use std::path::Path;

use rowmill_core::{Appender, Array, Element, Meta, match_array, open};

use crate::{Error, Result};

/// The result of [`append`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Appended {
    /// The metadata of the file, with the appended rows.
    pub meta: Meta,
    /// The number of appended rows.
    pub rows: usize,
}

/// Appends the rows of other array files to a file, in this order and in one commit: all of them or
/// none. See [`Appender`].
///
/// ```
/// use rowmill_any::append;
/// use rowmill_core::{Array, ArrayMut};
/// # let dir = tempfile::tempdir()?;
/// # let [x, more] = ["x.npy", "more.npy"].map(|name| dir.path().join(name));
/// # for (path, values) in [(&x, [1_u16, 2]), (&more, [3, 4])] {
/// #     let mut array = ArrayMut::<u16>::create(path, [2])?;
/// #     array.write_rows(0, &values)?;
/// #     array.close()?;
/// # }
/// let appended = append(&x, &[&more, &more])?;
/// assert_eq!((appended.rows, appended.meta.shape.dims()), (4, &[6][..]));
/// assert_eq!(Array::<u16>::open(&x)?.as_slice(), Some(&[1, 2, 3, 4, 3, 4][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns [`Error::AppendToItself`] if the file is among those to append,
/// [`DTypeMismatch`](rowmill_core::Error::DTypeMismatch) if their dtypes differ, and the errors of
/// [`Appender::open`], [`Appender::append_source`] and [`Appender::commit`]. All files are opened
/// before anything is written.
pub fn append<P: AsRef<Path>>(file: impl AsRef<Path>, more: &[P]) -> Result<Appended> {
    append_files(file.as_ref(), &more.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

fn append_files(file: &Path, more: &[&Path]) -> Result<Appended> {
    for more in more {
        // A file that cannot be compared does not exist; opening it reports that.
        if same_file::is_same_file(file, more).unwrap_or(false) {
            return Err(Error::AppendToItself { path: more.to_path_buf() });
        }
    }
    let array = open(file)?;
    Ok(match_array!(&array, x => append_typed(x, file, more))?)
}

/// Appends to a file with the element type of the given array.
fn append_typed<T: Element>(
    _: &Array<T>,
    file: &Path,
    more: &[&Path],
) -> rowmill_core::Result<Appended> {
    let opened: rowmill_core::Result<Vec<_>> = more.iter().map(Array::<T>::open).collect();
    let opened = opened?;
    let mut file = Appender::<T>::open(file)?;
    let before = file.rows();
    for more in &opened {
        file.append_source(more)?;
    }
    file.commit()?;
    let appended = Appended { meta: file.meta().clone(), rows: file.rows() - before };
    file.close()?;
    Ok(appended)
}
