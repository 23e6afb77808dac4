//! Element types as kernels see them: their lanes and their sum types.

use half::{bf16, f16};
use rowmill_core::{Element, Tile};

use super::frame::{self, JobSelection, Selected, with_picked};
use super::loops::Loops;
use super::{CompareOp, FloatElement, Threshold};
use crate::engine::scratch::Scratch;
use crate::error::{Error, Result};
use crate::kernel::reduce::Block;
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::{Cells, Need, Selection};
use rowmill_lanes::lanes::Lane;
use rowmill_lanes::narrow::{Narrow, widen, widen_f16};

/// An element type that is a real number: every [`Element`] but complex numbers, which have no
/// order. [`Complexed`](crate::Complexed) lists the reductions of those.
///
/// | elements | sum | mean, variance | minimum, maximum |
/// |---|---|---|---|
/// | `bool` | `i64`: how many are true | `f64` | `bool` |
/// | `i8` to `i64` | `i64`, exact or an error | `f64`, from the exact sum, rounded once | same |
/// | `u8` to `u64` | `u64`, exact or an error | `f64`, likewise | same |
/// | `f16`, `bf16`, `f32` | `f64`, accumulated in `f64` | `f64` | same |
/// | `f64` | `f64`, compensated in every lane and merge | `f64` | same |
pub trait Numeric: Element + PartialOrd + InLanes {
    /// The type of sums.
    type Sum: Copy + Send + Sync + std::fmt::Debug + PartialEq + 'static;

    /// The element type of normalized data, unless another is asked for.
    type Normalized: FloatElement;

    /// The sum as it is returned.
    #[doc(hidden)]
    fn sum(total: <Self::Lane as Lane>::Total) -> Result<Self::Sum>;

    /// The sum as a float, rounded.
    #[doc(hidden)]
    fn sum_f64(sum: Self::Sum) -> f64;
}

/// Crate-private access to elements as lanes. It cannot be named outside, so [`Numeric`] is sealed.
pub trait InLanes: Element {
    /// The type that the loops compute in.
    type Lane: Loops;

    /// The least element, as a lane: the least finite one of floats.
    const LEAST: Self::Lane;

    /// The greatest element, as a lane: the greatest finite one of floats.
    const MOST: Self::Lane;

