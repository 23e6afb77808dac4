//! Normalizations to a new file: [`Engine::normalize`] and its variants.

use std::marker::PhantomData;
use std::path::Path;

use rowmill_core::{Checksums, CreateOptions, DType, Format, Source};

use crate::engine::Engine;
use crate::engine::input::Typed;
use crate::error::Result;
use crate::job::map::{Keep, Map, Mapped, planned};
use crate::job::normalize::apply::{Apply, FitAndApply};
use crate::job::normalize::fit::Whole;
use crate::job::normalize::{Fitted, Normalize};
use crate::kernel::Numeric;
use crate::kernel::float::FloatElement;
use crate::resume::checkpoint::{Checkpoint, Keeper};

/// A normalization whose output is not chosen yet. Made by [`Engine::normalize`].
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

/// The work to be done.
#[derive(Clone, Copy, Debug)]
enum Work<'a> {
    /// Find the statistics, then scale.
    Fit(Normalize),
    /// Scale by given statistics.
    Apply(&'a Fitted),
    /// Invert a normalization.
    Invert(&'a Fitted),
}

impl Engine {
    /// Normalizes an array to a new file of the same shape: statistics in one read, the scaled copy
    /// in a second, written once. (Short rows, normalized per row, need only one read.)
    ///
    /// NaN are ignored in the statistics and stay NaN. Constants become 0, or `low` with
    /// [`Normalize::min_max_to`]. An infinity turns all elements that share its scaling into NaN.
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

    /// Normalizes an array by the statistics of another, column by column.
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
    /// On writing: [`FittedError::RowShape`](crate::FittedError::RowShape) if the array has other
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

    /// Inverts [`normalize_by`](Self::normalize_by), up to rounding. Clipped values stay at the
    /// ends of the interval.
    ///
    /// # Errors
    /// On writing: as [`normalize_by`](Self::normalize_by), and
    /// [`FittedError::NoInverse`](crate::FittedError::NoInverse) if all values became the same.
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
    /// Saves progress of both reads in a checkpoint: a job that was killed at any point resumes
    /// when it is run again, with the same bytes as an uninterrupted run. The unfinished output
    /// then stays, also if the job fails. Default: none.
    pub fn checkpoint(mut self, checkpoint: &'a Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Whether an existing array is replaced, atomically at the end; if anything fails it is
    /// untouched. Other files and inputs of the job are never replaced. Default: `false`.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Writes a new `.npy` file: `f16` and `f32` keep their type, `bf16` becomes `f32`, everything
    /// else `f64`.
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

    /// Writes a new array file of floats of type `U` with these options.
    ///
    /// # Errors
    /// As [`Mapping::write_npy`](crate::Mapping::write_npy).
    pub fn write_as<U: FloatElement>(
        self,
        path: impl AsRef<Path>,
        options: &CreateOptions,
    ) -> Result<()> {
        let Self { engine, source, work, checkpoint, overwrite, .. } = self;
        let job = Planned { engine, work, checkpoint, overwrite };
        job.write::<T, U>(source, path.as_ref(), options)
    }
}

/// A normalization without its types.
struct Planned<'a> {
    engine: &'a Engine,
    work: Work<'a>,
    checkpoint: Option<&'a Checkpoint>,
    overwrite: bool,
}

/// The results of the first read, for the second.
enum Found {
    /// Nothing: each row is scaled as it is read.
    RowByRow(Normalize),
    /// How to scale, and what a checkpoint keeps of it.
    Scalings(Apply, Vec<u8>),
}

impl Planned<'_> {
    fn write<T: Numeric, U: FloatElement>(
        &self,
        source: &dyn Source<T>,
        path: &Path,
        options: &CreateOptions,
    ) -> Result<()> {
        let input = &Typed(source);
        // Refuses bad outputs before the first read, which may be long.
        let options = &planned(options, self.overwrite, input, self.checkpoint, path)?;
        let what = self.work.describe(U::DTYPE);
        let found = self.found(source, &what, options)?;
        let (kernel, fitted): (&dyn Map<T, U>, _) = match &found {
            Found::RowByRow(how) => (&FitAndApply { isa: self.engine.isa, how: *how }, Vec::new()),
            Found::Scalings(apply, fitted) => (apply, fitted.clone()),
        };
        let keep = self.checkpoint.map(|checkpoint| Keep { checkpoint, what: Some(what), fitted });
        self.engine.write(&Mapped::new(source, kernel), (keep, self.overwrite), path, options)
    }

    /// The first read, if one is needed.
    fn found<T: Numeric>(
        &self,
        source: &dyn Source<T>,
        what: &str,
        options: &CreateOptions,
    ) -> Result<Found> {
        let Self { engine, work, checkpoint, .. } = *self;
        let isa = engine.isa;
        let (how, scalings, fitted, back) = match work {
            Work::Fit(how) if how.is_row_by_row::<T>(source.shape()) => {
                return Ok(Found::RowByRow(how));
            }
            Work::Fit(how) => {
                let (scalings, fitted) = match checkpoint {
                    None => {
                        let mut whole = Whole { engine, source, keep: None };
                        (how.fit_whole(&mut whole)?, Vec::new())
                    }
                    Some(checkpoint) => {
                        let (what, outputs) = (Some(what.to_owned()), options.files().clone());
                        let keeper = Keeper::open(checkpoint, what, &Typed(source), outputs)?;
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
        Ok(Found::Scalings(Apply { isa, how, scalings, back }, fitted))
    }
}

impl Work<'_> {
    /// A description of the job that differs between different jobs.
    fn describe(self, to: DType) -> String {
        match self {
            Self::Fit(how) => format!("{how:?} to {to}"),
            Self::Apply(fitted) | Self::Invert(fitted) => {
                let sum = Checksums::of(fitted.to_json().as_bytes());
                let back = matches!(self, Self::Invert(_));
                let how = fitted.how();
                format!("{how:?} fitted before ({sum:016x}), back: {back}, to {to}")
            }
        }
    }
}
