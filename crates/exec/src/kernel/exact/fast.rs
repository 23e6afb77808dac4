//! The fast path of exact sums: elements are added to anchors, `1.5 * 2^m`, whose last digit is so
//! coarse that a thousand additions lose nothing. The remainder of an addition goes to a second
//! anchor in the same way. If a remainder is still left over, or an element was so large that a sum
//! left the binade of its anchor, the group of elements is undone and added again by slower means.
//!
//! As long as a sum stays in the binade of its anchor, no element was larger than the sum, and the
//! rounding error of an addition is exact (Dekker's fast two-sum).
//!
//! ```text
//!   element    |x x x x x x x x x x x x|
//!   anchor 1   1.1000000000000s s s s s s s         the exact sum of the upper digits
//!   anchor 2                  1.1000000000000s s s s s s s s      of the lower digits
//! ```

use super::Wide;
use rowmill_lanes::arch::{Isa, Job, Simd, prefetch};
use rowmill_lanes::lanes::{Lane, N};

/// Interleaved streams, each with its own accumulators.
const STREAMS: usize = 4;

/// Vectors per stream in a group.
const STEPS: usize = 16;

/// Elements per group.
const GROUP: usize = STREAMS * STEPS * N;

/// Groups after which accumulators are flushed: 2^11 additions to each.
const GROUPS: usize = 128;

/// Bits between the largest element and the anchor, for that many additions and their rounding.
const ROOM: i32 = 13;

/// The exponents for which anchors exist.
const EXPONENTS: std::ops::RangeInclusive<i32> = -900..=1000;

/// Runs shorter than this are added one by one.
const SHORT: usize = 64;

/// The prefetch distance of a stream, in bytes.
const AHEAD: usize = 1 << 10;

/// Bytes of a cache line.
const LINE: usize = 64;

/// A float type that widens without loss.
pub(in crate::kernel) trait Float: Lane {
    /// Whether most elements have more digits than one anchor takes in.
    const LONG: bool;

    fn wide(simd: impl Simd, x: &[Self; N]) -> [f64; N];
}

impl Float for f32 {
    const LONG: bool = false;

    #[inline(always)]
    fn wide(simd: impl Simd, x: &[f32; N]) -> [f64; N] {
        simd.widen(*x)
    }
}

impl Float for f64 {
    const LONG: bool = true;

    #[inline(always)]
    fn wide(_: impl Simd, x: &[f64; N]) -> [f64; N] {
        *x
    }
}

/// Adds all elements.
pub(in crate::kernel) fn add_floats<L: Float>(isa: Isa, x: &[L], to: &mut Wide) {
    if x.len() < SHORT {
        x.iter().for_each(|x| to.add(x.to_f64()));
    } else {
        isa.run(AddAll { x, to });
    }
}

struct AddAll<'a, L> {
    x: &'a [L],
    to: &'a mut Wide,
}

/// The accumulators of a stream.
#[derive(Clone, Copy)]
struct Anchored {
    high: [f64; N],
    low: [f64; N],
}

/// The anchors for elements up to a magnitude.
#[derive(Clone, Copy)]
struct Anchors {
    high: f64,
    low: f64,
}

impl Anchors {
    /// For zeros only.
    const NONE: Self = Self { high: 0.0, low: 0.0 };

    /// The anchors for elements of at most this magnitude, if they exist.
    fn of(largest: f64) -> Option<Self> {
        let exponent = (largest.to_bits() >> 52 & 0x7ff) as i32 - 1022; // largest < 2^exponent
        let exponent = exponent.max(*EXPONENTS.start());
        if exponent > *EXPONENTS.end() {
            return None;
        }
        let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
        // The last digit of an anchor is 2^-52 of it, and a rounding error is at most half of that.
        let high = exponent + ROOM;
        let low = high - 53 + ROOM;
        Some(Self { high: 1.5 * power(high), low: 1.5 * power(low) })
    }

    fn new_sums(&self) -> [Anchored; STREAMS] {
        [Anchored { high: [self.high; N], low: [self.low; N] }; STREAMS]
    }
}

