//! [`FlushPolicy`]: when written rows are made durable.

use std::ops::BitOr;
use std::time::{Duration, Instant};

/// When the rows written to an [`ArrayMut`](crate::ArrayMut) are made durable automatically.
///
/// Set when an array is created or opened: [`CreateOptions::flush_policy`] and
/// [`OpenOptions::flush_policy`]. Policies combine: with `FlushPolicy::EveryRows(10_000) |
/// FlushPolicy::Every(Duration::from_secs(5))`, whichever is due first starts a sync.
///
/// Under every policy, [`flush`](crate::ArrayMut::flush),
/// [`flush_rows`](crate::ArrayMut::flush_rows) and [`close`](crate::ArrayMut::close) guarantee
/// durability when they return `Ok`. [`durable_rows`](crate::ArrayMut::durable_rows) reports the
/// progress of this handle; a program that continues an array over several runs calls
/// [`durable_from`](crate::ArrayMut::durable_from). Syncs that are due run on the array's own
/// thread, one at a time, **while the writer continues**: rows written during a sync are left to
/// the next one. Only [`AtMost`](Self::AtMost) ever makes a writer wait.
///
/// | policy | a power cut loses at most | `drop` without `close` |
/// |---|---|---|
/// | `Manual` | everything since the last `flush` | syncs nothing; the system writes within about half a minute |
/// | `OnClose` | everything since the last `flush` | one last sync; nobody learns of a failure |
/// | `EveryRows(n)` | `n` rows, and those written while one sync runs | waits for a sync under way, starts none |
/// | `AtMost(n)` | `n` rows | waits for a sync under way, starts none |
/// | `Every(t)` | what was written in `t` and while one sync runs | waits for a sync under way, starts none |
///
/// So for short syncs, or a writer that computes more than it stores, choose `Every` or
/// `EveryRows`; for a hard bound, `AtMost`; if everything can be recomputed, `OnClose`.
///
/// A crash of the process alone loses no written row, under any policy: it is in the page cache,
/// which the system writes to disk. But the next run cannot tell which rows those are: unwritten
/// rows read as zeros, also between written ones if several threads write. So it restarts from the
/// [durable](crate::ArrayMut::durable_from) rows, and writes the rest again.
///
/// Its cost: 65,536 rows of 4 KiB (256 MiB) on ext4 on a virtual disk, by the example `flush`,
/// which prints this table for any disk. Medians of three rounds on two cores and a shared disk, so
/// differences of a quarter are noise. A writer that stores to memory is faster than the disk:
/// syncs in the background cost it little, and leave more unsynced the faster it is; waiting for
/// them is the cost.
///
#[doc = include_str!("costs.md")]
///
/// [`CreateOptions::flush_policy`]: crate::CreateOptions::flush_policy
/// [`OpenOptions::flush_policy`]: crate::OpenOptions::flush_policy
///
/// ```
/// use std::time::Duration;
/// use rowmill_core::{CreateOptions, FlushPolicy};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// let policy = FlushPolicy::EveryRows(1000) | FlushPolicy::Every(Duration::from_secs(5));
/// let mut x = CreateOptions::new().flush_policy(policy).create::<f64>(&path, [4000, 8])?;
/// for row in 0..4000 {
///     x.write_rows(row, &[row as f64; 8])?; // an error may be that of a sync in the background
/// }
/// println!("rows 0..{} survive a power cut by now", x.durable_rows());
/// x.close()?; // and now all of them do
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FlushPolicy {
    /// Only `flush`, `flush_rows` and `close` sync. No thread is started.
    #[default]
    Manual,
    /// As [`Manual`](Self::Manual), and a handle that is dropped without `close` syncs once more.
    /// No thread is started.
    OnClose,
    /// A sync starts as soon as this many rows have been written since the last one started. A row
    /// counts each time it is written through this handle; 0 counts as 1.
    EveryRows(usize),
    /// At most this many rows are written but not durable: a writer that would exceed it waits for
    /// the sync in progress. A sync starts at half of it. A single write of more rows than that
    /// waits until everything before it is durable; 0 counts as 1.
    AtMost(usize),
    /// A sync starts this long after the first row written since the last one started. An idle
    /// array is not synced.
    Every(Duration),
    /// Several at once: made by [`or`](Self::or).
    Any(Triggers),
}

/// Several policies at once, as [`FlushPolicy::or`] makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Triggers {
    rows: Option<usize>,
    most: Option<usize>,
    every: Option<Duration>,
    on_close: bool,
}

impl FlushPolicy {
    /// Both policies: a sync is due when either demands it. The smaller of two row counts or two
    /// times applies; [`Manual`](Self::Manual) adds nothing.
    ///
    /// ```
    /// use rowmill_core::FlushPolicy;
    /// let rows = FlushPolicy::EveryRows;
    /// assert_eq!(rows(10).or(rows(20)), rows(10));
    /// assert_eq!(FlushPolicy::Manual | rows(10), rows(10));
    /// ```
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let (a, b) = (self.triggers(), other.triggers());
        let both = Triggers {
            rows: a.rows.into_iter().chain(b.rows).min(),
            most: a.most.into_iter().chain(b.most).min(),
            every: a.every.into_iter().chain(b.every).min(),
            on_close: a.on_close || b.on_close,
        };
        // A single policy keeps its own variant, so that equal policies are equal.
        let alone = match both {
            Triggers { rows: Some(rows), .. } => Self::EveryRows(rows),
            Triggers { most: Some(most), .. } => Self::AtMost(most),
            Triggers { every: Some(every), .. } => Self::Every(every),
            Triggers { on_close: true, .. } => Self::OnClose,
            Triggers { .. } => Self::Manual,
        };
        if alone.triggers() == both { alone } else { Self::Any(both) }
    }

    pub(super) fn triggers(self) -> Triggers {
        match self {
            Self::Manual => Triggers::default(),
            Self::OnClose => Triggers { on_close: true, ..Triggers::default() },
            Self::EveryRows(rows) => Triggers { rows: Some(rows.max(1)), ..Triggers::default() },
            Self::AtMost(most) => Triggers { most: Some(most.max(1)), ..Triggers::default() },
            Self::Every(every) => Triggers { every: Some(every), ..Triggers::default() },
            Self::Any(triggers) => triggers,
        }
    }
}

