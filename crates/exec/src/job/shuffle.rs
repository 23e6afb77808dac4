//! The order of the rows of an epoch: a pure function of seed, epoch and sizes. It is part of the
//! contract of [`ShuffledBatches`](crate::ShuffledBatches), whose documentation defines it; the
//! golden test below must never change.

use std::ops::Range;

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, the same on every machine, and good enough
/// to shuffle with.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    /// The generator for one purpose: keys that differ anywhere give unrelated numbers.
    fn keyed(seed: u64, epoch: u64, purpose: u64) -> Self {
        let mix = |key| Self(key).next();
        Self(mix(mix(mix(seed) ^ epoch) ^ purpose))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`: the high half of a product instead of a remainder (Lemire 2019). Its
    /// bias, `n` in 2^64, is accepted, so that each number takes one step.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Fisher and Yates, from the end.
    fn shuffle(&mut self, items: &mut [usize]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// The order of the rows of one epoch.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    seed: u64,
    epoch: u64,
    rows: usize,
    window: usize,
    /// The numbers of the windows, in the order in which they are visited.
    windows: Vec<usize>,
    /// The number of windows that are mixed.
    mixed: usize,
}

impl Order {
    /// The order of `rows` rows in windows of `window` rows, mixed `mixed` windows at a time; both
    /// are at least 1.
    pub(crate) fn new(seed: u64, epoch: u64, rows: usize, window: usize, mixed: usize) -> Self {
        let mut windows: Vec<usize> = (0..rows.div_ceil(window)).collect();
        SplitMix64::keyed(seed, epoch, 0).shuffle(&mut windows);
        Self { seed, epoch, rows, window, windows, mixed }
    }

    /// The number of groups of windows.
    pub(crate) fn groups(&self) -> usize {
        self.windows.len().div_ceil(self.mixed)
    }

    /// The rows of a group in shuffled order.
    pub(crate) fn group(&self, group: usize) -> Vec<usize> {
        let first = group * self.mixed;
        let end = self.windows.len().min(first.saturating_add(self.mixed));
        let windows = self.windows[first..end].iter();
        let mut rows: Vec<usize> = windows.flat_map(|&window| self.rows_of(window)).collect();
        SplitMix64::keyed(self.seed, self.epoch, group as u64 + 1).shuffle(&mut rows);
        rows
    }

    fn rows_of(&self, window: usize) -> Range<usize> {
        let start = window * self.window;
        start..self.rows.min(start.saturating_add(self.window))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(order: &Order) -> Vec<usize> {
        (0..order.groups()).flat_map(|group| order.group(group)).collect()
    }

    /// From the reference implementation: <https://prng.di.unimi.it/splitmix64.c>.
    #[test]
    fn numbers_are_those_of_the_reference() {
        let mut random = SplitMix64(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(expected.map(|_| random.next()), expected);
    }

    #[test]
    fn an_epoch_depends_on_seed_and_number() {
        let order = |seed, epoch| all(&Order::new(seed, epoch, 100, 10, 3));
        assert_eq!(order(1, 0), order(1, 0));
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
        assert_ne!(order(1, 2), order(2, 1));
    }

    #[test]
    fn groups_are_whole_windows() {
        let order = Order::new(7, 0, 95, 10, 3);
        assert_eq!(order.groups(), 4);
        for group in 0..4 {
            let mut windows: Vec<usize> = order.group(group).iter().map(|row| row / 10).collect();
            let rows = windows.len();
            windows.sort_unstable();
            windows.dedup();
            let short = windows.contains(&9);
            assert_eq!(windows.len(), if group == 3 { 1 } else { 3 });
            assert_eq!(rows, windows.len() * 10 - if short { 5 } else { 0 });
        }
    }

    #[test]
    fn every_place_is_as_likely() {
        // Where row 0 of 6 goes in 6000 epochs, in one window and in windows of one.
        for window in [6, 1] {
            let mut counts = [0_i32; 6];
            for epoch in 0..6000 {
                let order = all(&Order::new(3, epoch, 6, window, 1));
                counts[order.iter().position(|&row| row == 0).expect("row 0")] += 1;
            }
            assert!(counts.iter().all(|n| (n - 1000).abs() < 150), "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn every_row_comes_once(
            seed: u64, epoch: u64, rows in 0_usize..300, window in 1_usize..400, mixed in 1_usize..9,
        ) {
            let mut rows_seen = all(&Order::new(seed, epoch, rows, window, mixed));
            rows_seen.sort_unstable();
            prop_assert_eq!(rows_seen, (0..rows).collect::<Vec<_>>());
        }
    }
}