/// The outcome of adding a group.
#[derive(Clone, Copy)]
struct Seen {
    /// Whether a sum left the binade of its anchor.
    beyond: bool,
    /// Whether digits were left that the anchors did not take in.
    left_over: bool,
}

impl<L: Float> Job for AddAll<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: impl Simd) {
        let Self { x, to } = self;
        let groups = x.len() / GROUP;
        let len = groups * STEPS * N;
        let stream = |k: usize| x[k * len..(k + 1) * len].as_chunks::<N>().0.as_chunks::<STEPS>().0;
        let streams: [&[[[L; N]; STEPS]]; STREAMS] = std::array::from_fn(stream);
        let mut anchors = Anchors::NONE;
        let mut sums = anchors.new_sums();
        let mut slow = false;
        for i in 0..groups {
            let group = streams.map(|stream| &stream[i]);
            slow |= add_group(simd, group, &mut anchors, &mut sums, to);
            if i % GROUPS == GROUPS - 1 {
                empty(&anchors, &mut sums, to);
                // One large element must not slow down those that follow.
                anchors = if slow { Anchors::NONE } else { anchors };
                sums = anchors.new_sums();
                slow = false;
            }
        }
        // The remainder is padded with zeros.
        for rest in x[STREAMS * len..].chunks(GROUP) {
            let mut padded = [[[L::default(); N]; STEPS]; STREAMS];
            padded.as_flattened_mut().as_flattened_mut()[..rest.len()].copy_from_slice(rest);
            let [a, b, c, d] = &padded;
            add_group(simd, [a, b, c, d], &mut anchors, &mut sums, to);
        }
        empty(&anchors, &mut sums, to);
    }
}

/// Adds a group; returns whether that took the slow path.
#[inline(always)]
fn add_group<L: Float>(
    simd: impl Simd,
    group: [&[[L; N]; STEPS]; STREAMS],
    anchors: &mut Anchors,
    sums: &mut [Anchored; STREAMS],
    to: &mut Wide,
) -> bool {
    let before = *sums;
    let seen = step_group(simd, group, anchors, sums, L::LONG);
    if !(seen.beyond || seen.left_over) {
        return false;
    }
    *sums = before;
    retry_group(simd, group, seen, anchors, sums, to)
}

/// Adds a group that the anchors do not suit: with wider anchors, with both, or one by one. Returns
/// whether it was one by one.
#[inline(always)]
fn retry_group<L: Float>(
    simd: impl Simd,
    group: [&[[L; N]; STEPS]; STREAMS],
    seen: Seen,
    anchors: &mut Anchors,
    sums: &mut [Anchored; STREAMS],
    to: &mut Wide,
) -> bool {
    let elements = || group.into_iter().flatten().flatten().map(|x| x.to_f64());
    if seen.beyond {
        // NaN are skipped here and found below.
        let largest = elements().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        if let Some(wider) = Anchors::of(largest) {
            empty(anchors, sums, to);
            *anchors = wider;
            *sums = anchors.new_sums();
        }
    }
    if seen.beyond || !L::LONG {
        let before = *sums;
        let seen = step_group(simd, group, anchors, sums, true);
        if !(seen.beyond || seen.left_over) {
            return false;
        }
        *sums = before;
    }
    elements().for_each(|x| to.add(x));
    true
}

