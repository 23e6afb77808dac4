//! Elementwise functions in front of any job: computed block by block, in the cache.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use half::{bf16, f16};
use rowmill_core::{
    Element, Error as FileError, Identity, Result, Shape, Source, SourceFile, Tile, TileBuffer,
};

use crate::{CompareOp, Numeric};

/// Elements that pass through all steps before the next ones do: they stay in the first-level cache.
const AT_ONCE: usize = 1 << 10;

/// What is done to each element, one after the other, in `f64`: a chain of functions that any job can
/// have in front of it ([`of`](Self::of)), without an array in between.
///
/// `ln`, `exp` and `power` are those of the `libm` crate, whose bits are the same on every machine, to within
/// a unit in the last place or so of the true value.
///
/// ```
/// use rowmill_core::{Array, SliceSource};
/// use rowmill_exec::{Cast, Elementwise, Engine, Mean, map_elements};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("small.npy");
/// let x = SliceSource::new(&[-1.0_f32, 0.0, 3.0, 1000.0], [2, 2]).unwrap();
/// let chain = Elementwise::new().clip(0.0, 255.0).affine(2.0, 1.0);
/// assert_eq!(chain.to_string(), "clip to 0.0..=255.0, times 2.0 plus 1.0");
/// let engine = Engine::new()?;
/// assert_eq!(engine.reduce(&chain.of(&x), Mean::all())?, (1.0 + 1.0 + 7.0 + 511.0) / 4.0);
///
/// let small = chain.of(&x).cast::<u8>(Cast::Saturating);
/// engine.map(&small, map_elements(|v: u8| v)).write_npy(&path)?;
/// assert_eq!(Array::<u8>::open(&path)?.as_slice(), Some(&[1, 1, 7, 255][..]));
/// assert!(engine.reduce(&chain.of(&x).cast::<u8>(Cast::Checked), Mean::all()).is_err());
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a chain of functions does nothing until it is put before a source"]
pub struct Elementwise {
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Affine { factor: f64, plus: f64 },
    Clip { low: f64, high: f64 },
    Abs,
    Ln,
    Exp,
    Sqrt,
    Power(f64),
    Where { op: CompareOp, number: f64, otherwise: f64 },
}

