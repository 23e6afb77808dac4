//! A sample of an array, the same however the work is split.

use std::ops::Range;

use rowmill_core::{Element, Shape};

use super::frame::list::check_len;
use super::frame::pieces::Pieces;
use crate::engine::OWN;
use crate::engine::grid::Grid;
use crate::error::{Error, Result};
use crate::kernel::NanPolicy;
use crate::kernel::reduce::{Answer, Answers, Block, Reduce, Reducer, Shared, State};

/// A sample of the rows or elements of an array: one of each run of a fixed length (a stratum). Its
/// position within the run is random but reproducible. A sample costs nothing beside a reduction in
/// the same read, and shows distributions, which sums do not.
///
/// In a sample of `n` elements, the share below a value deviates from the true share by at most
/// about `1 / (2 √n)` (one standard deviation). A stratified sample is no worse than a random one,
/// unless the data has the same period as the strata.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Sample, Sum};
/// # use rowmill_core::Source;
/// let data: Vec<f32> = (0..2000).map(|i| i as f32).collect();
/// let x = SliceSource::new(&data, [1000, 2]).unwrap();
/// let engine = Engine::new()?;
/// let (sum, columns) = engine.reduce(&x, (Sum::all(), Sample::rows(x.shape(), 100)))?;
/// assert_eq!((columns.len(), columns[1].len()), (2, 100));
/// assert!(columns[1].iter().all(|v| v % 2.0 == 1.0));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a sample does nothing until an engine runs it"]
pub struct Sample {
    /// Rows, or elements of all rows combined.
    unit: Unit,
    /// The length of a stratum.
    step: usize,
    /// The number of units.
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Rows,
    Elements,
}

impl Sample {
    /// About `about` rows of an array of this shape, or all if there are not many more. The answer
    /// is a list of elements per column, in row order; columns are in C order, whatever the axes of
    /// a row.
    pub fn rows(shape: &Shape, about: usize) -> Self {
        Self::new(Unit::Rows, shape.rows(), about)
    }

    /// About `about` elements of an array of this shape, or all if there are not many more. The
    /// answer is one list.
    pub fn elements(shape: &Shape, about: usize) -> Self {
        Self::new(Unit::Elements, shape.len(), about)
    }

    fn new(unit: Unit, len: usize, about: usize) -> Self {
        Self { unit, step: (len / about.max(1)).max(1), len }
    }

    /// Whether the sample is the whole array.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.step == 1
    }

    /// The sampled units among these.
    fn picks(self, units: Range<usize>) -> impl Iterator<Item = usize> {
        let Self { step, len, .. } = self;
        let strata = units.start / step..units.end.div_ceil(step);
        let pick = move |stratum: usize| {
            let first = stratum * step;
            let width = step.min(len - first);
            first + (mixed(stratum as u64) % width as u64) as usize
        };
        strata.map(pick).filter(move |pick| units.contains(pick))
    }
}

/// A pseudorandom number (Steele, Lea and Flood 2014, the finalizer of `SplitMix64`).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

impl Sample {
    /// The sampled elements of a block, in row-major order.
    fn of_block<T: Element>(self, block: &Block<'_, T>) -> Vec<T> {
        let (tile, rows, cols) = (block.tile(), block.rows(), block.cols());
        let mut selected = Vec::new();
        match self.unit {
            Unit::Rows => {
                for row in self.picks(rows.clone()) {
                    selected.extend_from_slice(tile.row(row - rows.start));
                }
            }
            Unit::Elements => {
                let row_len = block.row_len();
                // Whole rows are one run of elements; parts of rows are one each.
                let whole = cols.len() == row_len;
                let runs = if whole { 1 } else { rows.len() };
                for run in 0..runs {
                    let first = (rows.start + run) * row_len + cols.start;
                    let len = if whole { tile.len() } else { cols.len() };
                    selected.extend(self.picks(first..first + len).map(|i| {
                        let at = i - first;
                        tile.row(run + at / cols.len())[at % cols.len()]
                    }));
                }
            }
        }
        selected
    }

