//! The reductions that are measured: which kernel, along which axis.

use std::fmt;

use rowmill_core::Source;
use rowmill_exec::{CompareOp, Engine, Mask, Mean, MinMax, Moments, Numeric, Stats, Sum};

use crate::Result;

/// The computation of a scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// The sum.
    Sum,
    /// The correctly rounded sum, over everything.
    ExactSum,
    /// The mean.
    Mean,
    /// The sum of the elements above a number.
    MaskedSum {
        /// The number.
        above: f64,
    },
    /// The smallest and the largest element.
    MinMax,
    /// Count, mean and variance.
    Moments,
    /// Count, NaN, infinities, sum, mean, variance, minimum and maximum.
    Stats,
}

/// The axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Over everything.
    All,
    /// For each column.
    Columns,
    /// For each row.
    Rows,
}

/// One reduction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    /// The computation.
    pub kernel: Kernel,
    /// The axis.
    pub axis: Axis,
}

impl Scan {
    /// A kernel along an axis.
    #[must_use]
    pub const fn new(kernel: Kernel, axis: Axis) -> Self {
        Self { kernel, axis }
    }

    /// Runs it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn run<T: Numeric, S: Source<T>>(self, engine: &Engine, x: &S) -> Result<()> {
        macro_rules! along {
            ($kernel:ident $(.$with:ident($value:expr))?) => {
                match self.axis {
                    Axis::All => drop(engine.reduce(x, $kernel::all()$(.$with($value))?)?),
                    Axis::Columns => {
                        drop(engine.reduce(x, $kernel::per_column()$(.$with($value))?)?);
                    }
                    Axis::Rows => drop(engine.reduce(x, $kernel::per_row()$(.$with($value))?)?),
                }
            };
        }
        match self.kernel {
            Kernel::Sum => along!(Sum),
            Kernel::ExactSum => drop(engine.reduce(x, Sum::all().exact())?),
            Kernel::Mean => along!(Mean),
            Kernel::MaskedSum { above } => along!(Sum.masked(Mask::compare(CompareOp::Gt, above))),
            Kernel::MinMax => along!(MinMax),
            Kernel::Moments => along!(Moments),
            Kernel::Stats => along!(Stats),
        }
        Ok(())
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum => f.write_str("sum"),
            Self::ExactSum => f.write_str("exact sum"),
            Self::Mean => f.write_str("mean"),
            Self::MaskedSum { above } => write!(f, "masked sum x > {above}"),
            Self::MinMax => f.write_str("min, max"),
            Self::Moments => f.write_str("moments"),
            Self::Stats => f.write_str("stats"),
        }
    }
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.axis {
            Axis::All => write!(f, "{}", self.kernel),
            Axis::Columns => write!(f, "{} per column", self.kernel),
            Axis::Rows => write!(f, "{} per row", self.kernel),
        }
    }
}
