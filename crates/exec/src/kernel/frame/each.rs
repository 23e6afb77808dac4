//! Kernels that keep one object per cell: the open trait, and its adapter to the frame.

use std::marker::PhantomData;

use rowmill_core::{Outputs, Shape};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::boxed;
use super::list::{self, List, Lists, own};
use super::pieces::taken;
use super::{CellPlace, Cellular, JobSelection, Reduction, Selected, Valued};
use crate::engine::grid::Grid;
use crate::error::Result;
use crate::kernel::Numeric;
use crate::kernel::frame::room::Room;
use crate::kernel::reduce::{Block, Shared, State};
use rowmill_lanes::fold::Cell;

/// A reduction of your own, or one of this crate: the state of a cell, how elements are folded into
/// it, how two states merge, and the value of a state.
///
/// The frame does the rest: axes, masks, NaN policy, keepdims, several reductions in one read,
/// answers assembled in place, checkpoints and partials. The bits of the answer do not depend on
/// workers or chunks, because states are merged in a tree over the blocks of the array.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{CellPlace, Columns, CompareOp, Engine, Kernel, Mask, Numeric, Selected};
/// use rowmill_exec::{Reduction, Result, Sum};
///
/// /// The harmonic mean, `n / (1/x_1 + ... + 1/x_n)`.
/// #[derive(Clone, Copy)]
/// struct HarmonicMean;
///
/// impl<T: Numeric> Kernel<T> for HarmonicMean {
///     type State = (u64, f64);
///     type Value = f64;
///
///     fn new_state(&self) -> (u64, f64) {
///         (0, 0.0)
///     }
///     fn fold(&self, cells: &mut [(u64, f64)], selected: &Selected<'_, T>) -> Result<()> {
///         selected.each_value(|cell, x| {
///             cells[cell].0 += 1;
///             cells[cell].1 += 1.0 / x;
///         });
///         Ok(())
///     }
///     fn merge(&self, state: &mut (u64, f64), next: (u64, f64)) {
///         state.0 += next.0;
///         state.1 += next.1;
///     }
///     fn value(&self, state: &(u64, f64), _: &CellPlace<'_>) -> Result<f64> {
///         Ok(state.0 as f64 / state.1)
///     }
/// }
///
/// let x = SliceSource::new(&[1.0_f32, 2.0, 4.0, 4.0], [2, 2]).unwrap();
/// let mean = Reduction::of(HarmonicMean, Columns).masked(Mask::compare(CompareOp::Gt, 1));
/// let (mean, sum) = Engine::new()?.reduce(&x, (mean, Sum::all()))?;
/// assert_eq!((&mean[..], sum), (&[4.0, 8.0 / 3.0][..], 11.0));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub trait Kernel<T: Numeric>: Sync {
    /// The state of a cell.
    type State: Clone + Send + Serialize + DeserializeOwned + 'static;

    /// The value of one cell.
    type Value: Send + 'static;

    /// Refuses arrays that the kernel cannot work on.
    ///
    /// # Errors
    /// Any reason of the kernel to refuse the shape.
    #[doc(hidden)]
    fn check(&self, shape: &Shape, grid: &Grid, cell: Cell) -> Result<()> {
        let _ = (shape, grid, cell);
        Ok(())
    }

    /// The state of an empty cell.
    fn new_state(&self) -> Self::State;

    /// Folds the selected elements of a block into its cells, which are new.
    ///
    /// # Errors
    /// An error ends the job. [`Error::kernel`](crate::Error::kernel) wraps errors of any other
    /// type.
    fn fold(&self, cells: &mut [Self::State], selected: &Selected<'_, T>) -> Result<()>;

    /// Merges the state of the same cell from other elements: of blocks that follow, or lie beside.
    fn merge(&self, state: &mut Self::State, next: Self::State);

    /// The value of a cell.
    ///
    /// # Errors
    /// If the cell has no value.
    fn value(&self, state: &Self::State, at: &CellPlace<'_>) -> Result<Self::Value>;

    /// Whether a state read from a file can be that of a cell with this room. The file may hold
    /// anything. Valid states can be merged, with themselves too, and finished in any order:
    /// nothing panics and nothing wraps. Default: any state is valid.
    fn is_valid(&self, state: &Self::State, room: &Room<'_>) -> bool {
        let _ = (state, room);
        true
    }

    /// Name and options: equal only for equal kernels. With a description, the reduction can be
    /// saved in checkpoints and partials. Default: none.
    fn describe(&self) -> Option<String> {
        None
    }

    /// Checks that every input beside the array is unchanged since it was opened.
    ///
    /// # Errors
    /// If one has changed.
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }
}

