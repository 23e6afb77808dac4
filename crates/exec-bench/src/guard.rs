//! The cost of the SIGBUS guard: warm scans with it and without it, in turns.

use std::path::Path;

use rowmill_core::{Array, Backend, BusErrors, OpenOptions, match_array};
use rowmill_exec::{Engine, Numeric, Stats, Sum};

use crate::Result;
use crate::measure::{Samples, Timed, interleaved};

/// Times sums and five statistics of a file with and without the guard, in turns after a warm-up.
/// Samples come in pairs: without the guard, with it.
///
/// # Errors
/// Those of opening the file and of the jobs.
pub fn guard(file: &Path, workers: Option<usize>, runs: usize) -> Result<Vec<Samples>> {
    let options = OpenOptions::new().backend(Backend::Mapped);
    let bare = options.clone().bus_errors(BusErrors::Host).open_any(file)?;
    let mut builder = Engine::builder();
    if let Some(workers) = workers {
        builder = builder.workers(workers);
    }
    let engine = &builder.build()?;
    match_array!(&bare,
        bare => measure(engine, bare, &options.open(file)?, runs);
        complex x => crate::error::complex(x))
}

fn measure<T: Numeric>(
    engine: &Engine,
    bare: &Array<T>,
    guarded: &Array<T>,
    runs: usize,
) -> Result<Vec<Samples>> {
    let sum = |x| move || engine.reduce(x, Sum::all()).map(|_| ()).map_err(Into::into);
    let stats = |x| move || engine.reduce(x, Stats::all()).map(|_| ()).map_err(Into::into);
    let mut jobs = [
        Timed::new("sum, no guard", sum(bare)),
        Timed::new("sum, guarded", sum(guarded)),
        Timed::new("stats, no guard", stats(bare)),
        Timed::new("stats, guarded", stats(guarded)),
    ];
    interleaved(&mut jobs, runs)
}
