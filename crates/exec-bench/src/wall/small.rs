//! Small arrays, where a call costs more than its arithmetic; and opening files.

use std::hint::black_box;
use std::time::Instant;

use rowmill_core::{Array, SliceSource};
use rowmill_exec::{Engine, Sum};

use super::{Bench, DataFile, Line, in_place};
use crate::Result;
use crate::files::Layout;
use crate::measure::Timed;

const CALL: &str = "call on 1 KB in memory, over the bare loop";
const CALL_MAPPED: &str = "call on 1 KB mapped, over the bare loop";
const WORKERS: &str = "sum of 1 MB, all workers, of one worker";
const OPEN_SMALL: &str = "open a .npy of 1 KB";
const OPEN_LARGE: &str = "open the large .npy";

/// Calls in a run: one is too short for the clock.
const CALLS: usize = 2000;

/// Adds the lines.
pub(super) fn add(bench: &mut Bench<'_>) -> Result<()> {
    if [CALL, CALL_MAPPED, OPEN_SMALL].into_iter().any(|name| bench.wants(name)) {
        // 1 KB, about.
        let file = bench.make::<f32>([25, 10], Layout::Native)?;
        let x = Array::<f32>::open(file.path())?;
        calls(bench, &x)?;
        open(bench, OPEN_SMALL, &file)?;
    }
    if bench.wants(WORKERS) {
        workers(bench)?;
    }
    if bench.wants(OPEN_LARGE) {
        bench.native()?;
        if let Some(file) = bench.native.take() {
            open(bench, OPEN_LARGE, &file)?;
            bench.native = Some(file);
        }
    }
    Ok(())
}

fn calls(bench: &mut Bench<'_>, mapped: &Array<f32>) -> Result<()> {
    let data = in_place(mapped)?.0.to_vec();
    let Ok(x) = SliceSource::new(&data, mapped.shape().dims()) else { return Ok(()) };
    let engine = &bench.engine;
    let bare = many("bare loop", || {
        black_box(bare_sum(black_box(&data)));
        Ok(())
    });
    let call = many(CALL, || {
        black_box(engine.reduce(black_box(&x), Sum::all())?);
        Ok(())
    });
    let call_mapped = many(CALL_MAPPED, || {
        black_box(engine.reduce(black_box(mapped), Sum::all())?);
        Ok(())
    });
    let [bare, call, call_mapped] = bench.time(&mut [bare, call, call_mapped])?;
    for (name, job) in [(CALL, call), (CALL_MAPPED, call_mapped)] {
        if bench.wants(name) {
            bench.add(Line::excess(name, 2e-6, bare.clone(), job));
        }
    }
    Ok(())
}

/// The loop that an expert would write in place of the call.
fn bare_sum(values: &[f32]) -> f64 {
    let (lanes, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for lane in lanes {
        for (sum, &value) in sums.iter_mut().zip(lane) {
            *sum += f64::from(value);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().copied().map(f64::from).sum::<f64>()
}

fn workers(bench: &mut Bench<'_>) -> Result<()> {
    let one = Engine::builder().workers(1).build()?;
    let data: Vec<f32> = (0..250_000).map(|i| (i % 1000) as f32).collect();
    let Ok(x) = SliceSource::new(&data, [250, 1000]) else { return Ok(()) };
    let sum = |engine: &Engine| -> Result<()> {
        black_box(engine.reduce(black_box(&x), Sum::all())?);
        Ok(())
    };
    let all = &bench.engine;
    let [one, all] =
        bench.time(&mut [many("one worker", || sum(&one)), many(WORKERS, || sum(all))])?;
    bench.add(Line::ratio(WORKERS, size_of_val(data.as_slice()), 1.0, &one, all));
    Ok(())
}

fn open(bench: &mut Bench<'_>, name: &str, file: &DataFile) -> Result<()> {
    if bench.wants(name) {
        let job = many(name, || {
            black_box(Array::<f32>::open(file.path())?);
            Ok(())
        });
        let [job] = bench.time(&mut [job])?;
        bench.add(Line::seconds(name, 100e-6, job));
    }
    Ok(())
}

/// The time of one call, from many.
fn many<'a>(name: &str, mut call: impl FnMut() -> Result<()> + 'a) -> Timed<'a> {
    Timed::laps([name], move || {
        let start = Instant::now();
        for _ in 0..CALLS {
            call()?;
        }
        Ok(vec![start.elapsed().as_secs_f64() / CALLS as f64])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bare_loop_sums() {
        let values: Vec<f32> = (0..250_u8).map(f32::from).collect();
        assert_eq!(bare_sum(&values), 31_125.0);
    }
}