impl Elementwise {
    /// Elements as they are, in `f64`.
    pub fn new() -> Self {
        Self::default()
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// `x * factor + plus`, rounded twice.
    pub fn affine(self, factor: f64, plus: f64) -> Self {
        self.then(Step::Affine { factor, plus })
    }

    /// The nearest value from `low` to `high`. NaN stays NaN. With `low > high` all is `high`, as in numpy.
    pub fn clip(self, low: f64, high: f64) -> Self {
        self.then(Step::Clip { low, high })
    }

    /// The absolute value.
    pub fn abs(self) -> Self {
        self.then(Step::Abs)
    }

    /// The natural logarithm: `-inf` of zero, NaN of negative numbers.
    pub fn ln(self) -> Self {
        self.then(Step::Ln)
    }

    /// `e` to the power of the element.
    pub fn exp(self) -> Self {
        self.then(Step::Exp)
    }

    /// The square root, correctly rounded: NaN of negative numbers.
    pub fn sqrt(self) -> Self {
        self.then(Step::Sqrt)
    }

    /// The element to a power.
    pub fn power(self, exponent: f64) -> Self {
        self.then(Step::Power(exponent))
    }

    /// What compares so with a number stays, everything else becomes `otherwise` (numpy's `where`).
    pub fn keep_where(self, op: CompareOp, number: f64, otherwise: f64) -> Self {
        self.then(Step::Where { op, number, otherwise })
    }

    /// A source of what becomes of another source's elements.
    pub fn of<'a, T: Numeric, S: Source<T>>(&'a self, source: &'a S) -> Computed<'a, T, S, f64> {
        Computed { chain: self, source, cast: Cast::Saturating, elements: PhantomData }
    }

    fn apply(&self, values: &mut [f64]) {
        for values in values.chunks_mut(AT_ONCE) {
            for step in &self.steps {
                step.apply(values);
            }
        }
    }
}

impl Step {
    fn apply(self, values: &mut [f64]) {
        let mut each = |f: &dyn Fn(f64) -> f64| values.iter_mut().for_each(|x| *x = f(*x));
        match self {
            // Loops of their own, which are vectorised.
            Self::Affine { factor, plus } => {
                values.iter_mut().for_each(|x| *x = *x * factor + plus);
            }
            Self::Clip { low, high } => values.iter_mut().for_each(|x| {
                let y = if *x < low { low } else { *x };
                *x = if y > high { high } else { y };
            }),
            Self::Abs => values.iter_mut().for_each(|x| *x = x.abs()),
            Self::Sqrt => values.iter_mut().for_each(|x| *x = x.sqrt()),
            Self::Ln => each(&libm::log),
            Self::Exp => each(&libm::exp),
            Self::Power(exponent) => each(&|x| libm::pow(x, exponent)),
            Self::Where { op, number, otherwise } => {
                each(&|x| if op.is_true(x, number) { x } else { otherwise });
            }
        }
    }
}

impl CompareOp {
    fn is_true(self, x: f64, number: f64) -> bool {
        match self {
            Self::Gt => x > number,
            Self::Ge => x >= number,
            Self::Lt => x < number,
            Self::Le => x <= number,
            Self::Eq => x == number,
            Self::Ne => x != number,
        }
    }
}

impl fmt::Display for Elementwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("as it is");
        }
        for (i, step) in self.steps.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            match step {
                Step::Affine { factor, plus } => write!(f, "times {factor:?} plus {plus:?}")?,
                Step::Clip { low, high } => write!(f, "clip to {low:?}..={high:?}")?,
                Step::Abs => f.write_str("abs")?,
                Step::Ln => f.write_str("ln")?,
                Step::Exp => f.write_str("exp")?,
                Step::Sqrt => f.write_str("sqrt")?,
                Step::Power(exponent) => write!(f, "to the power of {exponent:?}")?,
                Step::Where { op, number, otherwise } => {
                    write!(f, "{otherwise:?} unless {op:?} {number:?}")?;
                }
            }
        }
        Ok(())
    }
}

/// What becomes of a value that an element type cannot hold. Values in between are rounded: to the nearest float,
/// to the integer towards zero as numpy's `astype` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// The job ends with [`rowmill_core::Error::Narrowing`]. For integers that is what is beyond their
    /// range, infinities and NaN; for floats a finite value that would become infinite.
    Checked,
    /// It becomes the nearest value that there is, for floats an infinity; NaN becomes 0 in integers.
    Saturating,
}

mod sealed {
    pub trait Sealed {}
}

/// A type that computed elements can be cast to: every real number type.
pub trait CastElement: Element + sealed::Sealed {
    /// The nearest value, saturating, and whether nothing was lost but digits.
    #[doc(hidden)]
    fn cast_from(value: f64) -> (Self, bool);
}

macro_rules! integers {
    ($($t:ty)*) => {$(
        impl sealed::Sealed for $t {}
        impl CastElement for $t {
            #[inline]
            #[allow(clippy::cast_lossless, reason = "lossless for some of the types only")]
            fn cast_from(value: f64) -> (Self, bool) {
                // The least and the first beyond are floats exactly.
                let beyond = ((Self::MAX / 2 + 1) as f64) * 2.0;
                let whole = value.trunc();
                (value as Self, whole >= Self::MIN as f64 && whole < beyond)
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($t:ty: |$x:ident| $cast:expr;)*) => {$(
        impl sealed::Sealed for $t {}
        impl CastElement for $t {
            #[inline]
            fn cast_from($x: f64) -> (Self, bool) {
                let cast: Self = $cast;
                (cast, cast.is_finite() || !$x.is_finite())
            }
        }
    )*};
}
floats! {
    f16: |x| Self::from_f64(x);
    bf16: |x| Self::from_f64(x);
    f32: |x| x as Self;
    f64: |x| x;
}

/// A source whose elements are computed from those of another, a block at a time. Made by
/// [`Elementwise::of`].
pub struct Computed<'a, T, S, U> {
    chain: &'a Elementwise,
    source: &'a S,
    cast: Cast,
    elements: PhantomData<fn(T) -> U>,
}

impl<T, S, U> fmt::Debug for Computed<'_, T, S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed").field("chain", self.chain).finish_non_exhaustive()
    }
}

