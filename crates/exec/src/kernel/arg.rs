//! The positions of the smallest and the largest elements.

use std::cmp::Ordering;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::frame::room::Room;
use super::frame::{CellPlace, Lanes, Run, Selected, kernel_constructors};
use super::loops::Loops;
use super::{Kernel, Numeric};
use crate::error::{Error, Result};
use rowmill_lanes::arch::{Isa, Job, Simd};
use rowmill_lanes::lanes::{Lane, N, higher, lower};

/// The first smallest element, and its position (numpy's `argmin`).
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{ArgMin, Engine};
/// let x = SliceSource::new(&[3.0_f32, -1.0, 0.5, -1.0], [2, 2]).unwrap();
/// let engine = Engine::new()?;
/// let smallest = engine.reduce(&x, ArgMin::all())?;
/// assert_eq!((smallest.index, smallest.value), (1, -1.0));
/// let columns = engine.reduce(&x, ArgMin::per_column())?;
/// assert_eq!((columns[0].index, columns[1].index), (1, 0)); // rows
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// Under [`NanPolicy::Propagate`](crate::NanPolicy::Propagate) the first NaN counts as smallest and
/// as largest, as in numpy. Zeros of both signs are equal.
///
/// # Errors
/// The job fails with [`Error::NoElements`] if a cell has none.
#[derive(Clone, Copy, Debug)]
pub struct ArgMin;

/// The first largest element, and its position (numpy's `argmax`). As [`ArgMin`].
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{ArgMax, Engine, NanPolicy};
/// let x = SliceSource::new(&[3.0, f64::NAN, 7.0], [3]).unwrap();
/// let engine = Engine::new()?;
/// assert_eq!(engine.reduce(&x, ArgMax::all())?.index, 1);
/// assert_eq!(engine.reduce(&x, ArgMax::all().nan(NanPolicy::Skip))?.index, 2);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ArgMax;

/// The first smallest and the first largest element, and their positions. As [`ArgMin`].
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{ArgMinMax, Engine};
/// let x = SliceSource::new(&[3_i16, -7, 5, 5], [4]).unwrap();
/// let range = Engine::new()?.reduce(&x, ArgMinMax::all())?;
/// assert_eq!((range.min.index, range.max.index, range.max.value), (1, 2, 5));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ArgMinMax;

kernel_constructors!(ArgMin, Self);
kernel_constructors!(ArgMax, Self);
kernel_constructors!(ArgMinMax, Self);

/// An element and its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremum<T> {
    /// Its position: over everything the flat index in C order, per column the row, per row the
    /// index within the row.
    pub index: usize,
    /// The element.
    pub value: T,
}

/// The result of [`ArgMinMax`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extrema<T> {
    /// The first smallest element.
    pub min: Extremum<T>,
    /// The first largest element.
    pub max: Extremum<T>,
}

/// The direction of a search: for the smallest element or the largest.
pub(super) trait Direction: Copy + Send + Sync + 'static {
    const MAX: bool;
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Smallest {}
#[derive(Clone, Copy, Debug)]
pub(super) enum Largest {}

impl Direction for Smallest {
    const MAX: bool = false;
}
impl Direction for Largest {
    const MAX: bool = true;
}

/// The first of the best elements so far, if there is one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(bound = "")] // a lane can be kept
pub struct Best<L: Lane>(Option<(L, u64)>);

#[inline(always)]
fn better<L: Lane, D: Direction>(a: L, b: L) -> bool {
    if D::MAX { a > b } else { a < b }
}

impl<L: Lane> Best<L> {
    /// Adds an element whose position is after all earlier ones.
    #[inline(always)]
    fn step<D: Direction>(&mut self, x: L, at: u64) {
        let found = match self.0 {
            None => true,
            // A NaN cannot be beaten.
            Some((best, _)) => better::<L, D>(x, best) || (x.is_nan() && !best.is_nan()),
        };
        if found {
            self.0 = Some((x, at));
        }
    }

    /// Adds elements of one cell, none of which is masked out.
    fn run<D: Direction>(&mut self, isa: Isa, x: &[L], at: u64) {
        for (i, x) in x.chunks(PIECE).enumerate() {
            let (best, nan) = isa.run(Extreme::<L, D> { x, direction: PhantomData });
            let beaten =
                self.0.is_none_or(|(so_far, _)| better::<L, D>(best, so_far) && !so_far.is_nan());
            // Only then the position matters, which is rare.
            if beaten || nan {
                for (j, &x) in x.iter().enumerate() {
                    self.step::<D>(x, at + (i * PIECE + j) as u64);
                }
            }
        }
    }

    /// Merges the best of other elements, wherever they are.
    fn merge<D: Direction>(&mut self, next: Self) {
        let (Some((mine, at)), Some((other, other_at))) = (self.0, next.0) else {
            *self = Self(self.0.or(next.0));
            return;
        };
        let order = match (mine.is_nan(), other.is_nan()) {
            (false, false) if better::<L, D>(mine, other) => Ordering::Less,
            (false, false) if better::<L, D>(other, mine) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => at.cmp(&other_at),
        };
        if order == Ordering::Greater {
            *self = next;
        }
    }

