//! One cell for each row of the tile: a vector of accumulators a row, eight rows side by side.

use rowmill_core::Tile;

use super::{Cells, Select, eight_streams, fetch_ahead, partial, two_by_two};
use crate::arch::Simd;
use crate::lanes::{Lane, Lanes, N, Parts};

/// How far ahead of its use a row is fetched, in bytes.
const AHEAD: usize = 1 << 10;

#[inline(always)]
pub(super) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    _: bool,
    tile: Tile<'_, L>,
    select: S,
    shift: &[f64],
    new: Lanes<L, P>,
) -> Cells<L> {
    let cols = tile.cols();
    let count = (!S::COUNTS).then_some(cols as u64);
    let mut cells = Cells::with_capacity::<P>(tile.rows(), count);
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
