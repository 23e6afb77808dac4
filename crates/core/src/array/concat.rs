//! Opening several files as one array: [`Concat`].

use std::path::{Path, PathBuf};

use super::{AnyArray, Array, OpenOptions};
use crate::element::Element;
use crate::error::{Error, Result, ViewError};
use crate::view::Concat;

impl<T: Element> Concat<Array<T>> {
    /// Opens files, in this order.
    ///
    /// # Errors
    /// As [`Array::open`], and as [`new`](Concat::new), naming the file.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        Self::open_with(paths, &OpenOptions::new())
    }

    /// Opens files, in this order, all with the same options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        options: &OpenOptions,
    ) -> Result<Self> {
        let arrays: Result<Vec<Array<T>>> =
            paths.into_iter().map(|path| options.open(path)).collect();
        Self::of_arrays(arrays?)
    }

    /// Opens the files that match a pattern such as `data/part-*.npy`, sorted by name.
    ///
    /// ```
    /// use rowmill_core::{ArrayMut, Concat};
    /// # let dir = tempfile::tempdir()?;
    /// # for name in ["part-2.npy", "part-1.npy"] {
    /// #     ArrayMut::<f32>::create(dir.path().join(name), [2, 1])?.close()?;
    /// # }
    /// # let pattern = dir.path().join("part-*.npy");
    /// # let pattern = pattern.to_str().expect("a plain name");
    /// let x = Concat::<rowmill_core::Array<f32>>::open_glob(pattern)?;
    /// assert!(x.sources()[0].path().ends_with("part-1.npy"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`files_like`], and as [`open`](Self::open).
    pub fn open_glob(pattern: &str) -> Result<Self> {
        Self::open(files_like(pattern)?)
    }

    /// Concatenates open arrays, in this order, the first of which has type `T`.
    ///
    /// ```
    /// use rowmill_core::{AnyArray, Array, ArrayMut, Concat, Element, match_array};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # ArrayMut::<f32>::create(&path, [2, 1])?.close()?;
    /// let arrays = [rowmill_core::open(&path)?, rowmill_core::open(&path)?];
    /// fn rows<T: Element>(_: &Array<T>, all: &[AnyArray]) -> rowmill_core::Result<usize> {
    ///     Ok(Concat::<Array<T>>::of_any(all)?.sources().len())
    /// }
    /// assert_eq!(match_array!(&arrays[0], x => rows(x, &arrays))?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Concat::new), naming the file; [`ViewError::NotOneArray`] if dtypes differ.
    pub fn of_any(arrays: &[AnyArray]) -> Result<Self> {
        let typed = arrays.iter().map(|x| {
            x.downcast::<T>().cloned().ok_or_else(|| ViewError::NotOneArray {
                what: x.path().display().to_string(),
                first: arrays[0].path().display().to_string(),
                expected: T::DTYPE.to_string(),
                found: x.dtype().to_string(),
            })
        });
        Self::of_arrays(typed.collect::<Result<_, ViewError>>()?)
    }

    /// Concatenates open arrays, in this order.
    ///
    /// # Errors
    /// As [`new`](Concat::new), naming the file.
    pub fn of_arrays(arrays: Vec<Array<T>>) -> Result<Self> {
        let names: Vec<PathBuf> = arrays.iter().map(|x| x.path().to_owned()).collect();
        Self::named(arrays, |i| names[i].display().to_string())
    }
}

/// The files that match a pattern, sorted by name, byte by byte: `part-10` comes before `part-9`.
/// `*` matches any characters but `/`, `?` a single one, `[abc]` one of a set, `**` any folders.
///
/// ```
/// assert!(rowmill_core::files_like("no/such/folder/*.npy").is_err());
/// ```
///
/// # Errors
/// [`ViewError::Pattern`] if the text is not a pattern or no file matches it; [`Error::Io`] if a
/// folder cannot be read.
pub fn files_like(pattern: &str) -> Result<Vec<PathBuf>> {
    let wrong = |reason: String| ViewError::Pattern { pattern: pattern.to_owned(), reason };
    // As in a shell, `*` does not match hidden files.
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let found = glob::glob_with(pattern, options).map_err(|e| wrong(e.to_string()))?;
    let mut paths = Vec::new();
    for path in found {
        paths.push(
            path.map_err(|e| Error::io("read", e.path())(std::io::Error::from(e.error().kind())))?,
        );
    }
    if paths.is_empty() {
        return Err(wrong("no file fits it".to_owned()).into());
    }
    paths.sort();
    Ok(paths)
}
