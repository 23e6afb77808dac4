//! Masks: the elements selected for a reduction.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use rowmill_core::{Outputs, Role, Shape, Source};

use crate::engine::grid::Bounds;
use crate::engine::scratch::Scratch;
use crate::error::{Error, Result};
use crate::kernel::Numeric;
use crate::kernel::frame::TileFold;
use crate::kernel::numeric::InLanes;
use rowmill_lanes::arch::Interval;
use rowmill_lanes::fold::{Cells, Selection};
use rowmill_lanes::lanes::Lane;

/// Makes masks for [`Reduction::masked`](crate::Reduction::masked).
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{CompareOp, Engine, Mask, Sum};
/// let x = SliceSource::new(&[0.25_f32, 0.75, f32::NAN, 1.0], [4]).unwrap();
/// let engine = Engine::new()?;
/// assert_eq!(engine.reduce(&x, Sum::all().masked(Mask::value(|v| v > 0.5)))?, 1.75);
/// // The same with a comparison that is known at run time only
/// let above = Mask::compare(CompareOp::Gt, 0.5);
/// assert_eq!(engine.reduce(&x, Sum::all().masked(above))?, 1.75);
/// // One entry for each row
/// let rows = SliceSource::new(&[true, true, false, false], [4]).unwrap();
/// assert_eq!(engine.reduce(&x, Sum::all().masked(Mask::array(&rows)))?, 1.0);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Mask {}

impl Mask {
    /// Keeps the elements whose value satisfies a predicate.
    pub fn value<T, F: Fn(T) -> bool + Sync>(predicate: F) -> ValueMask<T, F> {
        ValueMask { predicate, element: PhantomData }
    }

    /// Keeps the elements whose comparison with a number is true. For floats the number is first
    /// rounded to the element type, as in numpy.
    pub fn compare(op: CompareOp, threshold: impl Into<Threshold>) -> CompareMask {
        CompareMask { op, threshold: threshold.into() }
    }

    /// Keeps the elements where a bool array of the same shape is true, or the rows where a bool
    /// array with one entry per row (shape `(rows,)` or `(rows, 1, …)`) is true.
    pub fn array<S: Source<bool>>(mask: &S) -> ArrayMask<'_, S> {
        ArrayMask { mask }
    }
}

/// Selects elements, with one decision per tile: all elements, an interval of values, or a byte per
/// element. Made by [`Mask`] and [`Condition`](crate::Condition); sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not select elements of `{T}`",
    note = "`Mask::value`, `Mask::compare`, `Mask::array` and `Condition::on` make what does; \
            the elements of a mask's closure have the type of the array's"
)]
pub trait Selector<T: Numeric>: Select<T> {}

impl<T: Numeric, M: Select<T> + ?Sized> Selector<T> for M {}

/// The methods of a [`Selector`].
pub trait Select<T: Numeric>: Sync {
    /// Refuses an array of the wrong shape for the mask.
    fn check(&self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// Passes the decision about a tile to `f`, once.
    fn select(&self, fold: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()>;

    /// The decision, if it is the same for all tiles.
    fn fixed(&self) -> Option<Selection<'static, T::Lane>> {
        None
    }

    /// The sum of a tile, if there are loops for this mask.
    fn sum(&self, fold: &TileFold<'_, T>) -> Option<Result<Cells<T::Lane>>> {
        let _ = fold;
        None
    }

    /// A description that differs between different masks; `None` if there is none.
    fn describe(&self) -> Option<String> {
        None
    }

    /// Checks that every input of the mask is unchanged since it was opened.
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }
}

