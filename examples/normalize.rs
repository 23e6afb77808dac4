//! Normalization to a new file: z-scores and a fixed interval, per column.
//!
//! Run it with `cargo run --release --example normalize`.

use std::error::Error;

use rowmill::{Array, Engine, MinMax, Moments, NanPolicy, Normalize};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");

fn main() -> Result<(), Box<dyn Error>> {
    let weather = Array::<f32>::open(WEATHER)?;
    let engine = Engine::new()?;
    let dir = tempfile::tempdir()?;

    // Two reads and one write: statistics first, then the scaled copy. The file takes its name once
    // it is complete and durable. An existing file is refused without `.overwrite(true)`.
    let z_path = dir.path().join("weather_z.npy");
    engine.normalize(&weather, Normalize::z_score().per_column()).write_npy(&z_path)?;

    let unit_path = dir.path().join("weather_unit.npy");
    engine.normalize(&weather, Normalize::min_max().per_column()).write_npy(&unit_path)?;

    // NaN were left out of the statistics and are still NaN in the result.
    let skip = NanPolicy::Skip;
    let before = engine.reduce(&weather, Moments::per_column().nan(skip))?;
    let z = Array::<f32>::open(&z_path)?;
    let after = engine.reduce(&z, Moments::per_column().nan(skip))?;
    let unit = Array::<f32>::open(&unit_path)?;
    let interval = engine.reduce(&unit, MinMax::per_column().nan(skip))?;

    println!("{:<12}{:>22}{:>22}{:>16}", "", "as measured", "z-score", "min-max");
    println!(
        "{:<12}{:>12}{:>10}{:>12}{:>10}{:>16}",
        "column", "mean", "std", "mean", "std", "range"
    );
    for (i, name) in weather.meta().columns.iter().flatten().enumerate() {
        let (old, new, range) = (before[i], after[i], interval[i]);
        println!(
            "{name:<12}{:>12.3}{:>10.3}{:>12.1e}{:>10.6}{:>16}",
            old.mean,
            old.std(),
            new.mean,
            new.std(),
            format!("{} to {}", range.min, range.max),
        );
        // Each result was rounded to float32 once, so the means are only close to zero.
        assert!(new.mean.abs() < 1e-6 && (new.std() - 1.0).abs() < 1e-6);
    }
    Ok(())
}
