//! Training on an array file in shuffled order: every row once per epoch, in the same order on
//! every machine, with long reads that overlap training. Single rows are read by index at the end.
//!
//! Run it with `cargo run --release --example shuffled_batches`.

use std::error::Error;

use rowmill::{Array, Engine};

/// Columns of `weather.npy`. The model predicts the temperature from the dew point.
const DEW_POINT: usize = 1;
const TEMPERATURE: usize = 0;

fn main() -> Result<(), Box<dyn Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
    let x = Array::<f32>::open(path)?; // 26,115 hours of 9 values
    let engine = Engine::new()?;

    // Stochastic gradient descent on `temperature = slope * dew point + offset`, both in units of
    // 100 degrees. Rows with a missing value are skipped.
    let (mut slope, mut offset) = (0.0, 0.0);
    for epoch in 0..5 {
        let (mut squares, mut rows) = (0.0, 0);
        // The seed is constant, and each epoch has its own order. Cloning shares the mapping.
        let batches = engine.shuffled_batches(x.clone(), 2024).batch_rows(256).epoch(epoch);
        for batch in batches {
            let batch = batch?; // the rows, and `indices()`: where they are in the file
            let (mut by_slope, mut by_offset, mut n) = (0.0, 0.0, 0.0);
            for row in batch.iter_rows() {
                let (x, y) = (row[DEW_POINT] / 100.0, row[TEMPERATURE] / 100.0);
                if x.is_nan() || y.is_nan() {
                    continue;
                }
                let error = slope * x + offset - y;
                by_slope += error * x;
                by_offset += error;
                squares += f64::from(error * error);
                n += 1.0;
            }
            slope -= by_slope / n;
            offset -= by_offset / n;
            rows += batch.indices().len();
        }
        let typical = (squares / rows as f64).sqrt() * 100.0;
        println!("epoch {epoch}: {rows} rows, typical error {typical:.2} degrees");
    }
    println!("temperature = {slope:.3} * dew point + {:.2}\n", offset * 100.0);

    // Any rows, in any order, with repetitions: NumPy's x[[20000, 5, 20000]].
    let picked = [20_000, 5, 20_000];
    let (values, shape) = engine.rows(&x, &picked).collect()?;
    println!("rows {picked:?} have the shape {shape}:");
    for (index, row) in picked.iter().zip(values.chunks(shape.row_len())) {
        println!("  {index:>5}: {row:?}");
    }
    Ok(())
}
