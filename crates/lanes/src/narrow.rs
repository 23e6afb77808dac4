//! Reductions of 8- and 16-bit elements over everything, without widening.
//!
//! Their sums and ranges are exact, so the order does not matter, and a register holds many more of
//! them than there are lanes: widened to 32 bits, computing them would be several times slower than
//! memory. Sums add pairs of elements into words of twice their width, and flush those into 64 bits
//! before they can overflow.

use bytemuck::Pod;
use rowmill_core::Tile;

use crate::arch::{Interval, Isa, Job, Simd, array_of, prefetch};
use crate::fold::{AHEAD, CellState, Cells, Need, Selection};

/// Steps after which the accumulators are flushed. Each step adds at most eight elements to a word
/// of 16 or 32 bits, and four to a count of 8.
const STEPS: usize = 32;

/// Bytes in a vector, and in a cache line.
const BYTES: usize = 64;

/// Interleaved streams.
const STREAMS: usize = 4;

/// Prefetches the data of each stream a while ahead of its `i`-th pair; past its end that is in the
/// next block, three streams further.
#[inline(always)]
fn fetch_ahead<V>(streams: [&[[V; 2]]; STREAMS], i: usize) {
    let ahead = i * 2 * BYTES + AHEAD;
    let len = streams[0].len() * 2 * BYTES;
    let ahead = if ahead < len { ahead } else { ahead + (STREAMS - 1) * len };
    for stream in streams {
        prefetch(stream.as_ptr().wrapping_byte_add(ahead));
        prefetch(stream.as_ptr().wrapping_byte_add(ahead + BYTES));
    }
}

/// An integer of 8 or 16 bits.
pub trait Narrow: Pod + Ord + Into<i32> + TryFrom<i32> + Send + Sync {
    /// The cell of a tile: its sum, or its minimum and maximum. `None` if there are no loops for
    /// it.
    fn fold(
        isa: Isa,
        tile: Tile<'_, Self>,
        need: Need,
        selection: Selection<'_, i32>,
    ) -> Option<Cells<i32>>;
}

