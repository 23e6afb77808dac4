//! Norms.

use serde::{Deserialize, Serialize};

use super::frame::room::Room;
use super::frame::{CellPlace, Each, Lanes, Selected, kernel_constructors};
use super::loops::Loops;
use super::{Kernel, Numeric, Reduction};
use crate::error::Result;
use rowmill_lanes::arch::{Job, Simd};
use rowmill_lanes::lanes::Lane;

/// The order of a norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NormOrder {
    /// The sum of the magnitudes.
    L1,
    /// The square root of the sum of squares (Euclidean).
    #[default]
    L2,
    /// The largest magnitude.
    Max,
}

/// As numpy's `ord`: `1`, `2`, `max`.
impl std::fmt::Display for NormOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::L1 => "1",
            Self::L2 => "2",
            Self::Max => "max",
        })
    }
}

/// The norm of the elements as one vector (numpy's `linalg.norm` with `ord` 1, 2 or infinity), in
/// `f64`. Sums are compensated. Squares neither overflow nor underflow: very large and very small
/// elements are scaled and summed separately (Anderson, "Algorithm 978: Safe scaling in the level 1
/// BLAS", ACM TOMS 44, 2017). The norm of an empty selection is 0.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Norm, NormOrder};
/// let huge = 2.0_f64.powi(700);
/// let data = [3.0 * huge, -4.0 * huge];
/// let x = SliceSource::new(&data, [2, 1]).unwrap();
/// let engine = Engine::new()?;
/// assert_eq!(engine.reduce(&x, Norm::all())?, 5.0 * huge);
/// assert_eq!(engine.reduce(&x, Norm::all().order(NormOrder::L1))?, 7.0 * huge);
/// assert_eq!(engine.reduce(&x, Norm::per_row().order(NormOrder::Max))?[1], 4.0 * huge);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    order: NormOrder,
}

kernel_constructors!(Norm, Self { order: NormOrder::L2 });

impl Norm {
    pub(crate) fn of(order: NormOrder) -> Self {
        Self { order }
    }
}

impl<A, M> Reduction<Each<Norm>, A, M> {
    /// The order. Default: [`NormOrder::L2`].
    pub fn order(mut self, order: NormOrder) -> Self {
        self.kernel.0.order = order;
        self
    }
}

/// A sum, and its accumulated rounding errors (Knuth's two-sum).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TwoSum {
    sum: f64,
    error: f64,
}

impl TwoSum {
    #[inline(always)]
    pub(crate) fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        let x_part = sum - self.sum;
        self.error += (self.sum - (sum - x_part)) + (x - x_part);
        self.sum = sum;
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.add(other.sum);
        self.error += other.error;
    }

    /// Whether only zeros were added.
    pub(crate) fn is_zero(self) -> bool {
        self.sum == 0.0 && self.error == 0.0
    }

    /// Whether at most `n` numbers from 0 to `most` can have this sum; `finite` says that all of
    /// them were finite.
    fn is_valid_sum(self, n: u64, most: f64, finite: bool) -> bool {
        if !self.sum.is_finite() {
            return !finite;
        }
        // Even with intermediate rounding it stays below twice that.
        let bound = 2.0 * n as f64 * most;
        0.0 <= self.sum && self.sum <= bound && (self.error.abs() <= bound || !finite)
    }

    /// The sum with its error. The error of a sum beyond the range of floats is meaningless.
    pub(crate) fn value(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.error } else { self.sum }
    }
}

/// Magnitudes, by size if they are squared.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Magnitudes {
    /// The sum, or the sum of squares of medium-sized elements.
    middle: TwoSum,
    large: TwoSum,
    small: TwoSum,
    most: f64,
    nan: bool,
}

