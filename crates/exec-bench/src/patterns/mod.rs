//! Orders of visiting rows against each other: `access-patterns`.
//!
//! Each order runs through a mapping, through positioned reads, and over a copy in memory that is
//! loaded first. The work on each row is kept to a minimum.

mod made;
mod order;
mod page;
mod report;

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rowmill_core::{Array, Backend, Element, OpenOptions, Source, TileBuffer, match_array};
use rowmill_exec::memory::{self, Usage};
use rowmill_exec::{Isa, Numeric};
use serde::Serialize;

pub use made::{MadeFile, made_dtypes, make_file};
pub use order::Pattern;
pub(crate) use order::random;
pub use report::Report;

use crate::cache::Cold;
use crate::limit::{pread_all, read_all};
use crate::load::Loaded;
use crate::machine::Machine;
use crate::measure::outlier_warning;
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

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Positioned => "positioned",
            Self::Loaded => "loaded",
        }
    }
}

/// The extent of a measurement.
#[derive(Clone, Debug)]
pub struct Options {
    /// Numbers of workers.
    pub workers: Vec<usize>,
    /// Rounds, each of everything in turns.
    pub runs: usize,
    /// Whether files that are not in the page cache are measured as well.
    pub cold: bool,
    /// The most rows that are picked at random.
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

/// The bare read of the whole file, which figures are parts of.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// Whether the file was not in the page cache.
    pub cold: bool,
    /// Threads; at least 16 for a cold file, because many readers keep a disk busy.
    pub workers: usize,
    /// One for each round.
    pub seconds: Vec<f64>,
    /// A second mapped, sequential visit in each round: its difference from the first is noise.
    pub again: Vec<f64>,
}

/// Readers that keep a disk busy.
const READERS: usize = 16;

/// Visits the rows of an array file in every order.
///
/// # Errors
/// Those of opening and reading the file.
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
    let (mut visits, mut limits) = (Vec::new(), Vec::new());
    for cold in warmth.into_iter().flatten() {
        for &workers in &options.workers {
            let job = Job { path, cold, workers, picked: options.picked, loads };
            let (found, limit) = match_array!(&any,
                x => job.rounds(x, options.runs);
                complex x => crate::error::complex(x))?;
            visits.extend(found);
            limits.push(limit);
        }
    }
    let samples: Vec<_> = visits.iter().map(Visits::to_samples).collect();
    notes.extend(outlier_warning(&samples));
    Ok(Report {
        file: path.display().to_string(),
        dtype: any.dtype().to_string(),
        shape: any.shape().dims().to_vec(),
        bytes,
        machine: Machine::this(),
        notes,
        limits,
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
    fn rounds<T: Numeric>(&self, array: &Array<T>, runs: usize) -> Result<(Vec<Visits>, Limit)> {
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
        let (cold, workers) = (self.cold.is_some(), self.workers);
        let mut limit = Limit { cold, workers, seconds: Vec::new(), again: Vec::new() };
        // The first warm round warms up.
        let warm_up = usize::from(!cold);
        for round in 0..runs + warm_up {
            let bare = self.limit::<T>()?;
            let mut again = None;
            for (visits, order) in &mut all {
                let sample = self.visit::<T>(visits.access, order)?;
                if round >= warm_up {
                    visits.samples.push(sample);
                }
                if (visits.access, visits.pattern) == (Access::Mapped, Pattern::Sequential) {
                    again = Some(self.visit::<T>(visits.access, order)?.seconds);
                }
            }
            if round >= warm_up {
                limit.seconds.push(bare);
                limit.again.extend(again);
            }
        }
        Ok((all.into_iter().map(|(visits, _)| visits).collect(), limit))
    }

    /// Empties the page cache, if that is asked for.
    fn cool(&self) -> Result<()> {
        let empty = |way: Cold| way.empty(self.path);
        self.cold.map_or(Ok(()), empty).map_err(Error::io("empty the page cache for", self.path))
    }

    /// The bare read of the whole file, in seconds.
    fn limit<T: Element>(&self) -> Result<f64> {
        self.cool()?;
        let array: Array<T> = OpenOptions::new().backend(Backend::Mapped).open(self.path)?;
        let start = Instant::now();
        match array.as_slice().filter(|_| self.cold.is_none()) {
            // As in `limit`, page tables exist before the clock starts.
            Some(elements) => {
                let isa = Isa::detect();
                black_box(read_all(T::bytes(elements), self.workers, isa));
                let start = Instant::now();
                black_box(read_all(T::bytes(elements), self.workers, isa));
                return Ok(start.elapsed().as_secs_f64());
            }
            None if self.cold.is_none() => black_box(pread_all(self.path, self.workers)?),
            None => black_box(pread_all(self.path, self.workers.max(READERS))?),
        };
        Ok(start.elapsed().as_secs_f64())
    }

    fn visit<T: Element>(&self, access: Access, order: &[Range<usize>]) -> Result<Sample> {
        self.cool()?;
        let before = Usage::watch_peak();
        let start = Instant::now();
        let backend = if access == Access::Mapped { Backend::Mapped } else { Backend::Positioned };
        let array: Array<T> = OpenOptions::new().backend(backend).open(self.path)?;
        let first = match access {
            Access::Loaded => {
                let loaded = Loaded::read(&array, 0..array.shape().rows(), self.workers)?;
                visit_rows(&loaded, order, self.workers, start)?
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

/// Visits runs of rows with some workers; returns the seconds from `start` to the first row.
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

/// A number that depends on every byte.
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
