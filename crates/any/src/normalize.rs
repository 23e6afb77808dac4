//! Normalization of arrays of any dtype.

use std::path::Path;

use rowmill_core::{
    ArrayMut, CreateOptions, DType, Element, Meta, RawSpec, Source, bf16, dtype_table, f16,
};
use rowmill_exec::{Checkpoint, Engine, Fitted, FloatElement, InPlace, Normalize, Numeric};

use crate::source::{AnySource, match_source};
use crate::{Error, Result};

/// A normalized copy of an array, as a value: the scaling, the dtype of the copy, a checkpoint.
///
/// ```
/// use rowmill_any::{AnySource, Normalization, fit};
/// use rowmill_core::{Array, CreateOptions, DType, SliceSource};
/// use rowmill_exec::{Engine, Normalize};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("z.npy");
/// let engine = Engine::new()?;
/// let train = AnySource::new(SliceSource::new(&[1_i16, 5, 3, 5], [2, 2]).unwrap());
/// let test = AnySource::new(SliceSource::new(&[2_i16, 6], [1, 2]).unwrap());
/// let fitted = fit(&engine, &train, Normalize::z_score())?;
/// let copy = Normalization::by(&fitted).output_dtype(DType::F32);
/// copy.write(&engine, &test, &path, &CreateOptions::new())?;
/// assert_eq!(Array::<f32>::open(&path)?.as_slice(), Some(&[0.0, 1.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "write() runs the job"]
pub struct Normalization<'a> {
    scale: ScaleBy<'a>,
    dtype: Option<DType>,
    checkpoint: Option<&'a Checkpoint>,
}

/// The statistics used for scaling.
#[derive(Clone, Copy, Debug)]
enum ScaleBy<'a> {
    /// Computed from the array itself.
    Own(Normalize),
    /// Computed before, from another array.
    Fitted(&'a Fitted),
    /// Those that the array was scaled by; the scaling is undone.
    Inverse(&'a Fitted),
}

impl<'a> Normalization<'a> {
    /// Scales by the statistics of the array itself: see [`Engine::normalize`].
    pub fn new(how: Normalize) -> Self {
        Self::scaled(ScaleBy::Own(how))
    }

    /// Scales by the statistics of another array: see [`Engine::normalize_by`].
    pub fn by(fitted: &'a Fitted) -> Self {
        Self::scaled(ScaleBy::Fitted(fitted))
    }

    /// Undoes the scaling by [`by`](Self::by): see [`Engine::denormalize`].
    pub fn inverse(fitted: &'a Fitted) -> Self {
        Self::scaled(ScaleBy::Inverse(fitted))
    }

    fn scaled(scale: ScaleBy<'a>) -> Self {
        Self { scale, dtype: None, checkpoint: None }
    }

    /// Sets the dtype of the copy: float16, float32 or float64. Default: [`normalized_dtype`] of
    /// the array's.
    pub fn output_dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Records progress in a checkpoint, so that a killed job resumes when it is run again.
    /// Default: none.
    pub fn checkpoint(mut self, checkpoint: &'a Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Writes the copy with these options and returns its dtype.
    ///
    /// # Errors
    /// Returns [`Error::Unordered`] for complex numbers, [`Error::OutputDType`] if copies cannot be
    /// written in the dtype, and the errors of
    /// [`Normalizing::write_as`](rowmill_exec::Normalizing::write_as).
    pub fn write(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        path: impl AsRef<Path>,
        options: &CreateOptions,
    ) -> Result<DType> {
        self.write_any(engine, source, path.as_ref(), options)
    }

    fn write_any(
        &self,
        engine: &Engine,
        source: &AnySource<'_>,
        path: &Path,
        options: &CreateOptions,
    ) -> Result<DType> {
        let dtype = match self.dtype {
            Some(dtype) => dtype,
            None => normalized_dtype(source.dtype()).ok_or_else(|| unordered(source))?,
        };
        let destination = Destination { dtype, path, options };
        match_source!(
            source,
            x => self.write_typed(engine, &**x, destination)?;
            complex _x => return Err(unordered(source))
        );
        Ok(dtype)
    }

    fn write_typed<T: Numeric>(
        &self,
        engine: &Engine,
        source: &dyn Source<T>,
        Destination { dtype, path, options }: Destination<'_>,
    ) -> Result<()> {
        let mut job = match self.scale {
            ScaleBy::Own(how) => engine.normalize(&source, how),
            ScaleBy::Fitted(fitted) => engine.normalize_by(&source, fitted),
            ScaleBy::Inverse(fitted) => engine.denormalize(&source, fitted),
        };
        if let Some(checkpoint) = self.checkpoint {
            job = job.checkpoint(checkpoint);
        }
        match dtype {
            DType::F16 => job.write_as::<f16>(path, options)?,
            DType::F32 => job.write_as::<f32>(path, options)?,
            DType::F64 => job.write_as::<f64>(path, options)?,
            _ => return Err(Error::OutputDType { dtype }),
        }
        Ok(())
    }
}

/// The destination of a copy.
#[derive(Clone, Copy)]
struct Destination<'a> {
    dtype: DType,
    path: &'a Path,
    options: &'a CreateOptions,
}

fn unordered(source: &AnySource<'_>) -> Error {
    Error::Unordered { statistic: "a normalization".to_owned(), dtype: source.dtype() }
}

/// The default dtype of normalized values: float16 and float32 are kept, bfloat16 becomes float32,
/// all others become float64. `None` for complex numbers, which cannot be normalized.
///
/// ```
/// use rowmill_any::normalized_dtype;
/// use rowmill_core::DType;
/// assert_eq!(normalized_dtype(DType::F16), Some(DType::F16));
/// assert_eq!(normalized_dtype(DType::I8), Some(DType::F64));
/// assert_eq!(normalized_dtype(DType::C64), None);
/// ```
#[must_use]
pub fn normalized_dtype(dtype: DType) -> Option<DType> {
    macro_rules! normalized {
        (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
            match dtype {
                $(DType::$number => Some(<<$n as Numeric>::Normalized as Element>::DTYPE),)*
                $(DType::$pair => None,)*
                other => unreachable!("{other} is not in the table"),
            }
        };
    }
    dtype_table!(normalized)
}

/// Computes the statistics that a normalization needs, in one read: see [`Engine::fit`].
///
/// # Errors
/// Returns the errors of [`Engine::fit`], and [`Error::Unordered`] for complex numbers.
pub fn fit(engine: &Engine, source: &AnySource<'_>, how: Normalize) -> Result<Fitted> {
    let fitted = match_source!(
        source,
        x => engine.fit(&&**x, how);
        complex _x => return Err(unordered(source))
    );
    Ok(fitted?)
}

/// The result of [`normalize_in_place`](fn@normalize_in_place).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NormalizedInPlace {
    /// The metadata of the file.
    pub meta: Meta,
    /// Whether the file was changed.
    pub outcome: InPlace,
}

