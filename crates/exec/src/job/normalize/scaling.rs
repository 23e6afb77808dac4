//! The scaling of elements by fitted statistics.

use super::fit::Found;
use super::{Normalize, NormalizeMethod};
use crate::kernel::MeanVar;
use crate::kernel::float::{Scaling, Target};

impl Normalize {
    /// The scaling by these statistics: `x` becomes `(x * factor - shift) / scale * span + low`.
    pub(super) fn scaling(self, found: Found) -> Scaling {
        match self.method {
            NormalizeMethod::ZScore => {
                let MeanVar { count, mean, var } = found.moments;
                let n = count as f64;
                // scikit-learn's `_is_constant_feature`: a variance that is only rounding error.
                let noise = n * f64::EPSILON * var + (n * mean * f64::EPSILON).powi(2);
                let scale = if var <= noise { 1.0 } else { var.sqrt() };
                // A NaN mean makes every result NaN, centred or not.
                let shift = if self.centred || !mean.is_finite() { mean } else { 0.0 };
                Scaling { factor: 1.0, shift, scale }
            }
            NormalizeMethod::MinMax { .. } => {
                let (min, max) = (found.min, found.max);
                if !(min.is_finite() && max.is_finite()) {
                    // Otherwise all values would silently become the same.
                    Scaling { factor: 1.0, shift: min, scale: f64::NAN }
                } else if max == min {
                    Scaling { factor: 1.0, shift: min, scale: 1.0 }
                } else if (max - min).is_finite() {
                    Scaling { factor: 1.0, shift: min, scale: max - min }
                } else {
                    Scaling { factor: 0.5, shift: min * 0.5, scale: max * 0.5 - min * 0.5 }
                }
            }
            NormalizeMethod::MaxAbs => {
                let most = found.min.abs().max(found.max.abs());
                let scale = match most {
                    0.0 => 1.0,
                    most if most.is_finite() => most,
                    _ => f64::NAN,
                };
                Scaling { factor: 1.0, shift: 0.0, scale }
            }
            NormalizeMethod::Robust { .. } => {
                let middle = found.moments.mean;
                let scale = match found.max - found.min {
                    0.0 => 1.0,
                    width => width,
                };
                let shift = if self.centred { middle } else { 0.0 };
                Scaling { factor: 1.0, shift, scale }
            }
            NormalizeMethod::Norm(_) => {
                let scale = match found.max {
                    0.0 => 1.0,
                    norm if norm.is_finite() => norm,
                    _ => f64::NAN,
                };
                Scaling { factor: 1.0, shift: 0.0, scale }
            }
        }
    }

    pub(super) fn target(self) -> Target {
        let (low, high) = match self.method {
            NormalizeMethod::ZScore | NormalizeMethod::Robust { .. } => {
                (f64::NEG_INFINITY, f64::INFINITY)
            }
            NormalizeMethod::MinMax { low, high } => (low.min(high), high.max(low)),
            NormalizeMethod::MaxAbs | NormalizeMethod::Norm(_) => (-1.0, 1.0),
        };
        let (least, most) =
            if self.clip { (low, high) } else { (f64::NEG_INFINITY, f64::INFINITY) };
        let (span, low) = match self.method {
            NormalizeMethod::MinMax { low, high } => (high - low, low),
            _ => (1.0, 0.0),
        };
        Target { span, low, least, most }
    }
}
