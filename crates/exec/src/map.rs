//! Maps: chunks of rows in, chunks of rows out.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;

use parking_lot::Mutex;
use rowmill_core::{CreateOptions, Element, Source, TileBuffer};

use crate::plan::Plan;
use crate::{Engine, Error, Result};

/// A run of elements in C order: whole rows, or part of one row for kernels that allow it.
#[derive(Clone, Debug)]
pub struct Chunk<'a, T> {
    data: &'a [T],
    first_element: usize,
    row_len: usize,
}

impl<'a, T> Chunk<'a, T> {
    pub(crate) fn new(data: &'a [T], first_element: usize, row_len: usize) -> Self {
        Self { data, first_element, row_len }
    }

    /// The elements.
    #[must_use]
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// The rows of the array that the chunk holds, or of which it holds a part.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        if self.row_len == 0 {
            return 0..0;
        }
        let end = self.first_element + self.data.len();
        self.first_element / self.row_len..end.div_ceil(self.row_len)
    }

    /// Where in its row the first element is; 0 when the chunk holds whole rows.
    #[must_use]
    pub fn first_col(&self) -> usize {
        if self.row_len == 0 { 0 } else { self.first_element % self.row_len }
    }

    /// The number of elements of a row.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// The rows one by one.
    pub fn iter_rows(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        self.data.chunks(self.row_len.max(1))
    }
}

/// A map: turns a chunk of rows into as many rows of output.
///
/// For the common cases there are [`map_elements`] and [`map_rows`].
pub trait Map<T: Element, U: Element>: Sync {
    /// The shape of one row of output for rows of this shape. Default: the same.
    fn row_dims(&self, row_dims: &[usize]) -> Vec<usize> {
        row_dims.to_vec()
    }

    /// Whether each element is mapped by itself and its position, so that a chunk may be a part of
    /// a long row. Default: no, chunks are whole rows.
    fn within_rows(&self) -> bool {
        false
    }

    /// Writes the rows that `input` becomes.
    ///
    /// # Errors
    /// Ends the job; nothing is published then. [`Error::kernel`] wraps errors of any other type.
    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()>;
}

/// A map that applies a function to each element.
///
/// ```
/// use rowmill_core::{Array, SliceSource};
/// use rowmill_exec::{Engine, map_elements};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("twice.npy");
/// let x = SliceSource::new(&[1_i32, 2, 3, 4], [2, 2]).unwrap();
/// Engine::new()?.map(&x, map_elements(|v: i32| f64::from(v) * 2.0)).write_npy(&path)?;
/// assert_eq!(Array::<f64>::open(&path)?.as_slice(), Some(&[2.0, 4.0, 6.0, 8.0][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub fn map_elements<T, U, F: Fn(T) -> U + Sync>(function: F) -> Elements<F> {
    Elements(function)
}

/// See [`map_elements`].
#[derive(Clone, Copy, Debug)]
pub struct Elements<F>(F);

impl<T: Element, U: Element, F: Fn(T) -> U + Sync> Map<T, U> for Elements<F> {
    fn within_rows(&self) -> bool {
        true
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        for (to, &from) in output.iter_mut().zip(input.as_slice()) {
            *to = (self.0)(from);
        }
        Ok(())
    }
}

/// A map that turns each row into a row of `row_dims`.
///
/// ```
/// use rowmill_core::{Array, SliceSource};
/// use rowmill_exec::{Engine, map_rows};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("ends.npy");
/// let x = SliceSource::new(&[1_u8, 2, 3, 4, 5, 6], [2, 3]).unwrap();
/// let ends = map_rows([2], |row: &[u8], out: &mut [u8]| {
///     out[0] = row[0];
///     out[1] = row[2];
/// });
/// Engine::new()?.map(&x, ends).write_npy(&path)?;
/// assert_eq!(Array::<u8>::open(&path)?.as_slice(), Some(&[1, 3, 4, 6][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub fn map_rows<T, U, F>(row_dims: impl Into<Vec<usize>>, function: F) -> RowMap<F>
where
    F: Fn(&[T], &mut [U]) + Sync,
{
    RowMap { row_dims: row_dims.into(), function }
}

/// See [`map_rows`].
#[derive(Clone, Debug)]
pub struct RowMap<F> {
    row_dims: Vec<usize>,
    function: F,
}

impl<T: Element, U: Element, F: Fn(&[T], &mut [U]) + Sync> Map<T, U> for RowMap<F> {
    fn row_dims(&self, _: &[usize]) -> Vec<usize> {
        self.row_dims.clone()
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let rows = input.rows().len();
        let width = output.len() / rows.max(1);
        for (i, from) in input.iter_rows().enumerate() {
            (self.function)(from, &mut output[i * width..(i + 1) * width]);
        }
        Ok(())
    }
}