impl<'a, T, S, U> Computed<'a, T, S, U> {
    /// The same as elements of another type. Default: `f64`.
    pub fn cast<V: CastElement>(self, cast: Cast) -> Computed<'a, T, S, V> {
        Computed { chain: self.chain, source: self.source, cast, elements: PhantomData }
    }
}

impl<T: Numeric, S: Source<T>, U: CastElement> Computed<'_, T, S, U> {
    /// What becomes of a tile, which begins at this row and column.
    fn compute<'a>(
        &self,
        tile: Tile<'_, T>,
        (row, col): (usize, usize),
        buffer: &'a mut TileBuffer<U>,
    ) -> Result<Tile<'a, U>> {
        let (rows, cols) = (tile.rows(), tile.cols());
        let out = buffer.room(rows * cols);
        let mut values = [0.0; AT_ONCE];
        let mut done = 0;
        for slice in tile.slices() {
            for part in slice.chunks(AT_ONCE) {
                let values = &mut values[..part.len()];
                values.iter_mut().zip(part).for_each(|(to, &x)| *to = T::to_f64(x));
                self.chain.apply(values);
                let out = &mut out[done..done + part.len()];
                let mut held = true;
                for (to, &value) in out.iter_mut().zip(&*values) {
                    let (cast, fits) = U::cast_from(value);
                    *to = cast;
                    held &= fits;
                }
                if !held && self.cast == Cast::Checked {
                    let lost = values.iter().position(|&value| !U::cast_from(value).1);
                    let at = lost.unwrap_or_default();
                    return Err(FileError::Narrowing {
                        row: row + (done + at) / cols,
                        element: col + (done + at) % cols,
                        value: values[at],
                        dtype: U::DTYPE,
                    });
                }
                done += part.len();
            }
        }
        Ok(Tile::new(&*out, rows, cols, cols))
    }
}

impl<T: Numeric, S: Source<T>, U: CastElement> Source<U> for Computed<'_, T, S, U> {
    fn shape(&self) -> &Shape {
        self.source.shape()
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<U>,
    ) -> Result<Tile<'a, U>> {
        let at = (rows.start, cols.start);
        let mut inner = TileBuffer::new().below_ceiling(buffer.is_below_ceiling());
        self.compute(self.source.tile(rows, cols, &mut inner)?, at, buffer)
    }

    fn rows_at_a_time(&self) -> usize {
        self.source.rows_at_a_time()
    }

    fn check(&self) -> Result<()> {
        self.source.check()
    }

    fn verify(&self) -> Result<()> {
        self.source.verify()
    }

    fn files(&self) -> Vec<SourceFile> {
        self.source.files()
    }

    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        self.source.column_names()
    }

    /// None: the elements are not those of the file. Checkpoints need a file as it is.
    fn identity(&self) -> Option<Identity> {
        None
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        self.source.release(rows, cols);
    }

    fn is_cached(&self, row: usize) -> bool {
        self.source.is_cached(row)
    }

    fn prefetch(&self, rows: Range<usize>) {
        self.source.prefetch(rows);
    }
}

#[cfg(test)]
mod tests {
    use rowmill_core::SliceSource;

    use super::*;
    use crate::{Engine, Error, Stats, Sum, map_elements};

    fn engine() -> Engine {
        Engine::builder().workers(2).build().expect("two workers")
    }

