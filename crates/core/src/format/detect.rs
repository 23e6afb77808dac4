//! From a path and an open file to its [`Meta`]: `.npy` or raw, and the source of its description.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, MetaError, Result, SidecarError};
use crate::format::sidecar::Claims;
use crate::format::{Format, Meta, RawSpec, Sidecar, append_journal, npy};
use crate::fs::same_file;
use crate::identity::{FileIdentity, Stable};
use crate::limits::MAX_SIDECAR_LEN;
use crate::shape::Order;
use crate::text::clip;

/// Determines the metadata of a file of `file_len` bytes, and checks it against that length.
///
/// The file is a `.npy` file if its name ends so, or if it starts as one and nothing says that it
/// is raw. All its descriptions (header, sidecar, hand-made sidecar, spec) have to agree: if two
/// differ one is wrong, and a choice would be silent. The position of the file is unspecified
/// afterwards.
///
/// While rows are being appended the file is longer than its metadata says; it is then read as the
/// array of the last commit, or of the next.
///
/// # Errors
/// [`Error::Header`], [`Error::Sidecar`], [`Error::NoSidecar`], [`Error::SpecForNpy`],
/// [`Error::Changed`], [`Error::Io`], and the errors of [`Meta::check`].
pub(crate) fn read_meta(
    path: &Path,
    file: &mut File,
    file_len: u64,
    spec: Option<&RawSpec>,
) -> Result<Meta> {
    read_meta_of(path, file, file_len, (spec, None))
}

/// The same for one field of a structured `.npy` file.
pub(crate) fn read_meta_of(
    path: &Path,
    file: &mut File,
    file_len: u64,
    asked: Asked<'_>,
) -> Result<Meta> {
    until_settled(path, file, file_len, &mut |file, len| {
        read_once(path, file, len, asked).and_then(|meta| fits(path, file, meta, len))
    })
}

/// Reads the metadata of a file of `len` bytes. While rows are being appended, a failure is
/// retried: the parts read may be from before and after a commit.
fn until_settled(
    path: &Path,
    file: &mut File,
    mut len: u64,
    read: &mut dyn FnMut(&mut File, u64) -> Result<Meta>,
) -> Result<Meta> {
    let mut attempt = 0;
    loop {
        // The appender may finish after a failed reading and before its journal is checked. So only
        // the failure of a reading without an append in progress counts. Usually there is no
        // failure, and then the journal is not checked.
        let journal = attempt == 0 || append_journal::has_journal(path);
        let error = match read(file, len) {
            Ok(meta) => return Ok(meta),
            Err(e) => e,
        };
        let now = file.metadata().map_err(Error::io("inspect", path))?.len();
        let settled = !journal && now == len && !append_journal::has_journal(path);
        if attempt == MOST_ATTEMPTS || settled {
            return Err(error);
        }
        std::thread::sleep(PAUSE * attempt / MOST_ATTEMPTS);
        (len, attempt) = (now, attempt + 1);
    }
}

/// Checks the metadata against the length of the file, which may be longer while rows are being
/// appended.
fn fits(path: &Path, file: &File, meta: Meta, len: u64) -> Result<Meta> {
    match meta.check(path, len) {
        Err(Error::TrailingBytes { expected, .. })
            if append_journal::ends_at(path, file, expected)? =>
        {
            meta.check(path, expected)?;
        }
        checked => checked?,
    }
    Ok(meta)
}

/// The caller's description of a raw file, and the selected field of a structured one.
type Asked<'a> = (Option<&'a RawSpec>, Option<&'a str>);

