//! The facts about a file and a machine that the decision needs, measured in a few seconds.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rowmill_core::{Array, Backend, Element, Meta, OpenOptions, Source, match_array};
use rowmill_exec::{Engine, Numeric, memory};
use tempfile::TempDir;

use super::work::{Took, run};
use super::{Choice, Facts, Pace, Pattern, Plan};
use crate::load::Loaded;
use crate::measure::median;
use crate::{Error, Result};

/// The bytes to probe of a file that is large, or not all in the page cache.
const PART: usize = 256 << 20;

/// Files up to this size that are in the page cache are probed as a whole.
const WHOLE: usize = 2 << 30;

/// Rounds of all choices, and the seconds after which none is begun.
const ROUNDS: usize = 5;
const ENOUGH: f64 = 4.0;

/// The most passes of one probe: the first after opening is unlike the others, and random rows fill
/// the page tables little by little.
const PASSES: usize = 3;
const RANDOM_PASSES: usize = 8;

/// Arrays of at most this many bytes are probed over many passes: one is over before
/// the workers are awake.
const SHORT: usize = 16 << 20;
const SHORT_PASSES: usize = 200;

/// A part counts as warm when this fraction of it is in the page cache.
const COLD: f64 = 0.25;

/// Measures the facts.
pub(super) fn probe(path: &Path, plan: Plan) -> Result<(Facts, Meta)> {
    let auto = OpenOptions::new().open_any(path)?;
    let remote = cfg!(any(target_os = "linux", target_vendor = "apple"))
        && auto.backend() == Backend::Positioned;
    drop(auto);
    let any = OpenOptions::new().backend(Backend::Positioned).open_any(path)?;
    let meta = any.meta().clone();
    let facts = match_array!(
        &any,
        x => Probe::new(x, plan)?.facts(remote);
        complex x => crate::error::complex(x)
    )?;
    Ok((facts, meta))
}

/// The array that is probed, and the means to do so.
struct Probe<'a, T: Element> {
    array: &'a Array<T>,
    plan: Plan,
    engine: Engine,
    /// The rows that each choice looks at.
    parts: [Range<usize>; 3],
    cached: f64,
}

/// The fraction of some rows that is in the page cache, from a few samples. Each `phase` samples
/// other places: a sample brings its neighbourhood in.
fn cached<T: Element>(array: &Array<T>, rows: &Range<usize>, phase: f64) -> f64 {
    const LOOKS: usize = 32;
    let looks = LOOKS.min(rows.len()).max(1);
    let row =
        |i: usize| rows.start + (rows.len() as f64 * (i as f64 + phase) / looks as f64) as usize;
    let found = (0..looks).filter(|&i| array.is_cached(row(i))).count();
    found as f64 / looks as f64
}

impl<'a, T: Numeric> Probe<'a, T> {
    fn new(array: &'a Array<T>, plan: Plan) -> Result<Self> {
        let (rows, bytes) = (array.shape().rows(), array.meta().byte_len());
        if bytes == 0 {
            return Err(Error::TooSmall { found: 0, least: 1 });
        }
        let cached = cached(array, &(0..rows), 0.2);
        let is_warm = cached > 0.98 && bytes <= WHOLE;
        let some = (rows as f64 * (PART as f64 / bytes as f64).min(0.3)) as usize;
        let parts = [0, 1, 2].map(|i| {
            let first = rows / 3 * i;
            if is_warm || some == 0 { 0..rows } else { first..first + some }
        });
        Ok(Self { array, plan, engine: Engine::new()?, parts, cached })
    }

