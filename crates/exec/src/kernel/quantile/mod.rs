//! Quantiles: exact in a few reads, or within an error bound in one.

mod refine;
mod rows;
mod sketch;
mod table;

pub(crate) use self::refine::Search;
pub(crate) use self::rows::OfRows;
pub(super) use self::rows::fold as of_rows;
pub use self::sketch::ApproxQuantiles;
pub(crate) use self::table::{Counting, Table};
pub(super) use self::table::{Ranges, count};
use crate::error::{Error, Result};
use crate::kernel::key::Key;

/// Refuses numbers outside of 0 to 1.
pub(crate) fn check(at: &[f64]) -> Result<()> {
    match at.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        None => Ok(()),
        Some(q) => Err(Error::BadOption {
            knob: "a quantile",
            value: format!("{q:?}"),
            expected: "expected a number from 0 to 1; 0.5 is the median",
        }),
    }
}

/// The positions of the two elements next to a quantile of `count` elements, and its fraction of
/// the distance from the first to the second.
fn places(q: f64, count: u64) -> (u64, u64, f64) {
    let last = count.saturating_sub(1);
    let place = q * last as f64;
    let low = (place.floor() as u64).min(last);
    (low, (low + 1).min(last), place - place.floor())
}

/// A quantile of sorted numbers; NaN if there are none.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let (low, high, part) = places(q, sorted.len() as u64);
    match (sorted.get(low as usize), sorted.get(high as usize)) {
        (Some(&a), Some(&b)) => between(a, b, b - a, part),
        _ => f64::NAN,
    }
}

/// The number at fraction `part` between `a` and `b` (numpy's `_lerp`).
fn between(a: f64, b: f64, difference: f64, part: f64) -> f64 {
    if a == b || part == 0.0 {
        a
    } else if part < 0.5 {
        a + difference * part
    } else {
        b - difference * (1.0 - part)
    }
}

/// The same for two elements. The difference of integers is taken before it is rounded.
fn between_elements<L: Key>(a: L, b: L, part: f64) -> f64 {
    let (x, y) = (a.to_f64(), b.to_f64());
    let difference = if L::FLOAT { y - x } else { (b.integer() - a.integer()) as f64 };
    between(x, y, difference, part)
}
