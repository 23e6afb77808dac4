//! The float types that can be written, and the loops that scale elements to them.

use half::{bf16, f16};
use rowmill_core::Element;
use rowmill_lanes::arch::{Isa, Job, Simd};
use rowmill_lanes::lanes::Lane;
use serde::{Deserialize, Serialize};

mod sealed {
    use super::Floats;

    pub trait Sealed: Sized {
        /// A run of elements as a trait object, for loops that are not compiled per element type.
        fn floats(elements: &mut [Self]) -> Floats<'_>;
    }
}

/// A float type for normalized output: [`f16`](struct@f16), [`bf16`](struct@bf16), `f32`, `f64`.
pub trait FloatElement: Element + sealed::Sealed {
    /// The nearest value.
    fn round_from(value: f64) -> Self;
}

macro_rules! float_elements {
    ($($variant:ident($t:ty): |$x:ident| $round:expr;)*) => {$(
        impl sealed::Sealed for $t {
            fn floats(elements: &mut [Self]) -> Floats<'_> {
                Floats::$variant(elements)
            }
        }

        impl FloatElement for $t {
            #[inline(always)]
            fn round_from($x: f64) -> Self {
                $round
            }
        }
    )*};
}
float_elements! {
    F16(f16): |x| Self::from_f64(x);
    Bf16(bf16): |x| Self::from_f64(x);
    F32(f32): |x| x as Self;
    F64(f64): |x| x;
}

/// `(x * factor - shift) / scale`. The factor is 1, or 1/2 if the range would overflow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(crate) factor: f64,
    pub(crate) shift: f64,
    pub(crate) scale: f64,
}

impl Scaling {
    /// Whether this can be a fitted scaling: it may come from a file.
    pub(crate) fn is_valid(&self) -> bool {
        [0.5, 1.0].contains(&self.factor) && (self.scale > 0.0 || self.scale.is_nan())
    }
}

/// The part shared by all elements: `* span + low`, and the interval for clipping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) span: f64,
    pub(crate) low: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Target {
    /// Whether the scaling is invertible.
    pub(crate) fn can_be_inverted(self) -> bool {
        self.span != 0.0 && self.span.is_finite()
    }
}

/// Elements of an output, of any float type.
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
    pub(crate) isa: Isa,
    pub(crate) scalings: &'a [Scaling],
    pub(crate) target: Target,
    /// From normalized values to the original ones.
    pub(crate) back: bool,
}

/// Scales a run of elements.
pub(crate) fn rescale<L: Lane>(x: &[L], out: Floats<'_>, how: Rescale<'_>) {
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

/// The forward direction.
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

/// The inverse direction.
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
