//! Orders of visiting rows: pure functions, the same in every run.

use std::fmt;
use std::ops::Range;

use fastrand::Rng;
use serde::Serialize;

/// An order in which rows are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// From the first row to the last.
    Sequential,
    /// Runs of about a megabyte from the last to the first.
    Reverse,
    /// Every sixteenth row, in rising order.
    Strided,
    /// Rows picked at random, repeats allowed.
    Random,
    /// The same rows in rising order.
    Sorted,
    /// The same rows, a thousand at a time in rising order.
    Batches,
    /// Runs of about four megabytes in random order: how shuffled batches read.
    Windows,
}

/// The bytes of a run of rows that is read at once.
const RUN_BYTES: usize = 1 << 20;

/// The bytes of a window.
const WINDOW_BYTES: usize = 4 << 20;

/// The distance of strided rows.
const STRIDE: usize = 16;

/// Rows that are sorted together.
const BATCH: usize = 1000;

impl Pattern {
    /// All, sequential first.
    pub const ALL: [Self; 7] = [
        Self::Sequential,
        Self::Reverse,
        Self::Strided,
        Self::Random,
        Self::Sorted,
        Self::Batches,
        Self::Windows,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Reverse => "reverse",
            Self::Strided => "strided, every 16th",
            Self::Random => "random rows",
            Self::Sorted => "random rows, sorted",
            Self::Batches => "random, sorted by 1000",
            Self::Windows => "shuffled windows",
        }
    }

    /// The runs of rows in the order in which they are visited. Random orders pick `picked` rows.
    #[must_use]
    pub fn runs(self, rows: usize, row_bytes: usize, picked: usize) -> Vec<Range<usize>> {
        let runs = |bytes: usize| {
            let step = (bytes / row_bytes.max(1)).max(1);
            (0..rows).step_by(step).map(move |start| start..rows.min(start + step))
        };
        let single = |rows: Vec<usize>| rows.into_iter().map(|row| row..row + 1).collect();
        match self {
            Self::Sequential => runs(RUN_BYTES).collect(),
            Self::Reverse => runs(RUN_BYTES).collect::<Vec<_>>().into_iter().rev().collect(),
            Self::Strided => single((0..rows).step_by(STRIDE).collect()),
            Self::Random => single(random(0, picked, rows)),
            Self::Sorted => {
                let mut picked = random(0, picked, rows);
                picked.sort_unstable();
                single(picked)
            }
            Self::Batches => {
                let mut picked = random(0, picked, rows);
                picked.chunks_mut(BATCH).for_each(<[usize]>::sort_unstable);
                single(picked)
            }
            Self::Windows => {
                let mut windows: Vec<_> = runs(WINDOW_BYTES).collect();
                Rng::with_seed(0).shuffle(&mut windows);
                windows
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Numbers of rows, repeats allowed, the same for the same seed.
pub(crate) fn random(seed: u64, count: usize, rows: usize) -> Vec<usize> {
    let mut random = Rng::with_seed(seed);
    (0..count).map(|_| random.usize(0..rows.max(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(pattern: Pattern) -> Vec<usize> {
        pattern.runs(10_007, 4096, 2500).into_iter().flatten().collect()
    }

    #[test]
    fn each_pattern_visits_what_it_says() {
        let all: Vec<usize> = (0..10_007).collect();
        assert_eq!(rows_of(Pattern::Sequential), all);
        for pattern in [Pattern::Reverse, Pattern::Windows] {
            let mut rows = rows_of(pattern);
            assert_ne!(rows, all, "{pattern}");
            rows.sort_unstable();
            assert_eq!(rows, all, "{pattern}");
        }
        assert_eq!(rows_of(Pattern::Strided), (0..10_007).step_by(16).collect::<Vec<_>>());
        let random = rows_of(Pattern::Random);
        assert!(random.len() == 2500 && random.iter().all(|&row| row < 10_007));
        let sorted = rows_of(Pattern::Sorted);
        assert!(sorted.is_sorted() && !random.is_sorted());
        let batches = rows_of(Pattern::Batches);
        assert!(batches.chunks(1000).all(<[usize]>::is_sorted) && !batches.is_sorted());
        for mut same in [random, batches] {
            same.sort_unstable();
            assert_eq!(same, sorted);
        }
        assert_eq!(Pattern::Windows.runs(10_007, 4096, 0)[0].len(), 1024);
    }

    #[test]
    fn rows_of_any_size() {
        for (rows, row_bytes) in [(0, 8), (1, 1 << 30), (7, 0), (3, 8 << 20)] {
            for pattern in Pattern::ALL {
                let runs = pattern.runs(rows, row_bytes, rows);
                assert!(runs.iter().all(|run| !run.is_empty() && run.end <= rows), "{pattern}");
            }
        }
    }
}
