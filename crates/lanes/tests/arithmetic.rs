//! Sums and products with more digits than a number has. In a separate test, so that the loops are
//! not compiled again for unit tests.

use proptest::prelude::*;
use rowmill_lanes::lanes::float::{Compensated, Distance, settle, two_product, two_sum};
use rowmill_lanes::wide::U256;

#[test]
fn two_sum_loses_nothing() {
    for (a, b) in [(1e16, 1.0), (0.1, 0.2), (1.0, 1e-30), (-1e300, 1e284)] {
        let (sum, error) = two_sum(a, b);
        assert_eq!(sum, a + b);
        assert_eq!(two_sum(b, a), (sum, error));
        assert!(error.abs() <= sum.abs() * f64::EPSILON);
    }
    assert_eq!(two_sum(1e16, 1.0).1, 1.0);
}

#[test]
fn a_shift_near_the_mean_settles_and_one_far_off_is_noticed() {
    // 1, 2, 3 about 2 and about 1e6
    assert_eq!(settle(2.0, 0.0, 3), (2.0, false));
    let far: f64 = [1.0, 2.0, 3.0_f64].iter().map(|x| (x - 1e6).powi(2)).sum();
    assert!(settle(far, 6.0 - 3e6, 3).1);
    assert!(settle(f64::INFINITY, 1e200, 3).1);
    assert_eq!(settle(0.0, 0.0, 3), (0.0, false));
    assert_eq!(settle(0.0, 0.0, 0), (0.0, false));
}

#[test]
fn products_and_distances_keep_more_digits() {
    let (product, error) = two_product(0.1, 3.0);
    assert_eq!(product, 0.1 * 3.0);
    assert_eq!(error, 0.1_f64.mul_add(3.0, -product));
    // Means of 1e16 and 1e16 + 1/4, which one f64 cannot distinguish.
    let a = Compensated { sum: 4e16, error: 0.0 };
    let b = Compensated { sum: 4e16, error: 1.0 };
    assert_eq!(Distance::distance(a, 4, b, 4), 0.25);
}

/// A number of 128 bits.
fn wide(x: u128) -> U256 {
    U256::from(x)
}

proptest! {
    #[test]
    fn small_values_agree_with_u128(a in 0..u128::from(u64::MAX), b in 1..u128::from(u64::MAX)) {
        prop_assert_eq!(U256::product(a, b), wide(a * b));
        prop_assert_eq!(wide(a).mul(b), wide(a * b));
        prop_assert_eq!(wide(a + b).sub(wide(b)), wide(a));
    }

    #[test]
    fn ratios_of_exact_floats_are_division(a in 0..(1_u64 << 53), b in 1..(1_u64 << 53)) {
        // Both are exact as f64, and f64 division rounds once.
        let ratio = wide(u128::from(a)).ratio(wide(u128::from(b)));
        prop_assert_eq!(ratio, a as f64 / b as f64);
    }

    #[test]
    fn ratios_to_one_are_conversion(a in any::<u128>()) {
        let a = a >> 1;
        prop_assert_eq!(wide(a).ratio(wide(1)), a as f64);
    }

    #[test]
    fn common_factors_cancel(a in 1..(1_u64 << 53), b in 1..(1_u64 << 53), k in 1..u128::MAX >> 4) {
        let (a, b) = (u128::from(a), u128::from(b));
        let ratio = U256::product(a, k).ratio(U256::product(b, k));
        prop_assert_eq!(ratio, a as f64 / b as f64);
    }
}

#[test]
fn products_carry() {
    let max = U256::product(u128::MAX, u128::MAX);
    assert_eq!(max, wide(u128::MAX - 1).shl(64).shl(64).add(wide(1)));
    assert_eq!(wide(1).shl(100).shl(100), wide(1 << 72).shl(64).shl(64));
}