/// Receives the decision about a tile.
pub(crate) type Take<'a, T> = &'a mut dyn FnMut(Selection<'_, <T as InLanes>::Lane>) -> Result<()>;

macro_rules! selector_through {
    ($($pointer:ty),*) => {$(
        impl<T: Numeric, M: Select<T> + ?Sized> Select<T> for $pointer {
            fn check(&self, shape: &Shape) -> Result<()> {
                (**self).check(shape)
            }
            fn select(&self, fold: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()> {
                (**self).select(fold, f)
            }
            fn fixed(&self) -> Option<Selection<'static, T::Lane>> {
                (**self).fixed()
            }
            fn sum(&self, fold: &TileFold<'_, T>) -> Option<Result<Cells<T::Lane>>> {
                (**self).sum(fold)
            }
            fn describe(&self) -> Option<String> {
                (**self).describe()
            }
            fn verify(&self) -> Result<()> {
                (**self).verify()
            }
            fn register(&self, outputs: &mut Outputs) {
                (**self).register(outputs);
            }
        }
    )*};
}
selector_through!(&M, Box<M>);

/// No mask: every element takes part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmasked;

impl<T: Numeric> Select<T> for Unmasked {
    fn select(&self, _: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()> {
        f(Selection::Every)
    }

    fn fixed(&self) -> Option<Selection<'static, T::Lane>> {
        Some(Selection::Every)
    }

    fn describe(&self) -> Option<String> {
        Some("everything".to_owned())
    }
}

/// See [`Mask::value`].
pub struct ValueMask<T, F> {
    predicate: F,
    element: PhantomData<fn(T)>,
}

impl<T, F> fmt::Debug for ValueMask<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueMask").finish_non_exhaustive()
    }
}

impl<T: Numeric, F: Fn(T) -> bool + Sync> Select<T> for ValueMask<T, F> {
    fn select(&self, fold: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()> {
        let mut keep = fold.scratch().take::<u8>(fold.len());
        fold.decide_by(&mut keep, &|x| (self.predicate)(T::from_lane(x)));
        f(Selection::Kept(&keep))
    }

    fn sum(&self, fold: &TileFold<'_, T>) -> Option<Result<Cells<T::Lane>>> {
        let predicate = |x| (self.predicate)(T::from_lane(x));
        Some(fold.checked(fold.sum_of(&predicate), |keep| fold.decide_by(keep, &predicate)))
    }
}

/// See [`Mask::compare`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareMask {
    pub(super) op: CompareOp,
    pub(super) threshold: Threshold,
}

/// Every comparison is membership in a closed interval, or its complement: one loop for all.
pub(in crate::kernel) fn interval<T: Numeric>(
    op: CompareOp,
    threshold: Threshold,
) -> Interval<T::Lane> {
    let nothing = (T::Lane::HIGHEST, T::Lane::LOWEST);
    let (lo, hi) = T::bounds(op, threshold).unwrap_or(nothing);
    Interval { lo, hi, negate: op == CompareOp::Ne }
}

impl CompareMask {
    fn interval<T: Numeric>(&self) -> Interval<T::Lane> {
        interval::<T>(self.op, self.threshold)
    }
}

impl<T: Numeric> Select<T> for CompareMask {
    fn fixed(&self) -> Option<Selection<'static, T::Lane>> {
        Some(Selection::Within(self.interval::<T>()))
    }

    fn select(&self, _: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()> {
        f(Selection::Within(self.interval::<T>()))
    }

    fn describe(&self) -> Option<String> {
        Some(crate::kernel::Condition::from(*self).to_string())
    }
}

/// See [`Mask::array`].
#[derive(Debug)]
pub struct ArrayMask<'a, S> {
    mask: &'a S,
}

impl<S> Clone for ArrayMask<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for ArrayMask<'_, S> {}

impl<S: Source<bool>> ArrayMask<'_, S> {
    fn is_per_row(&self, rows: usize) -> bool {
        let shape = self.mask.shape();
        shape.row_len() == 1 && shape.rows() == rows
    }
}

