//! Selections of the elements of a tile.

use crate::arch::{Interval, Simd, array_of};
use crate::lanes::{Lane, Lanes, N, Part, Parts};

/// Selects elements. Those that are left out are replaced by one that changes nothing, never
/// multiplied by zero: `NaN * 0` is NaN.
pub trait Select<L: Lane>: Copy + Sync {
    /// The decisions for a run of elements.
    type Run: Copy;

    /// Whether the selected elements have to be counted.
    const COUNTS: bool;

    /// The decisions for the elements `start..start + len` of the tile, counted in row-major order
    /// without gaps.
    fn run(self, start: usize, len: usize) -> Self::Run;

    /// Accumulates the `i`-th vector of a run.
    fn step<P: Parts<L>>(
        simd: impl Simd,
        run: &Self::Run,
        i: usize,
        lanes: &mut Lanes<L, P>,
        shift: &[f64; N],
        x: &[L; N],
    );

    /// Whether the element `x` at `at` of a run is selected.
    fn keeps(run: &Self::Run, at: usize, x: L) -> bool;

    /// Which of the elements `x` at `at` of a run are selected: a byte for each, zero for the
    /// others.
    fn keep(run: &Self::Run, at: usize, x: &[L]) -> [u8; N];
}

/// All elements.
#[derive(Clone, Copy, Debug)]
pub struct Every;

impl<L: Lane> Select<L> for Every {
    type Run = ();
    const COUNTS: bool = false;

    #[inline(always)]
    fn run(self, _: usize, _: usize) {}

    #[inline(always)]
    fn step<P: Parts<L>>(
        simd: impl Simd,
        (): &(),
        _: usize,
        lanes: &mut Lanes<L, P>,
        shift: &[f64; N],
        x: &[L; N],
    ) {
        lanes.step(simd, shift, x);
    }

    #[inline(always)]
    fn keeps((): &(), _: usize, _: L) -> bool {
        true
    }

    #[inline(always)]
    fn keep((): &(), _: usize, x: &[L]) -> [u8; N] {
        array_of(|j| u8::from(j < x.len()))
    }
}

/// Elements with a nonzero byte: one byte per element of the tile, in row-major order without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a, L: Lane> Select<L> for Bytes<'a> {
    type Run = &'a [u8];
    const COUNTS: bool = true;

    #[inline(always)]
    fn run(self, start: usize, len: usize) -> &'a [u8] {
        &self.0[start..start + len]
    }

    #[inline(always)]
    fn step<P: Parts<L>>(
        simd: impl Simd,
        run: &&'a [u8],
        i: usize,
        lanes: &mut Lanes<L, P>,
        shift: &[f64; N],
        x: &[L; N],
    ) {
        lanes.step_kept(simd, shift, x, &run.as_chunks::<N>().0[i]);
    }

    #[inline(always)]
    fn keeps(run: &&'a [u8], at: usize, _: L) -> bool {
        run[at] != 0
    }

    #[inline(always)]
    fn keep(run: &&'a [u8], at: usize, x: &[L]) -> [u8; N] {
        array_of(|j| if j < x.len() { run[at + j] } else { 0 })
    }
}

/// Elements in an interval or its complement; sums only.
#[derive(Clone, Copy, Debug)]
pub struct Within<L>(pub Interval<L>);

impl<L: Lane> Select<L> for Within<L> {
    type Run = Interval<L>;
    const COUNTS: bool = true;

    #[inline(always)]
    fn run(self, _: usize, _: usize) -> Interval<L> {
        self.0
    }

    #[inline(always)]
    fn step<P: Parts<L>>(
        simd: impl Simd,
        run: &Interval<L>,
        _: usize,
        lanes: &mut Lanes<L, P>,
        shift: &[f64; N],
        x: &[L; N],
    ) {
        // A zero changes no sum.
        let kept = L::within(simd, x, run, &mut lanes.count);
        lanes.sum.step(simd, shift, &kept);
    }

    #[inline(always)]
    fn keeps(run: &Interval<L>, _: usize, x: L) -> bool {
        run.contains(x)
    }

    #[inline(always)]
    fn keep(run: &Interval<L>, _: usize, x: &[L]) -> [u8; N] {
        array_of(|j| u8::from(j < x.len() && run.contains(x[j])))
    }
}

/// Elements whose value satisfies a predicate; sums only.
#[derive(Debug)]
pub struct Value<'a, F>(pub &'a F);

impl<F> Clone for Value<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Value<'_, F> {}

impl<'a, L: Lane, F: Fn(L) -> bool + Sync> Select<L> for Value<'a, F> {
    type Run = &'a F;
    const COUNTS: bool = true;

    #[inline(always)]
    fn run(self, _: usize, _: usize) -> &'a F {
        self.0
    }

    #[inline(always)]
    fn step<P: Parts<L>>(
        simd: impl Simd,
        run: &&'a F,
        _: usize,
        lanes: &mut Lanes<L, P>,
        shift: &[f64; N],
        x: &[L; N],
    ) {
        // As for an interval.
        let mut kept = [L::default(); N];
        for j in 0..N {
            let keep = run(x[j]);
            kept[j] = if keep { x[j] } else { L::default() };
            lanes.count[j] += u32::from(keep);
        }
        lanes.sum.step(simd, shift, &kept);
    }

    #[inline(always)]
    fn keeps(run: &&'a F, _: usize, x: L) -> bool {
        run(x)
    }

    #[inline(always)]
    fn keep(run: &&'a F, _: usize, x: &[L]) -> [u8; N] {
        array_of(|j| u8::from(j < x.len() && run(x[j])))
    }
}
