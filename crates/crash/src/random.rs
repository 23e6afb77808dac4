//! Random instants, the same for the same seed.

use std::time::Duration;

use fastrand::Rng;
use twox_hash::XxHash3_64;

/// A generator of its own for each seed and purpose.
pub(crate) fn generator(seed: u64, purpose: &str) -> Rng {
    Rng::with_seed(XxHash3_64::oneshot_with_seed(seed, purpose.as_bytes()))
}

/// An instant in the `i`th of `n` equal parts of a time: random, and spread over all of it.
pub(crate) fn instant(random: &mut Rng, i: usize, n: usize, within: Duration) -> Duration {
    within.mul_f64((i as f64 + random.f64()) / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_spread() {
        let second = Duration::from_secs(1);
        let mut random = generator(1, "test");
        for i in 0..10 {
            let instant = instant(&mut random, i, 10, second).as_secs_f64() * 10.0;
            assert!((i as f64..(i + 1) as f64).contains(&instant), "{instant} of {i}");
        }
        let first = |seed, purpose| generator(seed, purpose).u64(..);
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_eq!(first(7, "a"), first(7, "a"));
    }
}