impl<S: Source<bool>> ArrayMask<'_, S> {
    /// Passes a byte per element of the block to `f`, in place if possible.
    fn with_bytes<R>(
        &self,
        bounds: &Bounds,
        row_len: usize,
        releases: bool,
        scratch: &Scratch,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        let (rows, cols) = (bounds.rows.clone(), bounds.cols.clone());
        let len = rows.len() * cols.len();
        let mut buffer = scratch.mask.borrow_mut();
        buffer.set_below_ceiling(releases);
        if self.mask.shape().row_len() != row_len {
            let mut keep = scratch.take::<u8>(len);
            let rows = self.mask.rows(rows, &mut buffer)?;
            for (to, &from) in keep.chunks_mut(cols.len()).zip(rows) {
                to.fill(u8::from(from));
            }
            return Ok(f(&keep));
        }
        if let Some(bytes) = self.mask.stored(rows.clone(), cols.clone())
            && let Some(bytes) = bytes.as_slice()
        {
            return Ok(f(bytes));
        }
        let tile = self.mask.tile(rows, cols.clone(), &mut buffer)?;
        if let Some(decided) = tile.as_slice() {
            return Ok(f(bytemuck::cast_slice(decided)));
        }
        let mut keep = scratch.take::<u8>(len);
        for (to, from) in keep.chunks_mut(cols.len()).zip(tile.iter_rows()) {
            to.copy_from_slice(bytemuck::cast_slice(from));
        }
        Ok(f(&keep))
    }
}

impl<S: Source<bool>> ArrayMask<'_, S> {
    /// Passes a byte per element of a block to `f`, and releases the pages read if necessary.
    fn read<T: Numeric, R>(&self, fold: &TileFold<'_, T>, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        let (bounds, row_len) = fold.place();
        let releases = fold.releases();
        let read = self.with_bytes(bounds, row_len, releases, fold.scratch(), f);
        // A selection from bytes past the end of a truncated file is invalid.
        self.mask.check()?;
        let read = read?;
        if releases {
            let whole = self.mask.shape().row_len();
            let cols = if whole == row_len { bounds.cols.clone() } else { 0..whole };
            self.mask.release(bounds.rows.clone(), cols);
        }
        Ok(read)
    }
}

impl<T: Numeric, S: Source<bool>> Select<T> for ArrayMask<'_, S> {
    fn check(&self, shape: &Shape) -> Result<()> {
        let found = self.mask.shape();
        if found == shape || self.is_per_row(shape.rows()) {
            return Ok(());
        }
        Err(Error::MaskShape { found: found.clone(), array: shape.clone() })
    }

    fn select(&self, fold: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()> {
        self.read(fold, |keep| f(Selection::Kept(keep)))?
    }

    fn describe(&self) -> Option<String> {
        Some(format!("a mask, {}", self.mask.identity()?.signature()))
    }

    fn verify(&self) -> Result<()> {
        Ok(self.mask.verify()?)
    }

    fn register(&self, outputs: &mut Outputs) {
        outputs.read_source(Role::Mask, self.mask);
    }
}

/// A comparison. False for NaN, except for `Ne`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `x > t`
    Gt,
    /// `x >= t`
    Ge,
    /// `x < t`
    Lt,
    /// `x <= t`
    Le,
    /// `x == t`
    Eq,
    /// `x != t`
    Ne,
}

/// The number of a comparison, exact for integers and floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// An integer.
    Integer(i128),
    /// A float.
    Float(f64),
}

impl Threshold {
    /// The number as a float, rounded.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Integer(i) => i as f64,
            Self::Float(f) => f,
        }
    }
}

impl From<f64> for Threshold {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Threshold {
    fn from(value: i64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i32> for Threshold {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

/// A text that is not a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a number")]
pub struct ParseThresholdError {
    /// The text.
    pub text: String,
}

impl FromStr for Threshold {
    type Err = ParseThresholdError;

    fn from_str(text: &str) -> Result<Self, ParseThresholdError> {
        if let Ok(i) = text.parse() {
            return Ok(Self::Integer(i));
        }
        text.parse().map(Self::Float).map_err(|_| ParseThresholdError { text: text.to_owned() })
    }
}
