//! Quantiles within an error bound, in one read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{between, check, places};
use crate::error::{Error, Result};
use crate::kernel::frame::axis::for_each_axis;
use crate::kernel::frame::room::Room;
use crate::kernel::frame::{CellPlace, Each, Selected};
use crate::kernel::key::Key;
use crate::kernel::loops::Loops;
use crate::kernel::{Kernel, NanPolicy, Numeric};
use rowmill_lanes::lanes::Lane;

/// Quantiles in one read, within a bound that holds for any data.
///
/// Elements are counted in buckets between `2^k (1 + j / 2^m)` and the next. Both elements next to
/// a quantile (numpy's method `linear`) are found with at most the requested relative error. (For
/// subnormal numbers the absolute error is below `2^-1022`.) The bucket of an element depends on
/// its value alone: the answer is the same however the work is split, and partials merge without
/// loss. For exact quantiles see [`Engine::quantiles`](crate::Engine::quantiles).
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{ApproxQuantiles, Engine};
/// let data: Vec<f64> = (1..=10_001).map(f64::from).collect();
/// let x = SliceSource::new(&data, [10_001]).unwrap();
/// let quartiles = ApproxQuantiles::new(&[0.25, 0.5, 0.75], 0.01)?;
/// let found = Engine::new()?.reduce(&x, quartiles.all())?;
/// assert!((found[1] / 5001.0 - 1.0).abs() <= 0.01);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "all(), per_column() or per_row() make a reduction of it"]
pub struct ApproxQuantiles {
    at: Arc<[f64]>,
    /// The shift that turns a key into the number of its bucket, in bits.
    shift: u32,
}

/// The exponent bits of an `f64`, and its sign.
const SIGN_AND_EXPONENT: u32 = 12;

/// The finest buckets: 2^-16 of their value.
const MOST_BITS: u32 = 15;

impl ApproxQuantiles {
    /// These quantiles (numbers from 0 to 1; 0.5 is the median), with at most this relative error.
    ///
    /// # Errors
    /// [`Error::BadOption`] for a quantile that is not between 0 and 1, and for an error that is
    /// not between 1/65536 and 1.
    pub fn new(at: &[f64], relative_error: f64) -> Result<Self> {
        check(at)?;
        // The middle of a bucket is off by at most 2^-(m + 1) of its elements.
        let bits = (0..=MOST_BITS).find(|&m| 0.5_f64.powi(m as i32 + 1) <= relative_error);
        let Some(bits) = bits.filter(|_| relative_error <= 1.0) else {
            return Err(Error::BadOption {
                knob: "the relative error of quantiles",
                value: format!("{relative_error:?}"),
                expected: "expected 1/65536 to 1; Engine::quantiles is exact",
            });
        };
        Ok(Self { at: at.into(), shift: 64 - SIGN_AND_EXPONENT - bits })
    }

    for_each_axis!(Each<Self>, (self), Each(self));

    /// The value that represents the elements of a bucket.
    fn middle(&self, bucket: u32) -> f64 {
        let low = u64::from(bucket) << self.shift;
        let high = low | ((1 << self.shift) - 1);
        let (low, high) = (f64::from_key(low), f64::from_key(high));
        if low == f64::INFINITY || low == 0.0 {
            low
        } else if high == f64::NEG_INFINITY {
            high
        } else {
            low * 0.5 + high * 0.5
        }
    }
}

/// Element counts per bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sketch {
    /// In order of buckets, without zeros.
    counts: Vec<(u32, u64)>,
    nan: u64,
}

impl Sketch {
    /// Adds the buckets of some elements, which are reordered.
    fn of(buckets: &mut [u32], nan: u64) -> Self {
        let (least, most) = buckets.iter().fold((u32::MAX, 0), |(a, b), &x| (a.min(x), b.max(x)));
        let mut counts = Vec::new();
        if buckets.is_empty() {
            return Self { counts, nan };
        }
        let width = (most - least) as usize + 1;
        if width <= buckets.len() {
            let mut table = vec![0_u64; width];
            buckets.iter().for_each(|&bucket| table[(bucket - least) as usize] += 1);
            let nonzero = table.iter().enumerate().filter(|&(_, &n)| n > 0);
            counts.extend(nonzero.map(|(i, &n)| (least + i as u32, n)));
        } else {
            buckets.sort_unstable();
            counts.extend(buckets.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)));
        }
        Self { counts, nan }
    }

    fn join(&mut self, next: &Self) {
        let mut merged = Vec::with_capacity(self.counts.len().max(next.counts.len()));
        let mut others = next.counts.iter().copied().peekable();
        for &(bucket, count) in &self.counts {
            while let Some(earlier) = others.next_if(|&(b, _)| b < bucket) {
                merged.push(earlier);
            }
            let same = others.next_if(|&(b, _)| b == bucket);
            merged.push((bucket, count + same.map_or(0, |(_, n)| n)));
        }
        merged.extend(others);
        self.counts = merged;
        self.nan += next.nan;
    }
}

impl<T: Numeric> Kernel<T> for ApproxQuantiles {
    type Value = Vec<f64>;
    type State = Sketch;

    fn new_state(&self) -> Sketch {
        Sketch { counts: Vec::new(), nan: 0 }
    }
    fn fold(&self, cells: &mut [Sketch], selected: &Selected<'_, T>) -> Result<()> {
        let mut buckets = Vec::new();
        T::Lane::gathered(&selected.lanes, &mut |cell, values| {
            let mut nan = 0;
            buckets.clear();
            for x in values {
                if x.is_nan() {
                    nan += 1;
                } else {
                    buckets.push((x.key() >> self.shift) as u32);
                }
            }
            cells[cell] = Sketch::of(&mut buckets, nan);
        });
        Ok(())
    }
    fn merge(&self, state: &mut Sketch, next: Sketch) {
        state.join(&next);
    }
    fn is_valid(&self, state: &Sketch, room: &Room<'_>) -> bool {
        let counts = state.counts.iter().map(|&(_, n)| n);
        let (least, most) = if T::Lane::FLOAT {
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            (Lane::to_f64(T::LEAST), Lane::to_f64(T::MOST))
        };
        let buckets = least.key() >> self.shift..=most.key() >> self.shift;
        room.counts_all(counts.chain([state.nan]))
            && (state.nan == 0 || room.takes_nan::<T::Lane>())
            && state.counts.is_sorted_by(|a, b| a.0 < b.0)
            && state.counts.iter().all(|&(bucket, n)| n > 0 && buckets.contains(&bucket.into()))
    }
    fn value(&self, state: &Sketch, place: &CellPlace<'_>) -> Result<Vec<f64>> {
        let count = state.counts.iter().map(|&(_, n)| n).sum();
        if count == 0 || (state.nan > 0 && place.nan == NanPolicy::Propagate) {
            return Ok(vec![f64::NAN; self.at.len()]);
        }
        let mut ends = Vec::with_capacity(state.counts.len());
        let mut end = 0;
        for &(_, n) in &state.counts {
            end += n;
            ends.push(end);
        }
        let element = |place: u64| {
            let i = ends.partition_point(|&end| end <= place).min(ends.len() - 1);
            self.middle(state.counts[i].0)
        };
        let value = |&q: &f64| {
            let (low, high, part) = places(q, count);
            let (low, high) = (element(low), element(high));
            between(low, high, high - low, part)
        };
        Ok(self.at.iter().map(value).collect())
    }
    fn describe(&self) -> Option<String> {
        Some(format!("approximate quantiles {:?}, shift {}", self.at, self.shift))
    }
}