fn read_once(
    path: &Path,
    file: &mut File,
    file_len: u64,
    (spec, field): Asked<'_>,
) -> Result<Meta> {
    let (own, replaced) = Found::own(path, file)?;
    if is_named_npy(path) {
        if spec.is_some() {
            return Err(Error::SpecForNpy { path: path.to_owned() });
        }
        return npy_meta(path, file, (file_len, field), own);
    }
    // A hand-made sidecar of the replaced file may not have been removed yet.
    let handmade = match replaced {
        true => None,
        false => Found::read(Sidecar::handmade_path_for(path), Sidecar::parse_handmade)?,
    };
    let is_raw =
        spec.is_some() || [&own, &handmade].into_iter().flatten().any(|f| f.sidecar.gives_layout());
    let meta = if !is_raw && starts_as_npy(path, file, file_len)? {
        npy_meta(path, file, (file_len, field), own)?
    } else if let Some(field) = field {
        return Err(MetaError::NoRecords { path: path.to_owned(), field: clip(field) }.into());
    } else {
        raw_meta(path, spec, own, handmade)?
    };
    Ok(meta)
}

/// The sidecar of an array file in rowmill's own form, if there is one.
pub(crate) fn read_sidecar(array: &Path) -> Result<Option<Sidecar>> {
    let file = File::open(array).map_err(Error::io("open", array))?;
    Ok(Found::own(array, &file)?.0.map(|found| found.sidecar))
}

/// How often a file is read again while rows are being appended to it, and the pause before each
/// attempt: it grows from nothing to this.
const MOST_ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// A sidecar, and its path.
struct Found {
    path: PathBuf,
    sidecar: Sidecar,
}

impl Found {
    /// The sidecar of rowmill's own form, and whether the file has just replaced another.
    fn own(path: &Path, file: &File) -> Result<(Option<Self>, bool)> {
        let path_of_it = Sidecar::path_for(path);
        let Some(bytes) = read_small(&path_of_it)? else { return Ok((None, false)) };
        let claims = read_claims(&path_of_it, &bytes, file)?;
        // A file opened before its replacement would be misread with the new sidecar.
        if !same_file(file, path) {
            let len = |m: std::fs::Metadata| m.len();
            let expected = file.metadata().map_or(0, len);
            let found = std::fs::metadata(path).map_or(0, len);
            return Err(Error::Changed { path: path.to_owned(), expected, found });
        }
        Ok((claims.sidecar.map(|sidecar| Self { path: path_of_it, sidecar }), claims.replaced))
    }

    fn read(
        path: PathBuf,
        parse: fn(&[u8]) -> Result<Sidecar, SidecarError>,
    ) -> Result<Option<Self>> {
        let Some(bytes) = read_small(&path)? else {
            return Ok(None);
        };
        match parse(&bytes) {
            Ok(sidecar) => Ok(Some(Self { path, sidecar })),
            Err(source) => Err(Error::Sidecar { path, source }),
        }
    }

    fn agree_with(&self, expected: &Sidecar, other: &str) -> Result<()> {
        let error = |source| Error::Sidecar { path: self.path.clone(), source };
        self.sidecar.agree_with(expected, other).map_err(error)
    }
}

/// Parses the bytes of a sidecar for the file beside it.
pub(crate) fn read_claims(sidecar: &Path, bytes: &[u8], file: &File) -> Result<Claims> {
    Sidecar::read(bytes, || whole(file))
        .map_err(|source| Error::Sidecar { path: sidecar.to_owned(), source })
}

/// The identity of the file, by all its bytes.
pub(crate) fn whole(file: &File) -> std::io::Result<FileIdentity> {
    FileIdentity::of(file, &Stable::up_to(file.metadata()?.len()))
}

pub(crate) fn is_named_npy(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"))
}

fn starts_as_npy(path: &Path, file: &mut File, file_len: u64) -> Result<bool> {
    if file_len < npy::MAGIC.len() as u64 {
        return Ok(false);
    }
    let mut start = [0; npy::MAGIC.len()];
    file.rewind().and_then(|()| file.read_exact(&mut start)).map_err(Error::io("read", path))?;
    Ok(&start == npy::MAGIC)
}

