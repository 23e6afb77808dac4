//! Rows written by several threads and over several runs; each run resumes from the rows that were
//! durable before.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use rowmill::durable::{Kind, Outputs, Role};
use rowmill::{Array, ArrayMut, CreateOptions, FlushPolicy, OpenOptions};

use super::rows::look_at_rows;
use crate::element::{COLS, element};
use crate::state::{Files, Found, Golden};
use crate::writer::{Place, Writer};
use crate::{Failure, Result};

const NEW: u64 = 7;

/// The number of times that a run opens the array; it closes it only at the end.
const LEGS: usize = 3;

/// The number of writes, and of times that the base is stored, about.
const BATCHES: usize = 256;
const STORES: usize = 8;

const BASE: &str = "out.npy.base";

/// Three threads take rows in order, pause, and write them under a policy. A run stores how far it
/// has come, and the next one resumes there.
#[derive(Debug)]
pub(super) struct Restart {
    pub(super) name: &'static str,
    pub(super) count: Count,
}

/// The rows that count as durable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    /// Those below the base, and those that `durable_from` gives from there on.
    Written,
    /// After the first sync, all rows but those that were written and are not synced: rows that
    /// were there when the array was opened count, written or not.
    ThereWhenOpened,
}

impl Writer for Restart {
    fn name(&self) -> &'static str {
        self.name
    }

    fn notes(&self) -> &'static [&'static str] {
        &[BASE]
    }

    fn resumes(&self) -> bool {
        true
    }

    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()> {
        let rows = Array::<u64>::open(input)?.shape().rows();
        let (path, base_file) = (dir.join("out.npy"), dir.join(BASE));
        let mut base = begin(&path, &base_file, rows)?;
        durable(base);
        let policy = FlushPolicy::EveryRows(rows.div_ceil(16));
        for leg in 1..=LEGS {
            let end = rows * leg / LEGS;
            if base >= end {
                continue;
            }
            let x = OpenOptions::new().flush_policy(policy).open_mut::<u64>(&path)?;
            let mut stored = base;
            let leg = Leg::new(x, base..end, rows.div_ceil(BATCHES));
            leg.run(|leg| {
                let told = base.max(leg.durable(base, self.count));
                durable(told);
                if told >= stored + rows.div_ceil(STORES) {
                    store(&base_file, told)?;
                    stored = told;
                }
                Ok(())
            })?;
            // Nothing was struck yet: without a kill the control loses nothing either.
            base = stored.max(leg.durable(base, self.count)).min(end);
            if end == rows {
                leg.close()?;
                base = rows;
            }
            store(&base_file, base)?;
            durable(base);
        }
        Ok(())
    }

    fn look(&self, _: &Place<'_>, golden: &Golden, now: &Files, durable: Option<usize>) -> Found {
        look_at_rows(golden, now, durable)
    }
}