    /// The sampled elements, a list for each column or one for all.
    fn lists<T: Element>(self, pieces: Pieces, shape: &Shape) -> Result<Vec<Vec<T>>> {
        let of = |state: State| *state.downcast::<Vec<T>>().expect(OWN);
        if self.unit == Unit::Elements {
            return Ok(vec![pieces.0.into_iter().flat_map(|(_, elements)| of(elements)).collect()]);
        }
        let row_len = shape.row_len();
        check_len(shape, row_len)?;
        let mut columns = Vec::new();
        let no_memory = |_| Error::TooManyCells { cells: row_len };
        columns.try_reserve_exact(row_len).map_err(no_memory)?;
        columns.resize_with(row_len, Vec::new);
        let tile_cols = Grid::new(shape.rows(), row_len, size_of::<T>()).tile_cols();
        for (tile, elements) in pieces.0 {
            let first = tile * tile_cols;
            let columns = &mut columns[first..row_len.min(first + tile_cols)];
            for row in of(elements).chunks_exact(columns.len()) {
                columns.iter_mut().zip(row).for_each(|(column, &x)| column.push(x));
            }
        }
        Ok(columns)
    }
}

impl<T: Element> Reduce<T> for Sample {
    type Output = Vec<Vec<T>>;

    fn reducers<'a>(&'a self, _: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        to.push(Box::new(*self));
    }
    fn output(&self, answers: &mut Answers) -> Vec<Vec<T>> {
        answers.take()
    }
}

/// By tile, in row-major order. Unmodified elements need neither a selection nor states of cells,
/// so this bypasses the frame.
impl<T: Element> Reducer<T> for Sample {
    fn fold(&self, _: &Shared, block: &Block<'_, T>) -> Result<Option<State>> {
        let piece = if self.unit == Unit::Rows { block.bounds().tile } else { 0 };
        Ok(Some(Box::new(Pieces(vec![(piece, Box::new(self.of_block(block)))]))))
    }

    fn merge(&self, state: &mut State, next: State) {
        let pieces: &mut Pieces = state.downcast_mut().expect(OWN);
        pieces.merge(Pieces::of(next), &|all, next| {
            let all: &mut Vec<T> = all.downcast_mut().expect(OWN);
            all.append(&mut next.downcast().expect(OWN));
        });
    }

    fn finish(&self, _: Shared, state: Option<State>, shape: &Shape) -> Result<Answer> {
        let pieces = state.map_or_else(Pieces::default, Pieces::of);
        Ok(Box::new(self.lists::<T>(pieces, shape)?))
    }

    fn save(&self, _: &State) -> Result<Vec<u8>> {
        Err(Error::Unsaved { what: "a sample is not kept".to_owned() })
    }

    fn load(&self, _: &[u8], _: &Shape, _: Range<usize>) -> Option<State> {
        None
    }
}

#[cfg(test)]
mod tests {
    use rowmill_core::{SliceSource, Source};

    use super::*;
    use crate::engine::Engine;

    #[test]
    fn one_of_each_stratum_for_any_split() {
        for (rows, cols, about) in [(1000, 3, 100), (7, 9000, 5), (300, 5000, 20), (5, 2, 50)] {
            let data: Vec<u32> = (0..rows * cols).map(|i| i as u32).collect();
            let x = SliceSource::new(&data, [rows, cols]).expect("rows");
            let mut found = Vec::new();
            for workers in [1, 3] {
                let engine = Engine::builder().workers(workers).build().expect("workers");
                let by_rows = engine.reduce(&x, Sample::rows(x.shape(), about)).expect("a sample");
                let elements = engine.reduce(&x, Sample::elements(x.shape(), about));
                found.push((by_rows, elements.expect("a sample")));
            }
            assert_eq!(found[0], found[1]);
            let (by_rows, elements) = &found[0];
            let step = (rows / about).max(1);
            let sampled: Vec<usize> = by_rows[0].iter().map(|&x| x as usize / cols).collect();
            let strata: Vec<usize> = sampled.iter().map(|row| row / step).collect();
            assert_eq!(strata, (0..rows.div_ceil(step)).collect::<Vec<_>>());
            for (col, column) in by_rows.iter().enumerate() {
                let expected: Vec<u32> = sampled.iter().map(|r| (r * cols + col) as u32).collect();
                assert_eq!(*column, expected);
            }
            let step = (rows * cols / about).max(1);
            let mut strata: Vec<usize> = elements[0].iter().map(|&x| x as usize / step).collect();
            strata.sort_unstable();
            assert_eq!(strata, (0..(rows * cols).div_ceil(step)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn places_within_strata_differ() {
        let sample = Sample { unit: Unit::Rows, step: 100, len: 10_000 };
        let mut places: Vec<usize> = sample.picks(0..10_000).map(|row| row % 100).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 50, "{places:?}");
        assert_eq!(sample.picks(0..0).count(), 0);
    }
}