fn npy_meta(
    path: &Path,
    file: &mut File,
    (file_len, field): (u64, Option<&str>),
    own: Option<Found>,
) -> Result<Meta> {
    // Sidecars describe whole rows of numbers.
    let own = own.filter(|_| field.is_none());
    file.rewind().map_err(Error::io("read", path))?;
    let header = npy::read_field(file, file_len, field)
        .map_err(|source| Error::Header { path: path.to_owned(), source })?;
    let claims = Sidecar {
        dtype: Some((header.dtype, header.byte_order)),
        shape: Some(header.shape.clone()),
        order: Some(header.order),
        offset: Some(header.offset),
        ..Sidecar::default()
    };
    if let Some(own) = &own {
        own.agree_with(&claims, "the .npy header")?;
    }
    Ok(Meta {
        format: Format::Npy,
        dtype: header.dtype,
        byte_order: header.byte_order,
        order: header.order,
        shape: header.shape,
        offset: header.offset,
        columns: own.and_then(|own| own.sidecar.columns),
        record: header.record,
    })
}

fn raw_meta(
    path: &Path,
    spec: Option<&RawSpec>,
    own: Option<Found>,
    handmade: Option<Found>,
) -> Result<Meta> {
    let own = own.map(|f| Found { sidecar: f.sidecar.with_defaults(), ..f });
    if let Some(spec) = spec {
        let spec = Sidecar::for_spec(spec);
        for found in [&own, &handmade].into_iter().flatten() {
            found.agree_with(&spec, "the explicit spec")?;
        }
    }
    if let (Some(own), Some(handmade)) = (&own, &handmade) {
        handmade.agree_with(&own.sidecar, &format!("the sidecar {}", own.path.display()))?;
    }
    // A missing key is reported for the sidecar that should have it.
    let blamed = own.as_ref().or(handmade.as_ref()).map(|f| f.path.clone());
    let missing = |key| match &blamed {
        Some(sidecar) => {
            Error::Sidecar { path: sidecar.clone(), source: SidecarError::MissingKey { key } }
        }
        None => Error::NoSidecar {
            path: path.to_owned(),
            expected: Sidecar::path_for(path),
            alternative: Sidecar::handmade_path_for(path),
        },
    };
    // They agree by now, so for each key the first that has it counts.
    let spec = spec.map(Sidecar::for_spec);
    let claims = [spec, own.map(|f| f.sidecar), handmade.map(|f| f.sidecar)];
    let claims = claims.into_iter().flatten().fold(Sidecar::default(), |first, next| Sidecar {
        dtype: first.dtype.or(next.dtype),
        shape: first.shape.or(next.shape),
        order: first.order.or(next.order),
        offset: first.offset.or(next.offset),
        columns: first.columns.or(next.columns),
        checksums: None,
    });
    let (dtype, byte_order) = claims.dtype.ok_or_else(|| missing("dtype"))?;
    Ok(Meta {
        format: Format::Raw,
        dtype,
        byte_order,
        order: claims.order.unwrap_or(Order::C),
        shape: claims.shape.ok_or_else(|| missing("shape"))?,
        offset: claims.offset.unwrap_or(0),
        columns: claims.columns,
        record: None,
    })
}

/// The bytes of a sidecar, or `None` if there is none. Never blocks, and reads a limited amount.
pub(crate) fn read_small(path: &Path) -> Result<Option<Vec<u8>>> {
    let sidecar = |source| Error::Sidecar { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a pipe would otherwise block until there is a writer.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    let file = match options.open(path) {
        Ok(file) => file,
        // With the suffix the name may be too long to exist.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidFilename) => {
            return Ok(None);
        }
        Err(e) => return Err(Error::io("open", path)(e)),
    };
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    if !metadata.is_file() {
        return Err(sidecar(SidecarError::NotRegular));
    }
    if metadata.len() > MAX_SIDECAR_LEN {
        return Err(sidecar(SidecarError::TooLong { found: metadata.len() }));
    }
    // It may grow meanwhile; one byte too many is enough for the parser to refuse it.
    let mut bytes = Vec::new();
    file.take(MAX_SIDECAR_LEN + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
