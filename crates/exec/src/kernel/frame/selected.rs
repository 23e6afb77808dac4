//! The selected elements of a block, as kernels see them.

use crate::kernel::select::NanPolicy;
use rowmill_core::Tile;

use super::{JobSelection, TileFold};
use crate::engine::grid::Bounds;
use crate::engine::scratch::Scratch;
use crate::error::Result;
use crate::kernel::Numeric;
use crate::kernel::reduce::Block;
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::{Cell, Selection};
use rowmill_lanes::lanes::Lane;

/// The selected elements of a block, as lanes: the loops of kernels see nothing else, so they are
/// compiled per lane and not per element type.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<'a, L> {
    pub(in crate::kernel) tile: Tile<'a, L>,
    /// A byte per element in row-major order, zero for those left out; `None` if none is.
    pub(in crate::kernel) keep: Option<&'a [u8]>,
    pub(in crate::kernel) cell: Cell,
    pub(in crate::kernel) bounds: &'a Bounds,
    /// The row length of the array.
    pub(in crate::kernel) row_len: usize,
    pub(in crate::kernel) isa: Isa,
    pub(in crate::kernel) scratch: &'a Scratch,
    /// Whether inputs beside the block are released after reading.
    pub(in crate::kernel) releases: bool,
}

/// The selected elements of a block.
#[derive(Debug)]
pub struct Selected<'a, T: Numeric> {
    pub(in crate::kernel) lanes: Lanes<'a, T::Lane>,
}

/// A run of consecutive elements, of one cell or of consecutive cells.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Run<'a, L> {
    /// The cell of the first element.
    pub(in crate::kernel) cell: usize,
    /// Whether each element has a cell of its own.
    pub(in crate::kernel) across: bool,
    pub(in crate::kernel) x: &'a [L],
    pub(in crate::kernel) keep: Option<&'a [u8]>,
    /// The position of the first element in the array, in C order.
    pub(in crate::kernel) at: u64,
}

impl<L: Copy> Run<'_, L> {
    /// Passes each selected element to `f`, with its cell and its position.
    #[inline(always)]
    pub(in crate::kernel) fn each(&self, mut f: impl FnMut(usize, L, u64)) {
        let step = usize::from(self.across);
        match self.keep {
            None => {
                for (i, &x) in self.x.iter().enumerate() {
                    f(self.cell + i * step, x, self.at + i as u64);
                }
            }
            Some(keep) => {
                for (i, (&x, &keep)) in self.x.iter().zip(keep).enumerate() {
                    if keep != 0 {
                        f(self.cell + i * step, x, self.at + i as u64);
                    }
                }
            }
        }
    }
}

/// Columns that are gathered together: a cache line of doubles per row.
const GATHERED: usize = 8;

impl<'a, L: Lane> Lanes<'a, L> {
    /// The number of cells that the block contributes to.
    pub(in crate::kernel) fn cells(&self) -> usize {
        self.cell.count(&self.tile)
    }

    /// Whether the block has whole, consecutive rows.
    fn flat(&self) -> Option<&'a [L]> {
        let whole = self.bounds.cols.len() == self.row_len;
        self.tile.as_slice().filter(|_| whole)
    }

    /// Passes all elements to `f`, in runs whose bounds depend on the shape alone.
    #[inline(always)]
    pub(in crate::kernel) fn runs(&self, mut f: impl FnMut(&Run<'a, L>)) {
        let Bounds { rows, cols, .. } = self.bounds;
        let at = |row: usize| ((rows.start + row) * self.row_len + cols.start) as u64;
        if let (Cell::All, Some(x)) = (self.cell, self.flat()) {
            return f(&Run { cell: 0, across: false, x, keep: self.keep, at: at(0) });
        }
        let len = cols.len();
        for (row, x) in self.tile.iter_rows().enumerate() {
            let keep = self.keep.map(|keep| &keep[row * len..][..len]);
            let across = self.cell == Cell::Column;
            let cell = if self.cell == Cell::Row { row } else { 0 };
            f(&Run { cell, across, x, keep, at: at(row) });
        }
    }

    /// Passes each selected element to `f`, with its cell and its position.
    #[inline(always)]
    pub(in crate::kernel) fn each(&self, mut f: impl FnMut(usize, L, u64)) {
        self.runs(|run| run.each(&mut f));
    }

    /// Passes the selected elements of each cell to `f`, as consecutive doubles.
    pub(in crate::kernel) fn gathered(&self, mut f: impl FnMut(usize, &[f64])) {
        let (rows, cols) = (self.tile.rows(), self.tile.cols());
        if self.tile.is_empty() {
            return;
        }
        let isa = self.isa;
        match self.cell {
            Cell::All => {
                let mut values = self.scratch.take::<f64>(self.tile.len());
                let mut n = 0;
                self.runs(|run| n += widened(isa, run, &mut values[n..]));
                f(0, &values[..n]);
            }
            Cell::Row => {
                let mut values = self.scratch.take::<f64>(cols);
                self.runs(|run| {
                    let n = widened(isa, run, &mut values);
                    f(run.cell, &values[..n]);
                });
            }
            Cell::Column => {
                let mut values = self.scratch.take::<f64>(GATHERED * rows);
                for first in (0..cols).step_by(GATHERED) {
                    let width = (cols - first).min(GATHERED);
                    let mut n = [0; GATHERED];
                    for (r, row) in self.tile.iter_rows().enumerate() {
                        let keep = self.keep.map(|keep| &keep[r * cols + first..][..width]);
                        for (c, x) in row[first..first + width].iter().enumerate() {
                            // An element that is left out is overwritten by the next one.
                            values[c * rows + n[c]] = x.to_f64();
                            n[c] += usize::from(keep.is_none_or(|keep| keep[c] != 0));
                        }
                    }
                    for c in 0..width {
                        f(first + c, &values[c * rows..][..n[c]]);
                    }
                }
            }
        }
    }
}

