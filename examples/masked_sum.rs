//! Masks: three ways to select the elements of a reduction.
//!
//! Run it with `cargo run --release --example masked_sum`.

use std::error::Error;

use rowmill::select::CompareOp;
use rowmill::{Array, Counts, Engine, Mask, Mean, NanPolicy, Sum, map_rows};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");

/// Columns of the file.
const WIND_SPEED: usize = 4;
const PRECIP: usize = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let weather = Array::<f32>::open(WEATHER)?;
    let engine = Engine::new()?;

    // 1. By value, with a predicate compiled into the loop. A comparison with NaN is false,
    //    so this mask also leaves out the missing values.
    let heavy = Mask::value(|v| v > 0.25_f32);
    let (sums, hours) = engine.reduce(
        &weather,
        (Sum::per_column().masked(heavy), Counts::per_column().masked(Mask::value(|v| v > 0.25))),
    )?;
    println!(
        "Heavy rain (over 0.25 inches an hour): {:.2} inches in {} hours",
        sums[PRECIP], hours[PRECIP].count
    );

    // 2. By value, with a comparison known only at run time, for example from a flag.
    let above = Mask::compare(CompareOp::Gt, "0.25".parse::<rowmill::select::Threshold>()?);
    let same = engine.reduce(&weather, Sum::per_column().masked(above))?;
    assert_eq!(same[PRECIP].to_bits(), sums[PRECIP].to_bits());

    // 3. By position, with a bool array: one entry for each element, or one for each row. It is
    //    an ordinary array file of any size. This one is written by a map.
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("windy.npy");
    let windy = map_rows([1], |row: &[f32], keep: &mut [bool]| keep[0] = row[WIND_SPEED] > 20.0);
    engine.map(&weather, windy).write_npy(&path)?;
    let windy = Array::<bool>::open(&path)?;

    // Masked and unmasked reductions can share a read.
    let skip = NanPolicy::Skip;
    let (hours, all, in_wind) = engine.reduce(
        &weather,
        (
            Counts::per_column().masked(Mask::array(&windy)),
            Mean::per_column().nan(skip),
            Mean::per_column().nan(skip).masked(Mask::array(&windy)),
        ),
    )?;
    println!("\nMeans of all hours, and of the {} hours with wind over 20 mph:", hours[0].count);
    for (i, name) in weather.meta().columns.iter().flatten().enumerate() {
        println!("{name:<12}{:>10.3}{:>10.3}", all[i], in_wind[i]);
    }
    Ok(())
}
