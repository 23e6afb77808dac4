//! One cell for each column of the tile: vectors of accumulators side by side, rows taken eight at a
//! time so that each accumulator is loaded and stored once for eight rows.
//!
//! Narrow rows would leave most lanes empty. Some of them in a row are taken as one long row, whose
//! columns are folded together at the end:
//!
//! ```text
//!   rows of 3:  a b c | a b c | a b c | ...      one long row of 3 * k columns,
//!               a b c | a b c | a b c | ...      then column j joins column j % 3
//! ```

use rowmill_core::Tile;

use super::{AHEAD, Cells, Select, eight_streams, fetch_ahead, partial};
use crate::arch::Simd;
use crate::lanes::{Lane, Lanes, N, Parts};

/// Rows shorter than this are taken together …
const NARROW: usize = 64;

/// … so many that a long row has at least this many columns.
const LONG: usize = 512;

/// Rows that are taken in one trip over the accumulators.
const TOGETHER: usize = 8;

/// How many rows make a long row. A multiple of the lanes, so that a long row is whole vectors.
#[inline(always)]
fn rows_in_long_row(cols: usize) -> usize {
    if cols < NARROW { LONG.div_ceil(cols).next_multiple_of(N) } else { 1 }
}

#[inline(always)]
pub(super) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    whole_rows: bool,
    tile: Tile<'_, L>,
    select: S,
    shift: &[f64],
    new: Lanes<L, P>,
) -> Cells<L> {
    let cols = tile.cols();
    let flat = tile.as_slice().filter(|_| whole_rows && rows_in_long_row(cols) > 1);
    // Rows, or long rows and the rest of one.
    let width = if flat.is_some() { cols * rows_in_long_row(cols) } else { cols };
    let (rows, rest): (Tile<'_, L>, &[L]) = match flat {
        Some(x) => {
            let n = x.len() / width;
            (Tile::new(&x[..n * width], n, width, width), &x[n * width..])
        }
        None => (tile, &[]),
    };
    let mut shifts: Vec<[f64; N]> = Vec::new();
    if P::SPREAD && L::FLOAT {
        shifts.resize(width.div_ceil(N), [0.0; N]);
        for long in shifts.as_flattened_mut()[..width].chunks_mut(cols) {
            long.copy_from_slice(&shift[..long.len()]);
        }
    }
    let about = |i: usize| shifts.get(i).unwrap_or(&[0.0; N]);
    let mut lanes = vec![new; width.div_ceil(N)];
    let whole = width / N;
    let runs = rows.rows() / TOGETHER;
    // Each group takes two rows of each of four runs of rows, so that each stream goes straight
    // through memory. What does not fill a group is the last one.
    for group in 0..=runs {
        // Where the rest of each row begins, which is taken vector by vector.
        let mut done = 0;
        let members = if group < runs {
            let row = |k: usize| k / 2 * (2 * runs) + 2 * group + k % 2;
            let v: [&[[L; N]]; TOGETHER] =
                std::array::from_fn(|k| rows.row(row(k)).as_chunks::<N>().0);
            let run: [S::Run; TOGETHER] =
                std::array::from_fn(|k| select.run(row(k) * width, width));
            // A little ahead in the same row, and from the end of it in the next of the same stream.
            let ahead = AHEAD / size_of::<[L; N]>();
            let next_row = (2 * rows.parts().1 / N).wrapping_sub(whole);
            let lanes = &mut lanes[..whole];
            let shifts = if P::SPREAD && L::FLOAT { &shifts[..whole] } else { &[] };
            eight_streams!(v[..whole] => v0 v1 v2 v3 v4 v5 v6 v7);
            for i in 0..whole {
                let at = i + ahead;
                let at = if at < whole { at } else { at.wrapping_add(next_row) };
                fetch_ahead!(at; v0 v1 v2 v3 v4 v5 v6 v7);
                let shift = if P::SPREAD && L::FLOAT { &shifts[i] } else { &[0.0; N] };
                let mut a = lanes[i];
                S::step(simd, &run[0], i, &mut a, shift, &v0[i]);
                S::step(simd, &run[1], i, &mut a, shift, &v1[i]);
                S::step(simd, &run[2], i, &mut a, shift, &v2[i]);
                S::step(simd, &run[3], i, &mut a, shift, &v3[i]);
                S::step(simd, &run[4], i, &mut a, shift, &v4[i]);
                S::step(simd, &run[5], i, &mut a, shift, &v5[i]);
                S::step(simd, &run[6], i, &mut a, shift, &v6[i]);
                S::step(simd, &run[7], i, &mut a, shift, &v7[i]);
                lanes[i] = a;
            }
            done = whole;
            TOGETHER
        } else {
            rows.rows() - runs * TOGETHER + usize::from(!rest.is_empty())
        };
        for k in 0..members {
            let row = if group < runs {
                k / 2 * (2 * runs) + 2 * group + k % 2
            } else {
                runs * TOGETHER + k
            };
            let x = if row < rows.rows() { rows.row(row) } else { rest };
            let run = select.run(row * width, x.len());
            let (vectors, tail) = x.as_chunks::<N>();
            for i in done..vectors.len() {
                S::step(simd, &run, i, &mut lanes[i], about(i), &vectors[i]);
            }
            if !tail.is_empty() {
                let i = vectors.len();
                let (x, lanes) = (tail, &mut lanes[i]);
                partial::<L, P, S>(simd, x, &run, i * N, about(i), lanes);
            }
        }
    }
    let count = (!S::COUNTS).then_some(tile.rows() as u64);
    let mut cells = Cells::with_capacity::<P>(width, count.filter(|_| flat.is_none()));
    for (i, lanes) in lanes.iter().enumerate() {
        cells.extend::<P>(lanes, (width - i * N).min(N));
    }
    if flat.is_some() { cells.folded(cols, count) } else { cells }
}