    fn is_valid<T: Numeric<Lane = L>>(self, room: &Room<'_>) -> bool {
        self.0.is_none_or(|(x, at)| room.takes::<T>(x) && room.holds(at))
    }

    fn value<T: Numeric<Lane = L>>(
        self,
        place: &CellPlace<'_>,
        what: &'static str,
    ) -> Result<Extremum<T>> {
        let (value, at) = self.0.ok_or(Error::NoElements { what, cell: place.index })?;
        Ok(Extremum { index: place.within(at), value: T::from_lane(value) })
    }
}

pub(super) fn fold<L: Lane, D: Direction>(lanes: &Lanes<'_, L>, cells: &mut [Best<L>]) {
    lanes.runs(|run: &Run<'_, L>| {
        if run.across || run.keep.is_some() {
            run.each(|cell, x, at| cells[cell].step::<D>(x, at));
        } else {
            cells[run.cell].run::<D>(lanes.isa, run.x, run.at);
        }
    });
}

pub(super) fn fold_both<L: Lane>(lanes: &Lanes<'_, L>, cells: &mut [(Best<L>, Best<L>)]) {
    lanes.runs(|run| {
        if run.across || run.keep.is_some() {
            run.each(|cell, x, at| {
                cells[cell].0.step::<Smallest>(x, at);
                cells[cell].1.step::<Largest>(x, at);
            });
        } else {
            cells[run.cell].0.run::<Smallest>(lanes.isa, run.x, run.at);
            cells[run.cell].1.run::<Largest>(lanes.isa, run.x, run.at);
        }
    });
}

/// Elements that are searched again if one of them is better.
const PIECE: usize = 1 << 10;

/// The best element of some, ignoring NaN, and whether there is a NaN.
struct Extreme<'a, L, D> {
    x: &'a [L],
    direction: PhantomData<D>,
}

impl<L: Lane, D: Direction> Job for Extreme<'_, L, D> {
    type Output = (L, bool);

    #[inline(always)]
    fn run(self, _: impl Simd) -> (L, bool) {
        let worst = if D::MAX { L::LOWEST } else { L::HIGHEST };
        let join = |a: L, b: L| if D::MAX { higher(a, b) } else { lower(a, b) };
        let (vectors, rest) = self.x.as_chunks::<{ 4 * N }>();
        let mut best = [worst; 4 * N];
        let mut nan = [false; 4 * N];
        for x in vectors {
            for j in 0..4 * N {
                best[j] = join(best[j], x[j]);
                nan[j] |= x[j].is_nan();
            }
        }
        let rest_nan = rest.iter().any(|x| x.is_nan());
        let best = best.iter().chain(rest).fold(worst, |best, &x| join(best, x));
        (best, nan.contains(&true) || rest_nan)
    }
}

macro_rules! one_way {
    ($kernel:ty, $name:literal, $fold:ident, $direction:ty, $what:literal) => {
        impl<T: Numeric> Kernel<T> for $kernel {
            type Value = Extremum<T>;
            type State = Best<T::Lane>;

            fn new_state(&self) -> Self::State {
                Best(None)
            }
            fn fold(&self, cells: &mut [Self::State], selected: &Selected<'_, T>) -> Result<()> {
                T::Lane::$fold(&selected.lanes, cells);
                Ok(())
            }
            fn merge(&self, state: &mut Self::State, next: Self::State) {
                state.merge::<$direction>(next);
            }
            fn is_valid(&self, state: &Self::State, room: &Room<'_>) -> bool {
                state.is_valid::<T>(room)
            }
            fn value(&self, state: &Self::State, place: &CellPlace<'_>) -> Result<Extremum<T>> {
                state.value::<T>(place, $what)
            }
            fn describe(&self) -> Option<String> {
                Some($name.to_owned())
            }
        }
    };
}
one_way!(ArgMin, "argmin", arg_min, Smallest, "smallest element");
one_way!(ArgMax, "argmax", arg_max, Largest, "largest element");

impl<T: Numeric> Kernel<T> for ArgMinMax {
    type Value = Extrema<T>;
    type State = (Best<T::Lane>, Best<T::Lane>);

    fn new_state(&self) -> Self::State {
        (Best(None), Best(None))
    }
    fn fold(&self, cells: &mut [Self::State], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::arg_both(&selected.lanes, cells);
        Ok(())
    }
    fn merge(&self, state: &mut Self::State, next: Self::State) {
        state.0.merge::<Smallest>(next.0);
        state.1.merge::<Largest>(next.1);
    }
    fn is_valid(&self, state: &Self::State, room: &Room<'_>) -> bool {
        let (least, most) = state;
        let in_order = match (least.0, most.0) {
            (None, None) => true,
            // The first NaN is both.
            (Some((min, at)), Some((max, other))) => {
                min <= max || (min.is_nan() && max.is_nan() && at == other)
            }
            _ => false,
        };
        in_order && least.is_valid::<T>(room) && most.is_valid::<T>(room)
    }
    fn value(&self, state: &Self::State, place: &CellPlace<'_>) -> Result<Extrema<T>> {
        let min = state.0.value::<T>(place, "smallest element")?;
        Ok(Extrema { min, max: state.1.value::<T>(place, "largest element")? })
    }
    fn describe(&self) -> Option<String> {
        Some("argmin and argmax".to_owned())
    }
}
