//! Orders of visiting rows against each other: `access-patterns`.
//!
//! Each order runs through a mapping, through positioned reads, and over a copy in memory that is
//! loaded first. What is done with a row is as little as possible.

mod order;
mod report;

use std::hint::black_box;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rowmill_core::{
    Array, Backend, Element, OpenOptions, SliceSource, Source, TileBuffer, match_array,
};
use rowmill_exec::memory::{self, Usage};
use rowmill_exec::{Engine, Numeric};
use serde::Serialize;

pub use order::Pattern;
pub(crate) use order::random;
pub use report::Report;

use crate::cache::Cold;
use crate::machine::Machine;
use crate::{Error, Result};

/// How rows are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// One mapping for all workers.
    Mapped,
    /// Reads at positions, each worker into its own buffer.
    Positioned,
    /// All of it is read into memory first.
    Loaded,
}

impl Access {
    const ALL: [Self; 3] = [Self::Mapped, Self::Positioned, Self::Loaded];

    /// As it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Positioned => "positioned",
            Self::Loaded => "loaded",
        }
    }
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Numbers of workers.
    pub workers: Vec<usize>,
    /// Rounds, each of everything in turns.
    pub runs: usize,
    /// Whether files that are not in the page cache are measured as well.
    pub cold: bool,
    /// Rows that are picked at random at most.
    pub picked: usize,
}

/// One visit of all rows of an order.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// From before the file was opened to the last row.
    pub seconds: f64,
    /// From before the file was opened to the first row.
    pub first_row: f64,
    /// Page faults that did not wait for a disk.
    pub minor_faults: Option<u64>,
    /// Page faults that did.
    pub major_faults: Option<u64>,
    /// The most bytes that the process had resident.
    pub peak_resident: Option<u64>,
}

/// All visits of an order.
#[derive(Clone, Debug, Serialize)]
pub struct Visits {
    /// The order.
    pub pattern: Pattern,
    /// How rows were reached.
    pub access: Access,
    /// Whether the file was not in the page cache.
    pub cold: bool,
    /// Threads.
    pub workers: usize,
    /// Rows that were visited.
    pub rows: usize,
    /// Their bytes.
    pub bytes: u64,
    /// One for each round.
    pub samples: Vec<Sample>,
}

/// Visits the rows of an array file in every order.
///
/// # Errors
/// What opening and reading the file gives.
pub fn measure(path: &Path, options: &Options) -> Result<Report> {
    let any = OpenOptions::new().backend(Backend::Positioned).open_any(path)?;
    let mut notes = Vec::new();
    let way = match options.cold.then(|| match_array!(&any, x => Cold::find(x))) {
        None => None,
        Some(Ok(way)) => Some(way),
        Some(Err(reason)) => {
            notes.push(format!("cold runs were not possible: {reason}"));
            None
        }
    };
    let bytes = any.meta().byte_len() as u64;
    let loads = memory::free().is_none_or(|free| bytes < free / 10 * 6);
    if !loads {
        notes.push("loading was not measured: the file would take over 60 % of free memory".into());
    }
    let warmth = [Some(None), way.map(Some)];
    let mut visits = Vec::new();
    for cold in warmth.into_iter().flatten() {
        for &workers in &options.workers {
            let job = Job { path, cold, workers, picked: options.picked, loads };
            visits.extend(match_array!(&any, x => job.rounds(x, options.runs))?);
        }
    }
    Ok(Report {
        file: path.display().to_string(),
        dtype: any.dtype().to_string(),
        shape: any.shape().dims().to_vec(),
        bytes,
        machine: Machine::this(),
        notes,
        visits,
    })
}

/// Everything that takes turns.
struct Job<'a> {
    path: &'a Path,
    cold: Option<Cold>,
    workers: usize,
    picked: usize,
    loads: bool,
}

