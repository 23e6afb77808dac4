//! Array files to measure on when there is none.

use std::path::{Path, PathBuf};

use rowmill_core::{DType, Error as FileError, MetaError, dtype_table};

use crate::files::{Folder, Layout, write};
use crate::{Error, Result};

/// The dtypes of files that can be made.
pub fn made_dtypes() -> impl Iterator<Item = DType> {
    DType::ALL.into_iter().filter(|dtype| !dtype.is_complex() && dtype.has_npy_code())
}

/// Makes an array file to measure on, which is removed when dropped. Its dtype is one of
/// [`made_dtypes`].
///
/// # Errors
/// When there is no room for it in `dir`; [`Error::Complex`] and [`Error::File`] for other dtypes.
pub fn make_file(dir: &Path, bytes: usize, cols: usize, dtype: DType) -> Result<MadeFile> {
    let folder = Folder::new(dir, "access-patterns")?;
    let path = folder.path("x.npy");
    if !dtype.has_npy_code() {
        return Err(FileError::from(MetaError::NoNpyCode { path, dtype }).into());
    }
    let rows = (bytes / dtype.size() / cols).max(1);
    let (dims, native) = ([rows, cols], Layout::Native);
    macro_rules! of_dtype {
        (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
            match dtype {
                $(DType::$number => write::<$n>(&path, dims, native)?,)*
                $(DType::$pair => return Err(Error::Complex { path }),)*
                other => unreachable!("{other} is not in the table"),
            }
        };
    }
    dtype_table!(of_dtype);
    Ok(MadeFile { path, _folder: folder })
}

/// See [`make_file`].
#[derive(Debug)]
pub struct MadeFile {
    path: PathBuf,
    _folder: Folder,
}

impl MadeFile {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
