//! Elementwise functions in front of any job: computed block by block, in the cache.

mod cast;
mod computed;
#[cfg(test)]
mod tests;

use std::fmt;

use rowmill_core::Source;

use crate::kernel::{CompareOp, Numeric};
pub use cast::{Cast, CastElement};
pub use computed::Computed;

/// Elements that pass through all steps at a time: they stay in the first-level cache.
const AT_ONCE: usize = 1 << 10;

/// A chain of functions, applied to each element in `f64`. Any job can run on it
/// ([`of`](Self::of)), without an intermediate array.
///
/// `ln`, `exp` and `power` are those of the `libm` crate: the same bits on every machine, within
/// about a unit in the last place of the true value.
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
    /// The identity, in `f64`.
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

    /// Clips to the range from `low` to `high`. NaN stays NaN. With `low > high` every element
    /// becomes `high`, as in numpy.
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

    /// Keeps elements for which the comparison with `number` holds; all others become `otherwise`
    /// (numpy's `where`).
    pub fn keep_where(self, op: CompareOp, number: f64, otherwise: f64) -> Self {
        self.then(Step::Where { op, number, otherwise })
    }

    /// A source of the computed elements of another source.
    pub fn of<'a, T: Numeric, S: Source<T>>(&'a self, source: &'a S) -> Computed<'a, T, S, f64> {
        Computed::new(self, source)
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
            // Separate loops per step, which are vectorized.
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
