//! Normalization: statistics in one read, the scaled copy in a second.
//!
//! The conventions are scikit-learn's `StandardScaler` and `MinMaxScaler`: statistics in `f64`,
//! population variance, NaN left out of the statistics and kept in the output, a constant column
//! gets scale 1.

use std::marker::PhantomData;
use std::path::Path;

use half::{bf16, f16};
use rowmill_core::{
    ArrayMut, CreateOptions, Element, Format, Journal, JournalError, Shape, Source, Tile,
};
use serde::{Deserialize, Serialize};

use super::min_max::MaybeMinMax;
use super::{Axis, MeanVar, Moments, NanPolicy, Numeric, Range, Reduction, Rows, Statistic};
use crate::checkpoint::{Checkpoint, Keeper, State};
use crate::grid::{BLOCK_BYTES, Bounds};
use crate::in_place::{InPlace, InPlaceJob};
use crate::map::{Chunk, Keep, Map};
use crate::reduce::Block;
use crate::resume::Resume;
use crate::scratch::Scratch;
use crate::{Engine, Result};
use rowmill_lanes::arch::{Isa, Job, Simd};
use rowmill_lanes::lanes::Lane;

mod sealed {
    pub trait Sealed {}
}

/// A float type that normalized data can be written as: [`f16`](struct@f16),
/// [`bf16`](struct@bf16), `f32`, `f64`.
pub trait FloatElement: Element + sealed::Sealed {
    /// The nearest value.
    #[doc(hidden)]
    fn round_from(value: f64) -> Self;
}

macro_rules! float_elements {
    ($($t:ty: |$x:ident| $round:expr;)*) => {$(
        impl sealed::Sealed for $t {}

        impl FloatElement for $t {
            #[inline(always)]
            fn round_from($x: f64) -> Self {
                $round
            }
        }
    )*};
}
float_elements! {
    f16: |x| Self::from_f64(x);
    bf16: |x| Self::from_f64(x);
    f32: |x| x as Self;
    f64: |x| x;
}

/// How elements are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum NormalizeMethod {
    /// To mean 0 and standard deviation 1.
    ZScore,
    /// To the interval from `low` to `high`.
    MinMax {
        /// What the smallest element becomes.
        low: f64,
        /// What the largest element becomes.
        high: f64,
    },
}

/// What is normalized by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NormalizeAxis {
    /// The whole array.
    All,
    /// Each column.
    #[default]
    Columns,
    /// Each row.
    Rows,
}

/// How an array is normalized: see [`Engine::normalize`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a normalization does nothing until an engine runs it"]
pub struct Normalize {
    method: NormalizeMethod,
    axis: NormalizeAxis,
}

impl Normalize {
    /// By a method that is known at run time, per column.
    pub fn new(method: NormalizeMethod) -> Self {
        Self { method, axis: NormalizeAxis::Columns }
    }

    /// To mean 0 and standard deviation 1 (population variance), per column.
    pub fn z_score() -> Self {
        Self::new(NormalizeMethod::ZScore)
    }

    /// To the interval from 0 to 1, per column.
    pub fn min_max() -> Self {
        Self::min_max_to(0.0, 1.0)
    }

    /// To the interval from `low` to `high`, per column.
    pub fn min_max_to(low: f64, high: f64) -> Self {
        Self::new(NormalizeMethod::MinMax { low, high })
    }

    /// What is normalized by itself. Default: each column.
    pub fn axis(mut self, axis: NormalizeAxis) -> Self {
        self.axis = axis;
        self
    }

    /// Each column is normalized by itself: the default.
    pub fn per_column(self) -> Self {
        self.axis(NormalizeAxis::Columns)
    }

    /// Each row is normalized by itself.
    pub fn per_row(self) -> Self {
        self.axis(NormalizeAxis::Rows)
    }

    /// The whole array is normalized at once.
    pub fn over_all(self) -> Self {
        self.axis(NormalizeAxis::All)
    }