/// The row where an earlier run stopped; 0 with a new array if there is none of this shape.
fn begin(path: &Path, base_file: &Path, rows: usize) -> Result<usize> {
    let is_ours = |x: Array<u64>| x.shape().dims() == [rows, COLS];
    if !Array::<u64>::open(path).is_ok_and(is_ours) {
        // The base of another array must not outlive it.
        match fs::remove_file(base_file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::io("remove", base_file)(e));
            }
            _ => {
                let options = CreateOptions::new().overwrite(true);
                options.create::<u64>(path, [rows, COLS])?.close()?;
            }
        }
    }
    match fs::read_to_string(base_file) {
        Ok(text) => text.parse().map_err(|e| {
            Failure::io("read", base_file)(io::Error::new(io::ErrorKind::InvalidData, e))
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(Failure::io("read", base_file)(e)),
    }
}

fn store(base_file: &Path, base: usize) -> Result<()> {
    let bytes = base.to_string();
    let outputs = Outputs::new().overwrite(true);
    Ok(outputs.save(Role::Output, Kind::Plain, base_file, bytes.as_bytes())?)
}

/// Rows that are written through one handle.
struct Leg {
    x: Mutex<ArrayMut<u64>>,
    rows: Range<usize>,
    batch: usize,
    /// The next row to be taken.
    next: AtomicUsize,
    /// The batches that were written through this handle.
    written: Mutex<BTreeSet<usize>>,
}

impl Leg {
    fn new(x: ArrayMut<u64>, rows: Range<usize>, batch: usize) -> Self {
        let next = AtomicUsize::new(rows.start);
        Self { x: Mutex::new(x), rows, batch, next, written: Mutex::default() }
    }

    /// Writes all of it, and calls `watch` meanwhile.
    fn run(&self, mut watch: impl FnMut(&Self) -> Result<()>) -> Result<()> {
        std::thread::scope(|scope| {
            let threads = [0, 1, 2].map(|i| scope.spawn(move || self.write(i)));
            while !threads.iter().all(|thread| thread.is_finished()) {
                std::thread::sleep(Duration::from_micros(500));
                watch(self)?;
            }
            for thread in threads {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            Ok(())
        })
    }

    /// The loop of one thread.
    fn write(&self, thread: usize) -> Result<()> {
        let mut random = Rng::with_seed(thread as u64);
        loop {
            let first = self.next.fetch_add(self.batch, Ordering::Relaxed);
            let last = self.rows.end.min(first + self.batch);
            if first >= last {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(100 * random.u64(0..4)));
            if thread == 0 {
                self.wait_for_others(first);
            }
            let values: Vec<u64> = (first * COLS..last * COLS).map(|i| element(NEW, i)).collect();
            if let Err(e) = self.x().write_rows(first, &values) {
                // No thread takes the rest, and the first one need not wait for it.
                self.next.store(self.rows.end, Ordering::Relaxed);
                return Err(e.into());
            }
            self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(first);
        }
    }

    /// Holds a row of the second half back until the others have written all rows behind it, and
    /// some of those are synced.
    fn wait_for_others(&self, row: usize) {
        if row < self.rows.start.midpoint(self.rows.end) {
            return;
        }
        while self.next.load(Ordering::Relaxed) < self.rows.end {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(100));
    }

    fn x(&self) -> MutexGuard<'_, ArrayMut<u64>> {
        self.x.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row up to which all rows from `base` on count as durable.
    fn durable(&self, base: usize, count: Count) -> usize {
        let x = self.x();
        match count {
            Count::Written => x.durable_from(base).end,
            Count::ThereWhenOpened => {
                let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                let is_behind = |first: &&usize| x.durable_from(**first).is_empty();
                // Nothing counts before a sync has returned.
                if written.iter().all(|first| is_behind(&first)) {
                    return 0;
                }
                written.iter().find(is_behind).map_or(x.shape().rows(), |&first| first)
            }
        }
    }

    fn close(self) -> Result<()> {
        Ok(self.x.into_inner().unwrap_or_else(PoisonError::into_inner).close()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_nobody_wrote_count_in_the_control_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("out.npy");
        assert_eq!(begin(&path, &dir.path().join(BASE), 128).expect("created"), 0);
        let x = ArrayMut::<u64>::open(&path).expect("nobody else writes");
        let leg = Leg::new(x, 64..128, 8);
        let count =
            |leg: &Leg| [Count::Written, Count::ThereWhenOpened].map(|c| leg.durable(64, c));
        // Another thread took the first rows, and pauses.
        leg.next.store(72, Ordering::Relaxed);
        leg.write(1).expect("written");
        assert_eq!(count(&leg), [64, 0]);
        leg.x().flush().expect("flushed");
        assert_eq!(count(&leg), [64, 128]);
        leg.next.store(64, Ordering::Relaxed);
        leg.write(1).expect("written");
        leg.x().flush().expect("flushed");
        assert_eq!(count(&leg), [128, 128]);
    }

    #[test]
    fn a_base_goes_with_its_array() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, base_file) = (dir.path().join("out.npy"), dir.path().join(BASE));
        assert_eq!(begin(&path, &base_file, 16).expect("created"), 0);
        store(&base_file, 5).expect("stored");
        assert_eq!(begin(&path, &base_file, 16).expect("there"), 5);
        assert_eq!(begin(&path, &base_file, 32).expect("created anew"), 0);
        assert!(!base_file.exists());
    }
}
