//! Error bounds relative to the exact answer, by reduction.

use rowmill::{AnyArray, DType};

use super::corpus::Case;
use super::erased::Number;

/// `relative * |expected| + scaled * scale`, in units of machine epsilon, plus `absolute` for
/// values below the range of floats.
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

/// Integers, comparisons, counts, positions, quantiles (in numpy's arithmetic), and correctly
/// rounded results: the mean and variance of integers, `exact()`.
const EXACT: Bound = Bound::relative(0.0);
/// Plain sums of `f16` and `f32` in `f64`, in lanes: relative to the sum of magnitudes.
const SUM: Bound = Bound::scaled(4.0);
/// Two-sums: next to the exact sum, despite any cancellation.
const COMPENSATED_SUM: Bound = Bound { relative: 1.0, scaled: 1e-12, absolute: 0.0 };
/// A sum and a division.
const MEAN: Bound = Bound { relative: 1.0, scaled: 2.0, absolute: 0.0 };
const COMPENSATED_MEAN: Bound = COMPENSATED_SUM;
/// Squares about a shift may reach 256 times those about the mean before they are recomputed. Both
/// they and their correction are rounded.
const VAR: Bound = Bound::relative(512.0).absolute(1e-320);
const STD: Bound = Bound::relative(256.0).absolute(1e-160);
/// The root of the variance of integers, which was already rounded.
const ROOT: Bound = Bound::relative(1.0);
/// One rounding for each of hundreds of factors.
const PRODUCT: Bound = Bound::relative(20.0).absolute(5e-324);
/// Compensated sums of rounded products: relative to the mean of their magnitudes.
const WEIGHTED_MEAN: Bound = Bound::scaled(2.0).absolute(1e-320);
/// The possible error of a plain sum of these elements, in units relative to the sum of magnitudes.
/// After an element far larger than the others, each addition can round the same way, by half a
/// unit; four units are for the terms. Columns have up to 131 rows, and longer sums use lanes.
fn plain(elements: usize) -> f64 {
    (elements as f64 / 2.0 + 4.0).min(66.0)
}
/// Sums of cubes and of fourth powers, divided by sums of squares to the power of 1.5 and 2:
/// relative to the same expression in magnitudes.
fn skewness(elements: usize) -> Bound {
    Bound::scaled(2.5 * plain(elements))
}
fn kurtosis(elements: usize) -> Bound {
    Bound::scaled(3.0 * plain(elements))
}
/// Relative to the product of both standard deviations, with the rounding of each product.
fn covariance(elements: usize) -> Bound {
    Bound::scaled(plain(elements) + 2.0)
}
/// A covariance divided by two roots of variances, each with half the error of a variance.
fn correlation(elements: usize) -> Bound {
    Bound::relative(0.0).absolute((2.0 * plain(elements) + 4.0) * f64::EPSILON)
}
/// Compensated sums of rounded squares.
const NORM: Bound = Bound::relative(2.0);

fn bound(reduction: &str, x: &AnyArray, place: usize) -> Bound {
    let (dtype, elements) = (x.dtype(), x.shape().len());
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
        "skewness" => skewness(elements),
        "kurtosis" => kurtosis(elements),
        "covariance" => covariance(elements),
        "correlation" => correlation(elements),
        "norm_l1" | "norm_l2" => NORM,
        _ => EXACT,
    }
}

/// The error of an answer as a fraction of its bound: at most 1 is right, infinite is wrong.
pub(super) fn off(
    case: &Case,
    x: &AnyArray,
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
    let bound = bound(case.reduction(), x, place);
    let unit = bound.relative * expected.abs() + bound.scaled * case.scale(cell, place);
    let off = (got - expected).abs() / (unit * f64::EPSILON + bound.absolute);
    if off.is_nan() { f64::INFINITY } else { off }
}
