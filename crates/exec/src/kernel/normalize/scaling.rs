//! Scaling of elements, there and back: [`Scaling`], and the loops that do it.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use super::fit::Found;
use super::{FloatElement, Normalize, NormalizeMethod};
use crate::kernel::MeanVar;
use rowmill_lanes::arch::{Isa, Job, Simd};
use rowmill_lanes::lanes::Lane;

/// `(x * factor - shift) / scale`. The factor is 1, or 1/2 where the range would overflow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scaling {
    pub(super) factor: f64,
    pub(super) shift: f64,
    pub(super) scale: f64,
}

impl Scaling {
    /// Whether this is a scaling that can be found of elements: what was read from a file may be
    /// anything.
    pub(super) fn is_one(&self) -> bool {
        [0.5, 1.0].contains(&self.factor) && (self.scale > 0.0 || self.scale.is_nan())
    }
}

/// The part that all elements share: `* span + low`, and the interval that they stay in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Target {
    span: f64,
    low: f64,
    least: f64,
    most: f64,
}

impl Normalize {
    /// The scaling by these statistics: `x` becomes `(x * factor - shift) / scale * span + low`.
    pub(super) fn scaling(self, found: Found) -> Scaling {
        match self.method {
            NormalizeMethod::ZScore => {
                let MeanVar { count, mean, var } = found.moments;
                let n = count as f64;
                // scikit-learn's `_is_constant_feature`: a variance that is rounding error only.
                let noise = n * f64::EPSILON * var + (n * mean * f64::EPSILON).powi(2);
                let scale = if var <= noise { 1.0 } else { var.sqrt() };
                // A mean that is no number makes all of it none, centred or not.
                let shift = if self.centred || !mean.is_finite() { mean } else { 0.0 };
                Scaling { factor: 1.0, shift, scale }
            }
            NormalizeMethod::MinMax { .. } => {
                let (min, max) = (found.min, found.max);
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

impl Target {
    /// Whether what became of an element says what it was.
    pub(super) fn can_be_inverted(self) -> bool {
        self.span != 0.0 && self.span.is_finite()
    }
}

/// Elements of an output, of whichever float type.
#[derive(Debug)]
pub enum Floats<'a> {
    F16(&'a mut [f16]),
    Bf16(&'a mut [bf16]),
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

/// How a run of elements is scaled: each by its own scaling, or all by one.
#[derive(Clone, Copy, Debug)]
pub struct Rescale<'a> {
    pub(super) isa: Isa,
    pub(super) scalings: &'a [Scaling],
    pub(super) target: Target,
    /// From what was normalized to what it was.
    pub(super) back: bool,
}

/// Scales a run of elements.
pub(in crate::kernel) fn rescale<L: Lane>(x: &[L], out: Floats<'_>, how: Rescale<'_>) {
    fn to<L: Lane, U: FloatElement>(x: &[L], out: &mut [U], how: Rescale<'_>) {
        let Rescale { isa, scalings, target, back } = how;
        if back {
            isa.run(Unscale { x, out, scalings, target });
        } else {
            isa.run(Scale { x, out, scalings, target });
        }
    }
    match out {
        Floats::F16(out) => to(x, out, how),
        Floats::Bf16(out) => to(x, out, how),
        Floats::F32(out) => to(x, out, how),
        Floats::F64(out) => to(x, out, how),
    }
}

/// The way there.
struct Scale<'a, L, U> {
    x: &'a [L],
    out: &'a mut [U],
    scalings: &'a [Scaling],
    target: Target,
}

impl<L: Lane, U: FloatElement> Job for Scale<'_, L, U> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Simd) {
        let Self { x, out, scalings, target: Target { span, low, least, most } } = self;
        each(x, out, scalings, |x: L, s: &Scaling| {
            let y = (x.to_f64() * s.factor - s.shift) / s.scale * span + low;
            // Not `min` and `max`: NaN stays NaN.
            let y = if y < least { least } else { y };
            U::round_from(if y > most { most } else { y })
        });
    }
}

/// The way back.
struct Unscale<'a, L, U> {
    x: &'a [L],
    out: &'a mut [U],
    scalings: &'a [Scaling],
    target: Target,
}

impl<L: Lane, U: FloatElement> Job for Unscale<'_, L, U> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Simd) {
        let Self { x, out, scalings, target: Target { span, low, .. } } = self;
        each(x, out, scalings, |y: L, s: &Scaling| {
            U::round_from(((y.to_f64() - low) / span * s.scale + s.shift) / s.factor)
        });
    }
}

#[inline(always)]
fn each<L: Lane, U>(
    x: &[L],
    out: &mut [U],
    scalings: &[Scaling],
    scaled: impl Fn(L, &Scaling) -> U,
) {
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
