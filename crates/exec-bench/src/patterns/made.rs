//! Array files to measure on when there is none.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::files::{Folder, Layout, write};

/// An array file to measure on, made for it; removed when dropped.
///
/// # Errors
/// When there is no room for it in `dir`.
pub fn make_file(dir: &Path, bytes: usize, cols: usize, dtype: MadeDType) -> Result<MadeFile> {
    let folder = Folder::new(dir, "access-patterns")?;
    let path = folder.path("x.npy");
    let rows = (bytes / dtype.size() / cols).max(1);
    let (dims, native) = ([rows, cols], Layout::Native);
    match dtype {
        MadeDType::F32 => write::<f32>(&path, dims, native)?,
        MadeDType::F64 => write::<f64>(&path, dims, native)?,
        MadeDType::I32 => write::<i32>(&path, dims, native)?,
        MadeDType::I64 => write::<i64>(&path, dims, native)?,
        MadeDType::U8 => write::<u8>(&path, dims, native)?,
    };
    Ok(MadeFile { path, _folder: folder })
}

/// A dtype of files that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in `DType`")]
pub enum MadeDType {
    F32,
    F64,
    I32,
    I64,
    U8,
}

impl MadeDType {
    const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// See [`make_file`].
#[derive(Debug)]
pub struct MadeFile {
    path: PathBuf,
    _folder: Folder,
}

impl MadeFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