/// A kernel whose states are kept one by one.
#[derive(Clone, Copy, Debug)]
pub struct Each<K>(pub(crate) K);

impl<K, A> Reduction<Each<K>, A> {
    /// A kernel of your own over an axis: [`All`](crate::All), [`Columns`](crate::Columns),
    /// [`Rows`](crate::Rows), or the [`Axes`](crate::Axes) of [`Over`](crate::Over).
    pub fn of(kernel: K, axis: A) -> Self {
        Self::new(Each(kernel), axis)
    }
}

/// Adds the constructors to a kernel, one for each kind of answer.
macro_rules! kernel_constructors {
    ($name:ty, $value:expr) => {
        impl $name {
            $crate::kernel::frame::axis::for_each_axis!(
                $crate::kernel::Each<Self>,
                (),
                $crate::kernel::frame::Each($value)
            );
        }
    };
}
pub(in crate::kernel) use kernel_constructors;

impl<T: Numeric, K: Kernel<T>> Valued<T> for Each<K> {
    type Value = K::Value;
}

impl<T: Numeric, K: Kernel<T>> Cellular<T> for Each<K> {
    fn check(&self, shape: &Shape, grid: &Grid, cell: Cell) -> Result<()> {
        self.0.check(shape, grid, cell)
    }

    fn fold(&self, block: &Block<'_, T>, selected: &JobSelection<'_, T>) -> Result<State> {
        let mut states = Vec::new();
        T::pick(block, selected, &mut |selected| {
            states = vec![self.0.new_state(); selected.lanes.cells()];
            self.0.fold(&mut states, selected)
        })?;
        Ok(Box::new(states))
    }

    fn join(&self, cells: &mut State, next: State) {
        boxed::join(cells, next, &|state, next| self.0.merge(state, next));
    }

    fn is_valid(&self, cells: &State, room: &Room<'_>) -> bool {
        boxed::are_valid(cells, room, &|state, room| self.0.is_valid(state, room))
    }

    fn save(&self, cells: &State, bytes: Vec<u8>) -> Result<Vec<u8>> {
        boxed::save::<K::State>(cells, bytes)
    }

    fn load<'b>(&self, bytes: &'b [u8]) -> Option<(State, &'b [u8])> {
        taken::<Vec<K::State>>(bytes)
    }

    fn values(
        &self,
        pieces: &[(usize, State)],
        len: usize,
        at: &CellPlace<'_>,
    ) -> Result<Box<dyn List>> {
        list::values(&Of(&self.0, PhantomData::<T>), pieces, len, at)
    }

    fn share(&self, _: usize, _: usize) -> Result<Shared> {
        Ok(list::share())
    }

    fn place(&self, shared: &Shared, piece: (usize, State), at: &CellPlace<'_>) -> Result<()> {
        list::place(&Of(&self.0, PhantomData::<T>), shared, piece, at)
    }

    fn placed(&self, shared: Shared, shape: &Shape, len: usize) -> Result<Box<dyn List>> {
        list::placed(&Of(&self.0, PhantomData::<T>), shared, shape, len)
    }

    fn describe(&self) -> Option<String> {
        self.0.describe()
    }

    fn verify(&self) -> Result<()> {
        self.0.verify()
    }

    fn register(&self, outputs: &mut Outputs) {
        self.0.register(outputs);
    }
}

/// A type-erased kernel for elements of type `T`, for lists of values.
struct Of<'a, K, T>(&'a K, PhantomData<T>);

impl<T: Numeric, K: Kernel<T>> Lists for Of<'_, K, T> {
    fn list(&self) -> Box<dyn List> {
        Box::new(Vec::<K::Value>::new())
    }

    fn extend(&self, list: &mut dyn List, cells: Option<&State>, at: &CellPlace<'_>) -> Result<()> {
        let (kernel, values) = (self.0, own::<K::Value>(list));
        boxed::values(values, cells, &|| kernel.new_state(), at, &|state, at| {
            kernel.value(state, at)
        })
    }
}
