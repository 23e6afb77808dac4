//! Products.

use serde::{Deserialize, Serialize};

use super::frame::room::Room;
use super::frame::{CellPlace, Lanes, Selected, kernel_constructors};
use super::key::Key;
use super::loops::Loops;
use super::{Kernel, Numeric};
use crate::error::{Error, Result};
use rowmill_lanes::lanes::Lane;

/// The product, in the result types of sums (see [`Numeric`]): exact for integers. Floats are
/// multiplied in `f64` with a separate exponent, so that only a product that is itself out of range
/// becomes infinite or zero. The product of an empty selection is 1.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Product};
/// let x = SliceSource::new(&[1e300, 1e300, 1e-300, 1e-300], [4]).unwrap();
/// let product: f64 = Engine::new()?.reduce(&x, Product::all())?;
/// assert!((product - 1.0).abs() < 1e-15);
/// let x = SliceSource::new(&[100_u8, 200, 3], [3]).unwrap();
/// let product: u64 = Engine::new()?.reduce(&x, Product::all())?;
/// assert_eq!(product, 60_000);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::ProductOverflow`] if a product of integers does not fit its result
/// type.
#[derive(Clone, Copy, Debug)]
pub struct Product;

kernel_constructors!(Product, Self);

/// A product of integers, or of floats: `fraction * 2^exponent`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Factors {
    /// `None` if it is too large.
    integer: Option<i128>,
    /// Whether there is a zero: the magnitude of the others is then irrelevant.
    zero: bool,
    fraction: f64,
    exponent: i64,
}

/// Fractions stay within these powers of two, so that the product of two is in range.
const MOST: f64 = 1.0 / LEAST;
const LEAST: f64 = f64::from_bits((1023 - 500) << 52); // 2^-500

/// A float as a fraction between 1 and 2 and an exponent, if it has one.
fn parts(x: f64) -> (f64, i64) {
    const MANTISSA: u64 = (1 << 52) - 1;
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let (x, more) = if x.is_subnormal() { (x * 2.0_f64.powi(60), -60) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1023;
    (f64::from_bits(bits & (MANTISSA | 1 << 63) | 1023 << 52), exponent + more)
}

const CHAINS: usize = 8;

impl Factors {
    const ONE: Self = Self { integer: Some(1), zero: false, fraction: 1.0, exponent: 0 };

    #[inline(always)]
    fn take_integer(&mut self, x: i128) {
        if x == 0 {
            self.zero = true;
        } else {
            // The magnitude never shrinks: too large stays too large.
            self.integer = self.integer.and_then(|product| product.checked_mul(x));
        }
    }

    #[inline(always)]
    fn take_float(&mut self, x: f64) {
        let product = self.fraction * x;
        if (LEAST..=MOST).contains(&product.abs()) {
            self.fraction = product;
        } else {
            self.take_parts(x, 0);
        }
    }

    #[cold]
    fn take_parts(&mut self, fraction: f64, exponent: i64) {
        let ((a, m), (b, n)) = (parts(self.fraction), parts(fraction));
        self.fraction = a * b;
        // Beyond any relevant exponent, but not beyond an `i64`.
        self.exponent = self.exponent.saturating_add(m + n).saturating_add(exponent);
    }

    fn float(&self) -> f64 {
        let (fraction, more) = parts(self.fraction);
        let exponent = self.exponent.saturating_add(more).clamp(-1200, 1200) as i32;
        // In two steps, the first of which is exact.
        let first = exponent.clamp(-1000, 1000);
        fraction * 2.0_f64.powi(first) * 2.0_f64.powi(exponent - first)
    }
}

pub(super) fn fold<L: Key>(lanes: &Lanes<'_, L>, cells: &mut [Factors]) {
    if !L::FLOAT {
        return lanes.each(|cell, x, _| cells[cell].take_integer(x.integer()));
    }
    lanes.runs(|run| {
        if run.across {
            run.each(|cell, x, _| cells[cell].take_float(x.to_f64()));
        } else if run.x.len() < 8 * CHAINS {
            let mut factors = cells[run.cell];
            run.each(|_, x, _| factors.take_float(x.to_f64()));
            cells[run.cell] = factors;
        } else {
            // Elements are multiplied in interleaved chains, so that none waits for the one before
            // it.
            let mut chains = [Factors::ONE; CHAINS];
            let mut turn = 0;
            run.each(|_, x, _| {
                chains[turn % CHAINS].take_float(x.to_f64());
                turn += 1;
            });
            for chain in chains {
                cells[run.cell].take_parts(chain.fraction, chain.exponent);
            }
        }
    });
}

impl<T: Numeric> Kernel<T> for Product {
    type Value = T::Sum;
    type State = Factors;

    fn new_state(&self) -> Factors {
        Factors::ONE
    }
    fn fold(&self, cells: &mut [Factors], selected: &Selected<'_, T>) -> Result<()> {
        T::Lane::product(&selected.lanes, cells);
        Ok(())
    }
    fn merge(&self, state: &mut Factors, next: Factors) {
        state.take_parts(next.fraction, next.exponent);
        state.zero |= next.zero;
        state.integer = state.integer.zip(next.integer).and_then(|(a, b)| a.checked_mul(b));
    }
    fn is_valid(&self, state: &Factors, room: &Room<'_>) -> bool {
        if T::Lane::FLOAT {
            // The form that `take_float` leaves: only NaN, zeros and infinities exceed its limits.
            let size = state.fraction.abs();
            let sized = (LEAST..=MOST).contains(&size) || size == 0.0 || !size.is_finite();
            // An element's exponent is at most 1100; the fraction contributes at most 500.
            let most = room.elements.saturating_add(1).saturating_mul(1200);
            return sized
                && state.exponent.unsigned_abs() <= most
                && (state.integer, state.zero) == (Some(1), false);
        }
        let largest = T::LEAST.integer().unsigned_abs().max(T::MOST.integer().unsigned_abs());
        // Further factors only increase it: 128 factors other than 1 exceed any limit.
        let most = largest.checked_pow(room.elements.min(128) as u32);
        let fits = match state.integer {
            Some(product) => product != 0 && most.is_none_or(|m| product.unsigned_abs() <= m),
            None => most.is_none_or(|most| most > i128::MAX.unsigned_abs()),
        };
        fits && (state.fraction, state.exponent) == (1.0, 0)
    }
    fn value(&self, state: &Factors, _: &CellPlace<'_>) -> Result<T::Sum> {
        let overflow = || Error::ProductOverflow { result_type: std::any::type_name::<T::Sum>() };
        let integer = if state.zero { Some(0) } else { state.integer };
        let total = T::Lane::total(state.float(), integer.ok_or_else(overflow)?);
        T::sum(total).map_err(|_| overflow())
    }
    fn describe(&self) -> Option<String> {
        Some("product".to_owned())
    }
}
