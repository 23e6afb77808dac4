//! Reductions: what a kernel has to say, and nothing about how the work is split.

use std::any::Any;
use std::fmt;
use std::ops::Range;

use rowmill_core::{Element, Outputs, Shape, Tile};

use crate::grid::{Bounds, Grid};
use crate::scratch::Scratch;
use crate::{Error, Result};
use rowmill_lanes::arch::Isa;

/// One block of an array: some rows, or of long rows a run of their elements.
///
/// The bounds of blocks depend on the shape and the dtype alone, never on workers or chunks, and
/// are an implementation detail otherwise: a kernel has to accept any.
#[derive(Debug)]
pub struct Block<'a, T> {
    tile: Tile<'a, T>,
    bounds: Bounds,
    row_len: usize,
    isa: Isa,
    scratch: &'a Scratch,
    lets_go: bool,
}

impl<'a, T> Block<'a, T> {
    pub(crate) fn new(
        tile: Tile<'a, T>,
        bounds: Bounds,
        row_len: usize,
        isa: Isa,
        scratch: &'a Scratch,
    ) -> Self {
        Self { tile, bounds, row_len, isa, scratch, lets_go: false }
    }

    /// Whether what a kernel reads beside the block, like a mask, has to be let go afterwards.
    pub(crate) fn lets_go(self, lets_go: bool) -> Self {
        Self { lets_go, ..self }
    }

    pub(crate) fn has_to_let_go(&self) -> bool {
        self.lets_go
    }

    /// Some rows of the block.
    pub(crate) fn sub_rows(&self, range: Range<usize>) -> Self {
        let first = self.bounds.rows.start;
        let rows = first + range.start..first + range.end;
        let bounds = Bounds { rows, cols: self.bounds.cols.clone(), ..self.bounds };
        Self { tile: self.tile.sub_rows(range), bounds, ..*self }
    }

    /// The elements.
    #[must_use]
    pub fn tile(&self) -> Tile<'a, T> {
        self.tile
    }

    /// The rows of the array that the block holds.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.bounds.rows.clone()
    }

    /// The elements of each row that the block holds, in C order within the row.
    #[must_use]
    pub fn cols(&self) -> Range<usize> {
        self.bounds.cols.clone()
    }

    /// The number of elements of a whole row of the array.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// The elements as slices, in order: one if they follow each other, else one a row.
    pub fn slices(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        self.tile.slices()
    }

    /// The instruction set that the job runs on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn scratch(&self) -> &'a Scratch {
        self.scratch
    }
}

/// What the workers of a job share for a kernel: where its answer is put together, when no two blocks
/// contribute to the same cell. Then partials stay empty, and nothing is merged or copied.
#[derive(Default)]
pub struct Shared(Option<Box<dyn Any + Send + Sync>>);

impl Shared {
    pub(crate) fn new(shared: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(shared)))
    }

    pub(crate) fn get<S: Any>(&self) -> Option<&S> {
        self.0.as_ref()?.downcast_ref()
    }

    pub(crate) fn into_inner<S: Any>(self) -> Option<S> {
        self.0?.downcast().ok().map(|shared| *shared)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("is_some", &self.0.is_some()).finish()
    }
}

/// A reduction: identity, accumulate, merge, finish.
///
/// The engine folds every block of the array from [`identity`](Self::identity) and merges the
/// partials in a balanced tree over the blocks, whose shape depends on the array's shape and dtype
/// alone. A kernel whose `accumulate` depends on nothing but the block therefore gives the same
/// bits for any number of workers and any chunk size. A tuple of reductions is a reduction that
/// reads the array once.
///
/// ```
/// use rowmill_core::{Element, Shape, SliceSource};
/// use rowmill_exec::{Block, Engine, Reduce, Result, Sum};
///
/// /// Counts the elements that are zero.
/// struct CountZeros;
///
/// impl<T: Element> Reduce<T> for CountZeros {
///     type Partial = u64;
///     type Output = u64;
///
///     fn identity(&self) -> u64 {
///         0
///     }
///     fn accumulate(&self, partial: &mut u64, block: &Block<'_, T>) -> Result<()> {
///         let zero = T::default();
///         for slice in block.slices() {
///             *partial += slice.iter().filter(|&&x| x == zero).count() as u64;
///         }
///         Ok(())
///     }
///     fn merge(&self, partial: &mut u64, next: u64) {
///         *partial += next;
///     }
///     fn finish(&self, partial: u64, _: &Shape) -> Result<u64> {
///         Ok(partial)
///     }
/// }
///
/// let x = SliceSource::new(&[0.0_f32, 1.5, 0.0, 2.0], [2, 2]).unwrap();
/// let (zeros, sum) = Engine::new()?.reduce(&x, (CountZeros, Sum::all()))?;
/// assert_eq!((zeros, sum), (2, 3.5));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub trait Reduce<T: Element>: Sync {
    /// The mergeable state of a run of blocks.
    type Partial: Send;
    /// The answer.
    type Output: Send;

    /// Refuses arrays that the kernel cannot work on, before anything is read.
    ///
    /// # Errors
    /// Whatever the kernel has against the shape.
    fn check(&self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// The partial of no blocks.
    fn identity(&self) -> Self::Partial;

    /// Takes a block into a partial.
    ///
    /// # Errors
    /// Ends the job. [`Error::kernel`] wraps errors of any other type.
    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()>;

    /// Takes the partial of the blocks that follow into `partial`.
    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial);

    /// The answer for an array of this shape.
    ///
    /// # Errors
    /// When there is none: [`Error::NoElements`], [`Error::SumOverflow`].
    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output, Error>;

    /// Checks that what was read beside the array, like a mask, is still what it was.
    ///
    /// # Errors
    /// When it is not.
    #[doc(hidden)]
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    #[doc(hidden)]
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }

    /// What the workers of a job share. Nothing, unless there is something to be gained.
    #[doc(hidden)]
    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let _ = (shape, grid);
        Ok(Shared::default())
    }

    /// [`accumulate`](Self::accumulate), with what is shared.
    #[doc(hidden)]
    fn accumulate_shared(
        &self,
        shared: &Shared,
        partial: &mut Self::Partial,
        block: &Block<'_, T>,
    ) -> Result<()> {
        let _ = shared;
        self.accumulate(partial, block)
    }

    /// [`finish`](Self::finish), with what was shared.
    #[doc(hidden)]
    fn finish_shared(
        &self,
        shared: Shared,
        partial: Self::Partial,
        shape: &Shape,
    ) -> Result<Self::Output> {
        let _ = shared;
        self.finish(partial, shape)
    }
}

