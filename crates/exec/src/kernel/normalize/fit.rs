//! What a normalization has to know of an array, from one read.

use rowmill_core::{Shape, Source, Tile};

use super::scaling::Scaling;
use super::{Normalize, NormalizeAxis, NormalizeMethod};
use crate::blocks::TypedBlocks;
use crate::checkpoint::{Keeper, State};
use crate::grid::Bounds;
use crate::kernel::frame::Each;
use crate::kernel::min_max::MaybeMinMax;
use crate::kernel::norm::Norm;
use crate::kernel::quantile::quantile_of_sorted;
use crate::kernel::{
    All, Axis, Columns, MeanVar, Moments, NanPolicy, Numeric, Range, Reduction, Rows, Statistic,
    Values,
};
use crate::reduce::{Answers, Block, Reduce, Shared, decoded};
use crate::scratch::Scratch;
use crate::{Engine, Result};
use rowmill_lanes::arch::Isa;
use rowmill_lanes::fold::Cell;

/// What was found of a cell: of moments and range the one that the method needs. Robust, the mean is the
/// median and the range that of the quantiles; of a norm, it is the maximum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) moments: MeanVar,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// To the bit: what was not looked for is NaN, and equals itself.
impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        let bits = |f: &Self| [f.moments.mean, f.moments.var, f.min, f.max].map(f64::to_bits);
        self.moments.count == other.moments.count && bits(self) == bits(other)
    }
}

/// Of nothing.
pub(super) const NOTHING: Found = Found {
    moments: MeanVar { count: 0, mean: f64::NAN, var: f64::NAN },
    min: f64::NAN,
    max: f64::NAN,
};

impl Normalize {
    /// How many scalings an array has.
    pub(super) fn cells(self, shape: &Shape) -> usize {
        match self.axis {
            NormalizeAxis::All => 1,
            NormalizeAxis::Columns => shape.row_len(),
            NormalizeAxis::Rows => shape.rows(),
        }
    }

    /// What is found of each cell of an array, in one read.
    pub(super) fn find_whole<T: Numeric>(self, whole: impl FnOnceReduce<T>) -> Result<Vec<Found>> {
        match self.axis {
            NormalizeAxis::All => self.find(All, whole),
            NormalizeAxis::Columns => self.find(Columns, whole),
            NormalizeAxis::Rows => self.find(Rows, whole),
        }
    }

    /// The scalings of an array, from one read.
    pub(super) fn fit_whole<T: Numeric>(self, whole: impl FnOnceReduce<T>) -> Result<Vec<Scaling>> {
        Ok(self.find_whole(whole)?.into_iter().map(|found| self.scaling(found)).collect())
    }

    /// The scalings of an array, from one read or from the checkpoint of an earlier run that was
    /// through with it; as values and as bytes.
    pub(super) fn fit_once<T: Numeric>(
        self,
        engine: &Engine,
        source: &impl Source<T>,
        mut keeper: Keeper<'_>,
    ) -> Result<(Vec<Scaling>, Vec<u8>)> {
        let cells = self.cells(source.shape());
        match keeper.take_found() {
            Some(State::Map { fitted, .. }) => {
                let error = || keeper.damaged("its scalings do not fit the job");
                Ok((scalings_of(&fitted, cells).ok_or_else(error)?, fitted))
            }
            found => {
                let whole = Whole { engine, source, keep: Some((&keeper, found)) };
                let scalings = self.fit_whole(whole)?;
                let fitted = postcard::to_stdvec(&scalings).unwrap_or_default();
                let state = State::Map { fitted: fitted.clone(), output: None, done: Vec::new() };
                keeper.save(|| Ok(state))?;
                Ok((scalings, fitted))
            }
        }
    }

    /// What is found of the cells of an axis, in one read.
    pub(super) fn find<T: Numeric, A: IntoCells>(
        self,
        axis: A,
        run: impl FnOnceReduce<T>,
    ) -> Result<Vec<Found>> {
        if let NormalizeMethod::Robust { low, high } = self.method {
            return Ok(run.quantiles(axis, [low, 0.5, high])?.into_iter().map(robust).collect());
        }
        if let NormalizeMethod::Norm(order) = self.method {
            let kernel = Reduction::new(Each(Norm::of(order)), axis).nan(NanPolicy::Skip);
            let norms = A::cells(run.reduce(kernel)?);
            return Ok(norms.into_iter().map(|max| Found { max, ..NOTHING }).collect());
        }
        if self.method == NormalizeMethod::ZScore {
            let kernel = Reduction::new(Moments::population(), axis).nan(NanPolicy::Skip);
            let cells = A::cells(run.reduce(kernel)?);
            return Ok(cells.into_iter().map(|moments| Found { moments, ..NOTHING }).collect());
        }
        let kernel = Reduction::new(MaybeMinMax, axis).nan(NanPolicy::Skip);
        let cells = A::cells(run.reduce(kernel)?);
        let wide = |r: Range<T>| Found { min: T::to_f64(r.min), max: T::to_f64(r.max), ..NOTHING };
        Ok(cells.into_iter().map(|r| r.map_or(NOTHING, wide)).collect())
    }
}

