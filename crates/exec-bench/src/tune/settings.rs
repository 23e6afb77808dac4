//! The settings that are tried.

use std::fmt;
use std::path::Path;

use rowmill_core::{Backend, Meta};
use rowmill_exec::ChunkSize;
use serde::Serialize;

use crate::Result;
use crate::output::cores;

/// A setting of the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// How much a worker takes at a time.
    pub chunk: ChunkSize,
    /// The number of workers.
    pub workers: usize,
    /// How the bytes are reached.
    pub backend: Backend,
}

impl Setting {
    /// The name of its backend.
    #[must_use]
    pub fn backend_name(&self) -> &'static str {
        if self.backend == Backend::Positioned { "positioned" } else { "mapped" }
    }

    /// The bytes of a chunk; 0 where the engine decides.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        if let ChunkSize::Bytes(bytes) = self.chunk { bytes } else { 0 }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} x {} {}", self.chunk, self.workers, self.backend_name()))
    }
}

impl Serialize for Setting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The smallest and the largest chunk that are tried.
const CHUNKS: (usize, usize) = (256 << 10, 64 << 20);

/// The setting without tuning, and the metadata of the file.
pub(super) fn default_for(path: &Path) -> Result<(Setting, Meta)> {
    let options = rowmill_core::OpenOptions::new().backend(Backend::Positioned);
    let meta = options.open_any(path)?.meta().clone();
    let default = Setting { chunk: ChunkSize::Auto, workers: cores(), backend: Backend::Mapped };
    Ok((default, meta))
}

/// The settings of a search beside the default: chunk sizes in steps of four.
pub(super) fn coarse(cores: usize, bytes: usize) -> Vec<Setting> {
    grid(cores, bytes, 4)
}

/// The settings of a sweep: chunk sizes in steps of two.
pub(super) fn everything(cores: usize, bytes: usize) -> Vec<Setting> {
    grid(cores, bytes, 2)
}

fn grid(cores: usize, bytes: usize, factor: usize) -> Vec<Setting> {
    let mut workers = vec![cores, cores.div_ceil(2), 2 * cores];
    workers.dedup();
    let mut all = Vec::new();
    for backend in [Backend::Mapped, Backend::Positioned] {
        for &workers in &workers {
            let mut size = CHUNKS.0;
            while size <= CHUNKS.1.min(bytes.max(CHUNKS.0)) {
                all.push(Setting { chunk: ChunkSize::Bytes(size), workers, backend });
                size *= factor;
            }
        }
    }
    all
}

/// The settings between a setting and its neighbours.
pub(super) fn near(setting: &Setting) -> Vec<Setting> {
    let ChunkSize::Bytes(bytes) = setting.chunk else { return Vec::new() };
    let other = |size: usize| Setting { chunk: ChunkSize::Bytes(size), ..*setting };
    let sizes = [bytes / 2, bytes * 2, bytes * 3 / 2];
    sizes.into_iter().filter(|size| (64 << 10..=CHUNKS.1 * 2).contains(size)).map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_spread_over_everything_that_matters() {
        assert_eq!(coarse(2, 1 << 30).len(), 2 * 3 * 5, "backends, workers, sizes");
        assert_eq!(everything(2, 1 << 30).len(), 2 * 3 * 9);
        assert!(coarse(1, 10).iter().all(|s| s.chunk_bytes() == 256 << 10));
        let some =
            Setting { chunk: ChunkSize::Bytes(4 << 20), workers: 2, backend: Backend::Mapped };
        assert_eq!(near(&some).len(), 3);
        assert_eq!(near(&Setting { chunk: ChunkSize::Auto, ..some }), []);
        assert_eq!(some.to_string(), "4MiB x 2 mapped");
    }
}
