//! The first five minutes: open an array file and get several answers from one read.
//!
//! Run it with `cargo run --release --example quickstart`.

use std::error::Error;

use rowmill::{Array, Counts, Engine, Mean, MinMax, NanPolicy, Sum};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");

fn main() -> Result<(), Box<dyn Error>> {
    // An unknown file: its header is checked against the file, and describes the contents.
    let unknown = rowmill::open(WEATHER)?;
    println!("weather.npy holds {} of shape {}\n", unknown.dtype(), unknown.shape());

    // A program that expects a dtype names it, and fails early if the file holds another.
    let error = Array::<f64>::open(WEATHER).expect_err("the file holds float32");
    println!("Opened as float64: {error}\n");
    let weather = Array::<f32>::open(WEATHER)?;

    // The engine holds the workers, by default one per core. Opening only maps the file; each job
    // reads it once, however many answers it computes. Missing values in this file are NaN, and a
    // NaN makes a result NaN unless the kernel skips it.
    let engine = Engine::new()?;
    let skip = NanPolicy::Skip;
    let (counts, means, ranges, rain) = engine.reduce(
        &weather,
        (
            Counts::per_column(),
            Mean::per_column().nan(skip),
            MinMax::per_column().nan(skip),
            Sum::per_column().nan(skip),
        ),
    )?;

    // The column names come from weather.npy.meta.json, the sidecar beside the file.
    let names = weather.meta().columns.clone().unwrap_or_default();
    println!("{:<12}{:>8}{:>12}{:>10}{:>10}", "column", "NaN", "mean", "min", "max");
    for (i, name) in names.iter().enumerate() {
        let (nan, mean, range) = (counts[i].nan, means[i], ranges[i]);
        println!("{name:<12}{nan:>8}{mean:>12.3}{:>10.2}{:>10.2}", range.min, range.max);
    }
    let column = |name| names.iter().position(|n| n == name).ok_or("no such column");
    println!("\nRain at all stations: {:.2} inches", rain[column("precip")?]);
    Ok(())
}
