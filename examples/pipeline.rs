//! A batch job from end to end: fill a new array file, normalize it, and stream the result to a
//! consumer slower than the workers. The job reports progress and can be cancelled.
//!
//! Run it with `cargo run --release --example pipeline`.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rowmill::{Array, CancelToken, ChunkSize, CreateOptions, Engine, Moments, Normalize, Progress};

const ROWS: usize = 400_000;
const COLUMNS: [&str; 4] = ["time", "load", "noise", "drift"];

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let raw = dir.path().join("measured.npy");
    let scaled = dir.path().join("scaled.npy");
    fill(&raw)?;

    // Progress arrives on this thread, about ten times a second and once at the end of each job.
    // The token works from anywhere: another thread, a signal handler, the progress callback.
    let token = CancelToken::new();
    let engine = Engine::builder()
        .chunk(ChunkSize::Rows(5_000))
        .progress(|p: &Progress| {
            println!("  [{:<6} {:>7} of {} bytes]", p.job, p.done, p.total);
        })
        .cancel(token.clone())
        .build()?;

    println!("\nNormalizing:");
    let x = Array::<f32>::open(&raw)?;
    engine.normalize(&x, Normalize::z_score().per_column()).write_npy(&scaled)?;

    println!("\nStreaming to a slow consumer:");
    let z = Array::<f32>::open(&scaled)?;
    stream(&engine, &z)?;

    // A cancelled job stops within one chunk and leaves no unfinished file behind.
    println!("\nCancelling:");
    token.cancel();
    let never = dir.path().join("never.npy");
    let outcome = engine.normalize(&x, Normalize::min_max()).write_npy(&never);
    println!("  {}", outcome.expect_err("the token was used"));
    println!("  a file is there: {}", never.exists());
    assert!(!never.exists());

    // The token is reset for the next job.
    token.reset();
    let moments = engine.reduce(&z, Moments::all())?;
    println!("\nAfter all that: mean {:.1e}, std {:.6}", moments.mean, moments.std());
    Ok(())
}

/// Creates an array of zeros and fills it range by range, as results arrive.
fn fill(path: &Path) -> Result<(), Box<dyn Error>> {
    // The file is allocated at full length here, so the disk cannot run out later.
    let mut x = CreateOptions::new().columns(COLUMNS).create::<f32>(path, [ROWS, COLUMNS.len()])?;
    println!("Filling {ROWS} rows:");
    let step = ROWS / 4;
    for start in (0..ROWS).step_by(step) {
        let rows = start..ROWS.min(start + step);
        // The rows are lent in place, as one slice that threads can divide.
        let lent = x.rows_mut(rows.clone())?;
        let (first, second) = lent.split_at_mut(step / 2 * COLUMNS.len());
        thread::scope(|scope| {
            scope.spawn(|| measure(rows.start, first));
            measure(rows.start + step / 2, second);
        });
        // Until here, a power cut may lose these rows. From here on they are durable.
        x.flush_rows(rows.clone())?;
        println!("  rows 0 to {} are durable", rows.end);
    }
    // Makes the remaining rows durable and reports any failure; dropping would not.
    x.close()?;
    Ok(())
}

/// Stands for your own source of data.
fn measure(first_row: usize, rows: &mut [f32]) {
    for (i, row) in rows.chunks_exact_mut(COLUMNS.len()).enumerate() {
        let n = first_row + i;
        let noise = n.wrapping_mul(2_654_435_761) % 1000;
        row.copy_from_slice(&[
            n as f32,
            (n % 86_400) as f32 / 864.0,
            noise as f32 / 1000.0,
            (n as f32).sqrt(),
        ]);
    }
}

/// Finds the largest value of each chunk on the workers, and consumes the results in row order.
fn stream(engine: &Engine, z: &Array<f32>) -> rowmill::Result<()> {
    let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (mut most_ahead, mut largest) = (0, (0, f32::MIN));
    engine.stream(
        z,
        // This runs on the workers, many chunks at a time.
        |chunk| {
            made.fetch_add(1, Ordering::Relaxed);
            Ok(chunk.as_slice().iter().copied().fold(f32::MIN, f32::max))
        },
        // This runs on the calling thread, in order. While it is busy, the workers get ahead by a
        // few chunks and then wait, so memory does not grow with the file.
        |rows, max| {
            thread::sleep(Duration::from_millis(4));
            let taken = taken.fetch_add(1, Ordering::Relaxed);
            most_ahead = most_ahead.max(made.load(Ordering::Relaxed) - taken);
            if max > largest.1 {
                largest = (rows.start, max);
            }
            // `Break` would end the stream early; that is not an error.
            ControlFlow::Continue(())
        },
    )?;
    let (made, workers) = (made.into_inner(), engine.workers());
    println!("  {made} chunks; at most {most_ahead} in memory at a time, with {workers} workers");
    println!("  the largest value, {:.3}, is in the chunk from row {}", largest.1, largest.0);
    Ok(())
}
