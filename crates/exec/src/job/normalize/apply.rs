//! The second read: maps that scale, and normalization in place.

use crate::kernel::float::{Rescale, Scaling};
use rowmill_core::{ArrayMut, Journal, JournalError, Shape, Tile};

use crate::engine::Engine;
use crate::engine::grid::{BLOCK_BYTES, Grid};
use crate::engine::scratch::Scratch;
use crate::error::Result;
use crate::job::in_place::{InPlace, InPlaceJob};
use crate::job::map::{Chunk, Map};
use crate::job::normalize::fit::{OneBlock, Whole, scalings_of};
use crate::job::normalize::{Normalize, NormalizeAxis};
use crate::kernel::Numeric;
use crate::kernel::float::FloatElement;
use crate::kernel::frame::pieces::encoded;
use crate::kernel::loops::Loops;
use rowmill_lanes::arch::Isa;

/// The second read: scales by the statistics of the first.
pub(super) struct Apply {
    pub(super) isa: Isa,
    pub(super) how: Normalize,
    pub(super) scalings: Vec<Scaling>,
    /// From normalized values to the original ones.
    pub(super) back: bool,
}

impl<T: Numeric, U: FloatElement> Map<T, U> for Apply {
    fn within_rows(&self) -> bool {
        true
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let row_len = input.row_len().max(1);
        let target = self.how.target();
        let scratch = Scratch::default();
        let (mut x, mut out) = (input.as_slice(), output);
        let (mut row, mut col) = (input.rows().start, input.first_col());
        while !x.is_empty() {
            // Elements that share a scaling: all, or the rest of a row.
            let len = match self.how.axis {
                NormalizeAxis::All => x.len(),
                _ => x.len().min(row_len - col),
            };
            let scalings = match self.how.axis {
                NormalizeAxis::All => &self.scalings[..1],
                NormalizeAxis::Columns => &self.scalings[col..col + len],
                NormalizeAxis::Rows => &self.scalings[row..=row],
            };
            let (now, later) = x.split_at(len);
            let (out_now, out_later) = out.split_at_mut(len);
            T::with_lanes(Tile::new(now, 1, len, len), self.isa, &scratch, |lanes| {
                let how = Rescale { isa: self.isa, scalings, target, back: self.back };
                T::Lane::rescale(lanes.row(0), U::floats(out_now), how);
            });
            (x, out) = (later, out_later);
            (row, col) = (row + 1, 0);
        }
        Ok(())
    }
}

/// Per row, if rows fit the cache: one read, each row scaled as soon as its statistics are known.
pub(super) struct FitAndApply {
    pub(super) isa: Isa,
    pub(super) how: Normalize,
}

impl<T: Numeric, U: FloatElement> Map<T, U> for FitAndApply {
    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let row_len = input.row_len();
        if row_len == 0 {
            return Ok(());
        }
        let target = self.how.target();
        let scratch = Scratch::default();
        // As many rows at a time as fit in the cache.
        let at_once = (BLOCK_BYTES / (row_len * size_of::<T>())).max(1) * row_len;
        for (x, out) in input.as_slice().chunks(at_once).zip(output.chunks_mut(at_once)) {
            let tile = Tile::new(x, x.len() / row_len, row_len, row_len);
            let mut run = OneBlock { tile, isa: self.isa, scratch: &scratch };
            let found = self.how.find(&mut run)?;
            T::with_lanes(tile, self.isa, &scratch, |lanes| {
                for ((i, out), found) in out.chunks_mut(row_len).enumerate().zip(found) {
                    let scalings = &[self.how.scaling(found)];
                    let how = Rescale { isa: self.isa, scalings, target, back: false };
                    T::Lane::rescale(lanes.row(i), U::floats(out), how);
                }
            });
        }
        Ok(())
    }
}

impl Engine {
    /// Normalizes an array of floats in place: each row is replaced by the values that
    /// [`normalize`](Self::normalize) would write. Journalled, and finished after a crash, as
    /// described at [`map_in_place`](Self::map_in_place).
    ///
    /// If the last change of the array was the same normalization, it is left as it is. A small
    /// hidden file beside it (`.NAME.rowmill-done`) records that, so a run that was killed after
    /// the last row can be repeated safely.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut};
    /// use rowmill_exec::{Engine, Normalize};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("x.npy");
    /// # let mut x = ArrayMut::<f32>::create(&path, [2, 2])?;
    /// # x.write_rows(0, &[1.0, 5.0, 3.0, 5.0])?;
    /// # x.close()?;
    /// let mut x = ArrayMut::<f32>::open_to_finish(&path)?;
    /// Engine::new()?.normalize_in_place(&mut x, Normalize::z_score().per_column())?;
    /// drop(x);
    /// assert_eq!(Array::<f32>::open(&path)?.as_slice(), Some(&[-1.0, 0.0, 1.0, 0.0][..]));
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`map_in_place`](Self::map_in_place).
    pub fn normalize_in_place<T: Numeric + FloatElement>(
        &self,
        array: &mut ArrayMut<T>,
        how: Normalize,
    ) -> Result<InPlace> {
        let isa = self.isa;
        let what = format!("{how:?} in place");
        if how.is_row_by_row::<T>(array.shape()) {
            let kernel = FitAndApply { isa, how };
            let job = InPlaceJob { what: &what, cuts_rows: false, once: true };
            return self.change_in_place(array, job, |_| Ok(Vec::new()), |_| Ok(kernel));
        }
        let cells = how.cells(array.shape());
        let fit = |array: &ArrayMut<T>| {
            let mut whole = Whole { engine: self, source: array, keep: None };
            let scalings = how.fit_whole(&mut whole)?;
            encoded(&scalings, Vec::new())
        };
        let journal = Journal::path_for(array.path());
        let kernel = |fitted: &[u8]| {
            let scalings = scalings_of(fitted, cells).ok_or_else(|| {
                let source = JournalError::Damaged { what: "its scalings do not fit the job" };
                rowmill_core::Error::Journal { path: journal, source }
            })?;
            Ok(Apply { isa, how, scalings, back: false })
        };
        let job = InPlaceJob { what: &what, cuts_rows: true, once: true };
        self.change_in_place(array, job, fit, kernel)
    }
}

impl Normalize {
    /// Whether rows of an array are normalized one by one, in one read: those that fit the cache.
    pub(super) fn is_row_by_row<T>(&self, shape: &Shape) -> bool {
        self.axis == NormalizeAxis::Rows && Grid::of::<T>(shape).tiles() <= 1
    }
}