    /// What `x` becomes: `(x * factor - shift) / scale * span + low`.
    fn scaling(self, moments: Option<MeanVar>, range: Option<Range<f64>>) -> Scaling {
        match self.method {
            NormalizeMethod::ZScore => {
                let MeanVar { count, mean, var } =
                    moments.unwrap_or(MeanVar { count: 0, mean: f64::NAN, var: f64::NAN });
                let n = count as f64;
                // scikit-learn's `_is_constant_feature`: a variance that is rounding error only.
                let noise = n * f64::EPSILON * var + (n * mean * f64::EPSILON).powi(2);
                let scale = if var <= noise { 1.0 } else { var.sqrt() };
                Scaling { factor: 1.0, shift: mean, scale }
            }
            NormalizeMethod::MinMax { .. } => {
                let Range { min, max } = range.unwrap_or(Range { min: f64::NAN, max: f64::NAN });
                if !(min.is_finite() && max.is_finite()) {
                    // Everything else would become the same value, silently.
                    Scaling { factor: 1.0, shift: min, scale: f64::NAN }
                } else if max == min {
                    Scaling { factor: 1.0, shift: min, scale: 1.0 }
                } else if (max - min).is_finite() {
                    Scaling { factor: 1.0, shift: min, scale: max - min }
                } else {
                    Scaling { factor: 0.5, shift: min * 0.5, scale: max * 0.5 - min * 0.5 }
                }
            }
        }
    }

    fn span_and_low(self) -> (f64, f64) {
        match self.method {
            NormalizeMethod::ZScore => (1.0, 0.0),
            NormalizeMethod::MinMax { low, high } => (high - low, low),
        }
    }

    /// How many scalings an array has.
    fn cells(self, shape: &Shape) -> usize {
        match self.axis {
            NormalizeAxis::All => 1,
            NormalizeAxis::Columns => shape.row_len(),
            NormalizeAxis::Rows => shape.rows(),
        }
    }

    /// The scalings of an array, from one read.
    fn fit_whole<T: Numeric>(self, whole: impl FnOnceReduce<T>) -> Result<Vec<Scaling>> {
        match self.axis {
            NormalizeAxis::All => self.fit(super::All, whole),
            NormalizeAxis::Columns => self.fit(super::Columns, whole),
            NormalizeAxis::Rows => self.fit(Rows, whole),
        }
    }

    /// The scalings of an array, from one read or from the checkpoint of an earlier run that was
    /// through with it; as values and as bytes.
    fn fit_once<T: Numeric>(
        self,
        engine: &Engine,
        source: &impl Source<T>,
        mut keeper: Keeper<'_>,
    ) -> Result<(Vec<Scaling>, Vec<u8>)> {
        let cells = self.cells(source.shape());
        match keeper.take_found() {
            Some(State::Map { fitted, .. }) => {
                let error = || keeper.damaged("its scalings do not fit the job");
                Ok((scalings_of(&fitted, cells).ok_or_else(error)?, fitted))
            }
            found => {
                let whole = Whole { engine, source, keep: Some((&keeper, found)) };
                let scalings = self.fit_whole(whole)?;
                let fitted = postcard::to_stdvec(&scalings).unwrap_or_default();
                let state = State::Map { fitted: fitted.clone(), output: None, done: Vec::new() };
                keeper.save(|| Ok(state))?;
                Ok((scalings, fitted))
            }
        }
    }

    /// The scalings of the cells of an axis, from one read.
    fn fit<T: Numeric, A: IntoCells>(
        self,
        axis: A,
        run: impl FnOnceReduce<T>,
    ) -> Result<Vec<Scaling>> {
        if self.method == NormalizeMethod::ZScore {
            let kernel = Reduction::new(Moments::population(), axis).nan(NanPolicy::Skip);
            let cells = A::cells(run.reduce(kernel)?);
            return Ok(cells.into_iter().map(|m| self.scaling(Some(m), None)).collect());
        }
        let kernel = Reduction::new(MaybeMinMax, axis).nan(NanPolicy::Skip);
        let cells = A::cells(run.reduce(kernel)?);
        let wide = |r: Range<T>| {
            let min = T::to_f64(r.min);
            Range { min, max: T::to_f64(r.max) }
        };
        Ok(cells.into_iter().map(|r| self.scaling(None, r.map(wide))).collect())
    }
}

/// Something that can run a reduction: an engine over an array, or over one block.
trait FnOnceReduce<T: Numeric> {
    fn reduce<R: Resume<T>>(self, kernel: R) -> Result<R::Output>;
}

/// An axis whose results can be taken as a list.
trait IntoCells: Axis {
    fn cells<V: Send>(output: Self::Output<V>) -> Vec<V>;
}