impl Job<'_> {
    fn rounds<T: Numeric>(&self, array: &Array<T>, runs: usize) -> Result<Vec<Visits>> {
        let (rows, row_len) = (array.shape().rows(), array.shape().row_len());
        let row_bytes = row_len * size_of::<T>();
        let mut all = Vec::new();
        for access in Access::ALL.into_iter().filter(|&a| self.loads || a != Access::Loaded) {
            for pattern in Pattern::ALL {
                let order = pattern.runs(rows, row_bytes, self.picked.min(rows));
                let visited: usize = order.iter().map(ExactSizeIterator::len).sum();
                let bytes = (visited * row_bytes) as u64;
                let (cold, workers) = (self.cold.is_some(), self.workers);
                let samples = Vec::with_capacity(runs);
                let visits =
                    Visits { pattern, access, cold, workers, rows: visited, bytes, samples };
                all.push((visits, order));
            }
        }
        // Of what is warm the first round warms up.
        let warm_up = usize::from(self.cold.is_none());
        for round in 0..runs + warm_up {
            for (visits, order) in &mut all {
                let sample = self.visit::<T>(visits.access, order)?;
                if round >= warm_up {
                    visits.samples.push(sample);
                }
            }
        }
        Ok(all.into_iter().map(|(visits, _)| visits).collect())
    }

    fn visit<T: Element>(&self, access: Access, order: &[Range<usize>]) -> Result<Sample> {
        if let Some(way) = self.cold {
            way.empty(self.path).map_err(Error::io("empty the page cache for", self.path))?;
        }
        let before = Usage::watch_peak();
        let start = Instant::now();
        let backend = if access == Access::Mapped { Backend::Mapped } else { Backend::Positioned };
        let array: Array<T> = OpenOptions::new().backend(backend).open(self.path)?;
        let first = match access {
            Access::Loaded => {
                let engine = Engine::builder().workers(self.workers).build()?;
                let all: Vec<usize> = (0..array.shape().rows()).collect();
                let loaded = engine.rows(&array, &all).collect()?.0;
                let shape = array.shape().dims().to_vec();
                let source = SliceSource::new(&loaded, shape)
                    .ok_or(Error::TooSmall { found: loaded.len(), least: array.shape().len() })?;
                visit_rows(&source, order, self.workers, start)?
            }
            _ => visit_rows(&array, order, self.workers, start)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        let used = before.zip(Usage::now());
        Ok(Sample {
            seconds,
            first_row: first,
            minor_faults: used.map(|(before, after)| after.minor_faults - before.minor_faults),
            major_faults: used.map(|(before, after)| after.major_faults - before.major_faults),
            peak_resident: used.map(|(_, after)| after.peak),
        })
    }
}

/// Runs that a worker takes at a time.
const TAKEN: usize = 16;

/// Visits runs of rows with some workers; gives when the first row was there, in seconds since
/// `start`.
fn visit_rows<T: Element>(
    source: &impl Source<T>,
    order: &[Range<usize>],
    workers: usize,
    start: Instant,
) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let first = Mutex::new(f64::INFINITY);
    let work = || -> Result<u64> {
        let mut buffer = TileBuffer::new();
        let mut seen = 0;
        let mut is_first = true;
        loop {
            let taken = next.fetch_add(TAKEN, Ordering::Relaxed);
            if taken >= order.len() {
                return Ok(seen);
            }
            for rows in &order[taken..order.len().min(taken + TAKEN)] {
                seen ^= look_at(T::bytes(source.rows(rows.clone(), &mut buffer)?));
                if is_first {
                    is_first = false;
                    let now = start.elapsed().as_secs_f64();
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    *first = first.min(now);
                }
            }
        }
    };
    let result = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let panicked = |_| Err(Error::WorkerPanicked);
        others.into_iter().fold(mine, |all, other| all.and(other.join().unwrap_or_else(panicked)))
    });
    black_box(result?);
    Ok(first.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Something that depends on every byte.
fn look_at(bytes: &[u8]) -> u64 {
    let (lines, rest) = bytes.as_chunks::<64>();
    let mut seen = [0_u64; 8];
    for line in lines {
        for (seen, word) in seen.iter_mut().zip(line.as_chunks::<8>().0) {
            *seen ^= u64::from_ne_bytes(*word);
        }
    }
    let rest = rest.iter().fold(0, |all, &byte| all ^ u64::from(byte));
    seen.into_iter().fold(rest, |all, word| all ^ word)
}

/// An array file to measure on, made for it; removed when dropped.
///
/// # Errors
/// When there is no room for it in `dir`.
pub fn make_file(dir: &Path, bytes: usize, cols: usize, dtype: MadeDType) -> Result<MadeFile> {
    let folder = crate::files::Folder::new(dir)?;
    let path = folder.path("x.npy");
    let rows = (bytes / dtype.size() / cols).max(1);
    let (dims, native) = ([rows, cols], crate::files::Layout::Native);
    match dtype {
        MadeDType::F32 => crate::files::write::<f32>(&path, dims, native)?,
        MadeDType::F64 => crate::files::write::<f64>(&path, dims, native)?,
        MadeDType::I32 => crate::files::write::<i32>(&path, dims, native)?,
        MadeDType::I64 => crate::files::write::<i64>(&path, dims, native)?,
        MadeDType::U8 => crate::files::write::<u8>(&path, dims, native)?,
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
    _folder: crate::files::Folder,
}

impl MadeFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
