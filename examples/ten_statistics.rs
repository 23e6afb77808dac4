//! Ten statistics of an array in one read. The example shows what such a program takes to compile,
//! and how to request a list of different reductions at once.
//!
//! Run it with `cargo run --release --example ten_statistics`.

use std::error::Error;

use rowmill::{
    ArgMax, Array, Counts, Distinct, Engine, Kurtosis, Mean, MinMax, Moments, NanPolicy, Norm,
    Skewness, Sum, TopK,
};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");

fn main() -> Result<(), Box<dyn Error>> {
    let x = Array::<f32>::open(WEATHER)?;
    let engine = Engine::new()?;
    // A tuple has up to eight reductions, and a tuple is a reduction.
    let columns = (
        Mean::per_column(),
        Moments::per_column(),
        MinMax::per_column(),
        ArgMax::per_column(),
        Skewness::per_column(),
        Kurtosis::per_column(),
    );
    let all = (Sum::all(), Counts::all(), Norm::all(), Distinct::all());
    let top = TopK::largest(3)?.all();
    let (columns, (sum, tally, norm, distinct), top) =
        engine.on(&x).nan(NanPolicy::Skip).reduce((columns, all, top))?;
    let (mean, moments, range, warmest, skew, kurtosis) = columns;

    println!("column      mean       std       min       max  max at      skew  kurtosis");
    for i in 0..mean.len() {
        let (std, range, at) = (moments[i].std(), range[i], warmest[i].index);
        println!(
            "{i:>6} {:>9.3} {std:>9.3} {:>9.3} {:>9.3} {at:>7} {:>9.3} {:>9.3}",
            mean[i], range.min, range.max, skew[i], kurtosis[i]
        );
    }
    println!("sum {sum}, norm {norm:.3}, {} elements and {} NaN", tally.count, tally.nan);
    let top: Vec<f32> = top.iter().map(|extremum| extremum.value).collect();
    println!("{distinct} different values, the largest {top:?}");
    Ok(())
}
