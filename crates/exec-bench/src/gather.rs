//! The speed of gathering random rows, and of scans after it.

use std::path::Path;
use std::time::Instant;

use rowmill_core::{Array, Backend, Element, OpenOptions, match_array, zeros};
use rowmill_exec::{Engine, Numeric, Result, RowOrder, Sum};

use crate::measure::Samples;
use crate::patterns::random;

/// The destination of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Into a new vector each time.
    Collect,
    /// Into the same memory each time.
    ReadInto,
    /// Through an epoch of shuffled batches of this many rows: every row.
    Batches(usize),
}

/// Gathers `rows` random rows `runs` times, without a warm-up: the first run is cold if the file
/// is. Then times `sums` sums of the whole file.
///
/// # Errors
/// Those of opening the file and of the jobs.
pub fn gather(
    file: &Path,
    backend: Backend,
    (rows, order, to): (usize, RowOrder, To),
    runs: usize,
    sums: usize,
) -> Result<[Samples; 2]> {
    let x = OpenOptions::new().backend(backend).open_any(file)?;
    match_array!(&x,
        x => measure(x, (rows, order, to), runs, sums);
        complex x => crate::error::complex(x).map_err(rowmill_exec::Error::kernel))
}

fn measure<T: Element + Numeric>(
    x: &Array<T>,
    (rows, order, to): (usize, RowOrder, To),
    runs: usize,
    sums: usize,
) -> Result<[Samples; 2]> {
    let engine = Engine::new()?;
    let indices = random(0, rows, x.shape().rows());
    let mut out = match to {
        To::ReadInto => zeros(rows * x.shape().row_len()).unwrap_or_default(),
        _ => Vec::new(),
    };
    let mut gathers = Samples { name: "rows".to_owned(), seconds: Vec::new() };
    for _ in 0..runs {
        let start = Instant::now();
        match to {
            To::Collect => drop(engine.rows(x, &indices).order(order).collect()?),
            To::ReadInto => engine.rows(x, &indices).order(order).read_into(&mut out)?,
            To::Batches(rows) => {
                for batch in engine.shuffled_batches(x.clone(), 1).batch_rows(rows) {
                    drop(batch?);
                }
            }
        }
        gathers.seconds.push(start.elapsed().as_secs_f64());
    }
    let mut scans = Samples { name: "sum after".to_owned(), seconds: Vec::new() };
    for _ in 0..sums {
        let start = Instant::now();
        engine.reduce(x, Sum::all())?;
        scans.seconds.push(start.elapsed().as_secs_f64());
    }
    Ok([gathers, scans])
}