impl IntoCells for super::All {
    fn cells<V: Send>(output: V) -> Vec<V> {
        vec![output]
    }
}

impl IntoCells for super::Columns {
    fn cells<V: Send>(output: super::Values<V>) -> Vec<V> {
        output.into_vec()
    }
}

impl IntoCells for Rows {
    fn cells<V: Send>(output: super::Values<V>) -> Vec<V> {
        output.into_vec()
    }
}

struct Whole<'a, S> {
    engine: &'a Engine,
    source: &'a S,
    /// Who keeps what was done, and what an earlier run did.
    keep: Option<(&'a Keeper<'a>, Option<State>)>,
}

impl<T: Numeric, S: Source<T>> FnOnceReduce<T> for Whole<'_, S> {
    fn reduce<R: Resume<T>>(self, kernel: R) -> Result<R::Output> {
        match self.keep {
            None => self.engine.reduce(self.source, kernel),
            Some((keeper, found)) => self.engine.reduce_keeping(self.source, kernel, keeper, found),
        }
    }
}

struct OneBlock<'a, T> {
    tile: Tile<'a, T>,
    isa: Isa,
    scratch: &'a Scratch,
}

impl<T: Numeric> FnOnceReduce<T> for OneBlock<'_, T> {
    fn reduce<R: Resume<T>>(self, kernel: R) -> Result<R::Output> {
        let (rows, cols) = (self.tile.rows(), self.tile.cols());
        let bounds = Bounds { band: 0, tile: 0, rows: 0..rows, cols: 0..cols };
        let block = Block::new(self.tile, bounds, cols, self.isa, self.scratch);
        let mut partial = kernel.identity();
        kernel.accumulate(&mut partial, &block)?;
        let shape = Shape::new([rows, cols]).map_err(crate::Error::kernel)?;
        kernel.finish(partial, &shape)
    }
}

/// `(x * factor - shift) / scale`. The factor is 1, or 1/2 where the range would overflow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Scaling {
    factor: f64,
    shift: f64,
    scale: f64,
}

/// Scales a run of elements, each by its own scaling or all by one.
struct Scale<'a, L, U> {
    x: &'a [L],
    out: &'a mut [U],
    scalings: &'a [Scaling],
    span: f64,
    low: f64,
}

impl<L: Lane, U: FloatElement> Job for Scale<'_, L, U> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Simd) {
        let Self { x, out, scalings, span, low } = self;
        let scaled = |x: L, s: &Scaling| {
            U::round_from((x.to_f64() * s.factor - s.shift) / s.scale * span + low)
        };
        if let [one] = scalings {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = scaled(x, one);
            }
        } else {
            for ((out, &x), s) in out.iter_mut().zip(x).zip(scalings) {
                *out = scaled(x, s);
            }
        }
    }
}

/// The second read: scales by what the first one found.
struct Apply {
    isa: Isa,
    how: Normalize,
    scalings: Vec<Scaling>,
}

impl<T: Numeric, U: FloatElement> Map<T, U> for Apply {
    fn within_rows(&self) -> bool {
        true
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let row_len = input.row_len().max(1);
        let (span, low) = self.how.span_and_low();
        let scratch = Scratch::default();
        let (mut x, mut out) = (input.as_slice(), output);
        let (mut row, mut col) = (input.rows().start, input.first_col());
        while !x.is_empty() {
            // As much as is scaled alike: everything, or the rest of a row.
            let len = match self.how.axis {
                NormalizeAxis::All => x.len(),
                _ => x.len().min(row_len - col),
            };
            let scalings = match self.how.axis {
                NormalizeAxis::All => &self.scalings[..1],
                NormalizeAxis::Columns => &self.scalings[col..col + len],
                NormalizeAxis::Rows => &self.scalings[row..=row],
            };
            let (now, later) = x.split_at(len);
            let (out_now, out_later) = out.split_at_mut(len);
            T::with_lanes(Tile::new(now, 1, len, len), self.isa, &scratch, |lanes| {
                self.isa.run(Scale { x: lanes.row(0), out: out_now, scalings, span, low });
            });
            (x, out) = (later, out_later);
            (row, col) = (row + 1, 0);
        }
        Ok(())
    }
}