macro_rules! narrow {
    (
        $module:ident, $t:ty, $bits:ty, $word:ty, $n:literal, $half:literal,
        $sum:ident($summed:ty, $new:expr), flip $flip:literal
    ) => {
        mod $module {
            use super::*;

            type Vector = [$t; $n];
            const _: () = assert!(size_of::<Vector>() == BYTES);

            impl Narrow for $t {
                fn fold(
                    isa: Isa,
                    tile: Tile<'_, Self>,
                    need: Need,
                    selection: Selection<'_, i32>,
                ) -> Option<Cells<i32>> {
                    let cell = match (need, selection) {
                        (Need::Sum, Selection::Every) => isa.run(Sums { tile }),
                        (Need::Range, Selection::Every) => isa.run(Ranges { tile }),
                        (Need::Sum, Selection::Within(Interval { lo, hi, negate })) => {
                            // Bounds beyond the range of the type select all or none.
                            let all = i32::from(<$t>::MIN)..=i32::from(<$t>::MAX);
                            let none = lo > hi || lo > *all.end() || hi < *all.start();
                            let within = if none {
                                Interval { lo: <$t>::MAX, hi: <$t>::MIN, negate }
                            } else {
                                let lo = lo.max(*all.start()) as $t;
                                Interval { lo, hi: hi.min(*all.end()) as $t, negate }
                            };
                            isa.run(SumsWithin { tile, within })
                        }
                        _ => return None,
                    };
                    Some(Cells::single(isa, need, &cell))
                }
            }

            /// The bias that makes elements unsigned, in the same order.
            const BIAS: $bits = (<$t>::MIN as $bits);

            /// Sums of pairs of biased elements.
            #[derive(Clone, Copy)]
            struct Pairs([$word; $half]);

            impl Pairs {
                const NEW: Self = Self([0; $half]);

                /// Words are made from the whole vector: split into elements first, they would be
                /// assembled one by one.
                #[inline(always)]
                fn add(&mut self, words: [$word; $half]) {
                    for j in 0..$half {
                        self.0[j] +=
                            (words[j] & <$word>::from(<$bits>::MAX)) + (words[j] >> <$bits>::BITS);
                    }
                }

                #[inline(always)]
                fn total(&self) -> u64 {
                    self.0.iter().map(|&word| u64::from(word)).sum()
                }
            }

            /// Two elements, biased.
            #[inline(always)]
            fn biased(x: &Vector) -> [$word; $half] {
                let mut words: [$word; $half] = bytemuck::must_cast(*x);
                for j in 0..$half {
                    words[j] ^= <$word>::from(BIAS) << <$bits>::BITS | <$word>::from(BIAS);
                }
                words
            }

            /// The sum of this many elements, given the biased sum.
            fn unbiased(total: u64, count: u64) -> i128 {
                i128::from(total) - i128::from(count) * i128::from(BIAS)
            }

            struct Sums<'a> {
                tile: Tile<'a, $t>,
            }

            impl Job for Sums<'_> {
                type Output = CellState<i32>;

                #[inline(always)]
                #[allow(clippy::cast_lossless, reason = "sums of bytes are u64, below 2^31 here")]
                fn run(self, simd: impl Simd) -> CellState<i32> {
                    let mut total = 0_i64;
                    for x in self.tile.slices() {
                        let (v, rest) = streams(x);
                        let n = v[0].len();
                        let [v0, v1, v2, v3] = v;
                        let (v0, v1, v2, v3) = (&v0[..n], &v1[..n], &v2[..n], &v3[..n]);
                        for first in (0..n).step_by(STEPS) {
                            let (mut a, mut b) = ($new, $new);
                            for i in first..n.min(first + STEPS) {
                                fetch_ahead([v0, v1, v2, v3], i);
                                for [even, odd] in [&v0[i], &v1[i], &v2[i], &v3[i]] {
                                    a = simd.$sum(a, flipped(even));
                                    b = simd.$sum(b, flipped(odd));
                                }
                            }
                            total += a.iter().chain(&b).map(|&sum| sum as i64).sum::<i64>();
                        }
                        total += rest.iter().map(|&x| i64::from(flip(x))).sum::<i64>();
                    }
                    let count = self.tile.len() as u64;
                    // Flipping the sign adds or subtracts this much.
                    let off = i128::from(flip(0)) * i128::from(count);
                    CellState { count, total: i128::from(total) - off, ..CellState::empty() }
                }
            }

            /// The sign of an element, if sums have the other signedness.
            const SIGN: $bits = if $flip { 1 << (<$bits>::BITS - 1) } else { 0 };

            #[inline(always)]
            fn flip(x: $t) -> $summed {
                (x as $bits ^ SIGN) as $summed
            }

            /// As whole words: split into elements first, they would be assembled one by one again.
            #[inline(always)]
            fn flipped(x: &Vector) -> [$summed; $n] {
                let mut words: [u64; 8] = bytemuck::must_cast(*x);
                for word in &mut words {
                    *word ^= u64::MAX / u64::from(<$bits>::MAX) * u64::from(SIGN);
                }
                bytemuck::must_cast(words)
            }

            struct Ranges<'a> {
                tile: Tile<'a, $t>,
            }

            impl Job for Ranges<'_> {
                type Output = CellState<i32>;

                #[inline(always)]
                fn run(self, _: impl Simd) -> CellState<i32> {
                    let mut lo = [<$t>::MAX; $n];
                    let mut hi = [<$t>::MIN; $n];
                    let mut take = |x: &Vector| {
                        for j in 0..$n {
                            lo[j] = lo[j].min(x[j]);
                            hi[j] = hi[j].max(x[j]);
                        }
                    };
                    for x in self.tile.slices() {
                        let (v, rest) = streams(x);
                        let n = v[0].len();
                        let [v0, v1, v2, v3] = v;
                        let (v0, v1, v2, v3) = (&v0[..n], &v1[..n], &v2[..n], &v3[..n]);
                        for i in 0..n {
                            fetch_ahead([v0, v1, v2, v3], i);
                            for [even, odd] in [&v0[i], &v1[i], &v2[i], &v3[i]] {
                                take(even);
                                take(odd);
                            }
                        }
                        for &x in rest {
                            take(&[x; $n]);
                        }
                    }
                    let count = self.tile.len() as u64;
                    let min = lo.into_iter().fold(<$t>::MAX, Ord::min);
                    let max = hi.into_iter().fold(<$t>::MIN, Ord::max);
                    CellState { count, min: min.into(), max: max.into(), ..CellState::empty() }
                }
            }

            struct SumsWithin<'a> {
                tile: Tile<'a, $t>,
                within: Interval<$t>,
            }

            /// Sums and counts of the selected elements.
            #[derive(Clone, Copy)]
            struct KeptPairs {
                pairs: Pairs,
                count: [$bits; $n],
            }

            impl KeptPairs {
                #[inline(always)]
                fn add(&mut self, x: &Vector, within: Interval<$t>) {
                    let flip = if within.negate { <$bits>::MAX } else { 0 };
                    let mut kept: [$bits; $n] = bytemuck::must_cast(biased(x));
                    for j in 0..$n {
                        let inside = (x[j] >= within.lo) & (x[j] <= within.hi);
                        let keep = (if inside { <$bits>::MAX } else { 0 }) ^ flip;
                        kept[j] &= keep;
                        self.count[j] += keep & 1;
                    }
                    self.pairs.add(bytemuck::must_cast(kept));
                }
            }

            impl Job for SumsWithin<'_> {
                type Output = CellState<i32>;

                #[inline(always)]
                fn run(self, _: impl Simd) -> CellState<i32> {
                    let Self { tile, within } = self;
                    let (mut total, mut count) = (0_u64, 0_u64);
                    for x in tile.slices() {
                        let (v, rest) = streams(x);
                        let n = v[0].len();
                        let [v0, v1, v2, v3] = v;
                        let (v0, v1, v2, v3) = (&v0[..n], &v1[..n], &v2[..n], &v3[..n]);
                        for first in (0..n).step_by(STEPS) {
                            let new = KeptPairs { pairs: Pairs::NEW, count: [0; $n] };
                            let (mut a, mut b) = (new, new);
                            for i in first..n.min(first + STEPS) {
                                fetch_ahead([v0, v1, v2, v3], i);
                                for [even, odd] in [&v0[i], &v1[i], &v2[i], &v3[i]] {
                                    a.add(even, within);
                                    b.add(odd, within);
                                }
                            }
                            for sums in [a, b] {
                                total += sums.pairs.total();
                                count += sums.count.iter().map(|&n| u64::from(n)).sum::<u64>();
                            }
                        }
                        for &x in rest {
                            let inside = (x >= within.lo) & (x <= within.hi);
                            if inside != within.negate {
                                total += u64::from(x as $bits ^ BIAS);
                                count += 1;
                            }
                        }
                    }
                    CellState { count, total: unbiased(total, count), ..CellState::empty() }
                }
            }

            /// Four runs of pairs of vectors, and the remainder: the same streams as in the folds
            /// of lanes.
            #[inline(always)]
            fn streams(x: &[$t]) -> ([&[[Vector; 2]]; STREAMS], &[$t]) {
                let pairs = x.as_chunks::<$n>().0.as_chunks::<2>().0;
                let n = pairs.len() / STREAMS;
                let runs = array_of(|k| &pairs[k * n..(k + 1) * n]);
                (runs, &x[STREAMS * n * 2 * $n..])
            }
        }
    };
}

