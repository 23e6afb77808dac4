//! Masks: which elements take part in a reduction.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use rowmill_core::{Outputs, Role, Shape, Source};

use super::Numeric;
use super::reduction::BlockFold;
use crate::grid::Bounds;
use crate::scratch::Scratch;
use crate::{Error, Result};
use rowmill_lanes::arch::Interval;
use rowmill_lanes::fold::{Cells, Need, Selection};
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

    /// Keeps the elements that compare so with a number. For floats the number is first rounded to
    /// the type of the elements, as numpy does with a Python number.
    pub fn compare(op: CompareOp, threshold: impl Into<Threshold>) -> CompareMask {
        CompareMask { op, threshold: threshold.into() }
    }

    /// Keeps the elements where a bool array of the same shape is true, or the rows where a bool
    /// array with one entry for each row (shape `(rows,)` or `(rows, 1, …)`) is true.
    pub fn array<S: Source<bool>>(mask: &S) -> ArrayMask<'_, S> {
        ArrayMask { mask }
    }
}

/// Decides which elements take part. Made by [`Mask`].
pub trait Selector<T: Numeric>: Sync {
    /// Refuses an array that the mask does not fit.
    #[doc(hidden)]
    fn check(&self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// The cells of a block, of the elements that are kept.
    #[doc(hidden)]
    fn cells(&self, fold: &BlockFold<'_, T>) -> Result<Cells<T::Lane>>;

    /// Writes down which elements of a block are kept: a byte for each, row after row, zero for those
    /// that are not. `false`, and nothing written, where all are.
    #[doc(hidden)]
    fn keep(&self, fold: &BlockFold<'_, T>, keep: &mut [u8]) -> Result<bool>;

    /// The same for all blocks, where the value alone decides and not a closure.
    #[doc(hidden)]
    fn selection(&self) -> Option<Selection<'static, T::Lane>> {
        None
    }

    /// What is kept, in words that differ for masks that differ; `None` where that cannot be said.
    #[doc(hidden)]
    fn describe(&self) -> Option<String> {
        None
    }

    /// Checks that what was read of the mask is still what was opened.
    #[doc(hidden)]
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    #[doc(hidden)]
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }
}

/// No mask: every element takes part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmasked;

impl<T: Numeric> Selector<T> for Unmasked {
    fn cells(&self, fold: &BlockFold<'_, T>) -> Result<Cells<T::Lane>> {
        fold.checked(fold.select(Selection::Every), |keep| keep.fill(1))
    }

    fn keep(&self, _: &BlockFold<'_, T>, _: &mut [u8]) -> Result<bool> {
        Ok(false)
    }

    fn selection(&self) -> Option<Selection<'static, T::Lane>> {
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

impl<T: Numeric, F: Fn(T) -> bool + Sync> Selector<T> for ValueMask<T, F> {
    fn cells(&self, fold: &BlockFold<'_, T>) -> Result<Cells<T::Lane>> {
        let predicate = |x| (self.predicate)(T::from_lane(x));
        if fold.is_one_sum() {
            return fold.checked(fold.sum_of(&predicate), |keep| fold.decide(keep, &predicate));
        }
        fold.by_value(&predicate)
    }

    fn keep(&self, fold: &BlockFold<'_, T>, keep: &mut [u8]) -> Result<bool> {
        fold.decide(keep, &|x| (self.predicate)(T::from_lane(x)));
        Ok(true)
    }
}

/// See [`Mask::compare`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareMask {
    op: CompareOp,
    threshold: Threshold,
}

/// Every comparison is membership in a closed interval, or its opposite: one loop for all.
pub(super) fn interval<T: Numeric>(op: CompareOp, threshold: Threshold) -> Interval<T::Lane> {
    let nothing = (T::Lane::HIGHEST, T::Lane::LOWEST);
    let (lo, hi) = T::bounds(op, threshold).unwrap_or(nothing);
    Interval { lo, hi, negate: op == CompareOp::Ne }
}

impl CompareMask {
    fn interval<T: Numeric>(&self) -> Interval<T::Lane> {
        interval::<T>(self.op, self.threshold)
    }
}

impl<T: Numeric> Selector<T> for CompareMask {
    fn selection(&self) -> Option<Selection<'static, T::Lane>> {
        Some(Selection::Within(self.interval::<T>()))
    }

    fn describe(&self) -> Option<String> {
        Some(format!("{:?} {:?}", self.op, self.threshold))
    }

    fn cells(&self, fold: &BlockFold<'_, T>) -> Result<Cells<T::Lane>> {
        let interval = self.interval::<T>();
        let within = move |x| interval.contains(x);
        if fold.need() == Need::Sum {
            let cells = fold.select(Selection::Within(interval));
            return fold.checked(cells, |keep| fold.decide(keep, &within));
        }
        fold.by_value(&within)
    }

    fn keep(&self, fold: &BlockFold<'_, T>, keep: &mut [u8]) -> Result<bool> {
        let interval = self.interval::<T>();
        fold.decide(keep, &move |x| interval.contains(x));
        Ok(true)
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
    /// Hands `f` a byte for each element of the block, where it lies if it can.
    fn with_bytes<R>(
        &self,
        bounds: &Bounds,
        row_len: usize,
        lets_go: bool,
        scratch: &Scratch,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        let (rows, cols) = (bounds.rows.clone(), bounds.cols.clone());
        let len = rows.len() * cols.len();
        let mut buffer = scratch.mask.borrow_mut();
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
        let tile = if lets_go {
            self.mask.tile_below_ceiling(rows, cols.clone(), &mut buffer)?
        } else {
            self.mask.tile(rows, cols.clone(), &mut buffer)?
        };
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
    /// Hands `f` a byte for each element of a block, and lets go of what was read if that is needed.
    fn read<T: Numeric, R>(
        &self,
        fold: &BlockFold<'_, T>,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        let (bounds, row_len) = fold.place();
        let lets_go = fold.has_to_let_go();
        let read = self.with_bytes(bounds, row_len, lets_go, fold.scratch(), f);
        // What was kept by bytes that were not there is no answer.
        self.mask.check()?;
        let read = read?;
        if lets_go {
            let whole = self.mask.shape().row_len();
            let cols = if whole == row_len { bounds.cols.clone() } else { 0..whole };
            self.mask.release(bounds.rows.clone(), cols);
        }
        Ok(read)
    }
}

impl<T: Numeric, S: Source<bool>> Selector<T> for ArrayMask<'_, S> {
    fn check(&self, shape: &Shape) -> Result<()> {
        let found = self.mask.shape();
        if found == shape || self.is_per_row(shape.rows()) {
            return Ok(());
        }
        Err(Error::MaskShape { found: found.clone(), array: shape.clone() })
    }

    fn cells(&self, fold: &BlockFold<'_, T>) -> Result<Cells<T::Lane>> {
        self.read(fold, |keep| {
            fold.checked(fold.select(Selection::Kept(keep)), |again| again.copy_from_slice(keep))
        })?
    }

    fn keep(&self, fold: &BlockFold<'_, T>, keep: &mut [u8]) -> Result<bool> {
        self.read(fold, |bytes| keep.copy_from_slice(bytes))?;
        Ok(true)
    }

    fn describe(&self) -> Option<String> {
        Some(format!("a mask, {:?}", self.mask.identity()?))
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

/// A number to compare with, exact whether integer or float.
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

/// A text that is no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a number")]
pub struct ParseThresholdError {
    /// What was given.
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
