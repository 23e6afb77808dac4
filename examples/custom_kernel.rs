//! A reduction of your own. It runs on all workers, shares a read with the built-in ones, and gives
//! the same bits however the work is split, without a line of code for any of that.
//!
//! Run it with `cargo run --release --example custom_kernel`.

use std::error::Error;

use rowmill::{Array, Block, ChunkSize, Element, Engine, Mean, NanPolicy, Reduce, Shape, Sum};

const WEATHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/weather.npy");
const WIND_SPEED: usize = 4;

/// The cube root of the mean cube of a column: of a wind speed, the steady wind that carries the
/// same energy. NaN are left out, and so is what is above `highest`.
struct MeanCube {
    column: usize,
    highest: f64,
}

/// What has been seen of some blocks, and all that is needed to go on: the partial.
#[derive(Default)]
struct Cubes {
    sum: f64,
    count: u64,
}

impl<T: Element + Into<f64>> Reduce<T> for MeanCube {
    type Partial = Cubes;
    type Output = f64;

    /// Called before anything is read. Default: every shape is fine.
    fn check(&self, shape: &Shape) -> rowmill::Result<()> {
        if self.column < shape.row_len() {
            return Ok(());
        }
        let message = format!("there is no column {} in an array of {shape}", self.column);
        Err(rowmill::Error::kernel(message))
    }

    /// The partial of no blocks.
    fn identity(&self) -> Cubes {
        Cubes::default()
    }

    /// Takes in a block: some rows, and of very long rows a run of columns, which need not have
    /// ours in it. What is done here must depend on the block alone; then the answer depends on
    /// the array alone, even though sums of floats depend on their order.
    fn accumulate(&self, cubes: &mut Cubes, block: &Block<'_, T>) -> rowmill::Result<()> {
        let cols = block.cols();
        if !cols.contains(&self.column) {
            return Ok(());
        }
        for row in block.tile().iter_rows() {
            let v: f64 = row[self.column - cols.start].into();
            if v <= self.highest {
                cubes.sum += v * v * v;
                cubes.count += 1;
            }
        }
        Ok(())
    }

    /// Takes in the partial of the blocks that follow. Which partials meet depends on the shape of
    /// the array alone.
    fn merge(&self, cubes: &mut Cubes, next: Cubes) {
        cubes.sum += next.sum;
        cubes.count += next.count;
    }

    /// The answer. Of nothing it is NaN, like the mean.
    fn finish(&self, cubes: Cubes, _: &Shape) -> rowmill::Result<f64> {
        Ok((cubes.sum / cubes.count as f64).cbrt())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let weather = Array::<f32>::open(WEATHER)?;
    // One station reports 1048 mph once: that would be most of the energy of the year.
    let speed = MeanCube { column: WIND_SPEED, highest: 200.0 };

    // The kernel in a tuple with others: one read for all three.
    let skip = NanPolicy::Skip;
    let answers = |engine: &Engine| {
        engine.reduce(&weather, (&speed, Mean::per_column().nan(skip), Sum::all().nan(skip)))
    };
    let (cube, means, sum) = answers(&Engine::new()?)?;
    println!("Mean wind speed:                 {:>7.3} mph", means[WIND_SPEED]);
    println!("Wind speed that energy goes by:  {cube:>7.3} mph");
    println!("Sum of everything, by the way:   {sum:>11.3}");

    // One worker or two, large chunks or small: not a bit differs.
    println!("\nworkers  chunk      answer      bits");
    for workers in [1, 2] {
        for chunk in [ChunkSize::Auto, ChunkSize::Rows(1), ChunkSize::Bytes(1 << 20)] {
            let engine = Engine::builder().workers(workers).chunk(chunk).build()?;
            let (again, _, sum_again) = answers(&engine)?;
            let chunk = chunk.to_string();
            println!("{workers:>7}  {chunk:<6} {again:>10.6}  {:#018x}", again.to_bits());
            assert_eq!(again.to_bits(), cube.to_bits());
            assert_eq!(sum_again.to_bits(), sum.to_bits());
        }
    }

    // Errors of the kernel reach the caller like all others.
    let error =
        Engine::new()?.reduce(&weather, MeanCube { column: 9, ..speed }).expect_err("0 to 8 exist");
    println!("\nAsked for column 9: {error}");
    Ok(())
}
