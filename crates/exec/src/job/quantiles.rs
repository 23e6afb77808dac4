//! [`Quantiles`]: exact quantiles in several reads.

use std::marker::PhantomData;

use parking_lot::Mutex;
use rowmill_core::Source;
use rowmill_lanes::fold::Cell;

use crate::engine::Engine;
use crate::engine::grid::Grid;
use crate::error::Result;
use crate::kernel::frame::list::check_len;
use crate::kernel::frame::{Each, JobSelection};
use crate::kernel::key::Key;
use crate::kernel::loops::Loops;
use crate::kernel::quantile::{Counting, OfRows, Search, check};
use crate::kernel::{
    All, AnyAxis, Axes, Axis, Columns, NanPolicy, Numeric, Reduction, Rows, Selector, Unmasked,
    Values,
};

/// The default memory limit for candidates and counts, in bytes.
const MEMORY: u64 = 256 << 20;

/// Exact quantiles: see [`Engine::quantiles`].
#[derive(Clone, Copy, Debug)]
#[must_use = "all(), per_column(), per_row() or over() finds the quantiles"]
pub struct Quantiles<'a, T, S, M = Unmasked> {
    engine: &'a Engine,
    source: &'a S,
    at: &'a [f64],
    mask: M,
    nan: NanPolicy,
    memory: u64,
    element: PhantomData<fn() -> T>,
}

impl Engine {
    /// Exact quantiles, by numpy's default method `linear`: interpolated in `f64` between the two
    /// elements next to position `q * (count - 1)` of the sorted elements. `at` holds numbers from
    /// 0 to 1, in any order; 0.5 is the median.
    ///
    /// The array is neither sorted nor held in memory. Values are counted by ranges, and each
    /// further read counts the relevant ranges more finely, until the candidates fit in memory.
    /// That takes one read for arrays that fit, two for elements of up to 32 bits, and usually two
    /// or three for others: at most five unless there are thousands of columns or of long rows.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::Engine;
    /// let x = SliceSource::new(&[4.0_f32, 10.0, 1.0, 20.0, 2.0, 40.0], [3, 2]).unwrap();
    /// let engine = Engine::new()?;
    /// assert_eq!(engine.quantiles(&x, &[0.0, 0.5]).all()?, [1.0, 7.0]);
    /// let columns = engine.quantiles(&x, &[0.5]).per_column()?;
    /// assert_eq!((columns[0][0], columns[1][0]), (2.0, 20.0));
    /// assert_eq!(engine.quantiles(&x, &[0.5]).per_row()?[1], [10.5]);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn quantiles<'a, T: Numeric, S: Source<T>>(
        &'a self,
        source: &'a S,
        at: &'a [f64],
    ) -> Quantiles<'a, T, S> {
        let memory = MEMORY.min(self.memory_ceiling() / 4);
        let (mask, nan, element) = (Unmasked, NanPolicy::Propagate, PhantomData);
        Quantiles { engine: self, source, at, mask, nan, memory, element }
    }
}

impl<'a, T: Numeric, S: Source<T>, M: Selector<T>> Quantiles<'a, T, S, M> {
    /// Only the elements that a [`Mask`](crate::Mask) keeps take part. Default: all.
    pub fn masked<N>(self, mask: N) -> Quantiles<'a, T, S, N> {
        let Self { engine, source, at, nan, memory, element, .. } = self;
        Quantiles { engine, source, at, mask, nan, memory, element }
    }

    /// The treatment of NaN. Default: [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = policy;
        self
    }

    /// The memory for counts and candidates, in bytes. With less of it there are more reads.
    /// Default: 256 MiB, or a quarter of the engine's memory ceiling if that is less.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Over everything: the quantiles in the requested order. NaN for an empty selection.
    ///
    /// # Errors
    /// As [`Engine::reduce`]; [`Error::BadOption`](crate::Error::BadOption) if a quantile is not
    /// between 0 and 1, or if the memory is too small.
    pub fn all(self) -> Result<Vec<f64>> {
        Ok(self.find(All)?.into_vec().pop().unwrap_or_default())
    }

    /// Per column: axis 0 is reduced. The quantiles of each column, in the requested order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn per_column(self) -> Result<Values<Vec<f64>>> {
        self.find(Columns)
    }

    /// Per row: axis 0 is kept. The quantiles of each row, in the requested order. Rows that a
    /// block holds whole (8 to 16 KiB) are sorted in memory, in one read. Longer ones are searched
    /// as columns are: a hundred thousand of them take more reads, or more
    /// [`memory`](Self::memory).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn per_row(self) -> Result<Values<Vec<f64>>> {
        self.of_rows(Rows)
    }

    /// Along an axis chosen at run time. The quantiles of each cell, in the requested order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn along(self, axis: AnyAxis) -> Result<Values<Vec<f64>>> {
        match axis {
            AnyAxis::Rows => self.of_rows(axis),
            AnyAxis::All | AnyAxis::Columns => self.find(axis),
        }
    }

    /// Over a set of axes: see [`Over`](crate::Over). The quantiles of each cell, in the requested
    /// order.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn over(self, axes: Axes<'_>) -> Result<Values<Vec<f64>>> {
        axes.check(self.source.shape())?;
        if axes.cell == Cell::Row {
            return self.of_rows(axes);
        }
        self.find(axes)
    }

    /// The quantiles of the cells of an axis whose cells are rows.
    fn of_rows<A>(self, axis: A) -> Result<Values<Vec<f64>>>
    where
        A: Axis<Output<Vec<f64>> = Values<Vec<f64>>>,
    {
        let shape = self.source.shape();
        if Grid::of::<T>(shape).tiles() <= 1 {
            check(self.at)?;
            let kernel = Reduction::new(Each(OfRows { at: self.at }), axis).nan(self.nan);
            return self.engine.reduce(self.source, kernel.masked(self.mask));
        }
        self.find(axis)
    }

    fn find<A: Axis>(&self, axis: A) -> Result<Values<Vec<f64>>> {
        check(self.at)?;
        let shape = self.source.shape();
        self.mask.check(shape)?;
        let kept = axis.kept();
        let dims = kept.output_dims(shape);
        let cells = dims.iter().product();
        check_len(shape, cells)?;
        let mut search = Search::new(cells, self.at, keys_of::<T>());
        let selected = JobSelection { cell: kept.cell, mask: &self.mask, nan: self.nan };
        let of = (kept.cell, shape.len());
        search.run(of, self.engine.workers(), self.memory, &|ranges| {
            let counting = Counting { selected, ranges, tables: Mutex::default() };
            self.engine.reduce_dyn(self.source, &counting, NanPolicy::Propagate)
        })?;
        let values = (0..cells).map(|cell| T::Lane::found(&search, cell)).collect();
        Ok(Values::new(values, dims))
    }
}

/// The range of the keys of a type.
fn keys_of<T: Numeric>() -> (u64, u64) {
    (0, u64::MAX >> (64 - <T::Lane as Key>::BITS))
}