narrow!(of_u8, u8, u8, u16, 64, 32, sum_u8(u8, [0_u64; 8]), flip false);
narrow!(of_i8, i8, u8, u16, 64, 32, sum_u8(u8, [0_u64; 8]), flip true);
narrow!(of_u16, u16, u16, u32, 32, 16, sum_i16(i16, [0_i32; 16]), flip true);
narrow!(of_i16, i16, u16, u32, 32, 16, sum_i16(i16, [0_i32; 16]), flip false);

/// Widens a run of elements for loops without a narrow form.
pub fn widen<T: Copy + Into<L>, L: Copy>(isa: Isa, from: &[T], to: &mut [L]) {
    isa.run(Widen { from, to });
}

struct Widen<'a, T, L> {
    from: &'a [T],
    to: &'a mut [L],
}

impl<T: Copy + Into<L>, L: Copy> Job for Widen<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Simd) {
        for (to, &from) in self.to.iter_mut().zip(self.from) {
            *to = from.into();
        }
    }
}

/// Widens a run of `f16`.
pub fn widen_f16(isa: Isa, from: &[half::f16], to: &mut [f32]) {
    isa.run(WidenF16 { from, to });
}

struct WidenF16<'a> {
    from: &'a [half::f16],
    to: &'a mut [f32],
}

impl Job for WidenF16<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: impl Simd) {
        let (from, from_rest) = self.from.as_chunks::<8>();
        let (to, to_rest) = self.to.as_chunks_mut::<8>();
        for (to, &from) in to.iter_mut().zip(from) {
            *to = simd.widen_f16(from);
        }
        for (to, from) in to_rest.iter_mut().zip(from_rest) {
            *to = from.to_f32();
        }
    }
}
