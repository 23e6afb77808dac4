//! Creating arrays: their options, and how they are named.

use std::io::{Read, Seek};
use std::marker::PhantomData;
use std::path::Path;

use crate::array::{ArrayMut, StagedArray};
use crate::dtype::ByteOrder;
use crate::durable::publish::sidecar_of;
use crate::durable::{AtomicFile, FlushPolicy, Outputs};
use crate::element::Element;
use crate::error::{Error, MetaError, Result};
use crate::format::sidecar::check_len;
use crate::format::{Format, Meta, Sidecar, npy};
use crate::fs::{Kind, Role};
use crate::map::{BusErrors, Claim, FileState, WriteMap, map_mut};
use crate::shape::{Order, Shape};

/// Options for creating an array file.
///
/// ```
/// use rowmill_core::CreateOptions;
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// let mut x = CreateOptions::new().columns(["a", "b"]).create::<f64>(&path, [1000, 2])?;
/// x.rows_mut(0..1)?.copy_from_slice(&[1.0, 2.0]);
/// x.flush_rows(0..1)?; // this row survives a power cut
/// x.close()?;          // and now all of them do
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CreateOptions {
    format: Option<Format>,
    order: Order,
    columns: Option<Vec<String>>,
    flush: FlushPolicy,
    unchecked: bool,
    bus_errors: BusErrors,
    outputs: Outputs,
}

impl CreateOptions {
    /// Defaults: `.npy` or raw by the file name's extension, C order, no column names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format. Default: [`Format::Npy`] for names that end in `.npy`, else [`Format::Raw`] with
    /// a sidecar.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// The order of the elements. Default: [`Order::C`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Names for the elements of a row, stored in the sidecar. Default: none.
    #[must_use]
    pub fn columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// When written rows are made durable automatically. Default: [`FlushPolicy::Manual`]. Arrays
    /// made by [`stage`](Self::stage) ignore it: publishing makes all of their rows durable.
    #[must_use]
    pub fn flush_policy(mut self, policy: FlushPolicy) -> Self {
        self.flush = policy;
        self
    }

    /// The handling of SIGBUS, which a full or failing disk raises. Default:
    /// [`BusErrors::Guarded`].
    #[must_use]
    pub fn bus_errors(mut self, bus_errors: BusErrors) -> Self {
        self.bus_errors = bus_errors;
        self
    }

    /// Whether a published file is reopened under its name and its metadata compared with the
    /// requested one. It reads the header and the sidecar, no data. Default: `true`.
    #[must_use]
    pub fn validate(mut self, validate: bool) -> Self {
        self.unchecked = !validate;
        self
    }

