//! Whether any element, or every element, is true.

use super::frame::room::Room;
use super::frame::{CellPlace, Lanes, Selected, kernel_constructors};
use super::loops::Loops;
use super::{Kernel, Numeric};
use crate::error::Result;
use rowmill_lanes::lanes::Lane;

/// Whether any element is nonzero (numpy's `any`): NaN is nonzero. `false` for an empty selection.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{AllTrue, AnyTrue, Engine};
/// let x = SliceSource::new(&[0, 0, 7, 0], [2, 2]).unwrap();
/// let (any, every) = Engine::new()?.reduce(&x, (AnyTrue::per_row(), AllTrue::all()))?;
/// assert_eq!((&any[..], every), (&[false, true][..], false));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnyTrue;

/// Whether every element is nonzero (numpy's `all`): NaN is nonzero. `true` for an empty selection.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{AllTrue, Engine};
/// let x = SliceSource::new(&[true, true, false], [3]).unwrap();
/// assert!(!Engine::new()?.reduce(&x, AllTrue::all())?);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AllTrue;

kernel_constructors!(AnyTrue, Self);
kernel_constructors!(AllTrue, Self);

macro_rules! kernel {
    ($kernel:ty, $name:literal, $fold:ident, $start:literal, $of_run:ident, |$a:ident, $b:ident| $join:expr) => {
        pub(super) fn $fold<L: Lane>(lanes: &Lanes<'_, L>, cells: &mut [bool]) {
            let zero = L::default();
            lanes.runs(|run| {
                if run.across || run.keep.is_some() {
                    run.each(|cell, x, _| {
                        let ($a, $b) = (cells[cell], x != zero);
                        cells[cell] = $join;
                    });
                } else {
                    // No early exit from the loop, so that it is vectorized.
                    let of = |x: &[L]| {
                        x.iter().fold($start, |$a, x| {
                            let $b = *x != zero;
                            $join
                        })
                    };
                    let ($a, $b) = (cells[run.cell], run.x.chunks(1 << 12).$of_run(of));
                    cells[run.cell] = $join;
                }
            });
        }

        impl<T: Numeric> Kernel<T> for $kernel {
            type Value = bool;
            type State = bool;

            fn new_state(&self) -> bool {
                $start
            }
            fn fold(&self, cells: &mut [bool], selected: &Selected<'_, T>) -> Result<()> {
                T::Lane::$fold(&selected.lanes, cells);
                Ok(())
            }
            fn merge(&self, $a: &mut bool, $b: bool) {
                let found = {
                    let $a = *$a;
                    $join
                };
                *$a = found;
            }
            fn is_valid(&self, _: &bool, _: &Room<'_>) -> bool {
                true
            }
            fn value(&self, state: &bool, _: &CellPlace<'_>) -> Result<bool> {
                Ok(*state)
            }
            fn describe(&self) -> Option<String> {
                Some($name.to_owned())
            }
        }
    };
}
kernel!(AnyTrue, "any", any_true, false, any, |a, b| a | b);
kernel!(AllTrue, "all", all_true, true, all, |a, b| a & b);
