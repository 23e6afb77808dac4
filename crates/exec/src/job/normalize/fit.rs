//! The statistics that a normalization needs of an array, from one read.

use crate::kernel::float::Scaling;
use rowmill_core::{Shape, Source, Tile};

use crate::engine::grid::Bounds;
use crate::engine::scratch::Scratch;
use crate::engine::{Engine, OWN};
use crate::error::Result;
use crate::job::NormalizeMethod;
use crate::job::normalize::{Normalize, NormalizeAxis};
use crate::kernel::blocks::TypedBlocks;
use crate::kernel::frame::Each;
use crate::kernel::frame::pieces::encoded;
use crate::kernel::min_max::MaybeMinMax;
use crate::kernel::norm::Norm;
use crate::kernel::quantile::quantile_of_sorted;
use crate::kernel::reduce::{Answer, Block, Reducer, Shared, decoded};
use crate::kernel::{
    AnyAxis, MeanVar, Moments, NanPolicy, Numeric, Reduction, Statistic, ValueRange, Valued, Values,
};
use crate::resume::checkpoint::{Keeper, State};
use rowmill_lanes::arch::Isa;

/// The statistics of a cell: its moments or its range, as the method needs. With the robust method,
/// the mean is the median and the range is the quantiles. With a norm, the maximum is the norm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) moments: MeanVar,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// Compares bits: a statistic that was not computed is NaN, and equals itself.
impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        let bits = |f: &Self| [f.moments.mean, f.moments.var, f.min, f.max].map(f64::to_bits);
        self.moments.count == other.moments.count && bits(self) == bits(other)
    }
}

/// The statistics of an empty selection.
pub(super) const NOTHING: Found = Found {
    moments: MeanVar { count: 0, mean: f64::NAN, var: f64::NAN },
    min: f64::NAN,
    max: f64::NAN,
};

impl Normalize {
    /// The number of scalings of an array.
    pub(super) fn cells(self, shape: &Shape) -> usize {
        match self.axis {
            NormalizeAxis::All => 1,
            NormalizeAxis::Columns => shape.row_len(),
            NormalizeAxis::Rows => shape.rows(),
        }
    }

    /// The scalings of an array, from one read.
    pub(super) fn fit_whole<T: Numeric>(self, whole: &mut dyn OneRead<T>) -> Result<Vec<Scaling>> {
        Ok(self.find(whole)?.into_iter().map(|found| self.scaling(found)).collect())
    }

    /// The scalings of an array, from one read or from the checkpoint of an earlier run that
    /// completed that read; as values and as bytes.
    pub(super) fn fit_once<T: Numeric>(
        self,
        engine: &Engine,
        source: &dyn Source<T>,
        mut keeper: Keeper<'_>,
    ) -> Result<(Vec<Scaling>, Vec<u8>)> {
        let cells = self.cells(source.shape());
        match keeper.take_found() {
            Some(State::Map { fitted, .. }) => {
                let error = || keeper.damaged("its scalings do not fit the job");
                Ok((scalings_of(&fitted, cells).ok_or_else(error)?, fitted))
            }
            found => {
                let mut whole = Whole { engine, source, keep: Some((&keeper, found)) };
                let scalings = self.fit_whole(&mut whole)?;
                let fitted = encoded(&scalings, Vec::new())?;
                let fitted_alone =
                    || State::Map { fitted: fitted.clone(), output: None, done: Vec::new() };
                keeper.save(&|| Ok(fitted_alone()))?;
                Ok((scalings, fitted))
            }
        }
    }

    /// Finds the statistics of each cell, in one read.
    pub(super) fn find<T: Numeric>(self, run: &mut dyn OneRead<T>) -> Result<Vec<Found>> {
        let axis = match self.axis {
            NormalizeAxis::All => AnyAxis::All,
            NormalizeAxis::Columns => AnyAxis::Columns,
            NormalizeAxis::Rows => AnyAxis::Rows,
        };
        Ok(match self.method {
            NormalizeMethod::Robust { low, high } => {
                run.quantiles(axis, [low, 0.5, high])?.into_iter().map(robust).collect()
            }
            NormalizeMethod::Norm(order) => {
                let norms = values_of(run, Reduction::new(Each(Norm::of(order)), axis))?;
                norms.into_iter().map(|max| Found { max, ..NOTHING }).collect()
            }
            NormalizeMethod::ZScore => {
                let cells = values_of(run, Reduction::new(Moments::population(), axis))?;
                cells.into_iter().map(|moments| Found { moments, ..NOTHING }).collect()
            }
            _ => {
                let cells = values_of(run, Reduction::new(MaybeMinMax, axis))?;
                let wide = |r: ValueRange<T>| Found {
                    min: T::to_f64(r.min),
                    max: T::to_f64(r.max),
                    ..NOTHING
                };
                cells.into_iter().map(|r| r.map_or(NOTHING, wide)).collect()
            }
        })
    }
}