impl<T: Element, R: Reduce<T>> Reduce<T> for &R {
    type Partial = R::Partial;
    type Output = R::Output;

    fn check(&self, shape: &Shape) -> Result<()> {
        (**self).check(shape)
    }
    fn identity(&self) -> Self::Partial {
        (**self).identity()
    }
    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()> {
        (**self).accumulate(partial, block)
    }
    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        (**self).merge(partial, next);
    }
    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output> {
        (**self).finish(partial, shape)
    }
    fn verify(&self) -> Result<()> {
        (**self).verify()
    }
    fn register(&self, outputs: &mut Outputs) {
        (**self).register(outputs);
    }
    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        (**self).share(shape, grid)
    }
    fn accumulate_shared(
        &self,
        shared: &Shared,
        partial: &mut Self::Partial,
        block: &Block<'_, T>,
    ) -> Result<()> {
        (**self).accumulate_shared(shared, partial, block)
    }
    fn finish_shared(
        &self,
        shared: Shared,
        partial: Self::Partial,
        shape: &Shape,
    ) -> Result<Self::Output> {
        (**self).finish_shared(shared, partial, shape)
    }
}

macro_rules! tuples {
    ($($n:literal: $($name:ident $index:tt),+;)*) => {$(
        impl<T: Element, $($name: Reduce<T>),+> Reduce<T> for ($($name,)+) {
            type Partial = ($($name::Partial,)+);
            type Output = ($($name::Output,)+);

            fn check(&self, shape: &Shape) -> Result<()> {
                $(self.$index.check(shape)?;)+
                Ok(())
            }
            fn identity(&self) -> Self::Partial {
                ($(self.$index.identity(),)+)
            }
            fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()> {
                $(self.$index.accumulate(&mut partial.$index, block)?;)+
                Ok(())
            }
            fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
                $(self.$index.merge(&mut partial.$index, next.$index);)+
            }
            fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Self::Output> {
                Ok(($(self.$index.finish(partial.$index, shape)?,)+))
            }
            fn verify(&self) -> Result<()> {
                $(self.$index.verify()?;)+
                Ok(())
            }
            fn register(&self, outputs: &mut Outputs) {
                $(self.$index.register(outputs);)+
            }
            fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
                Ok(Shared::new([$(self.$index.share(shape, grid)?,)+]))
            }
            fn accumulate_shared(
                &self,
                shared: &Shared,
                partial: &mut Self::Partial,
                block: &Block<'_, T>,
            ) -> Result<()> {
                let Some(shared) = shared.get::<[Shared; $n]>() else {
                    return self.accumulate(partial, block);
                };
                $(self.$index.accumulate_shared(&shared[$index], &mut partial.$index, block)?;)+
                Ok(())
            }
            fn finish_shared(
                &self,
                shared: Shared,
                partial: Self::Partial,
                shape: &Shape,
            ) -> Result<Self::Output> {
                let Some(shared) = shared.into_inner::<[Shared; $n]>() else {
                    return self.finish(partial, shape);
                };
                let mut shared = shared.into_iter();
                let mut next = || shared.next().unwrap_or_default();
                Ok(($(self.$index.finish_shared(next(), partial.$index, shape)?,)+))
            }
        }
    )*};
}
tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
