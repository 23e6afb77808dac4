//! Checksums of rows: computed, and verified.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rowmill_core::{ChecksumHasher, Checksums, Element, Source, TileBuffer};

use crate::engine::Engine;
use crate::engine::input::Typed;
use crate::engine::run::Job;
use crate::error::{Error, Result};

/// The largest piece that is hashed at once.
const PIECE: usize = 1 << 20;

impl Engine {
    /// The checksums of an array: one per run of `rows` rows, in one read, on all workers.
    /// [`Checksums::rows_each`] suggests a number of rows.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::Engine;
    /// let engine = Engine::new()?;
    /// let x = SliceSource::new(&[1_u16, 2, 3, 4, 5, 6], [3, 2]).unwrap();
    /// let sums = engine.checksums(&x, 2)?;
    /// let damaged = SliceSource::new(&[1_u16, 2, 3, 4, 5, 7], [3, 2]).unwrap();
    /// assert!(engine.verify(&x, &sums)?.is_empty());
    /// assert_eq!(engine.verify(&damaged, &sums)?, [2..3]);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`] if the array cannot be read or changed meanwhile, [`Error::Cancelled`],
    /// [`Error::BadOption`] for runs of zero rows.
    pub fn checksums<T: Element>(&self, source: &impl Source<T>, rows: usize) -> Result<Checksums> {
        if rows == 0 {
            return Err(Error::BadOption {
                knob: "the rows of a checksum",
                value: "0".to_owned(),
                expected: "expected at least one row",
            });
        }
        let shape = source.shape();
        let runs = shape.rows().div_ceil(rows);
        let values: Vec<AtomicU64> = (0..runs).map(|_| AtomicU64::new(0)).collect();
        let row_bytes = shape.row_len() * size_of::<T>();
        let rows_of = |run: usize| run * rows..shape.rows().min((run + 1) * rows);
        let total = (shape.rows() * row_bytes) as u64;
        let job = Job::new(self, "checksum", runs, total).within_ceiling();
        let releases = job.releases();
        self.run(
            &job,
            |run| (rows_of(run).len() * row_bytes) as u64,
            || TileBuffer::new().below_ceiling(releases),
            |buffer, run| {
                let sum = checksum(source, rows_of(run), buffer);
                source.check()?;
                let sum = sum?;
                values[run].store(sum, Ordering::Relaxed);
                Ok(())
            },
        );
        job.end(&Typed(source))?;
        job.succeed();
        Ok(Checksums::new(rows, values.into_iter().map(AtomicU64::into_inner).collect()))
    }

    /// Verifies an array against its checksums, in one read, on all workers. Returns the changed
    /// rows, with adjacent runs merged. Damage is detected per run, so undamaged rows of the same
    /// run are included.
    ///
    /// # Errors
    /// As [`checksums`](Self::checksums); [`Error::ChecksumCount`] if the checksums are for another
    /// number of rows.
    pub fn verify<T: Element>(
        &self,
        source: &impl Source<T>,
        expected: &Checksums,
    ) -> Result<Vec<Range<usize>>> {
        let rows = source.shape().rows();
        if !expected.fit(rows) {
            let (found, step) = (expected.values().len(), expected.step());
            return Err(Error::ChecksumCount { expected: rows.div_ceil(step), found, step, rows });
        }
        let found = self.checksums(source, expected.step())?;
        let mut damaged: Vec<Range<usize>> = Vec::new();
        for (run, (a, b)) in found.values().iter().zip(expected.values()).enumerate() {
            if a == b {
                continue;
            }
            let run = expected.rows(run);
            let run = run.start..run.end.min(rows);
            match damaged.last_mut() {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => damaged.push(run),
            }
        }
        Ok(damaged)
    }
}

/// The checksum of some rows, which may be too long to be in memory at once.
fn checksum<T: Element>(
    source: &impl Source<T>,
    rows: Range<usize>,
    buffer: &mut TileBuffer<T>,
) -> Result<u64> {
    let row_len = source.shape().row_len();
    let row_bytes = (row_len * size_of::<T>()).max(1);
    let (step, cols) = if row_bytes <= PIECE {
        ((PIECE / row_bytes).max(source.rows_at_a_time()), row_len)
    } else {
        (1, PIECE / size_of::<T>())
    };
    let mut hasher = ChecksumHasher::new();
    for start in rows.clone().step_by(step) {
        let some = start..rows.end.min(start + step);
        for first in (0..row_len).step_by(cols.max(1)) {
            let part = first..row_len.min(first + cols);
            let tile = source.tile(some.clone(), part, buffer)?;
            tile.slices().for_each(|slice| hasher.add(slice));
        }
    }
    if buffer.is_below_ceiling() {
        source.release(rows, 0..row_len);
    }
    Ok(hasher.finish())
}