/// Normalizes an array file of floats in place; a raw file without a sidecar is described by
/// `spec`. A run that was killed is finished. See [`Engine::normalize_in_place`].
///
/// ```
/// use rowmill_any::normalize_in_place;
/// use rowmill_core::{Array, ArrayMut};
/// use rowmill_exec::{Engine, InPlace, Normalize};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// # let mut x = ArrayMut::<f32>::create(&path, [2, 2])?;
/// # x.write_rows(0, &[1.0, 5.0, 3.0, 5.0])?;
/// # x.close()?;
/// let done = normalize_in_place(&Engine::new()?, &path, None, Normalize::z_score())?;
/// assert_eq!(done.outcome, InPlace::Changed);
/// assert_eq!(Array::<f32>::open(&path)?.as_slice(), Some(&[-1.0, 0.0, 1.0, 0.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns [`Error::InPlaceDType`] if the file does not hold floats, and the errors of
/// [`Engine::normalize_in_place`].
pub fn normalize_in_place(
    engine: &Engine,
    file: impl AsRef<Path>,
    spec: Option<&RawSpec>,
    how: Normalize,
) -> Result<NormalizedInPlace> {
    in_place_any(engine, file.as_ref(), spec, how)
}

fn in_place_any(
    engine: &Engine,
    file: &Path,
    spec: Option<&RawSpec>,
    how: Normalize,
) -> Result<NormalizedInPlace> {
    match Meta::read(file, spec)?.dtype {
        DType::F16 => in_place::<f16>(engine, file, spec, how),
        DType::Bf16 => in_place::<bf16>(engine, file, spec, how),
        DType::F32 => in_place::<f32>(engine, file, spec, how),
        DType::F64 => in_place::<f64>(engine, file, spec, how),
        dtype => Err(Error::InPlaceDType { path: file.to_owned(), dtype }),
    }
}

fn in_place<T: Numeric + FloatElement>(
    engine: &Engine,
    file: &Path,
    spec: Option<&RawSpec>,
    how: Normalize,
) -> Result<NormalizedInPlace> {
    let mut array = match spec {
        Some(spec) => ArrayMut::<T>::open_raw_to_finish(file, spec)?,
        None => ArrayMut::<T>::open_to_finish(file)?,
    };
    let outcome = engine.normalize_in_place(&mut array, how)?;
    Ok(NormalizedInPlace { meta: array.meta().clone(), outcome })
}
