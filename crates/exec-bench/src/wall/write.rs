//! z-score per column to a new file: all of it, and its write pass against a plain fill.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rowmill_core::Array;
use rowmill_exec::{Engine, Normalize, Progress};

use super::{Bench, Line, in_place};
use crate::measure::{Samples, Timed};
use crate::report::write_limit;
use crate::{Error, Result};

/// The whole job against bare read and bare write, one after the other.
const WHOLE: &str = "z-score f32, whole job";

/// The second pass, which reads and stores, against bare stores.
const STORES: &str = "z-score f32, write pass";

/// All but the first pass against the bare write, durable.
const DURABLE: &str = "z-score f32, write pass, durable";

/// Adds the lines.
pub(super) fn add(bench: &mut Bench<'_>) -> Result<()> {
    if ![WHOLE, STORES, DURABLE].into_iter().any(|name| bench.wants(name)) {
        return Ok(());
    }
    let x = bench.native()?;
    let (_, bytes) = in_place(&x)?;
    let len = bytes.len();
    let limit = write_limit(bench.folder.path("limit.npy"), len, bench.engine.workers());
    let [read, stores, durable, whole, job_stores, job_durable] =
        bench.time(&mut [bench.read_limit(vec![bytes]), limit, z_score(bench, &x)?])?;
    let pairs = read.seconds.iter().zip(&durable.seconds);
    let both = Samples {
        name: "read limit and write limit".to_owned(),
        seconds: pairs.map(|(read, write)| read + write).collect(),
    };
    for (name, target, limit, job) in [
        (WHOLE, None, both, whole),
        (STORES, Some(0.9), stores, job_stores),
        (DURABLE, Some(0.9), durable, job_durable),
    ] {
        if bench.wants(name) {
            bench.add(Line::ratio(name, len, target, &limit, job));
        }
    }
    Ok(())
}

/// When each pass of a job was done.
#[derive(Clone, Copy, Debug, Default)]
struct Passes {
    read: Duration,
    write: Duration,
}

fn z_score<'a>(bench: &Bench<'_>, x: &'a Array<f32>) -> Result<Timed<'a>> {
    let passes = Arc::new(Mutex::new(Passes::default()));
    let seen = Arc::clone(&passes);
    let engine = Engine::builder().workers(bench.engine.workers()).progress(move |p: &Progress| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match p.job {
            "reduce" => seen.read = p.elapsed,
            _ => seen.write = p.elapsed,
        }
    });
    let engine = engine.build()?;
    let path = bench.folder.path("z.npy");
    Ok(Timed::laps([WHOLE, STORES, DURABLE], move || {
        let start = Instant::now();
        engine.normalize(x, Normalize::z_score().per_column()).overwrite(true).write_npy(&path)?;
        let whole = start.elapsed();
        std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        let passes = *passes.lock().unwrap_or_else(PoisonError::into_inner);
        let durable = whole.saturating_sub(passes.read);
        Ok([whole, passes.write, durable].map(|lap| lap.as_secs_f64()).to_vec())
    }))
}
