//! One cell for each column of the tile: vectors of accumulators side by side, rows taken four at a
//! time so that each accumulator is loaded and stored once for four rows, while the next four are
//! prefetched.
//!
//! Narrow rows would leave most lanes empty. Several of them are taken as one long row, whose
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

/// Rows shorter than this are combined …
const NARROW: usize = 64;

/// … into long rows with at least this many columns.
const LONG: usize = 512;

/// Rows per group: an accumulator takes them in this order.
const TOGETHER: usize = 8;

/// Rows of a group that are taken in one pass over the accumulators: the hardware does not follow
/// more streams, and fewer leave it waiting.
const STREAMS: usize = 4;

/// The number of rows per long row. A multiple of the lanes, so that a long row is whole vectors.
#[inline(always)]
fn rows_in_long_row(cols: usize) -> usize {
    if cols < NARROW { LONG.div_ceil(cols).next_multiple_of(N) } else { 1 }
}

/// A tile with rows wide enough for the lanes: its own rows, or long rows and the remaining ones.
struct Wide<'a, L> {
    rows: Tile<'a, L>,
    rest: &'a [L],
    width: usize,
    is_joined: bool,
}

impl<'a, L> Wide<'a, L> {
    #[inline(always)]
    fn new(tile: Tile<'a, L>, whole_rows: bool) -> Self {
        let cols = tile.cols();
        let long = rows_in_long_row(cols);
        match tile.as_slice().filter(|_| whole_rows && long > 1) {
            Some(x) => {
                let width = cols * long;
                let n = x.len() / width;
                let rows = Tile::new(&x[..n * width], n, width, width);
                Self { rows, rest: &x[n * width..], width, is_joined: true }
            }
            None => Self { rows: tile, rest: &[], width: cols, is_joined: false },
        }
    }
}

/// The order in which rows are taken. Each group takes two rows of each of four runs of rows, in
/// two passes of two runs each.
#[derive(Clone, Copy)]
struct Groups {
    /// The number of groups; each run has two rows of each.
    count: usize,
}

impl Groups {
    #[inline(always)]
    fn passes(self) -> usize {
        TOGETHER / STREAMS * self.count
    }

    /// The row that a pass takes from a stream.
    #[inline(always)]
    fn member(self, pass: usize, stream: usize) -> usize {
        let k = pass % (TOGETHER / STREAMS) * STREAMS + stream;
        k / 2 * (2 * self.count) + pass / (TOGETHER / STREAMS) * 2 + k % 2
    }
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
    let Wide { rows, rest, width, is_joined } = Wide::new(tile, whole_rows);
    let shifts = shifts::<L, P>(shift, cols, width);
    let mut lanes = vec![new; width.div_ceil(N)];
    let whole = width / N;
    let groups = Groups { count: rows.rows() / TOGETHER };
    let passes = groups.passes();
    // The position of the next pass's elements; after the last pass, of the next tile.
    let (data, stride) = rows.parts();
    let next_tile = if whole_rows { tile.rows() * cols } else { cols };
    let next = |pass: usize, stream: usize| {
        let place = groups.member(pass % passes, stream) * stride;
        data.as_ptr().wrapping_add(if pass < passes { place } else { place + next_tile })
    };
    // The last pass takes the rows that do not fill a group.
    for pass in 0..=passes {
        // The start of the remainder of each row, which is taken vector by vector.
        let mut done = 0;
        let members = if pass < passes {
            let streams = Streams::<L, S> {
                vectors: array_of(|k| rows.row(groups.member(pass, k)).as_chunks::<N>().0),
                runs: array_of(|k| select.run(groups.member(pass, k) * width, width)),
                ahead: array_of(|k| next(pass + 1, k)),
            };
            streams.step(simd, &shifts, &mut lanes[..whole]);
            done = whole;
            STREAMS
        } else {
            rows.rows() - groups.count * TOGETHER + usize::from(!rest.is_empty())
        };
        for k in 0..members {
            let row =
                if pass < passes { groups.member(pass, k) } else { groups.count * TOGETHER + k };
            let x = if row < rows.rows() { rows.row(row) } else { rest };
            let run = select.run(row * width, x.len());
            step_row::<L, P, S>(simd, &run, x, done, &shifts, &mut lanes);
        }
    }
    let count = (!S::COUNTS).then_some(tile.rows() as u64);
    let mut cells = Cells::with_capacity::<P>(width, count.filter(|_| !is_joined));
    for (i, lanes) in lanes.iter().enumerate() {
        cells.extend(simd, lanes, (width - i * N).min(N));
    }
    if is_joined { cells.folded(cols, count) } else { cells }
}

/// The shift of each column, in vectors, repeated for each row of a long one; empty if squares are
/// not taken about a shift.
#[inline(always)]
fn shifts<L: Lane, P: Parts<L>>(shift: &[f64], cols: usize, width: usize) -> Vec<[f64; N]> {
    let mut shifts: Vec<[f64; N]> = Vec::new();
    if P::SPREAD && L::FLOAT {
        shifts.resize(width.div_ceil(N), [0.0; N]);
        for long in shifts.as_flattened_mut()[..width].chunks_mut(cols) {
            long.copy_from_slice(&shift[..long.len()]);
        }
    }
    shifts
}

/// The rows of one pass, and the positions of the next pass's rows.
struct Streams<'a, L: Lane, S: Select<L>> {
    vectors: [&'a [[L; N]]; STREAMS],
    runs: [S::Run; STREAMS],
    ahead: [*const L; STREAMS],
}

impl<L: Lane, S: Select<L>> Streams<'_, L, S> {
    /// Accumulates their whole vectors: as many as there are lanes.
    #[inline(always)]
    fn step<P: Parts<L>>(self, simd: impl Simd, shifts: &[[f64; N]], lanes: &mut [Lanes<L, P>]) {
        let whole = lanes.len();
        let shifts = if P::SPREAD && L::FLOAT { &shifts[..whole] } else { &[] };
        let Self { vectors: [v0, v1, v2, v3], runs, ahead } = self;
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
            S::step(simd, &runs[0], i, &mut a, shift, &v0[i]);
            S::step(simd, &runs[1], i, &mut a, shift, &v1[i]);
            S::step(simd, &runs[2], i, &mut a, shift, &v2[i]);
            S::step(simd, &runs[3], i, &mut a, shift, &v3[i]);
            lanes[i] = a;
        }
    }
}

/// Accumulates one row from vector `done` on, with the remainder that does not fill a vector.
#[inline(always)]
fn step_row<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    run: &S::Run,
    x: &[L],
    done: usize,
    shifts: &[[f64; N]],
    lanes: &mut [Lanes<L, P>],
) {
    let about = |i: usize| shifts.get(i).unwrap_or(&[0.0; N]);
    let (vectors, tail) = x.as_chunks::<N>();
    for i in done..vectors.len() {
        S::step(simd, run, i, &mut lanes[i], about(i), &vectors[i]);
    }
    if !tail.is_empty() {
        let i = vectors.len();
        let (x, lanes) = (tail, &mut lanes[i]);
        simd.call(Partial::<L, P, S> { x, run, at: i * N, shift: about(i), lanes });
    }
}