/// Squares of numbers from `SMALL` to `LARGE` are in range, and sums of 2^60 of them.
const SMALL: f64 = f64::from_bits((1023 - 480) << 52); // 2^-480
const LARGE: f64 = f64::from_bits((1023 + 480) << 52); // 2^480
/// Factors that bring numbers outside this range into it.
const UP: f64 = f64::from_bits((1023 + 600) << 52); // 2^600
const DOWN: f64 = f64::from_bits((1023 - 600) << 52); // 2^-600

impl Magnitudes {
    #[inline(always)]
    fn step(&mut self, x: f64, order: NormOrder) {
        let x = x.abs();
        match order {
            NormOrder::L1 => self.middle.add(x),
            NormOrder::L2 if (SMALL..=LARGE).contains(&x) => self.middle.add(x * x),
            NormOrder::L2 if x == 0.0 => {}
            NormOrder::L2 if x < SMALL => self.small.add(x * UP * (x * UP)),
            NormOrder::L2 => self.large.add(x * DOWN * (x * DOWN)),
            NormOrder::Max => {
                self.most = if x > self.most { x } else { self.most };
                self.nan |= x.is_nan();
            }
        }
    }

    fn join(&mut self, next: &Self) {
        self.middle.join(next.middle);
        self.large.join(next.large);
        self.small.join(next.small);
        self.most = if next.most > self.most { next.most } else { self.most };
        self.nan |= next.nan;
    }

    fn value(&self, order: NormOrder) -> f64 {
        let (small, middle, large) = (self.small.value(), self.middle.value(), self.large.value());
        match order {
            NormOrder::Max if self.nan => f64::NAN,
            NormOrder::Max => self.most,
            NormOrder::L1 => middle,
            NormOrder::L2 if large.is_nan() || middle.is_nan() => f64::NAN,
            // Numbers this much smaller than the medium ones are lost in rounding.
            NormOrder::L2 if large > 0.0 => (large + middle * DOWN * DOWN).sqrt() * UP,
            NormOrder::L2 if middle > 0.0 => (middle + small * DOWN * DOWN).sqrt(),
            NormOrder::L2 => small.sqrt() * DOWN,
        }
    }
}

/// Elements that are added together, each in a lane of its own.
const LANES: usize = 16;

/// The shortest run for which vector lanes pay off.
const LONG: usize = 8 * LANES;

/// Passes the magnitudes of each group to `f`, with zero, which changes no norm, for elements that
/// are left out.
#[inline(always)]
fn each_group<L: Lane>(
    groups: &[[L; LANES]],
    keep: Option<&[u8]>,
    mut f: impl FnMut(&[f64; LANES]),
) {
    let mut x = [0.0; LANES];
    match keep {
        None => {
            for group in groups {
                for lane in 0..LANES {
                    x[lane] = group[lane].to_f64().abs();
                }
                f(&x);
            }
        }
        Some(keep) => {
            for (group, keep) in groups.iter().zip(keep.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    x[lane] = if keep[lane] == 0 { 0.0 } else { group[lane].to_f64().abs() };
                }
                f(&x);
            }
        }
    }
}

/// [`TwoSum::add`] in lanes.
#[inline(always)]
fn add(sum: &mut [f64; LANES], error: &mut [f64; LANES], x: &[f64; LANES]) {
    for lane in 0..LANES {
        let next = sum[lane] + x[lane];
        let x_part = next - sum[lane];
        error[lane] += (sum[lane] - (next - x_part)) + (x[lane] - x_part);
        sum[lane] = next;
    }
}

/// Adds a run of elements of one cell.
struct Steps<'a, L> {
    x: &'a [L],
    keep: Option<&'a [u8]>,
    order: NormOrder,
    state: &'a mut Magnitudes,
}

