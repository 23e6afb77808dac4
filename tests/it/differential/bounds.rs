//! How far an answer may be from the exact one, by reduction.

use rowmill::DType;

use super::corpus::Case;
use super::erased::Number;

/// `relative * |expected| + scaled * scale`, in units of the distance of 1 to the next float, and
/// `absolute` for what is below the range of floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    relative: f64,
    scaled: f64,
    absolute: f64,
}

impl Bound {
    const fn relative(relative: f64) -> Self {
        Self { relative, scaled: 0.0, absolute: 0.0 }
    }
    const fn scaled(scaled: f64) -> Self {
        Self { relative: 0.0, scaled, absolute: 0.0 }
    }
    const fn absolute(self, absolute: f64) -> Self {
        Self { absolute, ..self }
    }
}

/// Integers, comparisons, counts, places, quantiles (in numpy's own arithmetic), and what is rounded once
/// and correctly: the mean and variance of integers, `exact()`.
const EXACT: Bound = Bound::relative(0.0);
/// Plain sums of `f16` and `f32` in `f64`, in lanes: measured by the sum of magnitudes.
const SUM: Bound = Bound::scaled(4.0);
/// Two-sums: next to the exact sum, however much of it cancelled.
const COMPENSATED_SUM: Bound = Bound { relative: 1.0, scaled: 1e-12, absolute: 0.0 };
/// A sum, and its division.
const MEAN: Bound = Bound { relative: 1.0, scaled: 2.0, absolute: 0.0 };
const COMPENSATED_MEAN: Bound = COMPENSATED_SUM;
/// Squares about a shift may be 256 times those about the mean before they are taken again, and both they
/// and what they are corrected by are rounded.
const VAR: Bound = Bound::relative(512.0).absolute(1e-320);
const STD: Bound = Bound::relative(256.0).absolute(1e-160);
/// The root of the variance of integers, which was rounded before.
const ROOT: Bound = Bound::relative(1.0);
/// A rounding for each of hundreds of factors.
const PRODUCT: Bound = Bound::relative(20.0).absolute(5e-324);
/// Compensated sums of products that are rounded: measured by the mean of their magnitudes.
const WEIGHTED_MEAN: Bound = Bound::scaled(2.0).absolute(1e-320);
/// Plain sums down columns of up to 131 rows. Behind an element far above all others, each addition can
/// round the same way by half a unit: 66 units of the sum of magnitudes. Sums of cubes and fourth powers are
/// off by as much, and the squares they are divided by, to the power 1.5 and 2, by 1.5 and 2 times that.
const PLAIN: f64 = 66.0;
/// Measured by the same of their magnitudes.
const SKEWNESS: Bound = Bound::scaled(2.5 * PLAIN);
const KURTOSIS: Bound = Bound::scaled(3.0 * PLAIN);
/// Measured by the product of both standard deviations, with the rounding of each product.
const COVARIANCE: Bound = Bound::scaled(PLAIN + 2.0);
/// A covariance over two roots of variances, each off by half of what a variance is.
const CORRELATION: Bound = Bound::relative(0.0).absolute((2.0 * PLAIN + 4.0) * f64::EPSILON);
/// Compensated sums, of squares that are rounded.
const NORM: Bound = Bound::relative(2.0);

fn bound(reduction: &str, dtype: DType, place: usize) -> Bound {
    let compensated = matches!(dtype, DType::F64 | DType::C128);
    let rounded = dtype.is_float() || matches!(dtype, DType::C64 | DType::C128);
    match reduction {
        "sum" if compensated => COMPENSATED_SUM,
        "sum" if rounded => SUM,
        "mean" if compensated => COMPENSATED_MEAN,
        "mean" if rounded => MEAN,
        "var" if rounded => VAR,
        "std" if rounded => STD,
        "std" => ROOT,
        "product" if rounded => PRODUCT,
        "weighted_mean" if place == 2 => WEIGHTED_MEAN,
        "skewness" => SKEWNESS,
        "kurtosis" => KURTOSIS,
        "covariance" => COVARIANCE,
        "correlation" => CORRELATION,
        "norm_l1" | "norm_l2" => NORM,
        _ => EXACT,
    }
}

/// How far off an answer is, as a part of what it may be: up to 1 is well, infinite is wrong.
pub(super) fn off(
    case: &Case,
    dtype: DType,
    (cell, place): (usize, usize),
    got: Number,
    expected: Number,
) -> f64 {
    let (got, expected) = match (got, expected) {
        (Number::Integer(got), Number::Integer(expected)) => {
            return if got == expected { 0.0 } else { f64::INFINITY };
        }
        (Number::Float(got), Number::Float(expected)) => (got, expected),
        _ => return f64::INFINITY,
    };
    if got == expected || (got.is_nan() && expected.is_nan()) {
        return 0.0;
    }
    if !got.is_finite() || !expected.is_finite() {
        return f64::INFINITY;
    }
    let bound = bound(case.reduction(), dtype, place);
    let unit = bound.relative * expected.abs() + bound.scaled * case.scale(cell, place);
    let off = (got - expected).abs() / (unit * f64::EPSILON + bound.absolute);
    if off.is_nan() { f64::INFINITY } else { off }
}