impl<T: Numeric> Selected<'_, T> {
    /// Passes each selected element to `f` as an `f64`, with the number of its cell: the index into
    /// the states given to [`Kernel::fold`](crate::Kernel::fold).
    #[inline]
    pub fn each_value(&self, mut f: impl FnMut(usize, f64)) {
        self.lanes.each(|cell, x, _| f(cell, x.to_f64()));
    }

    /// Passes each selected element to `f`, with the number of its cell and its row in the array.
    #[inline]
    pub fn each_element(&self, mut f: impl FnMut(usize, T, usize)) {
        let row_len = self.lanes.row_len.max(1) as u64;
        self.lanes.each(|cell, x, at| f(cell, T::from_lane(x), (at / row_len) as usize));
    }

    /// The elements of each row that the block holds, in C order within the row.
    #[must_use]
    pub fn cols(&self) -> std::ops::Range<usize> {
        self.lanes.bounds.cols.clone()
    }

    /// The rows of the array that the block holds.
    #[must_use]
    pub fn rows(&self) -> std::ops::Range<usize> {
        self.lanes.bounds.rows.clone()
    }
}

/// Copies the selected elements; returns how many there are.
fn widened<L: Lane>(isa: Isa, run: &Run<'_, L>, to: &mut [f64]) -> usize {
    let Some(keep) = run.keep else {
        isa.run(Widen { from: run.x, to });
        return run.x.len();
    };
    let mut n = 0;
    for (&x, &keep) in run.x.iter().zip(keep) {
        to[n] = x.to_f64();
        n += usize::from(keep != 0);
    }
    n
}

struct Widen<'a, L> {
    from: &'a [L],
    to: &'a mut [f64],
}

impl<L: Lane> rowmill_lanes::arch::Job for Widen<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl rowmill_lanes::arch::Simd) {
        for (to, from) in self.to.iter_mut().zip(self.from) {
            *to = from.to_f64();
        }
    }
}

/// Selects the elements of a block, and passes them to `f`, once.
pub(in crate::kernel) fn with_picked<T: Numeric>(
    block: &Block<'_, T>,
    selected: &JobSelection<'_, T>,
    f: &mut dyn FnMut(&Selected<'_, T>) -> Result<()>,
) -> Result<()> {
    let JobSelection { cell, mask, nan } = *selected;
    T::with_lanes(block.tile(), block.isa(), block.scratch(), |tile| {
        let fold = TileFold::new(block, tile, cell, nan);
        let any_nan = nan != NanPolicy::Propagate && fold.any_nan();
        let all = Lanes {
            tile,
            keep: None,
            cell,
            bounds: block.bounds(),
            row_len: block.row_len(),
            isa: block.isa(),
            scratch: block.scratch(),
            releases: block.releases(),
        };
        mask.select(&fold, &mut |selection| {
            if let (Selection::Kept(keep), false) = (selection, any_nan) {
                return f(&Selected { lanes: Lanes { keep: Some(keep), ..all } });
            }
            if let (Selection::Every, false) = (selection, any_nan) {
                return f(&Selected { lanes: all });
            }
            let mut keep = block.scratch().take::<u8>(tile.len());
            fold.decide(selection, &mut keep);
            if any_nan {
                fold.take_out_nan(&mut keep)?;
            }
            f(&Selected { lanes: Lanes { keep: Some(&keep), ..all } })
        })
    })
}