    fn facts(&self, remote: bool) -> Result<Facts> {
        let rows = self.array.shape().rows();
        let bytes = self.array.meta().byte_len();
        let (cold, copy) = if self.plan.pattern == Pattern::Rewrite {
            ([None; 3], Some(self.copy()?))
        } else {
            (self.cold()?, None)
        };
        // A copy is cold where the file is: its first read is what a cold read of the file takes.
        let cold_load = if copy.is_some() { self.cold_load()? } else { cold[2] };
        let path = copy.as_ref().map_or(self.array.path(), |(_, path)| path);
        let mut took: [Vec<Took>; 3] = Default::default();
        let start = Instant::now();
        for round in 0..ROUNDS {
            if round > 0 && start.elapsed().as_secs_f64() > ENOUGH {
                break;
            }
            for (choice, took) in Choice::ALL.into_iter().zip(&mut took) {
                took.push(self.run(path, choice, self.passes())?);
            }
        }
        let scale = |i: usize| rows as f64 / self.parts[i].len().max(1) as f64;
        let of = |i: usize, what: &dyn Fn(&Took) -> f64| {
            median(&took[i].iter().map(what).collect::<Vec<_>>()) * scale(i)
        };
        let first = |took: &Took| took.passes[0];
        // The second half of the passes is steady. Their mean, because slow passes count as well.
        let mean = |seconds: &[f64]| seconds.iter().sum::<f64>() / seconds.len() as f64;
        let again = |took: &Took| mean(&took.passes[took.passes.len().div_ceil(2)..]);
        let load = Pace { cold: cold_load, first: of(2, &|t| t.ready), again: of(2, &|t| t.ready) };
        let waits = cold_load.map(|cold| (cold - load.first).max(0.0));
        let pace = |i: usize| {
            let (first, again) = (of(i, &first), of(i, &again));
            // A cold rewrite waits for the same reads as a cold load.
            let cold = if copy.is_some() { waits.map(|waits| first + waits) } else { cold[i] };
            Pace { cold, first, again }
        };
        Ok(Facts {
            plan: self.plan,
            bytes: bytes as u64,
            rows,
            free_memory: memory::free(),
            cached: self.cached,
            remote,
            map: pace(0),
            read: pace(1),
            memory: of(2, &|t| mean(&t.passes)),
            load,
        })
    }

    fn is_cold(&self, part: &Range<usize>) -> bool {
        part.len() < self.array.shape().rows() && cached(self.array, part, 0.7) < COLD
    }

    /// The number of passes of a probe.
    fn passes(&self) -> usize {
        let most = match self.plan.pattern {
            Pattern::Rewrite => PASSES,
            _ if self.array.meta().byte_len() <= SHORT => SHORT_PASSES,
            Pattern::Random => RANDOM_PASSES,
            _ => PASSES,
        };
        self.plan.passes.clamp(2, most)
    }

    /// Some passes of a choice over its part.
    fn run(&self, path: &Path, choice: Choice, passes: usize) -> Result<Took> {
        let part = self.parts[choice as usize].clone();
        let picked = self.plan.picked as f64 * part.len() as f64 / self.array.shape().rows() as f64;
        let plan = Plan { passes, picked: (picked as usize).max(1), ..self.plan };
        run::<T>(path, part, choice, &plan, &self.engine)
    }

    /// One pass of each choice over a part that is not in the page cache, if there is one, as for
    /// the whole file; for [`Choice::Load`], the loading.
    fn cold(&self) -> Result<[Option<f64>; 3]> {
        let mut cold = [None; 3];
        for choice in Choice::ALL {
            let part = &self.parts[choice as usize];
            if self.is_cold(part) {
                let took = self.run(self.array.path(), choice, 1)?;
                let seconds = if choice == Choice::Load { took.ready } else { took.total() };
                let scale = self.array.shape().rows() as f64 / part.len() as f64;
                cold[choice as usize] = Some(seconds * scale);
            } else if part.len() < self.array.shape().rows() {
                // In the page cache from here on, for what follows.
                self.run(self.array.path(), choice, 1)?;
            }
        }
        Ok(cold)
    }

    /// The time of loading the whole cold file.
    fn cold_load(&self) -> Result<Option<f64>> {
        let part = &self.parts[2];
        if !self.is_cold(part) {
            return Ok(None);
        }
        let start = Instant::now();
        Loaded::read(self.array, part.clone(), self.engine.workers())?;
        let scale = self.array.shape().rows() as f64 / part.len() as f64;
        Ok(Some(start.elapsed().as_secs_f64() * scale))
    }

    /// A copy of the part, beside the file, in the page cache; removed with its folder.
    fn copy(&self) -> Result<(TempDir, PathBuf)> {
        let dir = self.array.path().parent().filter(|d| !d.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new()
            .prefix("rowmill-advise-")
            .tempdir_in(dir)
            .map_err(Error::io("make a folder in", dir))?;
        let path = folder.path().join("part.npy");
        let rows = self.parts[0].clone();
        let part = Loaded::read(self.array, rows, self.engine.workers())?;
        let dims = part.shape().dims().to_vec();
        let mut copy = rowmill_core::ArrayMut::<T>::create(&path, dims)?;
        copy.write_rows(0, part.elements())?;
        copy.close()?;
        Ok((folder, path))
    }
}