/// A map that waits for a place to write to. Made by [`Engine::map`].
#[derive(Debug)]
#[must_use = "write_npy() runs the job"]
pub struct Mapping<'a, T, U, S, K> {
    engine: &'a Engine,
    source: &'a S,
    kernel: K,
    elements: PhantomData<fn(T) -> U>,
}

impl Engine {
    /// Maps an array to a new one.
    pub fn map<'a, T, U, S, K>(&'a self, source: &'a S, kernel: K) -> Mapping<'a, T, U, S, K>
    where
        T: Element,
        U: Element,
        S: Source<T>,
        K: Map<T, U>,
    {
        Mapping { engine: self, source, kernel, elements: PhantomData }
    }
}

impl<T, U, S, K> Mapping<'_, T, U, S, K>
where
    T: Element,
    U: Element,
    S: Source<T>,
    K: Map<T, U>,
{
    /// Runs the job and writes a new `.npy` file. An existing file of that name is replaced at the
    /// end in one step, and stays untouched when anything fails.
    ///
    /// # Errors
    /// [`Error::File`] when reading or writing fails (no room, no permission, another writer),
    /// [`Error::Cancelled`], [`Error::KernelPanicked`], and what the kernel gives.
    pub fn write_npy(self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path, &CreateOptions::new().format(rowmill_core::Format::Npy))
    }

    /// Runs the job and writes a new array file as the options say.
    ///
    /// # Errors
    /// As [`write_npy`](Self::write_npy).
    pub fn write(self, path: impl AsRef<Path>, options: &CreateOptions) -> Result<()> {
        let Self { engine, source, kernel, .. } = self;
        let shape = source.shape();
        let row_dims = kernel.row_dims(shape.row_dims());
        let (row_len, out_len) = (shape.row_len(), row_dims.iter().product::<usize>());
        let mut dims = shape.dims().get(..1).unwrap_or(&[]).to_vec();
        dims.extend(&row_dims);
        let mut staged = options.stage::<U>(path, dims)?;
        let split = kernel.within_rows() && row_len == out_len && row_len > 0;
        let (plan, per_item) = if split {
            (
                Plan::elements(
                    shape.len(),
                    size_of::<T>(),
                    engine.chunk,
                    row_len,
                    engine.workers(),
                ),
                1,
            )
        } else {
            let row_bytes = row_len.max(out_len) * size_of::<T>();
            (Plan::rows(shape.rows(), row_bytes, engine.chunk, engine.workers()), row_len)
        };
        let out_per_item = if split { 1 } else { out_len };
        let output = staged.as_mut_slice()?;
        // Each chunk has its own part of the output, which is taken once.
        let mut parts = Vec::with_capacity(plan.len());
        let mut rest = output;
        for chunk in 0..plan.len() {
            let (part, more) = rest.split_at_mut(plan.chunk(chunk).len() * out_per_item);
            parts.push(Mutex::new(Some(part)));
            rest = more;
        }
        engine.run(
            "map",
            plan.len(),
            |chunk| (plan.chunk(chunk).len() * per_item * size_of::<T>()) as u64,
            TileBuffer::new,
            |buffer, chunk| {
                let items = plan.chunk(chunk);
                let Some(part) = parts[chunk].lock().take() else { return Ok(()) };
                let elements = items.start * per_item..items.end * per_item;
                each_run(source, elements, buffer, |input, at| {
                    let len = if split { input.data.len() } else { part.len() };
                    kernel.map(&input, &mut part[at..at + len])
                })
            },
        )?;
        source.verify()?;
        drop(parts);
        staged.publish().map_err(Error::from)
    }
}

/// Lends the elements `range`, counted in C order, to `f` with their place in the range: at once if
/// they are whole rows or within one, else row by row.
pub(crate) fn each_run<T: Element>(
    source: &impl Source<T>,
    range: Range<usize>,
    buffer: &mut TileBuffer<T>,
    mut f: impl FnMut(Chunk<'_, T>, usize) -> Result<()>,
) -> Result<()> {
    let row_len = source.shape().row_len();
    if row_len == 0 {
        return f(Chunk::new(&[], 0, 0), 0);
    }
    let whole_rows = range.start % row_len == 0 && range.end % row_len == 0;
    if whole_rows {
        let data = source.rows(range.start / row_len..range.end / row_len, buffer)?;
        return f(Chunk::new(data, range.start, row_len), 0);
    }
    let mut at = range.start;
    while at < range.end {
        let row = at / row_len;
        let end = range.end.min((row + 1) * row_len);
        let cols = at - row * row_len..end - row * row_len;
        let tile = source.tile(row..row + 1, cols, buffer)?;
        f(Chunk::new(tile.row(0), at, row_len), at - range.start)?;
        at = end;
    }
    Ok(())
}
