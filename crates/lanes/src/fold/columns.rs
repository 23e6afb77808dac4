//! One cell for each column of the tile: vectors of accumulators side by side, rows taken four at a
//! time so that each accumulator is loaded and stored once for four rows, while the next four are asked
//! for.
//!
//! Narrow rows would leave most lanes empty. Some of them in a row are taken as one long row, whose
//! columns are folded together at the end:
//!
//! ```text
//!   rows of 3:  a b c | a b c | a b c | ...      one long row of 3 * k columns,
//!               a b c | a b c | a b c | ...      then column j joins column j % 3
//! ```

use rowmill_core::Tile;

use super::{Cells, LINE, Partial, Select};
use crate::arch::{Simd, array_of, prefetch};
use crate::lanes::{Lane, Lanes, N, Parts};

/// Rows shorter than this are taken together …
const NARROW: usize = 64;

/// … so many that a long row has at least this many columns.
const LONG: usize = 512;

/// Rows that make a group: an accumulator takes them in this order.
const TOGETHER: usize = 8;

/// Rows of a group that are taken in one trip over the accumulators: more streams are more than the
/// hardware follows, fewer leave it waiting.
const STREAMS: usize = 4;

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
    // Each group takes two rows of each of four runs of rows, in two passes of two runs each. What does
    // not fill a group is the last pass.
    let passes = TOGETHER / STREAMS * runs;
    let member = |pass: usize, stream: usize| {
        let k = pass % (TOGETHER / STREAMS) * STREAMS + stream;
        k / 2 * (2 * runs) + pass / (TOGETHER / STREAMS) * 2 + k % 2
    };
    // Where the elements of the next pass are; after the last one, those of the next tile.
    let (data, stride) = rows.parts();
    let next_tile = if whole_rows { tile.rows() * cols } else { cols };
    let next = |pass: usize, stream: usize| {
        let place = member(pass % passes, stream) * stride;
        data.as_ptr().wrapping_add(if pass < passes { place } else { place + next_tile })
    };
    for pass in 0..=passes {
        // Where the rest of each row begins, which is taken vector by vector.
        let mut done = 0;
        let members = if pass < passes {
            let v: [&[[L; N]]; STREAMS] =
                array_of(|k| rows.row(member(pass, k)).as_chunks::<N>().0);
            let run: [S::Run; STREAMS] = array_of(|k| select.run(member(pass, k) * width, width));
            let ahead: [*const L; STREAMS] = array_of(|k| next(pass + 1, k));
            let lanes = &mut lanes[..whole];
            let shifts = if P::SPREAD && L::FLOAT { &shifts[..whole] } else { &[] };
            let [v0, v1, v2, v3] = v;
            let (v0, v1) = (&v0[..whole], &v1[..whole]);
            let (v2, v3) = (&v2[..whole], &v3[..whole]);
            for i in 0..whole {
                if (i * size_of::<[L; N]>()).is_multiple_of(LINE) {
                    for ahead in ahead {
                        prefetch(ahead.wrapping_add(i * N));
                    }
                }
                let shift = if P::SPREAD && L::FLOAT { &shifts[i] } else { &[0.0; N] };
                let mut a = lanes[i];
                S::step(simd, &run[0], i, &mut a, shift, &v0[i]);
                S::step(simd, &run[1], i, &mut a, shift, &v1[i]);
                S::step(simd, &run[2], i, &mut a, shift, &v2[i]);
                S::step(simd, &run[3], i, &mut a, shift, &v3[i]);
                lanes[i] = a;
            }
            done = whole;
            STREAMS
        } else {
            rows.rows() - runs * TOGETHER + usize::from(!rest.is_empty())
        };
        for k in 0..members {
            let row = if pass < passes { member(pass, k) } else { runs * TOGETHER + k };
            let x = if row < rows.rows() { rows.row(row) } else { rest };
            let run = select.run(row * width, x.len());
            let (vectors, tail) = x.as_chunks::<N>();
            for i in done..vectors.len() {
                S::step(simd, &run, i, &mut lanes[i], about(i), &vectors[i]);
            }
            if !tail.is_empty() {
                let i = vectors.len();
                let (x, lanes) = (tail, &mut lanes[i]);
                let (run, at, shift) = (&run, i * N, about(i));
                simd.call(Partial::<L, P, S> { x, run, at, shift, lanes });
            }
        }
    }
    let count = (!S::COUNTS).then_some(tile.rows() as u64);
    let mut cells = Cells::with_capacity::<P>(width, count.filter(|_| flat.is_none()));
    for (i, lanes) in lanes.iter().enumerate() {
        cells.extend(simd, lanes, (width - i * N).min(N));
    }
    if flat.is_some() { cells.folded(cols, count) } else { cells }
}
