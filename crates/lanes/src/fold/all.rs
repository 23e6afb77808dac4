//! One cell for the whole tile.
//!
//! A tile of whole rows is cut into eight equal runs, a tile of parts of rows has its rows taken
//! eight at a time. Either way eight streams are stepped through together, one vector each: a
//! single stream leaves a third of the memory bandwidth unused.
//!
//! ```text
//!   run 0  |x x x x x x x x|. . . .
//!   run 1  |x x x x x x x x|. . . .      one step takes a vector of each run,
//!     :                                  each into an accumulator of its own
//!   run 7  |x x x x x x x x|. . . .
//! ```

use rowmill_core::Tile;

use super::{Cells, Select, eight_streams, fetch_ahead, partial, two_by_two};
use crate::arch::Simd;
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

/// Elements of each stream, and where in the tile they begin.
type Streams<'a, L> = [(&'a [L], usize); 8];

/// How far ahead of its use a stream is fetched, in bytes.
const AHEAD: usize = 1 << 10;

#[inline(always)]
pub(super) fn fold<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    whole_rows: bool,
    tile: Tile<'_, L>,
    select: S,
    shift: &[f64],
    new: Lanes<L, P>,
) -> Cells<L> {
    let shift = &[shift.first().copied().unwrap_or(0.0); N];
    let mut lanes = Eight { a: new, b: new, c: new, d: new, e: new, f: new, g: new, h: new };
    let cols = tile.cols();
    let flat = tile.as_slice().filter(|_| whole_rows);
    let eights = tile.rows() / 8;
    let groups = if flat.is_some() { 1 } else { eights + tile.rows() % 8 };
    // There is one place where the loops stand, whatever the group, or they would be compiled
    // again for each.
    for group in 0..groups {
        // Eight streams of equal length, and what is left of each: fewer than a vector.
        let (streams, rest): (Streams<'_, L>, Streams<'_, L>) = if flat.is_none() && group < eights
        {
            let row = |k: usize| (tile.row(group * 8 + k), (group * 8 + k) * cols);
            let whole = cols / N * N;
            (
                std::array::from_fn(|k| (&row(k).0[..whole], row(k).1)),
                std::array::from_fn(|k| (&row(k).0[whole..], row(k).1 + whole)),
            )
        } else {
            let row = eights * 8 + group - eights.min(group);
            let (x, start) = flat.map_or_else(|| (tile.row(row), row * cols), |x| (x, 0));
            let len = x.len() / (8 * N) * N;
            let rest = |k: usize| x.len().min(8 * len + k * N)..x.len().min(8 * len + k * N + N);
            (
                std::array::from_fn(|k| (&x[k * len..(k + 1) * len], start + k * len)),
                std::array::from_fn(|k| (&x[rest(k)], start + rest(k).start)),
            )
        };
        step_together::<L, P, S>(simd, &streams, select, shift, &mut lanes);
        for (k, (x, start)) in rest.into_iter().enumerate() {
            if !x.is_empty() {
                partial::<L, P, S>(simd, x, &select.run(start, x.len()), 0, shift, lanes.at(k));
            }
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

/// Eight runs of equal length, of whole vectors, with the place of each in the tile.
#[inline(always)]
fn step_together<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    streams: &Streams<'_, L>,
    select: S,
    shift: &[f64; N],
    lanes: &mut Eight<Lanes<L, P>>,
) {
    let run = streams.map(|(x, start)| select.run(start, x.len()));
    let v = streams.map(|(x, _)| x.as_chunks::<N>().0);
    let n = v[0].len();
    eight_streams!(v[..n] => v0 v1 v2 v3 v4 v5 v6 v7);
    let ahead = AHEAD / size_of::<[L; N]>();
    let Eight { mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h } = *lanes;
    two_by_two! {
        P, n, ahead, simd, run, |_k| shift;
        v0 0 a, v1 1 b; v2 2 c, v3 3 d; v4 4 e, v5 5 f; v6 6 g, v7 7 h
    }
    *lanes = Eight { a, b, c, d, e, f, g, h };
}
