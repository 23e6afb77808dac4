//! Normalization: statistics in one read, the scaled copy in a second.
//!
//! The conventions are those of scikit-learn's `StandardScaler`, `MinMaxScaler` and `MaxAbsScaler`:
//! statistics in `f64`, population variance, NaN ignored in the statistics and kept in the output,
//! constants scaled by 1.

mod apply;
mod fit;
mod fitted;
mod scaling;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

use crate::kernel::NormOrder;
pub use fitted::Fitted;
pub use write::Normalizing;

/// How elements are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NormalizeMethod {
    /// To mean 0 and standard deviation 1.
    ZScore,
    /// To the interval from `low` to `high`.
    MinMax {
        /// The value that the smallest element becomes.
        low: f64,
        /// The value that the largest element becomes.
        high: f64,
    },
    /// To a largest absolute value of 1. Zero stays zero.
    MaxAbs,
    /// By the median and the distance between two quantiles, which are robust to outliers.
    Robust {
        /// The lower quantile, from 0 to 1.
        low: f64,
        /// The upper quantile, from 0 to 1.
        high: f64,
    },
    /// To a norm of 1, of everything, each column or, usually, each row. Zero stays zero.
    Norm(NormOrder),
}

/// The part of an array that is normalized by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormalizeAxis {
    /// The whole array.
    All,
    /// Each column.
    #[default]
    Columns,
    /// Each row.
    Rows,
}

/// How an array is normalized: see [`Engine::normalize`](crate::Engine::normalize).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "a normalization does nothing until an engine runs it"]
pub struct Normalize {
    method: NormalizeMethod,
    axis: NormalizeAxis,
    centred: bool,
    clip: bool,
}

impl Normalize {
    /// By a method chosen at run time, per column.
    pub fn new(method: NormalizeMethod) -> Self {
        Self { method, axis: NormalizeAxis::Columns, centred: true, clip: false }
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

    /// To a largest absolute value of 1, per column. Zero stays zero, so sparse data stays sparse.
    pub fn max_abs() -> Self {
        Self::new(NormalizeMethod::MaxAbs)
    }

    /// By the median and the distance between the quartiles, per column (scikit-learn's
    /// `RobustScaler`). Takes a few more reads than the others: quantiles are exact.
    pub fn robust() -> Self {
        Self::new(NormalizeMethod::Robust { low: 0.25, high: 0.75 })
    }

    /// To a norm of 1, per row (scikit-learn's `Normalizer`).
    pub fn norm(order: NormOrder) -> Self {
        Self::new(NormalizeMethod::Norm(order)).per_row()
    }

    /// Whether a z-score subtracts the mean besides dividing by the standard deviation
    /// (scikit-learn's `with_mean`), and a robust normalization the median. The other methods
    /// ignore it. Default: yes.
    pub fn centred(mut self, centred: bool) -> Self {
        self.centred = centred;
        self
    }

    /// Whether values outside the interval of a min-max normalization, which elements of another
    /// array can have, are clipped to it; likewise to -1 and 1 for max-abs. A z-score has no
    /// interval. NaN stays NaN. Default: no.
    pub fn clip(mut self, clip: bool) -> Self {
        self.clip = clip;
        self
    }

    /// The part that is normalized by itself. Default: each column.
    pub fn axis(mut self, axis: NormalizeAxis) -> Self {
        self.axis = axis;
        self
    }

    /// The method, and the part that is normalized by itself.
    #[must_use]
    pub fn method_and_axis(self) -> (NormalizeMethod, NormalizeAxis) {
        (self.method, self.axis)
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
    pub fn all(self) -> Self {
        self.axis(NormalizeAxis::All)
    }
}
