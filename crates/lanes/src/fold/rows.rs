//! One cell for each row of the tile: two vectors of accumulators per row, four rows side by side.
//!
//! For narrow rows, adding up the eight lanes at the end of each would take most of the time. There
//! a vector holds one element of each of eight rows, and a lane is a row:
//!
//! ```text
//!   wide rows    a0 a1 a2 a3 a4 a5 a6 a7 | a8 ...      narrow rows   a0 b0 c0 d0 e0 f0 g0 h0
//!                b0 b1 b2 b3 b4 b5 b6 b7 | b8 ...                    a1 b1 c1 d1 e1 f1 g1 h1
//! ```

use rowmill_core::Tile;

use super::{Cells, Partial, Select, four_by_two};
use crate::arch::{Simd, array_of};
use crate::lanes::{Lane, Lanes, N, Parts};

/// Rows that are taken side by side.
const ROWS: usize = 4;

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
    let pairs = cols / (2 * N);
    let row = |r: usize| tile.row(r).as_chunks::<N>().0.as_chunks::<2>().0;
    for first in (0..tile.rows()).step_by(ROWS) {
        let rows = (tile.rows() - first).min(ROWS);
        let about = |k: usize| [shift.get(first + k).copied().unwrap_or(0.0); N];
        let run = |k: usize| select.run((first + k) * cols, cols);
        let mut lanes = [[new; 2]; ROWS];
        if rows == ROWS && pairs > 0 {
            let run: [S::Run; ROWS] = array_of(run);
            let shift: [[f64; N]; ROWS] = array_of(about);
            let (mut a, mut b, mut c, mut d) = (new, new, new, new);
            let (mut e, mut f, mut g, mut h) = (new, new, new, new);
            let (v0, v1, v2, v3) = (row(first), row(first + 1), row(first + 2), row(first + 3));
            let (v0, v1, v2, v3) = (&v0[..pairs], &v1[..pairs], &v2[..pairs], &v3[..pairs]);
            // The distance from the end of a row to the next of the same stream.
            let jump = (ROWS * tile.parts().1 - cols) * size_of::<L>();
            four_by_two! {
                S, P, L, simd, pairs, run, jump, |k| &shift[k];
                v0 0 a b; v1 1 c d; v2 2 e f; v3 3 g h
            }
            lanes = [[a, b], [c, d], [e, f], [g, h]];
        } else {
            for (k, [even, odd]) in lanes.iter_mut().enumerate().take(rows) {
                let (run, shift) = (run(k), about(k));
                for (i, [x, y]) in row(first + k).iter().enumerate() {
                    S::step(simd, &run, 2 * i, even, &shift, x);
                    S::step(simd, &run, 2 * i + 1, odd, &shift, y);
                }
            }
        }
        for (k, [even, odd]) in lanes.iter_mut().enumerate().take(rows) {
            let (x, run, shift) = (tile.row(first + k), run(k), about(k));
            let done = pairs * 2 * N;
            for (at, lanes) in (done..cols).step_by(N).zip([&mut *even, &mut *odd]) {
                let (x, run, shift) = (&x[at..cols.min(at + N)], &run, &shift);
                simd.call(Partial::<L, P, S> { x, run, at, shift, lanes });
            }
            cells.push_both(simd, even, odd);
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
        // Lanes past the last row read an element of that row, and are dropped.
        let start: [usize; N] = array_of(|j| (first + j.min(n - 1)) * cols);
        let last = start[N - 1] + cols;
        let (x, start) = (&x[..last], array_of::<_, N>(|j| start[j].min(last - cols)));
        let mut lanes = new;
        for col in 0..cols {
            let vector: [L; N] = array_of(|j| x[start[j] + col]);
            if S::COUNTS {
                let keep = |j: usize| u8::from(S::keeps(&run, start[j] + col, vector[j]));
                let keep = array_of(keep);
                lanes.step_kept(simd, &about, &vector, &keep);
            } else {
                lanes.step(simd, &about, &vector);
            }
        }
        cells.extend(simd, &lanes, n);
    }
}