/// Per row, when rows fit the cache: one read, each row scaled as soon as its statistics are known.
struct FitAndApply {
    isa: Isa,
    how: Normalize,
}

impl<T: Numeric, U: FloatElement> Map<T, U> for FitAndApply {
    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let row_len = input.row_len();
        if row_len == 0 {
            return Ok(());
        }
        let (span, low) = self.how.span_and_low();
        let scratch = Scratch::default();
        // As many rows at a time as stay in the cache.
        let at_once = (BLOCK_BYTES / (row_len * size_of::<T>())).max(1) * row_len;
        for (x, out) in input.as_slice().chunks(at_once).zip(output.chunks_mut(at_once)) {
            let tile = Tile::new(x, x.len() / row_len, row_len, row_len);
            let run = OneBlock { tile, isa: self.isa, scratch: &scratch };
            let scalings = self.how.fit(Rows, run)?;
            T::with_lanes(tile, self.isa, &scratch, |lanes| {
                for ((i, out), scaling) in out.chunks_mut(row_len).enumerate().zip(&scalings) {
                    let scalings = std::slice::from_ref(scaling);
                    self.isa.run(Scale { x: lanes.row(i), out, scalings, span, low });
                }
            });
        }
        Ok(())
    }
}

impl Engine {
    /// Normalizes an array of floats in place: each row is replaced by its normalized values, which are
    /// what [`normalize`](Self::normalize) would write. Journalled and finished after a crash as
    /// [`map_in_place`](Self::map_in_place) says.
    ///
    /// An array that the same normalization was the last to change is left as it is: a small hidden file
    /// beside it (`.NAME.rowmill-done`) says so, for who was killed after the last row and runs it again.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut};
    /// use rowmill_exec::{Engine, Normalize};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("x.npy");
    /// # let mut x = ArrayMut::<f32>::create(&path, [2, 2])?;
    /// # x.write_rows(0, &[1.0, 5.0, 3.0, 5.0])?;
    /// # x.close()?;
    /// let mut x = ArrayMut::<f32>::open_to_finish(&path)?;
    /// Engine::new()?.normalize_in_place(&mut x, Normalize::z_score().per_column())?;
    /// drop(x);
    /// assert_eq!(Array::<f32>::open(&path)?.as_slice(), Some(&[-1.0, 0.0, 1.0, 0.0][..]));
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`map_in_place`](Self::map_in_place).
    pub fn normalize_in_place<T: Numeric + FloatElement>(
        &self,
        array: &mut ArrayMut<T>,
        how: Normalize,
    ) -> Result<InPlace> {
        let isa = self.isa;
        let what = format!("{how:?} in place");
        if how.axis == NormalizeAxis::Rows && self.grid::<T>(array.shape()).tiles() <= 1 {
            let kernel = FitAndApply { isa, how };
            let job = InPlaceJob { what: &what, cuts_rows: false, once: true };
            return self.change_in_place(array, job, |_| Ok(Vec::new()), |_| Ok(kernel));
        }
        let cells = how.cells(array.shape());
        let fit = |array: &ArrayMut<T>| {
            let scalings = how.fit_whole(Whole { engine: self, source: array, keep: None })?;
            Ok(postcard::to_stdvec(&scalings).unwrap_or_default())
        };
        let journal = Journal::path_for(array.path());
        let kernel = |fitted: &[u8]| {
            let scalings = scalings_of(fitted, cells).ok_or_else(|| {
                let source = JournalError::Damaged { what: "its scalings do not fit the job" };
                rowmill_core::Error::Journal { path: journal, source }
            })?;
            Ok(Apply { isa, how, scalings })
        };
        let job = InPlaceJob { what: &what, cuts_rows: true, once: true };
        self.change_in_place(array, job, fit, kernel)
    }
}

/// The scalings that bytes stand for, if there are so many.
fn scalings_of(fitted: &[u8], cells: usize) -> Option<Vec<Scaling>> {
    postcard::from_bytes::<Vec<Scaling>>(fitted).ok().filter(|s| s.len() == cells)
}

/// A normalization that waits for a place to write to. Made by [`Engine::normalize`].
#[derive(Debug)]
#[must_use = "write_npy() runs the job"]
pub struct Normalizing<'a, T, S> {
    engine: &'a Engine,
    source: &'a S,
    how: Normalize,
    checkpoint: Option<&'a Checkpoint>,
    element: PhantomData<fn(T)>,
}

