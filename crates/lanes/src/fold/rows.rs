//! One cell for each row of the tile: a vector of accumulators a row, eight rows side by side.
//!
//! Of narrow rows most of the work would be adding up the eight lanes at the end of each. There a
//! vector holds one element of each of eight rows, and a lane is a row:
//!
//! ```text
//!   wide rows    a0 a1 a2 a3 a4 a5 a6 a7 | a8 ...      narrow rows   a0 b0 c0 d0 e0 f0 g0 h0
//!                b0 b1 b2 b3 b4 b5 b6 b7 | b8 ...                    a1 b1 c1 d1 e1 f1 g1 h1
//! ```

use rowmill_core::Tile;

use super::{Cells, Select, eight_streams, fetch_ahead, partial, two_by_two};
use crate::arch::Simd;
use crate::lanes::{Lane, Lanes, N, Parts};

/// How far ahead of its use a row is fetched, in bytes.
const AHEAD: usize = 1 << 10;

/// Rows shorter than this are narrow.
const NARROW: usize = 32;

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
    let count = (!S::COUNTS).then_some(cols as u64);
    let mut cells = Cells::with_capacity::<P>(tile.rows(), count);
    if let Some(x) = tile.as_slice().filter(|_| whole_rows && cols < NARROW) {
        narrow::<L, P, S>(simd, x, tile.rows(), select, shift, new, &mut cells);
        return cells;
    }
    let whole = cols / N * N;
    for first in (0..tile.rows()).step_by(8) {
        let rows = (tile.rows() - first).min(8);
        let about = |k: usize| [shift.get(first + k).copied().unwrap_or(0.0); N];
        let mut lanes = [new; 8];
        // Where the rest of each row begins, which is taken vector by vector.
        let mut rest = 0;
        if rows == 8 && whole > 0 {
            let run: [S::Run; 8] = std::array::from_fn(|k| select.run((first + k) * cols, cols));
            let shift: [[f64; N]; 8] = std::array::from_fn(about);
            let v: [&[[L; N]]; 8] = std::array::from_fn(|k| tile.row(first + k).as_chunks::<N>().0);
            let (mut a, mut b, mut c, mut d) = (new, new, new, new);
            let (mut e, mut f, mut g, mut h) = (new, new, new, new);
            let ahead = AHEAD / size_of::<[L; N]>();
            let n = whole / N;
            eight_streams!(v[..n] => v0 v1 v2 v3 v4 v5 v6 v7);
            two_by_two! {
                P, n, ahead, simd, run, |k| &shift[k];
                v0 0 a, v1 1 b; v2 2 c, v3 3 d; v4 4 e, v5 5 f; v6 6 g, v7 7 h
            }
            lanes = [a, b, c, d, e, f, g, h];
            rest = whole;
        }
        for (k, lanes) in lanes.iter_mut().enumerate().take(rows) {
            let row = tile.row(first + k);
            let run = select.run((first + k) * cols, cols);
            let shift = about(k);
            for at in (rest..cols).step_by(N) {
                let x = &row[at..cols.min(at + N)];
                partial::<L, P, S>(simd, x, &run, at, &shift, lanes);
            }
            cells.push::<P>(lanes);
        }
    }
    cells
}

#[inline(always)]
fn narrow<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    x: &[L],
    rows: usize,
    select: S,
    shift: &[f64],
    new: Lanes<L, P>,
    cells: &mut Cells<L>,
) {
    let cols = x.len() / rows;
    let run = select.run(0, x.len());
    for first in (0..rows).step_by(N) {
        let n = (rows - first).min(N);
        let mut about = [0.0; N];
        if P::SPREAD && L::FLOAT {
            about[..n].copy_from_slice(&shift[first..first + n]);
        }
        // What would be behind the last row is an element of that row, in a lane that is dropped.
        let start: [usize; N] = std::array::from_fn(|j| (first + j.min(n - 1)) * cols);
        let last = start[N - 1] + cols;
        let (x, start) = (&x[..last], start.map(|s| s.min(last - cols)));
        let mut lanes = new;
        for col in 0..cols {
            let vector: [L; N] = std::array::from_fn(|j| x[start[j] + col]);
            if S::COUNTS {
                let keep = std::array::from_fn(|j| S::keeps(&run, start[j] + col, vector[j]));
                lanes.step_kept(simd, &about, &vector, &keep);
            } else {
                lanes.step(simd, &about, &vector);
            }
        }
        cells.extend::<P>(&lanes, n);
    }
}
