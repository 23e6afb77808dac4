//! How an array file is opened.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::journal::refuse_unfinished;
use crate::{
    AnyArray, Array, ArrayMut, CowArray, Element, Error, FlushPolicy, MetaError, RawSpec, Result,
};

/// How the bytes of a file are reached. It changes speed and failure modes, never a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// [`Mapped`](Self::Mapped), but [`Positioned`](Self::Positioned) on network and FUSE
    /// filesystems (NFS, SMB, 9p, Ceph, AFS, Lustre, GPFS, sshfs …), where a file cannot be mapped,
    /// and on systems other than Linux, macOS and Windows. [`Array::backend`] says what it is.
    #[default]
    Auto,
    /// One read-only mapping, shared by all workers. The fastest for files in the page cache.
    ///
    /// Mappings are guarded against SIGBUS (see [`BusErrors`]). When more than 4096 are, the next
    /// files are read at positions.
    Mapped,
    /// Positioned reads into each worker's own buffer. No page fault can kill the process.
    Positioned,
}

/// Who deals with SIGBUS, the signal that the system sends when a mapped page cannot be had: the
/// file was cut short, its device failed, or a full disk has no room for what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BusErrors {
    /// The crate: it becomes [`Error::Fault`], at the end of the chunk at the latest.
    ///
    /// The first mapping installs a handler for the whole process. What does not concern a mapping
    /// of the crate goes to the handler that was there before, or has the default action. One that
    /// is installed later has to pass on the signal with all that it was told (`SA_SIGINFO`).
    /// Threads that use arrays must not have SIGBUS blocked: the system would end the process
    /// without asking. Linux and macOS; elsewhere there is no handler.
    #[default]
    Guarded,
    /// The host, for programs that have a use for SIGBUS of their own: nothing is installed for
    /// this array, and **without a handler of the host's a file that shrinks ends the process.**
    Host,
}

/// Whether a file that someone is writing may be opened for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WhileWritten {
    /// It is opened. A job gives [`Error::Changed`] if the file was written to meanwhile;
    /// [`Array::is_being_written`] tells beforehand.
    #[default]
    Allow,
    /// It is refused with [`Error::BeingWritten`].
    Refuse,
}

/// Knobs for opening an array file.
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
    /// Every knob at its default; metadata from the header or a sidecar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How the bytes are reached, for reading: what is written to is always mapped. Default:
    /// [`Backend::Auto`].
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Who deals with SIGBUS. Default: [`BusErrors::Guarded`].
    #[must_use]
    pub fn bus_errors(mut self, bus_errors: BusErrors) -> Self {
        self.bus_errors = bus_errors;
        self
    }

    /// Whether the file may be read while someone is writing it: two writers are never let in.
    /// Default: [`WhileWritten::Allow`].
    #[must_use]
    pub fn while_written(mut self, while_written: WhileWritten) -> Self {
        self.while_written = while_written;
        self
    }

    /// The content of a raw file. Default: as its sidecar says.
    #[must_use]
    pub fn spec(mut self, spec: RawSpec) -> Self {
        self.spec = Some(spec);
        self
    }

    /// Which field of a structured `.npy` file is meant, for reading: its elements are an array
    /// then, with the axes of a sub-array behind those of the file. Of records within records,
    /// `outer.inner`. Default: none, so that a structured file is refused with the list of its
    /// fields.
    ///
    /// ```
    /// use rowmill_core::{Array, OpenOptions, Source};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # let dict = "{'descr': [('id', '<u2'), ('temp', '<f4')], 'fortran_order': False, 'shape': (2,), }";
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

    /// When rows written to it are made durable without being asked. Default:
    /// [`FlushPolicy::Manual`]. For reading it has no meaning.
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
    /// Every check of the crate: metadata, exact length, dtype. See [`Error`].
    pub fn open<T: Element>(&self, path: impl AsRef<Path>) -> Result<Array<T>> {
        Array::open_with(path.as_ref(), self)
    }

    /// Opens an array file as whatever it holds.
    ///
    /// # Errors
    /// As [`open`](Self::open), without the dtype.
    pub fn open_any(&self, path: impl AsRef<Path>) -> Result<AnyArray> {
        AnyArray::open_with(path.as_ref(), self)
    }

    /// Opens an existing array for reading and writing: [`ArrayMut::open`] with these knobs. Its
    /// rows do not count as [durable](ArrayMut::durable_rows) yet; [`ArrayMut::durable_from`] says
    /// how a program continues an array.
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

    /// Opens an array whose changes stay in memory: [`CowArray::open`] with these knobs.
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

    /// Opens a regular file for reading, and refuses it as these options say.
    pub(crate) fn open_file(&self, path: &Path) -> Result<File> {
        let file = open_regular(path, std::fs::OpenOptions::new().read(true))?;
        if self.while_written == WhileWritten::Refuse && is_being_written(&file, path)? {
            return Err(Error::BeingWritten { path: path.to_owned() });
        }
        Ok(file)
    }
}

/// Opens a regular file, and nothing else: opening a pipe would wait for its other end.
pub(crate) fn open_regular(path: &Path, options: &std::fs::OpenOptions) -> Result<File> {
    let metadata = std::fs::metadata(path).map_err(Error::io("open", path))?;
    if !metadata.is_file() {
        return Err(Error::NotRegular { path: path.to_owned() });
    }
    options.open(path).map_err(Error::io("open", path))
}

/// Whether someone holds the writer's lock: asked for by taking a lock beside other readers for a
/// moment. Filesystems without locks never say so.
pub(crate) fn is_being_written(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false).map_err(Error::io("unlock", path)),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => Ok(false),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path)(e)),
    }
}
