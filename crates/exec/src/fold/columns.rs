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

use super::{Cells, Select, partial};
use crate::arch::prefetch;
use crate::lanes::{Lane, Lanes, N, Parts};

/// Rows shorter than this are taken together …
const NARROW: usize = 64;

/// … so many that a long row has at least this many columns.
const LONG: usize = 512;

/// Rows that are taken in one trip over the accumulators.
const TOGETHER: usize = 4;

/// How many rows make a long row. A multiple of the lanes, so that a long row is whole vectors.
#[inline(always)]
fn rows_in_long_row(cols: usize) -> usize {
    if cols < NARROW { LONG.div_ceil(cols).next_multiple_of(N) } else { 1 }
}

#[inline(always)]
pub(super) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
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
    let shifts: Vec<[f64; N]> = if P::SPREAD && L::FLOAT {
        let at = |i: usize| shift.get(i % cols).copied().unwrap_or(0.0);
        (0..width.div_ceil(N)).map(|i| std::array::from_fn(|j| at(i * N + j))).collect()
    } else {
        Vec::new()
    };
    let about = |i: usize| shifts.get(i).unwrap_or(&[0.0; N]);
    let mut lanes = vec![new; width.div_ceil(N)];
    let whole = width / N;
    for first in (0..rows.rows() + usize::from(!rest.is_empty())).step_by(TOGETHER) {
        let n = rows.rows().saturating_sub(first).min(TOGETHER);
        // Where the rest of each row begins, which is taken vector by vector.
        let mut done = 0;
        if n == TOGETHER {
            let v: [&[[L; N]]; TOGETHER] =
                std::array::from_fn(|k| &rows.row(first + k).as_chunks::<N>().0[..whole]);
            let run: [S::Run; TOGETHER] =
                std::array::from_fn(|k| select.run((first + k) * width, width));
            let ahead = rows.parts().1 * TOGETHER / N;
            let lanes = &mut lanes[..whole];
            let no_shift = [0.0; N];
            let shifts = if shifts.is_empty() { None } else { Some(&shifts[..whole]) };
            for i in 0..whole {
                for v in &v {
                    prefetch(v.as_ptr().wrapping_add(i + ahead));
                }
                let shift = shifts.map_or(&no_shift, |s| &s[i]);
                let mut a = lanes[i];
                S::step(&run[0], i, &mut a, shift, &v[0][i]);
                S::step(&run[1], i, &mut a, shift, &v[1][i]);
                S::step(&run[2], i, &mut a, shift, &v[2][i]);
                S::step(&run[3], i, &mut a, shift, &v[3][i]);
                lanes[i] = a;
            }
            done = whole;
        }
        for row in first..(first + TOGETHER).min(rows.rows() + 1) {
            let x = if row < rows.rows() { rows.row(row) } else { rest };
            let run = select.run(row * width, x.len());
            for (i, lanes) in lanes.iter_mut().enumerate().take(x.len().div_ceil(N)).skip(done) {
                let x = &x[i * N..x.len().min((i + 1) * N)];
                partial::<L, P, S>(x, &run, i * N, about(i), lanes);
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
