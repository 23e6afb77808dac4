//! A custom reduction. It runs on all workers, shares a read with built-in ones, and gives the same
//! bits however the work is split. None of this takes code of its own.
//!
//! Run it with `cargo run --release --example custom_kernel`.

use std::error::Error;

use rowmill::reduce::{CellPlace, Columns, Kernel, Reduction, Selected};
use rowmill::select::CompareOp;
use rowmill::{Array, ChunkSize, Engine, Mask, Mean, NanPolicy, Numeric, Partial, Sum};
use serde::{Deserialize, Serialize};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
const WIND_SPEED: usize = 4;

/// The cube root of the mean cube: for wind speeds, the constant wind with the same energy.
#[derive(Clone, Copy)]
struct MeanCube;

/// The state of a cell: all that is needed to fold more elements or to merge another state.
/// Checkpoints and partials store it as it is.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Cubes {
    sum: f64,
    count: u64,
}

impl<T: Numeric> Kernel<T> for MeanCube {
    type State = Cubes;
    type Value = f64;

    fn new_state(&self) -> Cubes {
        Cubes::default()
    }

    /// Folds the elements of a block that mask and NaN policy leave, each with its cell. The result
    /// must depend on the block alone. The answer then depends only on the array, even though sums
    /// of floats depend on their order.
    fn fold(&self, cells: &mut [Cubes], selected: &Selected<'_, T>) -> rowmill::Result<()> {
        selected.each_value(|cell, v| {
            cells[cell].sum += v * v * v;
            cells[cell].count += 1;
        });
        Ok(())
    }

    /// Merges the state of the same cell from the following blocks. Which states are merged depends
    /// only on the shape of the array.
    fn merge(&self, cubes: &mut Cubes, next: Cubes) {
        cubes.sum += next.sum;
        cubes.count += next.count;
    }

    /// The value of a cell. Without elements it is NaN, like the mean.
    fn value(&self, cubes: &Cubes, _: &CellPlace<'_>) -> rowmill::Result<f64> {
        Ok((cubes.sum / cubes.count as f64).cbrt())
    }

    /// The name by which checkpoints and partials recognize the reduction.
    fn describe(&self) -> Option<String> {
        Some("mean cube".to_owned())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let weather = Array::<f32>::open(WEATHER)?;
    // One station reports 1048 mph once, which would dominate the energy of the year.
    let possible = Mask::compare(CompareOp::Le, 200);
    let skip = NanPolicy::Skip;
    let cubes = Reduction::of(MeanCube, Columns).masked(possible).nan(skip);

    // The kernel in a tuple with others: one read for all three.
    let answers = |engine: &Engine| {
        engine.reduce(&weather, (cubes, Mean::per_column().nan(skip), Sum::all().nan(skip)))
    };
    let (cube, means, sum) = answers(&Engine::new()?)?;
    let cube = cube[WIND_SPEED];
    println!("Mean wind speed:                 {:>7.3} mph", means[WIND_SPEED]);
    println!("Wind speed that energy goes by:  {cube:>7.3} mph");
    println!("Sum of everything, by the way:   {sum:>11.3}");

    // One worker or two, large chunks or small: every bit is the same.
    println!("\nworkers  chunk      answer      bits");
    for workers in [1, 2] {
        for chunk in [ChunkSize::Auto, ChunkSize::Rows(1), ChunkSize::Bytes(1 << 20)] {
            let engine = Engine::builder().workers(workers).chunk(chunk).build()?;
            let (again, _, sum_again) = answers(&engine)?;
            let again = again[WIND_SPEED];
            let chunk = chunk.to_string();
            println!("{workers:>7}  {chunk:<6} {again:>10.6}  {:#018x}", again.to_bits());
            assert_eq!(again.to_bits(), cube.to_bits());
            assert_eq!(sum_again.to_bits(), sum.to_bits());
        }
    }

    // Half of the rows here, half there: the same bits again.
    let (engine, rows) = (Engine::new()?, weather.shape().rows());
    let half = Partial::step::<f32>(weather.shape());
    let first = engine.partial(&weather, cubes, 0..half)?;
    let rest = engine.partial(&weather, cubes, half..rows)?;
    let merged = first.merge(rest)?.finish::<f32, _>(cubes)?;
    assert_eq!(merged[WIND_SPEED].to_bits(), cube.to_bits());
    println!("\nIn two partials, merged: {:.6}", merged[WIND_SPEED]);
    Ok(())
}