/// The values of a kernel, NaN left out.
fn values_of<T: Numeric, K: Valued<T>>(
    run: &mut dyn OneRead<T>,
    reduction: Reduction<K, AnyAxis>,
) -> Result<Vec<K::Value>> {
    let answer = run.reduce(Box::new(reduction.frame(NanPolicy::Skip)))?;
    Ok(answer.downcast::<Values<K::Value>>().expect(OWN).into_vec())
}

fn robust([min, middle, max]: [f64; 3]) -> Found {
    Found { moments: MeanVar { mean: middle, ..NOTHING.moments }, min, max }
}

/// The scalings that these bytes encode, if the count is right and each could be computed here.
pub(super) fn scalings_of(fitted: &[u8], cells: usize) -> Option<Vec<Scaling>> {
    let scalings: Vec<Scaling> = decoded(fitted)?;
    (scalings.len() == cells && scalings.iter().all(Scaling::is_valid)).then_some(scalings)
}

/// Anything that can run one reduction: an engine over an array, or over one block.
pub(super) trait OneRead<T: Numeric> {
    fn reduce(&mut self, reducer: Box<dyn Reducer<T> + '_>) -> Result<Answer>;

    /// Quantiles of each cell, NaN left out.
    fn quantiles(&mut self, axis: AnyAxis, at: [f64; 3]) -> Result<Vec<[f64; 3]>>;
}

pub(super) struct Whole<'a, T> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a dyn Source<T>,
    /// The keeper of progress, and the progress of an earlier run.
    pub(super) keep: Option<(&'a Keeper<'a>, Option<State>)>,
}

impl<T: Numeric> OneRead<T> for Whole<'_, T> {
    fn reduce(&mut self, reducer: Box<dyn Reducer<T> + '_>) -> Result<Answer> {
        let blocks = TypedBlocks::new(self.source, self.engine.isa, vec![reducer]);
        let answers = match &mut self.keep {
            None => self.engine.reduce_blocks(&blocks, None)?,
            Some((keeper, found)) => self.engine.reduce_keeping(&blocks, keeper, found.take())?,
        };
        Ok(answers.into_iter().next().expect(OWN))
    }

    /// Without a checkpoint the counts are not saved, and are computed again after a kill.
    fn quantiles(&mut self, axis: AnyAxis, at: [f64; 3]) -> Result<Vec<[f64; 3]>> {
        let quantiles = self.engine.quantiles(&self.source, &at).nan(NanPolicy::Skip);
        let cells = match axis {
            AnyAxis::All | AnyAxis::Columns => quantiles.along(axis)?.into_vec(),
            AnyAxis::Rows => {
                return Err(crate::error::Error::BadOption {
                    knob: "a robust normalization per row",
                    value: "of rows that do not fit a block".to_owned(),
                    expected: "expected rows of at most 16 KiB; normalize columns, or by another method",
                });
            }
        };
        let three = |cell: Vec<f64>| cell.try_into().unwrap_or([f64::NAN; 3]);
        Ok(cells.into_iter().map(three).collect())
    }
}

pub(super) struct OneBlock<'a, T> {
    pub(super) tile: Tile<'a, T>,
    pub(super) isa: Isa,
    pub(super) scratch: &'a Scratch,
}

impl<T: Numeric> OneRead<T> for OneBlock<'_, T> {
    fn reduce(&mut self, reducer: Box<dyn Reducer<T> + '_>) -> Result<Answer> {
        let (rows, cols) = (self.tile.rows(), self.tile.cols());
        let bounds = Bounds { band: 0, tile: 0, rows: 0..rows, cols: 0..cols };
        let block = Block::new(self.tile, bounds, cols, self.isa, self.scratch);
        let shape = Shape::new([rows, cols]).map_err(crate::error::Error::kernel)?;
        let state = reducer.fold(&Shared::default(), &block)?;
        reducer.finish(Shared::default(), state, &shape)
    }

    /// Supports rows only: single blocks need nothing else.
    fn quantiles(&mut self, _: AnyAxis, at: [f64; 3]) -> Result<Vec<[f64; 3]>> {
        let mut sorted = Vec::with_capacity(self.tile.cols());
        let of_row = |row: &[T]| {
            sorted.clear();
            sorted.extend(row.iter().map(|&x| T::to_f64(x)).filter(|x| !x.is_nan()));
            sorted.sort_unstable_by(f64::total_cmp);
            at.map(|q| quantile_of_sorted(&sorted, q))
        };
        Ok(self.tile.iter_rows().map(of_row).collect())
    }
}

impl<T: Numeric> Statistic<T> for MaybeMinMax {
    type Value = Option<ValueRange<T>>;

    fn need(&self) -> rowmill_lanes::fold::Need {
        rowmill_lanes::fold::Need::Range
    }
    fn special(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        "min and max, if any".to_owned()
    }

    fn value(
        &self,
        cell: &rowmill_lanes::fold::CellState<T::Lane>,
        nan: NanPolicy,
        _: usize,
    ) -> Result<Self::Value> {
        Ok(crate::kernel::min_max::range(cell, nan))
    }
}
