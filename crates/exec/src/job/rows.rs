//! Random rows: any rows of an array, in any order.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;

use rayon::slice::ParallelSliceMut;
use rowmill_core::{CreateOptions, DType, Element, Shape, Source, TileBuffer, zeros};

use crate::engine::Engine;
use crate::engine::input::Typed;
use crate::engine::plan::{ChunkSize, Plan};
use crate::engine::run::Job;
use crate::error::{Error, Result};
use crate::job::gather::{Gather, Slot, cut, slots};
use crate::job::map::planned;

/// The order in which [`Engine::rows`] reads rows. It changes speed only: the output is always in
/// the order of the indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RowOrder {
    /// As given if the rows are in memory, judged by a sample. Sorted if they have to be read from
    /// disk, which is then read in one direction, with adjacent rows combined. Large results are
    /// sorted in parts, so that sorting takes less than 128 MiB of memory and writes are spread
    /// over at most 1 GiB.
    #[default]
    Auto,
    /// In the order of the indices.
    AsGiven,
    /// In file order. Takes three words of memory per index.
    Sorted,
    /// In file order within windows of this many indices (0 counts as 1), each window by one
    /// worker. Takes three words of memory per index of the windows in flight.
    Window(usize),
}

/// Rows whose destination is not chosen yet. Made by [`Engine::rows`].
#[derive(Debug)]
#[must_use = "collect(), read_into() or write_npy() runs the job"]
pub struct RowSelection<'a, T, S> {
    engine: &'a Engine,
    source: &'a S,
    indices: &'a [usize],
    order: RowOrder,
    overwrite: bool,
    elements: PhantomData<fn() -> T>,
}

impl Engine {
    /// Gathers rows of an array by index: any rows, in any order, repeats allowed. The result has
    /// the shape `(indices.len(), ..row shape)`, as NumPy's `x[indices]`.
    ///
    /// All workers copy rows that are in memory. Rows that are not are requested some hundreds at a
    /// time ahead of the copy, so that the disk has many reads to work on. Rows of a column-major
    /// file are slow, since each is scattered over the whole file.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{Engine, RowOrder};
    /// let x = SliceSource::new(&[0, 1, 10, 11, 20, 21], [3, 2]).unwrap();
    /// let engine = Engine::new()?;
    /// let (values, shape) = engine.rows(&x, &[2, 0, 2]).collect()?;
    /// assert_eq!(values, [20, 21, 0, 1, 20, 21]);
    /// assert_eq!(shape.dims(), [3, 2]);
    ///
    /// let mut two = [0; 4];
    /// engine.rows(&x, &[1, 0]).order(RowOrder::Sorted).read_into(&mut two)?;
    /// assert_eq!(two, [10, 11, 0, 1]);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn rows<'a, T, S>(&'a self, source: &'a S, indices: &'a [usize]) -> RowSelection<'a, T, S>
    where
        T: Element,
        S: Source<T>,
    {
        let (order, overwrite) = (RowOrder::Auto, false);
        RowSelection { engine: self, source, indices, order, overwrite, elements: PhantomData }
    }
}

/// The number of rows sampled to find out whether the disk has to be read.
const SAMPLES: usize = 64;

/// The most that [`RowOrder::Auto`] sorts at a time: bytes of the result, and rows.
const AUTO_BYTES: usize = 1 << 30;
const AUTO_ROWS: usize = 4 << 20;

/// Rows that a worker takes at a time without sorting: few enough for their slots to stay in cache,
/// enough to amortize the check for cold rows.
const RUN: usize = 16 << 10;

/// The size of the buffer for outputs that cannot be lent in place, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

