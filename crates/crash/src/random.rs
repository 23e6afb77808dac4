//! Random instants, the same for the same seed.

use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A sequence for this seed and purpose.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        Self(purpose.bytes().fold(seed, |state, byte| mix(state ^ u64::from(byte))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An instant in the `i`th of `n` equal parts of a time: random, and spread over all of it.
    pub(crate) fn instant(&mut self, i: usize, n: usize, within: Duration) -> Duration {
        within.mul_f64((i as f64 + self.unit()) / n as f64)
    }
}

/// Scatters the bits of a number.
pub(crate) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_spread() {
        let second = Duration::from_secs(1);
        let mut random = Random::new(1, "test");
        for i in 0..10 {
            let instant = random.instant(i, 10, second).as_secs_f64() * 10.0;
            assert!((i as f64..(i + 1) as f64).contains(&instant), "{instant} of {i}");
        }
        assert_ne!(Random::new(1, "a").next(), Random::new(1, "b").next());
        assert_eq!(Random::new(7, "a").next(), Random::new(7, "a").next());
    }
}
