//! The fast path of exact sums: elements are added to anchors, `1.5 * 2^m`, whose last digit is so
//! coarse that a thousand additions lose nothing; what an addition left over goes to a second anchor
//! in the same way. Where something is still left over, or an element is too large for the anchor, the
//! group of elements is taken back and added anew.
//!
//! ```text
//!   element    |x x x x x x x x x x x x|
//!   anchor 1   1.1000000000000s s s s s s s         the sum of the upper digits, exactly
//!   anchor 2                  1.1000000000000s s s s s s s s      of the lower ones
//! ```

use super::Wide;
use rowmill_lanes::arch::{Isa, Job, Simd, prefetch};
use rowmill_lanes::lanes::{Lane, N};

/// Streams that are stepped through together, each with accumulators of its own.
const STREAMS: usize = 4;

/// Vectors of each stream in a group.
const STEPS: usize = 16;

/// Elements of a group.
const GROUP: usize = STREAMS * STEPS * N;

/// Groups after which accumulators are emptied: 2^10 additions to each.
const GROUPS: usize = 64;

/// Bits between the largest element and the anchor, for so many additions and their rounding.
const ROOM: i32 = 12;

/// The exponents that anchors can be made for.
const EXPONENTS: std::ops::RangeInclusive<i32> = -900..=1000;

/// Runs shorter than this are added one by one.
const SHORT: usize = 64;

/// How far ahead of its use a stream is fetched, in bytes.
const AHEAD: usize = 1 << 10;

/// A float that is widened without loss.
pub(in crate::kernel) trait Float: Lane {
    fn wide(simd: impl Simd, x: &[Self; N]) -> [f64; N];
}

impl Float for f32 {
    #[inline(always)]
    fn wide(simd: impl Simd, x: &[f32; N]) -> [f64; N] {
        simd.widen(*x)
    }
}

impl Float for f64 {
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

/// The anchors for elements below a limit.
#[derive(Clone, Copy)]
struct Anchors {
    /// Elements have to be below this.
    limit: f64,
    high: f64,
    low: f64,
}

impl Anchors {
    /// For no elements but zeros.
    const NONE: Self = Self { limit: 0.0, high: 0.0, low: 0.0 };

    /// For elements of at most this size, if there are such anchors.
    fn of(largest: f64) -> Option<Self> {
        let exponent = (largest.to_bits() >> 52 & 0x7ff) as i32 - 1022; // largest < 2^exponent
        let exponent = exponent.max(*EXPONENTS.start());
        if exponent > *EXPONENTS.end() {
            return None;
        }
        let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
        // The last digit of an anchor is 2^-52 of it, and rounding leaves at most half of that.
        let high = exponent + ROOM;
        let low = high - 53 + ROOM;
        Some(Self { limit: power(exponent), high: 1.5 * power(high), low: 1.5 * power(low) })
    }

    fn new_sums(&self) -> [Anchored; STREAMS] {
        [Anchored { high: [self.high; N], low: [self.low; N] }; STREAMS]
    }
}

/// What is known of a group after it was added.
struct Seen {
    largest: f64,
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
        for i in 0..groups {
            let group = streams.map(|stream| &stream[i]);
            add_group(simd, group, &mut anchors, &mut sums, to);
            if i % GROUPS == GROUPS - 1 {
                empty(&anchors, &mut sums, to);
                // One large element must not make those that follow slow.
                anchors = Anchors::NONE;
                sums = anchors.new_sums();
            }
        }
        // What is left over is filled up with zeros.
        for rest in x[STREAMS * len..].chunks(GROUP) {
            let mut padded = [[[L::default(); N]; STEPS]; STREAMS];
            padded.as_flattened_mut().as_flattened_mut()[..rest.len()].copy_from_slice(rest);
            let [a, b, c, d] = &padded;
            add_group(simd, [a, b, c, d], &mut anchors, &mut sums, to);
        }
        empty(&anchors, &mut sums, to);
    }
}

#[inline(always)]
fn add_group<L: Float>(
    simd: impl Simd,
    group: [&[[L; N]; STEPS]; STREAMS],
    anchors: &mut Anchors,
    sums: &mut [Anchored; STREAMS],
    to: &mut Wide,
) {
    let before = *sums;
    let seen = step_group(simd, group, sums);
    if seen.largest < anchors.limit && !seen.left_over {
        return;
    }
    *sums = before;
    add_again(simd, group, seen.largest, anchors, sums, to);
}

/// Adds a group that does not fit the anchors: with others, or one by one.
#[inline(always)]
fn add_again<L: Float>(
    simd: impl Simd,
    group: [&[[L; N]; STEPS]; STREAMS],
    largest: f64,
    anchors: &mut Anchors,
    sums: &mut [Anchored; STREAMS],
    to: &mut Wide,
) {
    if largest >= anchors.limit
        && let Some(wider) = Anchors::of(largest)
    {
        empty(anchors, sums, to);
        *anchors = wider;
        *sums = anchors.new_sums();
        let before = *sums;
        if !step_group(simd, group, sums).left_over {
            return;
        }
        *sums = before;
    }
    for x in group.into_iter().flatten().flatten() {
        to.add(x.to_f64());
    }
}

/// Adds a group to the sums, as far as that goes.
#[inline(always)]
fn step_group<L: Float>(
    simd: impl Simd,
    group: [&[[L; N]; STEPS]; STREAMS],
    sums: &mut [Anchored; STREAMS],
) -> Seen {
    let [mut a, mut b, mut c, mut d] = *sums;
    let (mut most, mut least) = ([0.0; N], [0.0; N]);
    let mut left = [0_u64; N];
    let [v0, v1, v2, v3] = group;
    macro_rules! step {
        ($v:ident, $i:ident, $sum:ident) => {
            prefetch($v.as_ptr().wrapping_byte_add($i * size_of::<[L; N]>() + AHEAD));
            let x = L::wide(simd, &$v[$i]);
            most = simd.higher_f64(most, x);
            least = simd.lower_f64(least, x);
            let high = simd.add($sum.high, x);
            let rest = simd.sub(x, simd.sub(high, $sum.high));
            let low = simd.add($sum.low, rest);
            let rest = simd.sub(rest, simd.sub(low, $sum.low));
            $sum = Anchored { high, low };
            let rest: [u64; N] = bytemuck::must_cast(rest);
            for j in 0..N {
                left[j] |= rest[j];
            }
        };
    }
    for i in 0..STEPS {
        step!(v0, i, a);
        step!(v1, i, b);
        step!(v2, i, c);
        step!(v3, i, d);
    }
    *sums = [a, b, c, d];
    let largest = most.iter().zip(&least).fold(0.0, |m: f64, (&a, &b)| m.max(a).max(-b));
    // The sign of a zero means nothing.
    Seen { largest, left_over: left.iter().fold(0, |a, b| a | b) << 1 != 0 }
}

/// Takes the sums to where all goes.
#[inline(always)]
fn empty(anchors: &Anchors, sums: &mut [Anchored; STREAMS], to: &mut Wide) {
    for sum in sums {
        for j in 0..N {
            to.add(sum.high[j] - anchors.high);
            to.add(sum.low[j] - anchors.low);
        }
    }
}
