//! A reduction of your own. It runs on all workers, shares a read with the built-in ones, and gives
//! the same bits however the work is split, without a line of code for any of that.
//!
//! Run it with `cargo run --release --example custom_kernel`.

use std::error::Error;

use rowmill::reduce::{CellPlace, Columns, Kernel, Reduction, Selected};
use rowmill::select::CompareOp;
use rowmill::{Array, ChunkSize, Engine, Mask, Mean, NanPolicy, Numeric, Partial, Sum};
use serde::{Deserialize, Serialize};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
const WIND_SPEED: usize = 4;

/// The cube root of the mean cube: of a wind speed, the steady wind that carries the same energy.
#[derive(Clone, Copy)]
struct MeanCube;

/// The state of a cell: all that is needed to take in more elements, or another state. It goes to
/// checkpoints and partials as it is.
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

    /// Takes in a block: the elements that mask and NaN policy leave, each with its cell. The result
    /// must depend on the block alone; then the answer depends on the array alone, even though sums of
    /// floats depend on their order.
    fn fold(&self, cells: &mut [Cubes], selected: &Selected<'_, T>) -> rowmill::Result<()> {
        selected.each_value(|cell, v| {
            cells[cell].sum += v * v * v;
            cells[cell].count += 1;
        });
        Ok(())
    }

    /// Takes in the state of the same cell in the blocks that follow. Which states meet depends on the
    /// shape of the array alone.
    fn merge(&self, cubes: &mut Cubes, next: Cubes) {
        cubes.sum += next.sum;
        cubes.count += next.count;
    }

    /// The value of a cell. Of nothing it is NaN, like the mean.
    fn value(&self, cubes: &Cubes, _: &CellPlace<'_>) -> rowmill::Result<f64> {
        Ok((cubes.sum / cubes.count as f64).cbrt())
    }

    /// A name, by which checkpoints and partials know the reduction again.
    fn describe(&self) -> Option<String> {
        Some("mean cube".to_owned())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let weather = Array::<f32>::open(WEATHER)?;
    // One station reports 1048 mph once: that would be most of the energy of the year.
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

    // One worker or two, large chunks or small: not a bit differs.
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