impl<L: Lane> Job for Steps<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Simd) {
        let Self { x, keep, order, state } = self;
        let (mut sum, mut error) = ([0.0; LANES], [0.0; LANES]);
        let (mut most, mut nan) = ([0.0; LANES], [false; LANES]);
        let (groups, rest) = x.as_chunks::<LANES>();
        match order {
            NormOrder::Max => each_group(groups, keep, |x| {
                for lane in 0..LANES {
                    most[lane] = if x[lane] > most[lane] { x[lane] } else { most[lane] };
                    nan[lane] |= x[lane].is_nan();
                }
            }),
            NormOrder::L1 => each_group(groups, keep, |x| add(&mut sum, &mut error, x)),
            NormOrder::L2 => each_group(groups, keep, |x| {
                let (mut squares, mut outside) = ([0.0; LANES], false);
                for lane in 0..LANES {
                    squares[lane] = x[lane] * x[lane];
                    outside |= !((SMALL..=LARGE).contains(&x[lane]) | (x[lane] == 0.0));
                }
                if outside {
                    for &x in x {
                        state.step(x, order);
                    }
                } else {
                    add(&mut sum, &mut error, &squares);
                }
            }),
        }
        for lane in 0..LANES {
            state.middle.join(TwoSum { sum: sum[lane], error: error[lane] });
            state.most = if most[lane] > state.most { most[lane] } else { state.most };
            state.nan |= nan[lane];
        }
        let done = x.len() - rest.len();
        for (i, x) in rest.iter().enumerate() {
            if keep.is_none_or(|keep| keep[done + i] != 0) {
                state.step(x.to_f64(), order);
            }
        }
    }
}

pub(crate) fn fold<L: Lane>(lanes: &Lanes<'_, L>, cells: &mut [Magnitudes], order: NormOrder) {
    lanes.runs(|run| {
        if run.across {
            run.each(|cell, x, _| cells[cell].step(x.to_f64(), order));
        } else if run.x.len() >= LONG {
            let state = &mut cells[run.cell];
            lanes.isa.run(Steps { x: run.x, keep: run.keep, order, state });
        } else {
            let mut state = cells[run.cell];
            run.each(|_, x, _| state.step(x.to_f64(), order));
            cells[run.cell] = state;
        }
    });
}

impl<T: Numeric> Kernel<T> for Norm {
    type Value = f64;
    type State = Magnitudes;

    fn new_state(&self) -> Magnitudes {
        Magnitudes::default()
    }
    fn fold(&self, cells: &mut [Magnitudes], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::norm(&selected.lanes, cells, self.order);
        Ok(())
    }
    fn merge(&self, state: &mut Magnitudes, next: Magnitudes) {
        state.join(&next);
    }
    fn is_valid(&self, state: &Magnitudes, room: &Room<'_>) -> bool {
        let &Magnitudes { middle, large, small, most, nan } = state;
        let largest = Lane::to_f64(T::LEAST).abs().max(Lane::to_f64(T::MOST).abs());
        // Sums of so large elements overflow.
        let finite = !T::Lane::FLOAT && (largest * largest).is_finite();
        let n = room.elements;
        let squares = |sum: TwoSum, most: f64| sum.is_valid_sum(n, most * most, finite);
        match self.order {
            NormOrder::Max => {
                let sums = [middle, large, small].into_iter().all(TwoSum::is_zero);
                let most_fits = most <= largest || (T::Lane::FLOAT && most == f64::INFINITY);
                sums && most >= 0.0 && most_fits && (!nan || room.takes_nan::<T::Lane>())
            }
            _ if most != 0.0 || nan => false,
            NormOrder::L1 => {
                large.is_zero() && small.is_zero() && middle.is_valid_sum(n, largest, finite)
            }
            NormOrder::L2 => {
                let large_fits = squares(large, largest.max(LARGE) * DOWN);
                large_fits && squares(middle, largest.min(LARGE)) && squares(small, SMALL * UP)
            }
        }
    }
    fn value(&self, state: &Magnitudes, _: &CellPlace<'_>) -> Result<f64> {
        Ok(state.value(self.order))
    }
    fn describe(&self) -> Option<String> {
        Some(format!("norm {}", self.order))
    }
}