    /// Whether an existing array is replaced: a `.npy` file, or a raw file with a sidecar of
    /// rowmill's own form; never anything else. Default: `false`.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.outputs = self.outputs.overwrite(overwrite);
        self
    }

    /// The other files of the call that creates the array. It replaces none of them, and they
    /// decide whether files may be [overwritten](Outputs::overwrite). Default: none.
    #[must_use]
    pub fn outputs(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }

    /// The files of the call, if they were given.
    #[must_use]
    pub fn files(&self) -> &Outputs {
        &self.outputs
    }

    /// Creates an array of zeros (numpy's mode `w+`). Space is reserved at once if the filesystem
    /// can; the complete file, with header and all zeros, is renamed into place and then filled.
    ///
    /// # Errors
    /// [`Error::Exists`] if the file exists and must not be [replaced](Self::overwrite),
    /// [`Error::OtherKind`] if it is not an array, [`Error::Taken`] if it is another file of the
    /// call; [`Error::Locked`] while another writer has it, [`Error::TooLarge`],
    /// [`MetaError::ColumnNames`], [`Error::Sidecar`] for names that are too long to be read back,
    /// [`Error::TooManyMappings`], [`Error::AlsoMapped`], [`Error::Io`] (no space, no permission),
    /// [`Error::NotAsWritten`].
    pub fn create<T: Element>(
        &self,
        path: impl AsRef<Path>,
        dims: impl Into<Vec<usize>>,
    ) -> Result<ArrayMut<T>> {
        self.stage(path, dims)?.publish_watched(&mut |_| {})
    }

    /// Creates an array of zeros that is named only when it is published, with everything written
    /// to it: for the results of a job.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn stage<T: Element>(
        &self,
        path: impl AsRef<Path>,
        dims: impl Into<Vec<usize>>,
    ) -> Result<StagedArray<T>> {
        let path = path.as_ref();
        let Blank { meta, header, len } = self.describe::<T>(path, dims.into())?;
        let file = self.outputs.create(Role::Output, self.kind(path), path)?;
        file.allocate(len)?;
        let seen = FileState::of(path, file.file())?;
        let mut map =
            map_mut(path, file.file(), seen, Claim::write(path, &seen)?, self.bus_errors)?;
        if let Some(map) = &mut map {
            map[..header.len()].copy_from_slice(&header);
        }
        Ok(self.staged(path, file, seen, map, meta))
    }

    /// As [`stage`](Self::stage), but resumes the array that an earlier writer of the same name
    /// left unfinished, with everything written to it. `None` if there is none, or none with this
    /// shape and type; nothing was changed then.
    ///
    /// ```
    /// use rowmill_core::{Array, CreateOptions};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// let options = CreateOptions::new();
    /// let mut first = options.stage::<u8>(&path, [3])?;
    /// first.as_mut_slice()?[0] = 7;
    /// first.keep_unfinished();
    /// let made = first.file_identity(&[0..1])?; // by the byte that does not change any more
    /// drop(first); // or killed
    /// let mut resumed = options.stage_again::<u8>(&path, [3])?.expect("left unfinished");
    /// assert!(resumed.file_identity(&[0..1])? == made && resumed.as_mut_slice()? == [7, 0, 0]);
    /// resumed.publish()?;
    /// assert_eq!(Array::<u8>::open(&path)?.as_slice(), Some(&[7, 0, 0][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`stage`](Self::stage).
    pub fn stage_again<T: Element>(
        &self,
        path: impl AsRef<Path>,
        dims: impl Into<Vec<usize>>,
    ) -> Result<Option<StagedArray<T>>> {
        let path = path.as_ref();
        let expected = self.describe::<T>(path, dims.into())?;
        let mut file = self.outputs.resume(Role::Output, self.kind(path), path)?;
        let is_it = expected.is_stored_in(&file).map_err(Error::io("read", path))?;
        if !is_it {
            file.keep_unfinished();
            return Ok(None);
        }
        let seen = FileState::of(path, file.file())?;
        let map = map_mut(path, file.file(), seen, Claim::write(path, &seen)?, self.bus_errors)?;
        let Blank { meta, .. } = expected;
        Ok(Some(self.staged(path, file, seen, map, meta)))
    }

    /// The format of an array with this file name.
    fn format_for(&self, path: &Path) -> Format {
        let is_npy = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
        self.format.unwrap_or(if is_npy { Format::Npy } else { Format::Raw })
    }

    /// The kind of file that an array with this name will be, for [`Outputs::plan`].
    #[must_use]
    pub fn kind(&self, path: &Path) -> Kind {
        match self.format_for(path) {
            Format::Npy => Kind::Npy,
            Format::Raw => Kind::Raw,
        }
    }

    /// The metadata of a new array, before its file exists.
    fn describe<T: Element>(&self, path: &Path, dims: Vec<usize>) -> Result<Blank> {
        let too_large = |e| Error::TooLarge { path: path.to_owned(), source: e };
        let shape = Shape::new(dims).map_err(too_large)?;
        let format = self.format_for(path);
        if format == Format::Npy && !T::DTYPE.has_npy_code() {
            return Err(MetaError::NoNpyCode { path: path.to_owned(), dtype: T::DTYPE }.into());
        }
        let header = match format {
            Format::Npy => npy::write(T::DTYPE, ByteOrder::NATIVE, self.order, &shape),
            Format::Raw => Vec::new(),
        };
        let meta = Meta {
            format,
            dtype: T::DTYPE,
            byte_order: ByteOrder::NATIVE,
            order: self.order,
            shape,
            offset: header.len() as u64,
            columns: self.columns.clone(),
            record: None,
        };
        let bytes = meta.shape.byte_len(T::DTYPE.size()).map_err(too_large)?;
        let len = (header.len() + bytes) as u64;
        meta.check(path, len)?;
        if let Some(json) = sidecar_of(&meta) {
            check_len(&Sidecar::path_for(path), &json)?;
        }
        Ok(Blank { meta, header, len })
    }

    fn staged<T>(
        &self,
        path: &Path,
        file: AtomicFile,
        seen: FileState,
        map: Option<WriteMap>,
        meta: Meta,
    ) -> StagedArray<T> {
        let (flush, validate, path) = (self.flush, !self.unchecked, path.to_owned());
        StagedArray { file, seen, map, meta, path, flush, validate, element: PhantomData }
    }
}

/// A new array without its file.
struct Blank {
    meta: Meta,
    header: Vec<u8>,
    /// The length of the file, in bytes.
    len: u64,
}

impl Blank {
    /// Whether an unfinished file has the length and the header of this array.
    fn is_stored_in(&self, file: &AtomicFile) -> std::io::Result<bool> {
        let mut file = file.file();
        if file.metadata()?.len() != self.len {
            return Ok(false);
        }
        let mut header = vec![0; self.header.len()];
        file.rewind()?;
        file.read_exact(&mut header)?;
        Ok(header == self.header)
    }
}
