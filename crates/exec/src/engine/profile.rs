//! Settings measured as the fastest for one file on one machine.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rowmill_core::{Backend, Checksums, Kind, Meta, Outputs, Role};
use serde::{Deserialize, Serialize};

use crate::engine::{ChunkSize, memory};
use crate::error::{Error, Result};
use rowmill_lanes::arch::Isa;

/// The version of the JSON form and of the measurement.
const VERSION: u32 = 1;

/// The longest profile that is read, in bytes.
const MOST_BYTES: u64 = 64 << 10;

/// The fastest setting for an array file on this machine, as found by `tune-chunks --save`.
///
/// It is bound to the file's length, dtype and shape, to the machine and to the release; if any of
/// them differs, the profile is ignored. It changes speed only, never an answer.
///
/// ```
/// use rowmill_core::{ArrayMut, Backend};
/// use rowmill_exec::{ChunkSize, Engine, Profile};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("x.npy");
/// ArrayMut::<f32>::create(&path, [1000, 10])?.close()?;
/// let profile = Profile::new("sum", ChunkSize::Bytes(8 << 20), 1, Backend::Mapped, 1.07);
/// profile.save(&path)?;
/// assert_eq!(Profile::find(&path), Some(profile));
/// let engine = Engine::builder().tuned_for(&path).build()?;
/// assert_eq!((engine.workers(), engine.chunk_size()), (1, ChunkSize::Bytes(8 << 20)));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    job: String,
    chunk: ChunkSize,
    workers: usize,
    backend: Backend,
    gain: f64,
}

/// The JSON form.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    rowmill_profile: u32,
    release: String,
    machine: String,
    dtype: String,
    shape: Vec<usize>,
    len: u64,
    job: String,
    chunk: String,
    workers: usize,
    backend: String,
    gain: f64,
}

impl Profile {
    /// A setting for a job that is `gain` times as fast as the default.
    #[must_use]
    pub fn new(
        job: impl Into<String>,
        chunk: ChunkSize,
        workers: usize,
        backend: Backend,
        gain: f64,
    ) -> Self {
        Self { job: job.into(), chunk, workers, backend, gain }
    }

    /// The job that was measured.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The chunk size.
    #[must_use]
    pub fn chunk(&self) -> ChunkSize {
        self.chunk
    }

    /// The number of workers.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The backend, for [`OpenOptions::backend`](rowmill_core::OpenOptions::backend).
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The speedup over the default: its time divided by the time with this setting.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.gain
    }

    /// The path of the profile of an array file: `data.npy` has `data.npy.tuned.json`.
    #[must_use]
    pub fn path_for(array: &Path) -> PathBuf {
        let mut name = array.as_os_str().to_owned();
        name.push(".tuned.json");
        name.into()
    }

    /// Saves the profile beside the array file, or in the user's cache folder (`XDG_CACHE_HOME`, or
    /// `.cache` in `HOME`) if the file's folder is not writable. Returns the path.
    ///
    /// # Errors
    /// [`Error::File`] if the array cannot be read, if the path
    /// [exists](rowmill_core::Error::Exists), or if neither folder is writable.
    pub fn save(&self, array: &Path) -> Result<PathBuf> {
        self.save_in(array, &Outputs::new())
    }

    /// As [`save`](Self::save), as one of the outputs of a call; `outputs` decides whether an
    /// existing profile is replaced.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_in(&self, array: &Path, outputs: &Outputs) -> Result<PathBuf> {
        let bytes = self.to_json(array)?;
        let beside = Self::path_for(array);
        let mut outputs = outputs.clone();
        outputs.read(Role::Input, array);
        let save = |path: &Path| outputs.save(Role::Profile, Kind::Profile, path, &bytes);
        let failure = match save(&beside) {
            Ok(()) => return Ok(beside),
            Err(failure) => failure,
        };
        let closed = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];
        let is_closed = matches!(&failure, rowmill_core::Error::Io { source, .. }
            if closed.contains(&source.kind()));
        let Some(cached) = is_closed.then(|| cache_path(array)).flatten() else {
            return Err(failure.into());
        };
        if let Some(folder) = cached.parent() {
            fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        }
        save(&cached)?;
        Ok(cached)
    }

    /// The profile of an array file; `None` if none matches the current file, this machine and this
    /// release.
    #[must_use]
    pub fn find(array: &Path) -> Option<Self> {
        let beside = Some(Self::path_for(array));
        let places = beside.into_iter().chain(cache_path(array));
        places.filter_map(|place| Self::parse(&read(&place)?, array)).next()
    }

    fn to_json(&self, array: &Path) -> Result<Vec<u8>> {
        let (meta, len) = meta_of(array)?;
        let saved = Saved {
            rowmill_profile: VERSION,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            machine: machine(),
            dtype: meta.dtype.name().to_owned(),
            shape: meta.shape.dims().to_vec(),
            len,
            job: self.job.clone(),
            chunk: self.chunk.to_string(),
            workers: self.workers,
            backend: backend_name(self.backend).to_owned(),
            gain: self.gain,
        };
        serde_json::to_vec_pretty(&saved)
            .map_err(|e| Error::file("save a profile of", array)(e.into()))
    }

    fn parse(bytes: &[u8], array: &Path) -> Option<Self> {
        let saved: Saved = serde_json::from_slice(bytes).ok()?;
        let (meta, len) = meta_of(array).ok()?;
        let fits = saved.rowmill_profile == VERSION
            && saved.release == env!("CARGO_PKG_VERSION")
            && saved.machine == machine()
            && saved.dtype == meta.dtype.name()
            && saved.shape == meta.shape.dims()
            && saved.len == len
            && (1..=4096).contains(&saved.workers);
        let backend = match saved.backend.as_str() {
            "mapped" => Backend::Mapped,
            "positioned" => Backend::Positioned,
            "auto" => Backend::Auto,
            _ => return None,
        };
        let chunk = saved.chunk.parse().ok()?;
        let Saved { job, workers, gain, .. } = saved;
        fits.then_some(Self { job, chunk, workers, backend, gain })
    }
}