/// Adds a group to the sums, and to the second ones only if `both` is set.
#[inline(always)]
fn step_group<L: Float>(
    simd: impl Simd,
    group: [&[[L; N]; STEPS]; STREAMS],
    anchors: &Anchors,
    sums: &mut [Anchored; STREAMS],
    both: bool,
) -> Seen {
    let [mut a, mut b, mut c, mut d] = *sums;
    let anchor = [anchors.high.to_bits(); N];
    let (mut moved, mut left) = ([0_u64; N], [0_u64; N]);
    let [v0, v1, v2, v3] = group;
    macro_rules! step {
        ($v:ident, $i:ident, $sum:ident) => {
            let x = L::wide(simd, &$v[$i]);
            let high = simd.add($sum.high, x);
            let mut rest = simd.sub(x, simd.sub(high, $sum.high));
            $sum.high = high;
            if both {
                let low = simd.add($sum.low, rest);
                rest = simd.sub(rest, simd.sub(low, $sum.low));
                $sum.low = low;
            }
            let (high, rest): ([u64; N], [u64; N]) =
                (bytemuck::must_cast(high), bytemuck::must_cast(rest));
            for j in 0..N {
                moved[j] |= high[j] ^ anchor[j];
                left[j] |= rest[j];
            }
        };
    }
    for i in 0..STEPS {
        let bytes = i * size_of::<[L; N]>();
        if bytes.is_multiple_of(LINE) {
            for v in [v0, v1, v2, v3] {
                prefetch(v.as_ptr().wrapping_byte_add(bytes + AHEAD));
            }
        }
        step!(v0, i, a);
        step!(v1, i, b);
        step!(v2, i, c);
        step!(v3, i, d);
    }
    *sums = [a, b, c, d];
    let any = |bits: [u64; N]| bits.into_iter().fold(0, |a, b| a | b);
    // Sign and exponent; everything but the sign, since the sign of a zero means nothing.
    Seen { beyond: any(moved) >> 52 != 0, left_over: any(left) << 1 != 0 }
}

/// Flushes the sums into the wide accumulator.
#[inline(always)]
fn empty(anchors: &Anchors, sums: &mut [Anchored; STREAMS], to: &mut Wide) {
    for sum in sums {
        for j in 0..N {
            to.add(sum.high[j] - anchors.high);
            to.add(sum.low[j] - anchors.low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeded numbers (splitmix64).
    fn numbers(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
    }

    fn check<L: Float>(x: &[L], what: &str) {
        let mut slow = Wide::new();
        x.iter().for_each(|x| slow.add(x.to_f64()));
        let expected = slow.take();
        for isa in Isa::available() {
            let mut fast = Wide::new();
            add_floats(isa, x, &mut fast);
            assert_eq!(fast.take(), expected, "{what}, {} elements, {isa}", x.len());
        }
    }

    #[test]
    fn nothing_is_lost_of_numbers_of_any_size() {
        for len in [1, 63, 64, 511, 512, 513, 5000, 3 * GROUPS * GROUP + 77] {
            // Exponents that differ by this much.
            for spread in [0, 5, 30, 60, 200, 2046] {
                let mut next = numbers(len as u64 + spread);
                let mut double = || {
                    let exponent = 1023 - spread / 2 + next() % (spread + 1);
                    let mantissa = next() >> 12;
                    f64::from_bits((next() & 1) << 63 | exponent.min(2046) << 52 | mantissa)
                };
                let mut x: Vec<f64> = (0..len).map(|_| double()).collect();
                check(&x, "doubles");
                check(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), "singles");
                // All of one sign: the sums move one way.
                x.iter_mut().for_each(|x| *x = x.abs());
                check(&x, "positive doubles");
                check(&vec![x[0]; len], "equal doubles");
            }
        }
    }

    #[test]
    fn large_elements_that_cancel_are_seen() {
        let mut next = numbers(3);
        let mut x: Vec<f64> = (0..20_000).map(|_| (next() >> 11) as f64 / 9e15 - 0.3).collect();
        for (i, at) in (700..19_000).step_by(997).enumerate() {
            // Consecutive elements of one lane, so that the sum returns within a group.
            let huge = 2.0_f64.powi(40 * i as i32 - 300) * 1.1;
            (x[at], x[at + N]) = (huge, -huge);
        }
        check(&x, "cancelling");
        check(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), "cancelling singles");
        for special in [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, -0.0, f64::from_bits(1)] {
            let mut with = x.clone();
            with[5000] = special;
            check(&with, "one special element");
            with.iter_mut().skip(1).step_by(2).for_each(|x| *x = special);
            check(&with, "many special elements");
        }
        check(&vec![-0.0_f64; 1000], "negative zeros");
        check(&vec![f64::from_bits(3); 70_000], "subnormal numbers");
        check(&vec![f64::MAX; 70_000], "the largest");
    }
}
