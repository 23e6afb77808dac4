//! The second read: [`Engine::normalize`] and its like.

use std::marker::PhantomData;
use std::path::Path;

use rowmill_core::{
    ArrayMut, Checksums, CreateOptions, Format, Journal, JournalError, Source, Tile,
};

use super::fit::{OneBlock, Whole, scalings_of};
use super::scaling::{Scale, Scaling, Unscale};
use super::{Fitted, FloatElement, Normalize, NormalizeAxis};
use crate::checkpoint::{Checkpoint, Keeper};
use crate::grid::{BLOCK_BYTES, Grid};
use crate::in_place::{InPlace, InPlaceJob};
use crate::kernel::Numeric;
use crate::map::{Chunk, Keep, Map, planned};
use crate::scratch::Scratch;
use crate::{Engine, Result};
use rowmill_lanes::arch::Isa;

/// The second read: scales by what the first one found.
struct Apply {
    isa: Isa,
    how: Normalize,
    scalings: Vec<Scaling>,
    /// From what was normalized to what it was.
    back: bool,
}

impl<T: Numeric, U: FloatElement> Map<T, U> for Apply {
    fn within_rows(&self) -> bool {
        true
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let row_len = input.row_len().max(1);
        let target = self.how.target();
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
                let (x, out) = (lanes.row(0), out_now);
                if self.back {
                    self.isa.run(Unscale { x, out, scalings, target });
                } else {
                    self.isa.run(Scale { x, out, scalings, target });
                }
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
        let target = self.how.target();
        let scratch = Scratch::default();
        // As many rows at a time as stay in the cache.
        let at_once = (BLOCK_BYTES / (row_len * size_of::<T>())).max(1) * row_len;
        for (x, out) in input.as_slice().chunks(at_once).zip(output.chunks_mut(at_once)) {
            let tile = Tile::new(x, x.len() / row_len, row_len, row_len);
            let mut run = OneBlock { tile, isa: self.isa, scratch: &scratch };
            let found = self.how.find(&mut run)?;
            T::with_lanes(tile, self.isa, &scratch, |lanes| {
                for ((i, out), found) in out.chunks_mut(row_len).enumerate().zip(found) {
                    let scalings = &[self.how.scaling(found)];
                    self.isa.run(Scale { x: lanes.row(i), out, scalings, target });
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
        if how.axis == NormalizeAxis::Rows && Grid::of::<T>(array.shape()).tiles() <= 1 {
            let kernel = FitAndApply { isa, how };
            let job = InPlaceJob { what: &what, cuts_rows: false, once: true };
            return self.change_in_place(array, job, |_| Ok(Vec::new()), |_| Ok(kernel));
        }
        let cells = how.cells(array.shape());
        let fit = |array: &ArrayMut<T>| {
            let mut whole = Whole { engine: self, source: array, keep: None };
            let scalings = how.fit_whole(&mut whole)?;
            Ok(postcard::to_stdvec(&scalings).unwrap_or_default())
        };
        let journal = Journal::path_for(array.path());
        let kernel = |fitted: &[u8]| {
            let scalings = scalings_of(fitted, cells).ok_or_else(|| {
                let source = JournalError::Damaged { what: "its scalings do not fit the job" };
                rowmill_core::Error::Journal { path: journal, source }
            })?;
            Ok(Apply { isa, how, scalings, back: false })
        };
        let job = InPlaceJob { what: &what, cuts_rows: true, once: true };
        self.change_in_place(array, job, fit, kernel)
    }
}

/// A normalization that waits for a place to write to. Made by [`Engine::normalize`].
#[derive(Debug)]
#[must_use = "write_npy() runs the job"]
pub struct Normalizing<'a, T, S> {
    engine: &'a Engine,
    source: &'a S,
    work: Work<'a>,
    checkpoint: Option<&'a Checkpoint>,
    overwrite: bool,
    element: PhantomData<fn(T)>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
enum Work<'a> {
    /// Find the statistics, then scale.
    Fit(Normalize),
    /// Scale by statistics that were found before.
    Apply(&'a Fitted),
    /// The way back.
    Invert(&'a Fitted),
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
        self.normalizing(source, Work::Fit(how))
    }

    /// Normalizes an array by what was found of another: each column as it was there.
    ///
    /// ```
    /// use rowmill_core::{Array, SliceSource};
    /// use rowmill_exec::{Engine, Fitted, Normalize};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let (path, back) = (dir.path().join("z.npy"), dir.path().join("x.npy"));
    /// let train = SliceSource::new(&[1.0_f32, 5.0, 3.0, 5.0], [2, 2]).unwrap();
    /// let test = SliceSource::new(&[2.0_f32, 6.0], [1, 2]).unwrap();
    /// let engine = Engine::new()?;
    /// let fitted = engine.fit(&train, Normalize::z_score())?;
    /// let fitted = Fitted::from_json(&fitted.to_json())?; // kept, sent, read
    /// engine.normalize_by(&test, &fitted).write_npy(&path)?;
    /// let z = Array::<f32>::open(&path)?;
    /// assert_eq!(z.as_slice(), Some(&[0.0, 1.0][..]));
    /// engine.denormalize(&z, &fitted).write_npy(&back)?;
    /// assert_eq!(Array::<f32>::open(&back)?.as_slice(), Some(&[2.0, 6.0][..]));
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is written: [`FittedError::RowShape`](super::FittedError::RowShape) for an array with other
    /// columns.
    pub fn normalize_by<'a, T, S>(
        &'a self,
        source: &'a S,
        fitted: &'a Fitted,
    ) -> Normalizing<'a, T, S>
    where
        T: Numeric,
        S: Source<T>,
    {
        self.normalizing(source, Work::Apply(fitted))
    }

    /// The way back: what [`normalize_by`](Self::normalize_by) made becomes what it was made of, to rounding. What
    /// was clipped stays at the ends of the interval.
    ///
    /// # Errors
    /// When it is written: as [`normalize_by`](Self::normalize_by), and
    /// [`FittedError::NoInverse`](super::FittedError::NoInverse) where all became the same.
    pub fn denormalize<'a, T, S>(
        &'a self,
        source: &'a S,
        fitted: &'a Fitted,
    ) -> Normalizing<'a, T, S>
    where
        T: Numeric,
        S: Source<T>,
    {
        self.normalizing(source, Work::Invert(fitted))
    }

    fn normalizing<'a, T, S>(&'a self, source: &'a S, work: Work<'a>) -> Normalizing<'a, T, S> {
        Normalizing {
            engine: self,
            source,
            work,
            checkpoint: None,
            overwrite: false,
            element: PhantomData,
        }
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

    /// Whether an array of that name is replaced, at the end and in one step; it stays untouched when
    /// anything fails. Other files never are, and no input of the job. Default: `false`.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Writes a new `.npy` file: `f16` and `f32` as they are, `bf16` as `f32`, everything else as `f64`.
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
        let Self { engine, source, work, checkpoint, overwrite, .. } = self;
        let path = path.as_ref();
        // Before the first read, which may be long.
        let options = &planned(options, overwrite, source, checkpoint, path)?;
        let isa = engine.isa;
        let what = match work {
            Work::Fit(how) => format!("{how:?} to {}", U::DTYPE),
            Work::Apply(fitted) | Work::Invert(fitted) => {
                let sum = Checksums::of(fitted.to_json().as_bytes());
                let back = matches!(work, Work::Invert(_));
                format!(
                    "{:?} fitted before ({sum:016x}), back: {back}, to {}",
                    fitted.how(),
                    U::DTYPE
                )
            }
        };
        let keep = |fitted| {
            checkpoint.map(|checkpoint| Keep { checkpoint, what: Some(what.clone()), fitted })
        };
        let (how, scalings, fitted, back) = match work {
            Work::Fit(how)
                if how.axis == NormalizeAxis::Rows
                    && Grid::of::<T>(source.shape()).tiles() <= 1 =>
            {
                let map = engine.map::<T, U, _, _>(source, FitAndApply { isa, how });
                return map.keeping(keep(Vec::new())).write(path, options);
            }
            Work::Fit(how) => {
                let (scalings, fitted) = match checkpoint {
                    None => {
                        let mut whole = Whole { engine, source, keep: None };
                        (how.fit_whole(&mut whole)?, Vec::new())
                    }
                    Some(checkpoint) => {
                        let keeper = Keeper::open(
                            checkpoint,
                            Some(what.clone()),
                            source,
                            options.files().clone(),
                        )?;
                        how.fit_once(engine, source, keeper)?
                    }
                };
                (how, scalings, fitted, false)
            }
            Work::Apply(fitted) => {
                (fitted.how(), fitted.scalings_for(source.shape())?, Vec::new(), false)
            }
            Work::Invert(fitted) => {
                fitted.check_inverse()?;
                (fitted.how(), fitted.scalings_for(source.shape())?, Vec::new(), true)
            }
        };
        let map = engine.map::<T, U, _, _>(source, Apply { isa, how, scalings, back });
        map.keeping(keep(fitted)).write(path, options)
    }
}