impl fmt::Display for Profile {
    /// One human-readable line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, chunk, workers, backend, gain } = self;
        let backend = backend_name(*backend);
        let plural = if *workers == 1 { "" } else { "s" };
        write!(
            f,
            "chunks of {chunk}, {workers} worker{plural}, {backend} ({gain:.2} times the default at {job})"
        )
    }
}

fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Mapped => "mapped",
        Backend::Positioned => "positioned",
        _ => "auto",
    }
}

fn meta_of(array: &Path) -> Result<(Meta, u64)> {
    let meta = Meta::read(array, None)?;
    let len = fs::metadata(array).map_err(Error::file("inspect", array))?.len();
    Ok((meta, len))
}

/// The traits of the machine that affect speed.
fn machine() -> String {
    let cpu = memory::cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cpu}, {cores} cores, {}", Isa::detect().name())
}

/// The path of the profile of an array file whose folder is not writable.
fn cache_path(array: &Path) -> Option<PathBuf> {
    let given = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let whole = fs::canonicalize(array).ok()?;
    let name = Checksums::of(whole.as_os_str().as_encoded_bytes());
    Some(given.or_else(home)?.join("rowmill").join(format!("{name:016x}.tuned.json")))
}

/// The bytes of a small regular file, if it exists.
fn read(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= MOST_BYTES).then(|| fs::read(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowmill_core::ArrayMut;

    #[test]
    fn a_profile_holds_for_one_file_machine_and_release() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        ArrayMut::<f32>::create(&path, [10, 10]).expect("room");
        let profile = Profile::new("stats", ChunkSize::Rows(7), 3, Backend::Positioned, 1.5);
        assert_eq!(Profile::find(&path), None);
        let place = profile.save(&path).expect("room");
        assert_eq!(place, Profile::path_for(&path));
        assert_eq!(Profile::find(&path), Some(profile.clone()));
        let text = fs::read_to_string(&place).expect("there");
        for (from, to) in [
            ("\"rowmill_profile\": 1", "\"rowmill_profile\": 2"),
            (env!("CARGO_PKG_VERSION"), "0.0.0"),
            (" cores", " other cores"),
            ("float32", "float64"),
            ("\"len\": ", "\"len\": 9"),
            ("7rows", "many rows"),
            ("\"workers\": 3", "\"workers\": 0"),
            ("positioned", "guessed"),
            ("{", "["),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            fs::write(&place, changed).expect("room");
            assert_eq!(Profile::find(&path), None, "{to}");
        }
        profile.save(&path).expect_err("it exists");
        fs::remove_file(&place).expect("there");
        profile.save(&path).expect("room");
        let over = Outputs::new().overwrite(true);
        assert_eq!(profile.save_in(&path, &over).expect("replaced"), place);
        let options = rowmill_core::CreateOptions::new().overwrite(true);
        options.create::<f32>(&path, [11, 10]).expect("room");
        assert_eq!(Profile::find(&path), None, "another shape");
        let shown = profile.to_string();
        let expected = "chunks of 7rows, 3 workers, positioned (1.50 times the default at stats)";
        assert_eq!(shown, expected);
    }

    #[test]
    fn explicit_options_are_not_tuned() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        ArrayMut::<f32>::create(&path, [10, 10]).expect("room");
        let profile = Profile::new("sum", ChunkSize::Rows(7), 3, Backend::Mapped, 1.5);
        profile.save(&path).expect("room");
        let builder = || crate::engine::Engine::builder().tuned_for(&path);
        let tuned = builder().build().expect("an engine");
        assert_eq!((tuned.workers(), tuned.chunk_size()), (3, ChunkSize::Rows(7)));
        let set = builder().workers(1).chunk(ChunkSize::Auto).build().expect("an engine");
        assert_eq!((set.workers(), set.chunk_size()), (1, ChunkSize::Auto));
    }
}
