//! The jobs of the comparison in idiomatic Rust: `ndarray` over a mapped `.npy`, `rayon` for the
//! cores, eight accumulators in `f64` per chunk.
//!
//! The protocol is described in `../run`.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::time::Instant;

use memmap2::{Mmap, MmapMut};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};
use ndarray_npy::{ReadNpyExt, ViewMutNpyExt, ViewNpyExt, write_zeroed_npy};
use rayon::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Elements of a chunk: 256 KiB, which stay in the cache for a second pass.
const CHUNK: usize = 64 << 10;

/// Rows of a chunk, for jobs on columns.
const ROWS: usize = 256;

const LANES: usize = 16;

const JOBS: [&str; 6] = ["sum", "mean_columns", "masked_sum", "five", "z_score", "gather"];

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: ndarray-rayon FILE OUTPUT ROWS");
    let (path, output, rows) = (next()?, next()?, next()?);
    let file = File::open(path)?;
    // SAFETY: nobody changes the file during the comparison.
    let map = unsafe { Mmap::map(&file)? };
    let x = ArrayView2::<f32>::view_npy(&map)?;
    let picks = Array1::<i64>::read_npy(File::open(rows)?)?;
    println!(r#"{{"jobs": {JOBS:?}}}"#);
    for job in std::io::stdin().lock().lines() {
        let start = Instant::now();
        let answer = match job?.as_str() {
            "sum" => vec![sum(x)],
            "masked_sum" => vec![masked_sum(x, 0.5)],
            "mean_columns" => mean_columns(x).to_vec(),
            "five" => five(x).to_vec(),
            "z_score" => z_score(x, &output).map(|()| Vec::new())?,
            "gather" => {
                let picked = gather(x, picks.view());
                let seconds = start.elapsed().as_secs_f64();
                reply(seconds, &[picked.mapv(f64::from).sum()])?;
                continue;
            }
            other => return Err(format!("{other:?} is not a job").into()),
        };
        reply(start.elapsed().as_secs_f64(), &answer)?;
    }
    Ok(())
}

fn reply(seconds: f64, answer: &[f64]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, r#"{{"seconds": {seconds}, "answer": {answer:?}}}"#)?;
    Ok(out.flush()?)
}

fn flat<'a>(x: ArrayView2<'a, f32>) -> &'a [f32] {
    x.to_slice().expect("the file is in C order")
}

/// The sum of `f` over the elements, in as many lanes as a vector has.
fn lanes(chunk: &[f32], f: impl Fn(f32) -> f64) -> f64 {
    let (lanes, rest) = chunk.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for lane in lanes {
        for (sum, &v) in sums.iter_mut().zip(lane) {
            *sum += f(v);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&v| f(v)).sum::<f64>()
}

fn sum(x: ArrayView2<'_, f32>) -> f64 {
    flat(x).par_chunks(CHUNK).map(|chunk| lanes(chunk, f64::from)).sum()
}

fn masked_sum(x: ArrayView2<'_, f32>, above: f32) -> f64 {
    let keep = |v: f32| f64::from(if v > above { v } else { 0.0 });
    flat(x).par_chunks(CHUNK).map(|chunk| lanes(chunk, keep)).sum()
}

fn mean_columns(x: ArrayView2<'_, f32>) -> Array1<f64> {
    let zeros = || Array1::<f64>::zeros(x.ncols());
    let sums = x
        .axis_chunks_iter(Axis(0), ROWS)
        .into_par_iter()
        .fold(zeros, |mut sums, rows| {
            for row in rows.rows() {
                sums.zip_mut_with(&row, |sum, &v| *sum += f64::from(v));
            }
            sums
        })
        .reduce(zeros, |a, b| a + b);
    sums / x.nrows() as f64
}

/// Count, mean and squared distances from the mean, merged by the formula of Chan, Golub and
/// LeVeque.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn merge(self, other: Self) -> Self {
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + distance * other.count / count,
            squares: self.squares
                + other.squares
                + distance * distance * self.count * other.count / count,
        }
    }
}

