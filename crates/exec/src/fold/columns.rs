//! One cell for each column of the tile: vectors of accumulators side by side, rows taken four at a
//! time so that each accumulator is loaded and stored once for four rows.
//!
//! Narrow rows would leave most lanes empty. Some of them in a row are taken as one long row, whose
//! columns are folded together at the end:
//!
//! ```text
//!   rows of 3:  a b c | a b c | a b c | ...      one long row of 3 * k columns,
//!               a b c | a b c | a b c | ...      then column j joins column j % 3
//! ```

use rowmill_core::Tile;

use super::all::partial;
use super::{Cells, Select};
use crate::lanes::{Lane, Lanes, N, Parts};

/// Rows shorter than this are taken together …
const NARROW: usize = 64;

/// … so many that a long row has at least this many columns.
const LONG: usize = 512;

/// How many rows make a long row. A multiple of the lanes, so that a long row is whole vectors.
#[inline(always)]
fn rows_together(cols: usize) -> usize {
    if cols < NARROW { LONG.div_ceil(cols).next_multiple_of(N) } else { 1 }
}

#[inline(always)]
pub(super) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
    tile: Tile<'_, L>,
    select: S,
    shift: &[f64],
    new: Lanes<L, P>,
) -> Cells<L> {
    let cols = tile.cols();
    let count = (!S::COUNTS).then_some(tile.rows() as u64);
    let k = rows_together(cols);
    match tile.as_slice() {
        Some(x) if k > 1 => {
            let width = k * cols;
            let long = x.len() / width;
            let main = Tile::new(&x[..long * width], long, width, width);
            let shift: Vec<f64> = shift
                .iter()
                .copied()
                .cycle()
                .take(if shift.is_empty() { 0 } else { width })
                .collect();
            let mut lanes = vec![new; width.div_ceil(N)];
            let shifts = vectors(&shift, width);
            accumulate::<L, P, S>(&main, select, &shifts, &mut lanes);
            // A last long row that is not whole.
            let rest = &x[long * width..];
            if !rest.is_empty() {
                let run = select.run(long * width, rest.len());
                for (i, x) in rest.chunks(N).enumerate() {
                    partial::<L, P, S>(x, &run, i * N, &shifts[i % shifts.len()], &mut lanes[i]);
                }
            }
            let mut cells = Cells::with_capacity::<P>(width, None);
            for lanes in &lanes {
                cells.extend::<P>(lanes, N);
            }
            cells.folded(cols, count)
        }
        _ => {
            let mut lanes = vec![new; cols.div_ceil(N)];
            accumulate::<L, P, S>(&tile, select, &vectors(shift, cols), &mut lanes);
            let mut cells = Cells::with_capacity::<P>(cols, count);
            for (i, lanes) in lanes.iter().enumerate() {
                cells.extend::<P>(lanes, (cols - i * N).min(N));
            }
            cells
        }
    }
}

/// The shifts as vectors; one of zeros when there are none.
#[inline(always)]
fn vectors(shift: &[f64], cols: usize) -> Vec<[f64; N]> {
    if shift.is_empty() {
        return vec![[0.0; N]];
    }
    let at = |i: usize| shift.get(i).copied().unwrap_or(0.0);
    (0..cols.div_ceil(N)).map(|i| std::array::from_fn(|j| at(i * N + j))).collect()
}

#[inline(always)]
fn accumulate<L: Lane, P: Parts<L>, S: Select<L>>(
    tile: &Tile<'_, L>,
    select: S,
    shifts: &[[f64; N]],
    lanes: &mut [Lanes<L, P>],
) {
    const TOGETHER: usize = 4;
    let cols = tile.cols();
    let whole = cols / N;
    let no_shift = [0.0; N];
    let about = |i: usize| if P::SPREAD && L::FLOAT { &shifts[i] } else { &no_shift };
    let together = tile.rows() / TOGETHER * TOGETHER;
    for first in (0..together).step_by(TOGETHER) {
        let x: [&[L]; TOGETHER] = std::array::from_fn(|k| tile.row(first + k));
        let run: [S::Run; TOGETHER] = std::array::from_fn(|k| select.run((first + k) * cols, cols));
        let v = x.map(|x| &x.as_chunks::<N>().0[..whole]);
        let lanes_whole = &mut lanes[..whole];
        for i in 0..whole {
            let mut a = lanes_whole[i];
            S::step(&run[0], i, &mut a, about(i), &v[0][i]);
            S::step(&run[1], i, &mut a, about(i), &v[1][i]);
            S::step(&run[2], i, &mut a, about(i), &v[2][i]);
            S::step(&run[3], i, &mut a, about(i), &v[3][i]);
            lanes_whole[i] = a;
        }
        if whole * N < cols {
            for (x, run) in x.iter().zip(&run) {
                partial::<L, P, S>(
                    &x[whole * N..],
                    run,
                    whole * N,
                    about(whole),
                    &mut lanes[whole],
                );
            }
        }
    }
    for row in together..tile.rows() {
        let (x, run) = (tile.row(row), select.run(row * cols, cols));
        for (i, x) in x.chunks(N).enumerate() {
            if let Ok(x) = x.try_into() {
                S::step(&run, i, &mut lanes[i], about(i), x);
            } else {
                partial::<L, P, S>(x, &run, i * N, about(i), &mut lanes[i]);
            }
        }
    }
}
