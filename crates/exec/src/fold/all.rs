//! One cell for the whole tile.
//!
//! A contiguous tile is cut into eight equal runs, a wide one has its rows taken eight at a time.
//! Either way eight streams are stepped through together, one vector each: a single stream leaves a
//! third of the memory bandwidth unused.
//!
//! ```text
//!   run 0  |x x x x x x x x|. . . .
//!   run 1  |x x x x x x x x|. . . .      one step takes a vector of each run,
//!     :                                  each into an accumulator of its own
//!   run 7  |x x x x x x x x|. . . .
//! ```

use rowmill_core::Tile;

use super::{Cells, Select, padded};
use crate::arch::prefetch;
use crate::lanes::{Lane, Lanes, N, Parts};

/// Accumulators of eight streams. Separate fields, because an array of arrays is not kept in
/// registers.
#[derive(Clone, Copy)]
struct Eight<A> {
    a: A,
    b: A,
    c: A,
    d: A,
    e: A,
    f: A,
    g: A,
    h: A,
}

/// How far ahead of its use a stream is fetched, in bytes.
const AHEAD: usize = 1 << 10;

#[inline(always)]
pub(super) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
    tile: Tile<'_, L>,
    select: S,
    shift: &[f64],
    new: Lanes<L, P>,
) -> Cells<L> {
    let shift = &[shift.first().copied().unwrap_or(0.0); N];
    let mut lanes = Eight { a: new, b: new, c: new, d: new, e: new, f: new, g: new, h: new };
    let cols = tile.cols();
    if let Some(x) = tile.as_slice() {
        contiguous(x, 0, select, shift, &mut lanes);
    } else {
        let together = tile.rows() / 8 * 8;
        for first in (0..together).step_by(8) {
            let x = std::array::from_fn(|k| tile.row(first + k));
            let run = std::array::from_fn(|k| select.run((first + k) * cols, cols));
            streams::<L, P, S>(x, &run, shift, &mut lanes);
            let whole = cols / N * N;
            if whole < cols {
                for (k, (x, run)) in x.iter().zip(&run).enumerate() {
                    partial::<L, P, S>(&x[whole..], run, whole, shift, lanes.at(k));
                }
            }
        }
        for i in together..tile.rows() {
            contiguous(tile.row(i), i * cols, select, shift, &mut lanes);
        }
    }
    let count = (!S::COUNTS).then_some(tile.len() as u64);
    Cells::one::<P>(&lanes.joined(), count)
}

impl<A> Eight<A> {
    #[inline(always)]
    fn at(&mut self, stream: usize) -> &mut A {
        match stream {
            0 => &mut self.a,
            1 => &mut self.b,
            2 => &mut self.c,
            3 => &mut self.d,
            4 => &mut self.e,
            5 => &mut self.f,
            6 => &mut self.g,
            _ => &mut self.h,
        }
    }
}

impl<L: Lane, P: Parts<L>> Eight<Lanes<L, P>> {
    /// All streams together, in pairs.
    #[inline(always)]
    fn joined(mut self) -> Lanes<L, P> {
        self.a.join(&self.b);
        self.c.join(&self.d);
        self.e.join(&self.f);
        self.g.join(&self.h);
        self.a.join(&self.c);
        self.e.join(&self.g);
        self.a.join(&self.e);
        self.a
    }
}

/// Elements without gaps, which start at `start` of the tile.
#[inline(always)]
fn contiguous<L: Lane, P: Parts<L>, S: Select<L>>(
    x: &[L],
    start: usize,
    select: S,
    shift: &[f64; N],
    lanes: &mut Eight<Lanes<L, P>>,
) {
    let len = x.len() / (8 * N) * N;
    let cut = |k: usize| &x[k * len..(k + 1) * len];
    let run = std::array::from_fn(|k| select.run(start + k * len, len));
    streams::<L, P, S>(std::array::from_fn(cut), &run, shift, lanes);
    // Fewer than 64 elements: a vector for each stream, the last one short.
    let rest = &x[8 * len..];
    if !rest.is_empty() {
        let run = select.run(start + 8 * len, rest.len());
        for (k, x) in rest.chunks(N).enumerate() {
            partial::<L, P, S>(x, &run, k * N, shift, lanes.at(k));
        }
    }
}

/// Up to one vector, at `at` of a run.
#[inline(always)]
pub(super) fn partial<L: Lane, P: Parts<L>, S: Select<L>>(
    x: &[L],
    run: &S::Run,
    at: usize,
    shift: &[f64; N],
    lanes: &mut Lanes<L, P>,
) {
    let keep = S::keep(run, at, x);
    lanes.step_kept(shift, &padded(x).0, &keep);
}

/// Eight runs of equal length, as far as they are whole vectors.
#[inline(always)]
fn streams<L: Lane, P: Parts<L>, S: Select<L>>(
    x: [&[L]; 8],
    run: &[S::Run; 8],
    shift: &[f64; N],
    lanes: &mut Eight<Lanes<L, P>>,
) {
    let v = x.map(|x| x.as_chunks::<N>().0);
    let n = v[0].len();
    let v = v.map(|v| &v[..n]);
    let ahead = AHEAD / size_of::<[L; N]>();
    let Eight { mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h } = *lanes;
    for i in 0..n {
        for v in &v {
            prefetch(v.as_ptr().wrapping_add(i + ahead));
        }
        S::step(&run[0], i, &mut a, shift, &v[0][i]);
        S::step(&run[1], i, &mut b, shift, &v[1][i]);
        S::step(&run[2], i, &mut c, shift, &v[2][i]);
        S::step(&run[3], i, &mut d, shift, &v[3][i]);
        S::step(&run[4], i, &mut e, shift, &v[4][i]);
        S::step(&run[5], i, &mut f, shift, &v[5][i]);
        S::step(&run[6], i, &mut g, shift, &v[6][i]);
        S::step(&run[7], i, &mut h, shift, &v[7][i]);
    }
    *lanes = Eight { a, b, c, d, e, f, g, h };
}