impl BitOr for FlushPolicy {
    type Output = Self;

    /// [`FlushPolicy::or`].
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

/// When the next sync is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    At(Instant),
    /// Not before more is written.
    NotYet,
}

impl Triggers {
    /// Whether a thread has to watch besides the writers.
    pub(super) fn in_background(self) -> bool {
        self.rows.is_some() || self.most.is_some() || self.every.is_some()
    }

    /// Whether this many more rows may be written, given the number of rows that are not durable.
    pub(super) fn has_room(self, behind: usize, rows: usize) -> bool {
        self.most.is_none_or(|most| behind == 0 || behind.saturating_add(rows) <= most)
    }

    pub(super) fn on_close(self) -> bool {
        self.on_close
    }

    /// When the next sync is due, given the rows written since the last one started, the first of
    /// them at `since`.
    pub(super) fn due(self, rows: usize, since: Option<Instant>, now: Instant) -> Due {
        let half = self.most.map(|most| most.div_ceil(2));
        if self.rows.into_iter().chain(half).any(|due| rows >= due) {
            return Due::Now;
        }
        // A deadline beyond the range of `Instant` never comes.
        match since.zip(self.every).and_then(|(since, every)| since.checked_add(every)) {
            Some(at) if at <= now => Due::Now,
            Some(at) => Due::At(at),
            None => Due::NotYet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn when_syncs_are_due() {
        let start = Instant::now();
        let at = |seconds| start + SECOND * seconds;
        let both = FlushPolicy::EveryRows(10) | FlushPolicy::Every(SECOND * 5);
        let cases = [
            (FlushPolicy::Manual, 1000, Some(start), at(1000), Due::NotYet),
            (FlushPolicy::OnClose, 1000, Some(start), at(1000), Due::NotYet),
            (FlushPolicy::EveryRows(10), 9, Some(start), at(1000), Due::NotYet),
            (FlushPolicy::EveryRows(10), 10, Some(start), at(0), Due::Now),
            (FlushPolicy::EveryRows(0), 0, None, at(0), Due::NotYet),
            (FlushPolicy::EveryRows(0), 1, Some(start), at(0), Due::Now),
            (FlushPolicy::Every(SECOND), 0, None, at(1000), Due::NotYet),
            (FlushPolicy::Every(SECOND), 1, Some(start), at(0), Due::At(at(1))),
            (FlushPolicy::Every(SECOND), 1, Some(start), at(1), Due::Now),
            (FlushPolicy::Every(Duration::ZERO), 1, Some(start), at(0), Due::Now),
            (FlushPolicy::Every(Duration::MAX), 1, Some(start), at(9), Due::NotYet),
            (FlushPolicy::AtMost(9), 4, Some(start), at(1000), Due::NotYet),
            (FlushPolicy::AtMost(9), 5, Some(start), at(0), Due::Now),
            (FlushPolicy::AtMost(0), 1, Some(start), at(0), Due::Now),
            (both, 3, Some(start), at(2), Due::At(at(5))),
            (both, 10, Some(start), at(2), Due::Now),
            (both, 3, Some(start), at(6), Due::Now),
        ];
        for (policy, rows, since, now, expected) in cases {
            assert_eq!(policy.triggers().due(rows, since, now), expected, "{policy:?} {rows}");
        }
    }

    #[test]
    fn when_writers_wait() {
        let most = FlushPolicy::AtMost(10).triggers();
        for (behind, rows, expected) in
            [(0, 10, true), (0, 11, true), (1, 9, true), (1, 10, false), (10, 1, false)]
        {
            assert_eq!(most.has_room(behind, rows), expected, "{behind} {rows}");
        }
        assert!(FlushPolicy::EveryRows(1).triggers().has_room(1000, 1000));
    }

    #[test]
    fn policies_combine_in_any_order() {
        use FlushPolicy::{AtMost, Every, EveryRows, Manual, OnClose};
        let seconds = [Every(SECOND), Every(SECOND * 3)];
        let rows = [EveryRows(5), EveryRows(9), AtMost(7), AtMost(8)];
        let some = [&[Manual, OnClose][..], &seconds, &rows].concat();
        for &a in &some {
            assert_eq!(a | a, a);
            assert_eq!(a | Manual, a);
            for &b in &some {
                assert_eq!(a | b, b | a);
                for &c in &some {
                    assert_eq!((a | b) | c, a | (b | c));
                }
            }
        }
        assert_eq!(EveryRows(5) | EveryRows(9), EveryRows(5));
        let all = OnClose | EveryRows(5) | Every(SECOND);
        assert!(all.triggers().on_close() && all.triggers().in_background());
        assert!(!OnClose.triggers().in_background());
    }
}