    /// Passes the elements of a tile to `f` as lanes.
    fn with_lanes<R>(
        tile: Tile<'_, Self>,
        isa: Isa,
        scratch: &Scratch,
        f: impl FnOnce(Tile<'_, Self::Lane>) -> R,
    ) -> R;

    /// The cell of a whole tile, if there are loops for the unconverted elements.
    fn fold_narrow(
        tile: Tile<'_, Self>,
        isa: Isa,
        need: Need,
        selection: Selection<'_, Self::Lane>,
    ) -> Option<Cells<Self::Lane>> {
        let _ = (tile, isa, need, selection);
        None
    }

    /// Selects the elements of a block, and passes them to `f`, once. Like [`cells`](Self::cells) a
    /// method of each type, so that it is compiled with this crate.
    fn pick(
        block: &Block<'_, Self>,
        selected: &JobSelection<'_, Self>,
        f: &mut dyn FnMut(&Selected<'_, Self>) -> Result<()>,
    ) -> Result<()>
    where
        Self: Numeric;

    /// The cells of a block with these parts, with or without counts of NaN and infinities.
    fn cells(
        block: &Block<'_, Self>,
        selected: &JobSelection<'_, Self>,
        parts: (Need, bool),
    ) -> Result<Cells<Self::Lane>>
    where
        Self: Numeric;

    /// The element that a lane stands for, exactly.
    fn from_lane(lane: Self::Lane) -> Self;

    /// The element as a float, rounded.
    fn to_f64(self) -> f64;

    /// The lanes `x` with `x op threshold`, as the bounds of an interval: see [`CompareOp`].
    fn bounds(op: CompareOp, threshold: Threshold) -> Option<(Self::Lane, Self::Lane)>;
}

macro_rules! compiled_here {
    () => {
        fn pick(
            block: &Block<'_, Self>,
            selected: &JobSelection<'_, Self>,
            f: &mut dyn FnMut(&Selected<'_, Self>) -> Result<()>,
        ) -> Result<()> {
            with_picked(block, selected, f)
        }
        fn cells(
            block: &Block<'_, Self>,
            selected: &JobSelection<'_, Self>,
            parts: (Need, bool),
        ) -> Result<Cells<Self::Lane>> {
            frame::lanes::fold(block, selected, parts)
        }
    };
}

macro_rules! same_lane {
    ($t:ty) => {
        compiled_here!();
        type Lane = Self;
        const LEAST: Self = <$t>::MIN;
        const MOST: Self = <$t>::MAX;

        #[inline]
        fn with_lanes<R>(
            tile: Tile<'_, Self>,
            _: Isa,
            _: &Scratch,
            f: impl FnOnce(Tile<'_, Self>) -> R,
        ) -> R {
            f(tile)
        }
        #[inline]
        fn from_lane(lane: Self) -> Self {
            lane
        }
        #[inline]
        fn to_f64(self) -> f64 {
            Lane::to_f64(self)
        }
    };
}

macro_rules! integer_sums {
    ($t:ty => $sum:ty) => {
        impl Numeric for $t {
            type Sum = $sum;
            type Normalized = f64;

            fn sum(total: i128) -> Result<$sum> {
                integer_sum(total, stringify!($sum))
            }
            fn sum_f64(sum: $sum) -> f64 {
                sum as f64
            }
        }
    };
}

fn integer_sum<S: TryFrom<i128>>(total: i128, result_type: &'static str) -> Result<S> {
    S::try_from(total).map_err(|_| Error::SumOverflow { exact: total, result_type })
}

/// The integers that `op` accepts, limited to a type's range; `None` if there are none.
fn integer_bounds(op: CompareOp, t: Threshold, min: i128, max: i128) -> Option<(i128, i128)> {
    use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
    // The largest integer at or below the threshold, and the smallest at or above it.
    let (below, above) = match t {
        Threshold::Integer(i) => (i, i),
        // Casts saturate, and beyond 2^100 all types end.
        Threshold::Float(f) if f.is_nan() => return None,
        Threshold::Float(f) => (f.floor() as i128, f.ceil() as i128),
    };
    let exact = below == above && !matches!(t, Threshold::Float(f) if f.is_infinite());
    let after = |i: i128| i.saturating_add(1);
    let before = |i: i128| i.saturating_sub(1);
    let (lo, hi) = match op {
        Gt => (after(below), max),
        Ge => (above, max),
        Lt => (min, before(above)),
        Le => (min, below),
        Eq | Ne if exact => (below, below),
        Eq | Ne => return None,
    };
    let (lo, hi) = (lo.max(min), hi.min(max));
    (lo <= hi).then_some((lo, hi))
}

macro_rules! integers {
    ($($t:ty => $sum:ty;)*) => {$(
        integer_sums!($t => $sum);

        impl InLanes for $t {
            same_lane!($t);
            fn bounds(op: CompareOp, threshold: Threshold) -> Option<(Self, Self)> {
                let (min, max) = (i128::from(<$t>::MIN), i128::from(<$t>::MAX));
                let (lo, hi) = integer_bounds(op, threshold, min, max)?;
                Some((lo as $t, hi as $t))
            }
        }
    )*};
}
integers! {
    i32 => i64;
    i64 => i64;
    u32 => u64;
    u64 => u64;
}

/// Passes the elements to `f`, widened.
fn widened<T: Copy, L: bytemuck::Pod, R>(
    tile: &Tile<'_, T>,
    scratch: &Scratch,
    widen: impl Fn(&[T], &mut [L]),
    f: impl FnOnce(Tile<'_, L>) -> R,
) -> R {
    let mut wide = scratch.take::<L>(tile.len());
    let mut rest = &mut wide[..];
    for slice in tile.slices() {
        let (to, more) = rest.split_at_mut(slice.len());
        widen(slice, to);
        rest = more;
    }
    f(Tile::new(&wide, tile.rows(), tile.cols(), tile.cols()))
}

macro_rules! narrow {
    () => {
        fn fold_narrow(
            tile: Tile<'_, Self>,
            isa: Isa,
            need: Need,
            selection: Selection<'_, i32>,
        ) -> Option<Cells<i32>> {
            Narrow::fold(isa, tile, need, selection)
        }
    };
}

macro_rules! no_narrow {
    () => {};
}

macro_rules! small_integers {
    ($($t:ty => $sum:ty, $range:expr, |$lane:ident| $from:expr, $narrow:ident;)*) => {$(
        integer_sums!($t => $sum);

        impl InLanes for $t {
            type Lane = i32;
            compiled_here!();
            const LEAST: i32 = $range.0;
            const MOST: i32 = $range.1;

            fn with_lanes<R>(
                tile: Tile<'_, Self>,
                isa: Isa,
                scratch: &Scratch,
                f: impl FnOnce(Tile<'_, i32>) -> R,
            ) -> R {
                widened(&tile, scratch, |from: &[Self], to| widen(isa, from, to), f)
            }
            $narrow!();
            fn from_lane($lane: i32) -> Self {
                $from
            }
            fn to_f64(self) -> f64 {
                f64::from(i32::from(self))
            }
            fn bounds(op: CompareOp, threshold: Threshold) -> Option<(i32, i32)> {
                // Bounds beyond the range of the type select the same elements.
                let (min, max) = (i128::from(i32::MIN), i128::from(i32::MAX));
                let (lo, hi) = integer_bounds(op, threshold, min, max)?;
                Some((lo as i32, hi as i32))
            }
        }
    )*};
}
small_integers! {
    bool => i64, (0, 1), |lane| lane != 0, no_narrow;
    i8 => i64, (-128, 127), |lane| lane as Self, narrow;
    i16 => i64, (-32_768, 32_767), |lane| lane as Self, narrow;
    u8 => u64, (0, 255), |lane| lane as Self, narrow;
    u16 => u64, (0, 65_535), |lane| lane as Self, narrow;
}

macro_rules! float_bounds {
    ($t:ty, $op:expr, $threshold:expr) => {{
        use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
        let t: $t = $threshold;
        if t.is_nan() {
            return None;
        }
        let (lo, hi) = match $op {
            Gt if t == <$t>::INFINITY => return None,
            Lt if t == <$t>::NEG_INFINITY => return None,
            Gt => (t.next_up(), <$t>::INFINITY),
            Ge => (t, <$t>::INFINITY),
            Lt => (<$t>::NEG_INFINITY, t.next_down()),
            Le => (<$t>::NEG_INFINITY, t),
            Eq | Ne => (t, t),
        };
        Some((lo, hi))
    }};
}

impl Numeric for f32 {
    type Sum = f64;
    type Normalized = f32;

    fn sum(total: f64) -> Result<f64> {
        Ok(total)
    }
    fn sum_f64(sum: f64) -> f64 {
        sum
    }
}

impl InLanes for f32 {
    same_lane!(f32);
    fn bounds(op: CompareOp, threshold: Threshold) -> Option<(Self, Self)> {
        float_bounds!(f32, op, threshold.to_f64() as Self)
    }
}

impl Numeric for f64 {
    type Sum = Self;
    type Normalized = Self;

    fn sum(total: <Self as Lane>::Total) -> Result<Self> {
        Ok(total.value())
    }
    fn sum_f64(sum: Self) -> Self {
        sum
    }
}

impl InLanes for f64 {
    same_lane!(f64);
    fn bounds(op: CompareOp, threshold: Threshold) -> Option<(Self, Self)> {
        float_bounds!(f64, op, threshold.to_f64())
    }
}

macro_rules! halves {
    ($($t:ty => $normalized:ty, $most:expr, |$isa:ident, $from:ident, $to:ident| $widen:expr;)*) => {$(
        impl Numeric for $t {
            type Sum = f64;
            type Normalized = $normalized;

            fn sum(total: f64) -> Result<f64> {
                Ok(total)
            }
            fn sum_f64(sum: f64) -> f64 {
                sum
            }
        }

        impl InLanes for $t {
            type Lane = f32;
            compiled_here!();
            const LEAST: f32 = -$most;
            const MOST: f32 = $most;

            fn with_lanes<R>(
                tile: Tile<'_, Self>,
                $isa: Isa,
                scratch: &Scratch,
                f: impl FnOnce(Tile<'_, f32>) -> R,
            ) -> R {
                widened(&tile, scratch, |$from: &[Self], $to: &mut [f32]| $widen, f)
            }
            fn from_lane(lane: f32) -> Self {
                Self::from_f32(lane)
            }
            fn to_f64(self) -> f64 {
                self.into()
            }
            fn bounds(op: CompareOp, threshold: Threshold) -> Option<(f32, f32)> {
                // Rounded to the element type first, as numpy does. Bounds between two neighbours
                // of that type select the same elements as bounds on them.
                float_bounds!(f32, op, Self::from_f64(threshold.to_f64()).to_f32())
            }
        }
    )*};
}
halves! {
    f16 => Self, 65_504.0, |isa, from, to| widen_f16(isa, from, to);
    bf16 => f32, f32::from_bits(0x7f7f_0000), |_isa, from, to| {
        // The upper half of a binary32.
        for (to, from) in to.iter_mut().zip(from) {
            *to = f32::from_bits(u32::from(from.to_bits()) << 16);
        }
    };
}
