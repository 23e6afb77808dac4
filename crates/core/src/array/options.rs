//! Options for opening an array file.

use std::fs::File;
use std::path::Path;

use crate::array::{AnyArray, Array, ArrayMut, CowArray};
use crate::durable::FlushPolicy;
use crate::durable::journal::refuse_unfinished;
use crate::element::Element;
use crate::error::{Error, MetaError, Result};
use crate::format::RawSpec;
use crate::fs::{is_being_written, open_regular};
use crate::map::{Backend, BusErrors};

/// Whether a file that is being written may be opened for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WhileWritten {
    /// It is opened. A job returns [`Error::Changed`] if the file was written to meanwhile;
    /// [`Array::is_being_written`] tells beforehand.
    #[default]
    Allow,
    /// It is refused with [`Error::BeingWritten`].
    Refuse,
}

/// Options for opening an array file.
///
/// ```
/// use rowmill_core::{Backend, OpenOptions};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// # rowmill_core::CreateOptions::new().create::<f32>(&path, [4, 2])?.close()?;
/// let x = OpenOptions::new().backend(Backend::Positioned).open::<f32>(&path)?;
/// assert_eq!(x.shape().dims(), [4, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    pub(crate) backend: Backend,
    pub(crate) bus_errors: BusErrors,
    while_written: WhileWritten,
    pub(crate) spec: Option<RawSpec>,
    pub(crate) flush: FlushPolicy,
    pub(crate) field: Option<String>,
}

impl OpenOptions {
    /// All defaults; metadata from the header or a sidecar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The backend for reading; files open for writing are always mapped. Default:
    /// [`Backend::Auto`].
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// The handling of SIGBUS. Default: [`BusErrors::Guarded`].
    #[must_use]
    pub fn bus_errors(mut self, bus_errors: BusErrors) -> Self {
        self.bus_errors = bus_errors;
        self
    }

    /// Whether the file may be read while it is being written. Two writers are never allowed.
    /// Default: [`WhileWritten::Allow`].
    #[must_use]
    pub fn while_written(mut self, while_written: WhileWritten) -> Self {
        self.while_written = while_written;
        self
    }

    /// The description of a raw file. Default: its sidecar.
    #[must_use]
    pub fn spec(mut self, spec: RawSpec) -> Self {
        self.spec = Some(spec);
        self
    }

    /// The field of a structured `.npy` file to read as an array. The axes of a sub-array follow
    /// those of the file. A nested field is `outer.inner`. Default: none; a structured file is then
    /// refused with a list of its fields.
    ///
    /// ```
    /// use rowmill_core::{Array, OpenOptions, Source};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # let dict = "{'descr': [('id', '<u2'), ('temp', '<f4')], 'fortran_order': False, \
    /// #     'shape': (2,), }";
    /// # let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    /// # bytes.extend((dict.len() as u16).to_le_bytes());
    /// # bytes.extend(dict.bytes());
    /// # bytes.extend([1, 0, 0, 0, 0x80, 0x3f, 2, 0, 0, 0, 0, 0x40]);
    /// # std::fs::write(&path, bytes)?;
    /// let temp: Array<f32> = OpenOptions::new().field("temp").open(&path)?;
    /// assert_eq!(temp.get(&[1])?, 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// When written rows are made durable automatically. Default: [`FlushPolicy::Manual`]. Ignored
    /// for reading.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rowmill_core::{ArrayMut, FlushPolicy, OpenOptions};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
    /// let policy = FlushPolicy::Every(Duration::from_secs(1));
    /// let mut x = OpenOptions::new().flush_policy(policy).open_mut::<f32>(&path)?;
    /// x.write_rows(3, &[1.0, 2.0])?;
    /// x.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn flush_policy(mut self, policy: FlushPolicy) -> Self {
        self.flush = policy;
        self
    }

    /// Opens an array file as elements of type `T`.
    ///
    /// # Errors
    /// All conditions that opening checks: metadata, exact length, dtype. See [`Error`].
    pub fn open<T: Element>(&self, path: impl AsRef<Path>) -> Result<Array<T>> {
        Array::open_with(path.as_ref(), self)
    }

    /// Opens an array file of any dtype.
    ///
    /// # Errors
    /// As [`open`](Self::open), without the dtype.
    pub fn open_any(&self, path: impl AsRef<Path>) -> Result<AnyArray> {
        AnyArray::open_with(path.as_ref(), self)
    }

    /// Opens an existing array for reading and writing: [`ArrayMut::open`] with these options. Its
    /// rows do not count as [durable](ArrayMut::durable_rows) yet; [`ArrayMut::durable_from`]
    /// explains how a program continues an array.
    ///
    /// ```
    /// use rowmill_core::{BusErrors, OpenOptions};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # rowmill_core::CreateOptions::new().create::<f32>(&path, [4, 2])?.close()?;
    /// // In a program that handles SIGBUS by itself
    /// let mut x = OpenOptions::new().bus_errors(BusErrors::Host).open_mut::<f32>(&path)?;
    /// x.write_rows(0, &[1.0, 2.0])?;
    /// x.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`ArrayMut::open`].
    pub fn open_mut<T: Element>(&self, path: impl AsRef<Path>) -> Result<ArrayMut<T>> {
        self.refuse_field(path.as_ref())?;
        ArrayMut::open_with(path.as_ref(), self, refuse_unfinished)
    }

    /// Opens an array whose changes stay in memory: [`CowArray::open`] with these options.
    ///
    /// # Errors
    /// As [`CowArray::open`].
    pub fn open_cow<T: Element>(&self, path: impl AsRef<Path>) -> Result<CowArray<T>> {
        self.refuse_field(path.as_ref())?;
        CowArray::open_with(path.as_ref(), self)
    }

    fn refuse_field(&self, path: &Path) -> Result<()> {
        match self.field.clone() {
            Some(field) => Err(MetaError::FieldIsReadOnly { path: path.to_owned(), field }.into()),
            None => Ok(()),
        }
    }

    /// Opens a regular file for reading, or refuses it according to these options.
    pub(crate) fn open_file(&self, path: &Path) -> Result<File> {
        let file = open_regular(path, std::fs::OpenOptions::new().read(true))?;
        if self.while_written == WhileWritten::Refuse && is_being_written(&file, path)? {
            return Err(Error::BeingWritten { path: path.to_owned() });
        }
        Ok(file)
    }
}