/// Sum, mean, standard deviation, minimum and maximum in one read. The second pass over a chunk
/// hits the cache.
fn five(x: ArrayView2<'_, f32>) -> [f64; 5] {
    let nothing = || (0.0, Moments::default(), f32::INFINITY, f32::NEG_INFINITY);
    let (sum, moments, min, max) = flat(x)
        .par_chunks(CHUNK)
        .map(|chunk| {
            let (sum, count) = (lanes(chunk, f64::from), chunk.len() as f64);
            let mean = sum / count;
            let squares = lanes(chunk, |v| (f64::from(v) - mean) * (f64::from(v) - mean));
            let (low, high) = range(chunk);
            (sum, Moments { count, mean, squares }, low, high)
        })
        .reduce(nothing, |a, b| (a.0 + b.0, a.1.merge(b.1), a.2.min(b.2), a.3.max(b.3)));
    let std = (moments.squares / moments.count).sqrt();
    [sum, moments.mean, std, f64::from(min), f64::from(max)]
}

fn range(chunk: &[f32]) -> (f32, f32) {
    let nothing = (f32::INFINITY, f32::NEG_INFINITY);
    chunk.iter().fold(nothing, |(low, high), &v| (low.min(v), high.max(v)))
}

/// Mean and squared distances of each column: two passes over each chunk of rows, then a merge.
fn moments_columns(x: ArrayView2<'_, f32>) -> (f64, Array1<f64>, Array1<f64>) {
    let zeros = || Array1::<f64>::zeros(x.ncols());
    let merge = |a: (f64, Array1<f64>, Array1<f64>), b: (f64, Array1<f64>, Array1<f64>)| {
        if a.0 == 0.0 {
            return b;
        }
        let (mut mean, mut squares) = (a.1, a.2);
        Zip::from(&mut mean).and(&mut squares).and(&b.1).and(&b.2).for_each(|m, s, &mb, &sb| {
            let a = Moments { count: a.0, mean: *m, squares: *s };
            let all = a.merge(Moments { count: b.0, mean: mb, squares: sb });
            (*m, *s) = (all.mean, all.squares);
        });
        (a.0 + b.0, mean, squares)
    };
    x.axis_chunks_iter(Axis(0), ROWS)
        .into_par_iter()
        .map(|rows| {
            let mut mean = zeros();
            for row in rows.rows() {
                mean.zip_mut_with(&row, |sum, &v| *sum += f64::from(v));
            }
            mean /= rows.nrows() as f64;
            let mut squares = zeros();
            for row in rows.rows() {
                Zip::from(&mut squares).and(&row).and(&mean).for_each(|square, &v, &mean| {
                    *square += (f64::from(v) - mean).powi(2);
                });
            }
            (rows.nrows() as f64, mean, squares)
        })
        .reduce(|| (0.0, zeros(), zeros()), merge)
}

fn z_score(x: ArrayView2<'_, f32>, output: &str) -> Result<()> {
    let (count, mean, squares) = moments_columns(x);
    let std = (squares / count).mapv(f64::sqrt);
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(output)?;
    write_zeroed_npy::<f32, _>(&file, x.raw_dim())?;
    // SAFETY: this call created the file, and nobody else knows it.
    let mut map = unsafe { MmapMut::map_mut(&file)? };
    let mut z = ArrayViewMut2::<f32>::view_mut_npy(&mut map)?;
    Zip::from(z.rows_mut()).and(x.rows()).par_for_each(|mut z, x| {
        Zip::from(&mut z).and(&x).and(&mean).and(&std).for_each(|z, &x, mean, std| {
            *z = ((f64::from(x) - mean) / std) as f32;
        });
    });
    Ok(())
}

fn gather(x: ArrayView2<'_, f32>, picks: ArrayView1<'_, i64>) -> Array2<f32> {
    let mut rows = Array2::<f32>::zeros((picks.len(), x.ncols()));
    Zip::from(rows.rows_mut()).and(&picks).par_for_each(|mut row, &pick| {
        row.assign(&x.row(pick as usize));
    });
    rows
}
