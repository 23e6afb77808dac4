//! One cell for the whole tile.
//!
//! A tile of whole rows is cut into four equal runs; a tile of partial rows has its rows taken four
//! at a time. Either way four streams are interleaved, two vectors each: a single stream leaves a
//! third of the memory bandwidth unused, and eight, whose cache lines fall into the same few sets,
//! a fifth.
//!
//! ```text
//!   run 0  |x x x x x x x x|x x x x x x x x|. . .
//!   run 1  |x x x x x x x x|x x x x x x x x|. . .      one step takes two vectors of each run,
//!     :                                                each into its own accumulator
//!   run 3  |x x x x x x x x|x x x x x x x x|. . .
//! ```

use rowmill_core::Tile;

use super::{Cells, Partial, Select, four_by_two};
use crate::arch::{Simd, array_of};
use crate::lanes::{Lane, Lanes, N, Parts};

/// Accumulators of four streams of two vectors. Separate fields, because the compiler does not keep
/// an array of arrays in registers.
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

/// Interleaved streams.
const STREAMS: usize = 4;

/// The elements of each stream, and their positions in the tile.
type Streams<'a, L> = [(&'a [L], usize); STREAMS];

/// The remainder of each stream, at most a vector.
type Rest<'a, L> = [(&'a [L], usize); 8];

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
    let fours = tile.rows() / STREAMS;
    let groups = if flat.is_some() { 1 } else { fours + tile.rows() % STREAMS };
    // The loops occur in one place, whatever the group, or they would be compiled once for each.
    for group in 0..groups {
        // Streams of equal length, and their remainders.
        let (streams, rest): (Streams<'_, L>, Rest<'_, L>) = if flat.is_none() && group < fours {
            let row = |k: usize| (tile.row(group * STREAMS + k), (group * STREAMS + k) * cols);
            let whole = cols / (2 * N) * (2 * N);
            // Up to two vectors of each row.
            let left =
                |k: usize| (whole + k % 2 * N).min(cols)..(whole + (k % 2 + 1) * N).min(cols);
            (
                array_of(|k| (&row(k).0[..whole], row(k).1)),
                array_of(|k| (&row(k / 2).0[left(k)], row(k / 2).1 + left(k).start)),
            )
        } else {
            let row = fours * STREAMS + group - fours.min(group);
            let (x, start) = flat.map_or_else(|| (tile.row(row), row * cols), |x| (x, 0));
            let len = x.len() / (STREAMS * 2 * N) * (2 * N);
            let done = STREAMS * len;
            let left = |k: usize| x.len().min(done + k * N)..x.len().min(done + k * N + N);
            (
                array_of(|k| (&x[k * len..(k + 1) * len], start + k * len)),
                array_of(|k| (&x[left(k)], start + left(k).start)),
            )
        };
        // The distance from the end of a stream to the data that follows: the next rows, or the
        // next tile.
        let (len, stride) = (streams[0].0.len(), tile.parts().1);
        let after = if flat.is_some() {
            tile.len() - len
        } else if group + 1 < fours {
            STREAMS * stride - len
        } else {
            (cols - len).wrapping_sub(fours.saturating_sub(1) * STREAMS * stride)
        };
        let jump = after.wrapping_mul(size_of::<L>());
        step_streams::<L, P, S>(simd, &streams, select, shift, jump, &mut lanes);
        for (k, (x, start)) in rest.into_iter().enumerate() {
            if !x.is_empty() {
                let (run, lanes) = (&select.run(start, x.len()), lanes.at(k));
                simd.call(Partial::<L, P, S> { x, run, at: 0, shift, lanes });
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
    /// Merges all streams, in pairs.
    #[inline(never)]
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

/// Runs of equal length, in whole pairs of vectors, with the position of each in the tile. The data
/// that follows each run is `jump` bytes past its end.
#[inline(always)]
fn step_streams<L: Lane, P: Parts<L>, S: Select<L>>(
    simd: impl Simd,
    streams: &Streams<'_, L>,
    select: S,
    shift: &[f64; N],
    jump: usize,
    lanes: &mut Eight<Lanes<L, P>>,
) {
    let run: [S::Run; STREAMS] = array_of(|k| select.run(streams[k].1, streams[k].0.len()));
    // Separate variables: in a loop over an array the compiler does not see that the lengths are
    // equal.
    let [v0, v1, v2, v3] = array_of(|k| streams[k].0.as_chunks::<N>().0.as_chunks::<2>().0);
    let n = v0.len();
    let (v0, v1, v2, v3) = (&v0[..n], &v1[..n], &v2[..n], &v3[..n]);
    let Eight { mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h } = *lanes;
    four_by_two! {
        S, P, L, simd, n, run, jump, |_k| shift;
        v0 0 a b; v1 1 c d; v2 2 e f; v3 3 g h
    }
    *lanes = Eight { a, b, c, d, e, f, g, h };
}
