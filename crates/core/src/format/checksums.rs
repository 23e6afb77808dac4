//! Checksums of runs of rows, stored in the sidecar, to detect and locate damage.

use std::fmt;
use std::hash::Hasher;
use std::ops::Range;

use twox_hash::XxHash3_64;

use crate::element::Element;
use crate::shape::Shape;

/// The most checksums of one array: they have to fit in a sidecar.
const MOST: usize = 16 << 10;

/// The least number of bytes per checksum: disk damage is usually larger.
const RUN_BYTES: usize = 1 << 20;

/// Checksums of an array: one per run of `rows` rows, the last run shorter. Each is the 64-bit XXH3
/// with seed 0 (<https://github.com/Cyan4973/xxHash>) of the elements of these rows in C order, as
/// little-endian bytes, whatever the byte order of the file. With numpy and the Python package
/// `xxhash`: `xxh3_64(x[rows].astype('<f4').tobytes())`.
///
/// They detect damage by a disk, a cable or another program; they do not protect against deliberate
/// changes.
///
/// ```
/// use rowmill_core::Checksums;
/// let rows: Vec<u8> = (0..100).collect();
/// let sums = Checksums::new(4, rows.chunks(40).map(Checksums::of).collect());
/// assert_eq!(sums.rows(1), 4..8); // rows of ten bytes here
/// assert_eq!(sums.values()[0], Checksums::of(&rows[..40]));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Checksums {
    rows: usize,
    values: Vec<u64>,
}

impl fmt::Debug for Checksums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksums({} of {} rows each)", self.values.len(), self.rows)
    }
}

impl Checksums {
    /// Checksums of runs of `rows` rows, in order.
    ///
    /// # Panics
    /// If `rows` is 0.
    #[must_use]
    pub fn new(rows: usize, values: Vec<u64>) -> Self {
        assert!(rows > 0, "a checksum stands for one row at least");
        Self { rows, values }
    }

    /// The checksum of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        XxHash3_64::oneshot(bytes)
    }

    /// The recommended number of rows per checksum for an array of this shape: about a megabyte,
    /// more for arrays of more than sixteen gigabytes.
    #[must_use]
    pub fn rows_each(shape: &Shape, element_size: usize) -> usize {
        let row_bytes = shape.row_len().saturating_mul(element_size).max(1);
        (RUN_BYTES / row_bytes).max(shape.rows().div_ceil(MOST)).max(1)
    }

    /// The number of rows per checksum.
    #[must_use]
    pub fn step(&self) -> usize {
        self.rows
    }

    /// The checksums.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// The rows of checksum number `index`; the last run may be shorter.
    #[must_use]
    pub fn rows(&self, index: usize) -> Range<usize> {
        let start = index.saturating_mul(self.rows);
        start..start.saturating_add(self.rows)
    }

    /// Whether the number of checksums is right for an array of this many rows.
    #[must_use]
    pub fn fit(&self, rows: usize) -> bool {
        self.values.len() == rows.div_ceil(self.rows)
    }
}

/// An incremental checksum of elements.
///
/// ```
/// use rowmill_core::{ChecksumHasher, Checksums};
/// let mut hasher = ChecksumHasher::new();
/// hasher.add(&[1.0_f32]);
/// hasher.add(&[2.0_f32, 3.0]);
/// let bytes = [1.0_f32, 2.0, 3.0].map(f32::to_le_bytes).concat();
/// assert_eq!(hasher.finish(), Checksums::of(&bytes));
/// ```
#[derive(Clone)]
pub struct ChecksumHasher(XxHash3_64);

impl fmt::Debug for ChecksumHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChecksumHasher").finish_non_exhaustive()
    }
}

impl Default for ChecksumHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl ChecksumHasher {
    /// The checksum of no elements.
    #[must_use]
    pub fn new() -> Self {
        Self(XxHash3_64::new())
    }

    /// Adds the elements that follow.
    pub fn add<T: Element>(&mut self, elements: &[T]) {
        if cfg!(target_endian = "little") {
            self.0.write(T::bytes(elements));
        } else {
            for x in elements {
                self.0.write(bytemuck::bytes_of(&T::swap(x.store())));
            }
        }
    }

    /// The checksum.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}