impl<T: Element, S: Source<T>> RowSelection<'_, T, S> {
    /// The order in which rows are read. Default: [`RowOrder::Auto`].
    pub fn order(mut self, order: RowOrder) -> Self {
        self.order = order;
        self
    }

    /// Runs the job; returns the elements in C order, and their shape.
    ///
    /// # Errors
    /// [`Error::RowIndex`] if an index is not below the number of rows, [`Error::TooManyRows`] if
    /// memory cannot hold the result, [`Error::File`] if the array cannot be read or changed
    /// meanwhile, [`Error::Cancelled`].
    pub fn collect(self) -> Result<(Vec<T>, Shape)> {
        self.check()?;
        let row_bytes = self.source.shape().row_len() * size_of::<T>();
        let no_room = || Error::TooManyRows { rows: self.indices.len(), row_bytes };
        let shape = Shape::new(self.dims()).map_err(|_| no_room())?;
        let mut values = zeros(shape.len()).ok_or_else(no_room)?;
        self.fill(Place::Elements(&mut values), 0, &|_| {})?.succeed();
        Ok((values, shape))
    }

    /// Runs the job and writes the elements to `out` in C order. After an error the contents of
    /// `out` are unspecified.
    ///
    /// # Errors
    /// [`Error::RowIndex`] if an index is not below the number of rows, [`Error::OutputLength`] if
    /// `out` does not have the length of the result, [`Error::File`] if the array cannot be read or
    /// changed meanwhile, [`Error::Cancelled`].
    pub fn read_into(self, out: &mut [T]) -> Result<()> {
        self.check()?;
        let (rows, row_len) = (self.indices.len(), self.source.shape().row_len());
        if rows.checked_mul(row_len) != Some(out.len()) {
            return Err(Error::OutputLength { rows, row_len, found: out.len() });
        }
        self.fill(Place::Elements(out), 0, &|_| {})?.succeed();
        Ok(())
    }

    /// Whether an existing array is replaced, atomically at the end; if anything fails it is
    /// untouched. Other files and inputs of the job are never replaced. Default: `false`.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Runs the job and writes a new `.npy` file.
    ///
    /// # Errors
    /// [`Error::File`] if the file [exists](rowmill_core::Error::Exists) or is an
    /// [input](rowmill_core::Error::Taken), or if reading or writing fails (no space, no
    /// permission, another writer, a change meanwhile); [`Error::RowIndex`] if an index is not
    /// below the number of rows; [`Error::Cancelled`].
    pub fn write_npy(self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path, &CreateOptions::new().format(rowmill_core::Format::Npy))
    }

    /// Runs the job and writes a new array file with these options.
    ///
    /// # Errors
    /// As [`write_npy`](Self::write_npy).
    pub fn write(self, path: impl AsRef<Path>, options: &CreateOptions) -> Result<()> {
        self.check()?;
        let path = path.as_ref();
        let options = planned(options, self.overwrite, &Typed(self.source), None, path)?;
        let mut staged = options.stage::<T>(path, self.dims())?;
        let (out, write_back) = staged.parts()?;
        let bytes = size_of_val(out) as u64;
        let out = Place::of_file(out);
        let row_bytes = (self.source.shape().row_len() * size_of::<T>()) as u64;
        let at = |item: usize| item as u64 * row_bytes;
        let written = |items: Range<usize>| write_back.start(at(items.start)..at(items.end));
        let job = self.fill(out, bytes, &written)?;
        staged.publish()?;
        job.succeed();
        Ok(())
    }

    fn dims(&self) -> Vec<usize> {
        let mut dims = vec![self.indices.len()];
        dims.extend(self.source.shape().row_dims());
        dims
    }

    /// Checks that every index is that of a row.
    fn check(&self) -> Result<()> {
        let rows = self.source.shape().rows();
        match self.indices.iter().position(|&index| index >= rows) {
            Some(position) => {
                Err(Error::RowIndex { position, index: self.indices[position], rows })
            }
            None => Ok(()),
        }
    }

    /// Copies the rows to `out`, `to_file` bytes of which go to a file. `written` is told of
    /// completed items. Returns the job.
    fn fill(&self, out: Place<'_, T>, to_file: u64, written: Written<'_>) -> Result<Job<'_>> {
        let &Self { engine, source, indices, order, .. } = self;
        let (rows, row_len) = (indices.len(), source.shape().row_len());
        let row_bytes = row_len * size_of::<T>();
        if out.is_empty() {
            source.verify()?;
            return Ok(Job::new(engine, "rows", 0, 0));
        }
        let gather = Gather::scattered(source);
        let cold = || gather.any_cold(indices.iter().copied(), SAMPLES);
        let order = resolve(order, rows, row_bytes, engine.workers(), cold);
        let size = match order {
            RowOrder::Window(window) => ChunkSize::Rows(window),
            _ => engine.chunk,
        };
        let plan = &Plan::rows(rows, row_bytes, size, engine.workers());
        let job = Job::new(engine, "rows", plan.len(), (rows * row_bytes) as u64);
        let job = job.writing(to_file);
        match out {
            Place::Elements(out) if order == RowOrder::Sorted => {
                self.fill_sorted(&gather, (&job, plan), out);
            }
            Place::Elements(out) => {
                self.fill_in_order(&gather, (&job, plan), (out, order), written);
            }
            Place::Stored(out) => self.fill_stored(&gather, (&job, plan), out, written),
        }
        job.end(&Typed(source))?;
        Ok(job)
    }

    /// The bytes of a chunk.
    fn bytes(&self, plan: &Plan, chunk: usize) -> u64 {
        (plan.chunk(chunk).len() * self.source.shape().row_len() * size_of::<T>()) as u64
    }

    /// Copies all rows in file order.
    fn fill_sorted(
        &self,
        gather: &Gather<'_, T, S>,
        (job, plan): (&Job<'_>, &Plan),
        out: &mut [T],
    ) {
        let row_len = self.source.shape().row_len();
        let mut all: Vec<Slot<'_, T>> = slots(self.indices, out, row_len).collect();
        self.engine.on_workers(&mut || all.par_sort_unstable_by_key(|slot| slot.0));
        let parts = cut(&mut all, (0..plan.len()).map(|chunk| plan.chunk(chunk).len()));
        let bytes = |chunk| self.bytes(plan, chunk);
        self.engine.run(job, bytes, TileBuffer::new, |buffer, chunk| {
            gather.fetch(&mut parts[chunk].lock(), buffer)?;
            Ok(self.source.check()?)
        });
    }

    /// Copies rows chunk by chunk, those of a window in file order.
    fn fill_in_order(
        &self,
        gather: &Gather<'_, T, S>,
        (job, plan): (&Job<'_>, &Plan),
        (out, order): (&mut [T], RowOrder),
        written: Written<'_>,
    ) {
        let row_len = self.source.shape().row_len();
        let parts = cut(out, (0..plan.len()).map(|chunk| plan.chunk(chunk).len() * row_len));
        let bytes = |chunk| self.bytes(plan, chunk);
        self.engine.run(job, bytes, TileBuffer::new, |buffer, chunk| {
            let items = plan.chunk(chunk);
            let (rows, out) = (&self.indices[items.clone()], &mut **parts[chunk].lock());
            if let RowOrder::Window(_) = order {
                let mut window: Vec<Slot<'_, T>> = slots(rows, out, row_len).collect();
                window.sort_unstable_by_key(|slot| slot.0);
                gather.fetch(&mut window, buffer)?;
            } else {
                for (rows, out) in rows.chunks(RUN).zip(out.chunks_mut(RUN * row_len)) {
                    gather.fetch_in_order(rows, out, buffer)?;
                }
            }
            self.source.check()?;
            written(items);
            Ok(())
        });
    }

    /// Copies rows chunk by chunk through a buffer of elements.
    fn fill_stored(
        &self,
        gather: &Gather<'_, T, S>,
        (job, plan): (&Job<'_>, &Plan),
        out: &mut [T::Stored],
        written: Written<'_>,
    ) {
        let row_len = self.source.shape().row_len();
        let run = (BUFFER_BYTES / (row_len * size_of::<T>())).clamp(1, RUN);
        let parts = cut(out, (0..plan.len()).map(|chunk| plan.chunk(chunk).len() * row_len));
        let bytes = |chunk| self.bytes(plan, chunk);
        let worker = || (TileBuffer::new(), Vec::new());
        self.engine.run(job, bytes, worker, |(buffer, elements), chunk| {
            let items = plan.chunk(chunk);
            let (rows, out) = (&self.indices[items.clone()], &mut **parts[chunk].lock());
            for (rows, out) in rows.chunks(run).zip(out.chunks_mut(run * row_len)) {
                elements.resize(out.len(), T::default());
                gather.fetch_in_order(rows, elements, buffer)?;
                out.iter_mut().zip(&*elements).for_each(|(to, from)| *to = from.store());
            }
            self.source.check()?;
            written(items);
            Ok(())
        });
    }
}

/// The callback for completed items.
type Written<'a> = &'a (dyn Fn(Range<usize>) + Sync);

/// The destination of rows.
enum Place<'o, T: Element> {
    Elements(&'o mut [T]),
    /// The bytes of a file that cannot be lent as elements: those of `bool`.
    Stored(&'o mut [T::Stored]),
}

impl<'o, T: Element> Place<'o, T> {
    fn of_file(stored: &'o mut [T::Stored]) -> Self {
        if T::DTYPE == DType::Bool {
            return Self::Stored(stored);
        }
        Self::Elements(T::view_mut(stored).unwrap_or_default())
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Elements(out) => out.is_empty(),
            Self::Stored(out) => out.is_empty(),
        }
    }
}

/// Resolves [`RowOrder::Auto`].
fn resolve(
    order: RowOrder,
    rows: usize,
    row_bytes: usize,
    workers: usize,
    cold: impl FnOnce() -> bool,
) -> RowOrder {
    match order {
        RowOrder::Auto if !cold() => RowOrder::AsGiven,
        RowOrder::Auto => {
            let most = (AUTO_BYTES / row_bytes.max(1)).min(AUTO_ROWS);
            if rows <= most { RowOrder::Sorted } else { RowOrder::Window((most / workers).max(1)) }
        }
        RowOrder::Window(0) => RowOrder::Window(1),
        given => given,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_sorts_only_cold_rows_within_limits() {
        let auto = |rows, row_bytes, cold| resolve(RowOrder::Auto, rows, row_bytes, 4, || cold);
        assert_eq!(auto(1000, 4096, false), RowOrder::AsGiven);
        assert_eq!(auto(1000, 4096, true), RowOrder::Sorted);
        assert_eq!(auto(1 << 18, 4096, true), RowOrder::Sorted);
        assert_eq!(auto((1 << 18) + 1, 4096, true), RowOrder::Window(1 << 16));
        assert_eq!(auto(5 << 20, 4, true), RowOrder::Window(1 << 20));
        assert_eq!(auto(9, 3 << 30, true), RowOrder::Window(1));
        let given = |order| resolve(order, 9, 9, 2, || panic!("nobody asked"));
        assert_eq!(given(RowOrder::Window(0)), RowOrder::Window(1));
        assert_eq!(given(RowOrder::Sorted), RowOrder::Sorted);
    }
}