fn robust([min, middle, max]: [f64; 3]) -> Found {
    Found { moments: MeanVar { mean: middle, ..NOTHING.moments }, min, max }
}

/// The scalings that bytes stand for, if there are so many, and each is one that is made here.
pub(super) fn scalings_of(fitted: &[u8], cells: usize) -> Option<Vec<Scaling>> {
    let scalings: Vec<Scaling> = decoded(fitted)?;
    (scalings.len() == cells && scalings.iter().all(Scaling::is_one)).then_some(scalings)
}

/// Something that can run a reduction: an engine over an array, or over one block.
pub(super) trait FnOnceReduce<T: Numeric> {
    fn reduce<R: Reduce<T>>(self, kernel: R) -> Result<R::Output>;

    /// Quantiles of each cell, NaN left out.
    fn quantiles<A: IntoCells>(self, axis: A, at: [f64; 3]) -> Result<Vec<[f64; 3]>>;
}

/// An axis whose results can be taken as a list.
pub(super) trait IntoCells: Axis {
    fn cells<V: Send>(output: Self::Output<V>) -> Vec<V>;
}

impl IntoCells for All {
    fn cells<V: Send>(output: V) -> Vec<V> {
        vec![output]
    }
}

impl IntoCells for Columns {
    fn cells<V: Send>(output: Values<V>) -> Vec<V> {
        output.into_vec()
    }
}

impl IntoCells for Rows {
    fn cells<V: Send>(output: Values<V>) -> Vec<V> {
        output.into_vec()
    }
}

pub(super) struct Whole<'a, S> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a S,
    /// Who keeps what was done, and what an earlier run did.
    pub(super) keep: Option<(&'a Keeper<'a>, Option<State>)>,
}

impl<T: Numeric, S: Source<T>> FnOnceReduce<T> for Whole<'_, S> {
    fn reduce<R: Reduce<T>>(self, kernel: R) -> Result<R::Output> {
        match self.keep {
            None => self.engine.reduce(self.source, kernel),
            Some((keeper, found)) => {
                let mut reducers = Vec::new();
                kernel.reducers(NanPolicy::Skip, &mut reducers);
                let blocks = TypedBlocks::new(self.source, self.engine.isa, reducers);
                let answers = self.engine.reduce_keeping(&blocks, keeper, found)?;
                Ok(kernel.output(&mut Answers::new(answers)))
            }
        }
    }

    /// Without a checkpoint: what was counted is not kept, and is counted again after a kill.
    fn quantiles<A: IntoCells>(self, axis: A, at: [f64; 3]) -> Result<Vec<[f64; 3]>> {
        let quantiles = self.engine.quantiles(self.source, &at).nan(NanPolicy::Skip);
        let cells = match axis.kept().cell {
            Cell::All => vec![quantiles.all()?],
            Cell::Column => quantiles.per_column()?.into_vec(),
            Cell::Row => {
                return Err(crate::Error::BadOption {
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

impl<T: Numeric> FnOnceReduce<T> for OneBlock<'_, T> {
    fn reduce<R: Reduce<T>>(self, kernel: R) -> Result<R::Output> {
        let (rows, cols) = (self.tile.rows(), self.tile.cols());
        let bounds = Bounds { band: 0, tile: 0, rows: 0..rows, cols: 0..cols };
        let block = Block::new(self.tile, bounds, cols, self.isa, self.scratch);
        let shape = Shape::new([rows, cols]).map_err(crate::Error::kernel)?;
        let mut reducers = Vec::new();
        kernel.reducers(NanPolicy::Skip, &mut reducers);
        let answers = reducers.iter().map(|reducer| {
            let state = reducer.fold(&Shared::default(), &block)?;
            reducer.finish(Shared::default(), state, &shape)
        });
        let answers = answers.collect::<Result<_>>()?;
        Ok(kernel.output(&mut Answers::new(answers)))
    }

    /// Of rows only: that is what single blocks are taken for.
    fn quantiles<A: IntoCells>(self, _: A, at: [f64; 3]) -> Result<Vec<[f64; 3]>> {
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
    type Value = Option<Range<T>>;

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