impl Engine {
    /// Normalizes an array to a new file of the same shape: statistics in one read, the scaled copy
    /// in a second, written once. (Per row, short rows need one read only.)
    ///
    /// NaN are left out of the statistics and stay NaN. What is constant becomes 0, or `low` with
    /// [`Normalize::min_max_to`]. An infinity makes all that it is normalized with NaN.
    ///
    /// ```
    /// use rowmill_core::{Array, SliceSource};
    /// use rowmill_exec::{Engine, Normalize};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("z.npy");
    /// let x = SliceSource::new(&[1.0_f32, 5.0, 3.0, 5.0], [2, 2]).unwrap();
    /// Engine::new()?.normalize(&x, Normalize::z_score().per_column()).write_npy(&path)?;
    /// assert_eq!(Array::<f32>::open(&path)?.as_slice(), Some(&[-1.0, 0.0, 1.0, 0.0][..]));
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn normalize<'a, T, S>(&'a self, source: &'a S, how: Normalize) -> Normalizing<'a, T, S>
    where
        T: Numeric,
        S: Source<T>,
    {
        Normalizing { engine: self, source, how, checkpoint: None, element: PhantomData }
    }
}

impl<'a, T: Numeric, S: Source<T>> Normalizing<'a, T, S> {
    /// Keeps what was done in a checkpoint, in both reads: killed at any point and run again with it,
    /// the job goes on, and gives the same bytes as an uninterrupted one. The unfinished output then
    /// stays, also when the job fails. Default: none.
    pub fn checkpoint(mut self, checkpoint: &'a Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Writes a new `.npy` file: `f16` and `f32` as they are, `bf16` as `f32`, everything else as `f64`. A file of
    /// that name is replaced at the end in one step, and stays untouched when anything fails.
    ///
    /// # Errors
    /// As [`Mapping::write_npy`](crate::Mapping::write_npy).
    pub fn write_npy(self, path: impl AsRef<Path>) -> Result<()> {
        self.write_npy_as::<T::Normalized>(path)
    }

    /// Writes a new `.npy` file of floats of type `U`.
    ///
    /// # Errors
    /// As [`Mapping::write_npy`](crate::Mapping::write_npy).
    pub fn write_npy_as<U: FloatElement>(self, path: impl AsRef<Path>) -> Result<()> {
        self.write_as::<U>(path, &CreateOptions::new().format(Format::Npy))
    }

    /// Writes a new array file of floats of type `U` as the options say.
    ///
    /// # Errors
    /// As [`Mapping::write_npy`](crate::Mapping::write_npy).
    pub fn write_as<U: FloatElement>(
        self,
        path: impl AsRef<Path>,
        options: &CreateOptions,
    ) -> Result<()> {
        let Self { engine, source, how, checkpoint, .. } = self;
        let isa = engine.isa;
        let what = Some(format!("{how:?} to {}", U::DTYPE));
        let keep =
            |fitted| checkpoint.map(|checkpoint| Keep { checkpoint, what: what.clone(), fitted });
        if how.axis == NormalizeAxis::Rows && engine.grid::<T>(source.shape()).tiles() <= 1 {
            let map = engine.map::<T, U, _, _>(source, FitAndApply { isa, how });
            return map.keeping(keep(Vec::new())).write(path, options);
        }
        let (scalings, fitted) = match checkpoint {
            None => (how.fit_whole(Whole { engine, source, keep: None })?, Vec::new()),
            Some(checkpoint) => {
                let keeper = Keeper::open(checkpoint, what.clone(), source)?;
                how.fit_once(engine, source, keeper)?
            }
        };
        let map = engine.map::<T, U, _, _>(source, Apply { isa, how, scalings });
        map.keeping(keep(fitted)).write(path, options)
    }
}

impl<T: Numeric> Statistic<T> for MaybeMinMax {
    type Value = Option<Range<T>>;
    const NEED: rowmill_lanes::fold::Need = rowmill_lanes::fold::Need::Range;
    const SPECIAL: bool = true;

    fn value(
        &self,
        cell: &rowmill_lanes::fold::CellState<T::Lane>,
        nan: NanPolicy,
        _: usize,
    ) -> Result<Self::Value> {
        Ok(super::min_max::range(cell, nan))
    }
}