    #[test]
    fn each_function_of_each_element() {
        let values: Vec<f32> = (0..5003).map(|i| (i as f32 - 2000.0) / 100.0).collect();
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0];
        let values = [&values[..], &odd].concat();
        let x = SliceSource::new(&values, [values.len()]).expect("one axis");
        let new = Elementwise::new;
        type Case = (Elementwise, fn(f64) -> f64);
        let cases: [Case; 9] = [
            (new(), |x| x),
            (new().affine(3.0, -1.0), |x| x * 3.0 - 1.0),
            (new().clip(-1.0, 2.0), |x| if x.is_nan() { x } else { x.clamp(-1.0, 2.0) }),
            (new().abs().sqrt(), |x| x.abs().sqrt()),
            (new().ln(), libm::log),
            (new().exp(), libm::exp),
            (new().power(2.5), |x| libm::pow(x, 2.5)),
            (new().keep_where(CompareOp::Ge, 1.0, -7.0), |x| if x >= 1.0 { x } else { -7.0 }),
            (new().affine(2.0, 0.0).abs().ln().clip(0.0, 1.0), |x| {
                let y = libm::log((x * 2.0).abs());
                if y.is_nan() { y } else { y.clamp(0.0, 1.0) }
            }),
        ];
        for (chain, expected) in cases {
            let computed = chain.of(&x);
            let mut buffer = TileBuffer::new();
            let tile = computed.tile(0..values.len(), 0..1, &mut buffer).expect("inside");
            for (i, (&found, &x)) in tile.as_slice().expect("whole").iter().zip(&values).enumerate()
            {
                let expected = expected(f64::from(x));
                let same =
                    found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                assert!(same, "{chain}: element {i}, {x}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn any_job_gives_the_bits_of_the_computed_array() {
        let values: Vec<i16> = (0..40_000).map(|i| (i * 31 % 7001) as i16 - 100).collect();
        let chain = Elementwise::new().affine(0.1, 0.0).clip(-5.0, 400.0).abs().sqrt();
        let computed: Vec<f32> = values
            .iter()
            .map(|&x| (f64::from(x) * 0.1 + 0.0).clamp(-5.0, 400.0).abs().sqrt() as f32)
            .collect();
        for dims in [[5000, 8], [4, 10_000]] {
            let x = SliceSource::new(&values, dims).expect("as long");
            let expected = SliceSource::new(&computed, dims).expect("as long");
            let engine = engine();
            let job = (Stats::per_column(), Sum::per_row());
            let found = engine.reduce(&chain.of(&x).cast::<f32>(Cast::Checked), job);
            let expected = engine.reduce(&expected, job);
            assert_eq!(
                format!("{:?}", found.expect("floats")),
                format!("{:?}", expected.expect("floats"))
            );
        }
    }

    #[test]
    fn casts_that_lose_nothing_and_casts_that_do() {
        let values = [
            [0.0, 1.9, -1.9, 127.0, 127.9, -128.0],
            [-128.9, 128.0, -129.0, 1e300, f64::NEG_INFINITY, f64::NAN],
        ];
        let x = SliceSource::new(values.as_flattened(), [2, 6]).expect("two rows");
        let chain = Elementwise::new();
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("y.npy");
        let small = chain.of(&x).cast::<i8>(Cast::Saturating);
        engine().map(&small, map_elements(|v: i8| v)).write_npy(&path).expect("room");
        let y = rowmill_core::Array::<i8>::open(&path).expect("written");
        assert_eq!(
            y.as_slice(),
            Some(&[0, 1, -1, 127, 127, -128, -128, 127, -128, 127, -128, 0][..])
        );
        let error = engine().reduce(&chain.of(&x).cast::<i8>(Cast::Checked), Sum::all());
        let Err(Error::File(FileError::Narrowing { row, element, value, .. })) = error else {
            panic!("{error:?}")
        };
        assert_eq!((row, element, value), (1, 1, 128.0));
        assert_eq!(u64::cast_from(18_446_744_073_709_551_615.0), (u64::MAX, false));
        assert_eq!(i64::cast_from(-9_223_372_036_854_775_808.0), (i64::MIN, true));
        assert_eq!(u8::cast_from(-0.9), (0, true));
        assert_eq!(f32::cast_from(1e300), (f32::INFINITY, false));
        assert_eq!(f32::cast_from(f64::INFINITY), (f32::INFINITY, true));
        assert!(f16::cast_from(65_519.0).1 && !f16::cast_from(65_520.0).1);
    }
}
