//! A file that is not in the page cache, against the fastest cold read by any means.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use rowmill_core::{Array, Backend, OpenOptions};

use super::{Bench, DataFile, Line, in_place};
use crate::cache::Cold;
use crate::limit::{pread_all, read_all};
use crate::measure::{Samples, Timed, rounds};
use crate::scan::{Axis, Kernel, Scan};
use crate::{Error, Result};

const MAPPED: &str = "cold sum f32";
const POSITIONED: &str = "cold sum f32, positioned backend";

/// Readers that each ask for 1 MiB at a time.
const READERS: [usize; 5] = [1, 2, 4, 8, 16];

/// Adds the lines, if cold reads are asked for.
pub(super) fn add(bench: &mut Bench<'_>) -> Result<()> {
    let wanted = [MAPPED, POSITIONED].into_iter().any(|name| bench.wants(name));
    if !bench.options.cold || !wanted {
        return Ok(());
    }
    if let Err(error) = Cold::Everything.empty(Path::new("")) {
        bench.note(format!(
            "cold reads were not measured: the page cache cannot be emptied, which takes root on \
             Linux ({error})"
        ));
        return Ok(());
    }
    let len = size_of_val(in_place(&bench.native()?)?.0);
    let Some(path) = bench.native.as_ref().map(DataFile::path) else { return Ok(()) };
    let (engine, isa) = (&bench.engine, bench.engine.isa());
    let sum = move |backend| -> Result<()> {
        let x = OpenOptions::new().backend(backend).open::<f32>(path)?;
        Scan::new(Kernel::Sum, Axis::All).run(engine, &x)
    };
    let mut jobs = vec![
        cold(path, MAPPED, move || sum(Backend::Mapped)),
        cold(path, POSITIONED, move || sum(Backend::Positioned)),
    ];
    for threads in 1..=engine.workers() {
        jobs.push(cold(path, format!("cold read, mapped, {threads} threads"), move || {
            black_box(read_all(in_place(&Array::<f32>::open(path)?)?.1, threads, isa));
            Ok(())
        }));
    }
    for readers in READERS {
        jobs.push(cold(path, format!("cold read, {readers} readers of 1 MiB"), move || {
            black_box(pread_all(path, readers)?);
            Ok(())
        }));
    }
    // No warm-up: there is nothing to warm.
    let samples = rounds(&mut jobs, bench.options.runs)?;
    drop(jobs);
    let (sums, means) = samples.split_at(2);
    let Some(best) = means.iter().min_by(|a, b| a.median().total_cmp(&b.median())) else {
        return Ok(());
    };
    let line = |job: &Samples, target| Line::ratio(&job.name, len, target, best, job.clone());
    let lines = sums.iter().map(|sum| line(sum, (sum.name == MAPPED).then_some(0.95)));
    let lines: Vec<_> = lines.chain(means.iter().map(|means| line(means, None))).collect();
    for line in lines {
        bench.add(line);
    }
    Ok(())
}

/// A job on a file that is not in the page cache. Nothing may have it mapped meanwhile: mapped
/// pages stay.
fn cold<'a>(
    path: &'a Path,
    name: impl Into<String>,
    mut work: impl FnMut() -> Result<()> + 'a,
) -> Timed<'a> {
    Timed::laps([name], move || {
        Cold::Everything.empty(path).map_err(Error::io("empty the page cache for", path))?;
        let start = Instant::now();
        work()?;
        Ok(vec![start.elapsed().as_secs_f64()])
    })
}
