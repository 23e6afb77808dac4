//! Maps: chunks of rows in, chunks of rows out.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;

use parking_lot::Mutex;
use rowmill_core::{
    CreateOptions, Element, Error as FileError, Role, Source, StagedArray, TileBuffer,
};
use rowmill_lanes::arch::copy_past_cache;

use crate::checkpoint::{Checkpoint, Keeper, MapKeeper, Ranges, State, done_of};
use crate::plan::Plan;
use crate::run::Job;
use crate::scratch::Scratch;
use crate::{Engine, Result};

/// A run of elements in C order: whole rows, or part of one row for kernels that allow it.
#[derive(Clone, Debug)]
pub struct Chunk<'a, T> {
    data: &'a [T],
    rows: Range<usize>,
    first_col: usize,
    row_len: usize,
}

impl<'a, T> Chunk<'a, T> {
    /// The elements.
    #[must_use]
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// The rows of the array that the chunk holds, or the one of which it holds a part.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Where in its row the first element is; 0 when the chunk holds whole rows.
    #[must_use]
    pub fn first_col(&self) -> usize {
        self.first_col
    }

    /// The number of elements of a row of the array.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// The rows one by one; the part of one, if that is what the chunk holds.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        let (data, len) = (self.data, self.data.len() / self.rows.len().max(1));
        (0..self.rows.len()).map(move |i| &data[i * len..(i + 1) * len])
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
    /// Ends the job; nothing is published then. [`Error::kernel`](crate::Error::kernel) wraps errors of any other type.
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
        let width = output.len() / input.rows().len().max(1);
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
    keep: Option<Keep<'a>>,
    overwrite: bool,
    elements: PhantomData<fn(T) -> U>,
}

/// The checkpoint of a map.
#[derive(Clone, Debug)]
pub(crate) struct Keep<'a> {
    pub(crate) checkpoint: &'a Checkpoint,
    /// What the map computes, if that can be said.
    pub(crate) what: Option<String>,
    /// What an earlier read found, for the map.
    pub(crate) fitted: Vec<u8>,
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
        Mapping {
            engine: self,
            source,
            kernel,
            keep: None,
            overwrite: false,
            elements: PhantomData,
        }
    }
}

impl<'a, T, U, S, K> Mapping<'a, T, U, S, K>
where
    T: Element,
    U: Element,
    S: Source<T>,
    K: Map<T, U>,
{
    /// Keeps what was done in a checkpoint: killed at any point and run again with it, the job goes on
    /// with the output as far as it was written, and gives the same bytes as an uninterrupted one. The
    /// unfinished output then stays, also when the job fails. The checkpoint needs a
    /// [label](Checkpoint::label) that says what the kernel computes.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut};
    /// use rowmill_exec::{Checkpoint, Engine, map_elements};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let (path, twice) = (dir.path().join("x.npy"), dir.path().join("twice.npy"));
    /// # ArrayMut::<i32>::create(&path, [4, 2])?.close()?;
    /// let x = Array::<i32>::open(&path)?;
    /// let checkpoint = Checkpoint::at(dir.path().join("twice.checkpoint")).label("twice, version 1");
    /// let map = map_elements(|v: i32| v * 2);
    /// Engine::new()?.map(&x, map).checkpoint(&checkpoint).write_npy(&twice)?;
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn checkpoint(mut self, checkpoint: &'a Checkpoint) -> Self {
        self.keep = Some(Keep { checkpoint, what: None, fitted: Vec::new() });
        self
    }

    /// As [`checkpoint`](Self::checkpoint), for a kernel that can say what it computes.
    pub(crate) fn keeping(mut self, keep: Option<Keep<'a>>) -> Self {
        self.keep = keep;
        self
    }

    /// Whether an array of that name is replaced, at the end and in one step; it stays untouched when
    /// anything fails. Other files never are, and no input of the job. Default: `false`.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Runs the job and writes a new `.npy` file.
    ///
    /// # Errors
    /// [`Error::File`] when reading or writing fails (no room, no permission, another writer), when a file
    /// of that name [exists](rowmill_core::Error::Exists) or is an [input](rowmill_core::Error::Taken),
    /// [`Error::Cancelled`], [`Error::KernelPanicked`], and what the kernel gives.
    ///
    /// [`Error::File`]: crate::Error::File
    /// [`Error::Cancelled`]: crate::Error::Cancelled
    /// [`Error::KernelPanicked`]: crate::Error::KernelPanicked
    pub fn write_npy(self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path, &CreateOptions::new().format(rowmill_core::Format::Npy))
    }

    /// Runs the job and writes a new array file as the options say.
    ///
    /// # Errors
    /// As [`write_npy`](Self::write_npy).
    pub fn write(self, path: impl AsRef<Path>, options: &CreateOptions) -> Result<()> {
        let Self { engine, source, kernel, keep, overwrite, .. } = self;
        engine.write(source, &kernel, (keep, overwrite), path.as_ref(), options)
    }
}

impl Engine {
    /// As [`Mapping::write`], compiled once for all sources and kernels of two types.
    fn write<T: Element, U: Element>(
        &self,
        source: &dyn Source<T>,
        kernel: &dyn Map<T, U>,
        (keep, overwrite): (Option<Keep<'_>>, bool),
        path: &Path,
        options: &CreateOptions,
    ) -> Result<()> {
        let checkpoint = keep.as_ref().map(|keep| keep.checkpoint);
        let options = &planned(options, overwrite, source, checkpoint, path)?;
        let shape = source.shape();
        let row_dims = kernel.row_dims(shape.row_dims());
        let mut dims = shape.dims().get(..1).unwrap_or(&[]).to_vec();
        dims.extend(&row_dims);
        // Too many for any file they are refused below.
        let out_row = dims.get(1..).unwrap_or_default().iter();
        let (row_len, out_len) =
            (shape.row_len(), out_row.fold(1, |n: usize, d| n.saturating_mul(*d)));
        let cuts_rows = kernel.within_rows() && row_len == out_len && row_len > 0;
        let (unit, in_item, out_item) =
            if cuts_rows { (Unit::Elements, 1, 1) } else { (Unit::Rows, row_len, out_len) };
        let (mut staged, keeper) = match keep {
            None => (options.stage::<U>(path, dims)?, None),
            Some(keep) => {
                // Elements where rows may be cut, else rows: what the chunks below are made of.
                let items = if cuts_rows { shape.len() } else { shape.rows() };
                let (staged, keeper) =
                    stage_kept(keep, source, path, options, (dims, items, out_item))?;
                (staged, Some(keeper))
            }
        };
        let (rest, write_back) = staged.parts()?;
        // Of nothing that becomes nothing there are no chunks, however many rows it has.
        let rows = if rest.is_empty() && shape.is_empty() { 0 } else { shape.rows() };
        let most = self.most_chunk_bytes();
        let plan = match unit {
            Unit::Elements => {
                let (len, size) = (shape.len(), size_of::<T>());
                let most = whole_rows(most / size.max(size_of::<U>()), row_len);
                Plan::elements(len, size, self.chunk, row_len, self.workers()).finer(most)
            }
            Unit::Rows => {
                let row_bytes = (row_len * size_of::<T>()).max(out_len * size_of::<U>());
                Plan::rows(rows, row_bytes, self.chunk, self.workers())
                    .coarser(SMALLEST_CHUNK / row_bytes.max(1))
                    .finer(most / row_bytes.max(1))
            }
        };
        let parts = parts_of(rest, &plan, out_item);
        let job = Job::new(self, "map", plan.len(), (shape.len() * size_of::<T>()) as u64)
            .writing((plan.items() * out_item * size_of::<U>()) as u64)
            .within_ceiling();
        let lets_go = job.lets_go();
        // Items whose output is computed in the cache, to be written past it. None where a row is
        // too long for that, and where the source is only read well many rows at a time.
        let in_cache = match unit {
            Unit::Elements => whole_rows(STAGE / size_of::<U>(), row_len),
            Unit::Rows => STAGE / (out_item * size_of::<U>()).max(1),
        };
        let in_cache = if source.rows_at_a_time() > 1 { 0 } else { in_cache };
        let write_items = |(buffer, scratch): &mut (TileBuffer<T>, Scratch),
                           items: Range<usize>,
                           part: &mut [U]| {
            let written = |item: usize| (item * out_item * size_of::<U>()) as u64;
            let bytes = written(items.start)..written(items.end);
            write_back.prepare(bytes.clone())?;
            let mut fill = |items: Range<usize>, out: &mut [U]| {
                let filled = each_run(source, items.clone(), unit, buffer, |input, first| {
                    let at = (first - items.start) * out_item;
                    let len = if cuts_rows { input.data.len() } else { out.len() };
                    kernel.map(&input, &mut out[at..at + len])
                });
                // What a kernel made of bytes that were not there is no result, and no failure.
                source.check()?;
                filled
            };
            match U::stored_mut(part).filter(|_| in_cache > 0) {
                Some(part) => {
                    let mut next = items.start;
                    while next < items.end {
                        let some = next..items.end.min(next.saturating_add(in_cache));
                        next = some.end;
                        let at = (some.start - items.start) * out_item;
                        let mut piece = scratch.take::<U::Stored>(some.len() * out_item);
                        // What a kernel leaves out is zero, as in the file.
                        bytemuck::fill_zeroes(&mut piece);
                        let to = bytemuck::cast_slice_mut(&mut part[at..at + piece.len()]);
                        fill(some, U::view_mut(&mut piece).unwrap_or_default())?;
                        copy_past_cache(bytemuck::cast_slice(&piece), to);
                    }
                }
                None => {
                    if keeper.is_some() {
                        // An earlier run may have begun with it.
                        part.fill(U::default());
                    }
                    fill(items.clone(), part)?;
                }
            }
            write_back.check()?;
            write_back.start(bytes.clone());
            if lets_go {
                write_back.release(bytes);
                release_items(source, items, unit);
            }
            Ok(())
        };
        let sync = |done: &Ranges| {
            write_back.sync()?;
            Ok(write_back.file_identity(&done.in_bytes(out_item * size_of::<U>()))?)
        };
        let work = |worker: &mut (TileBuffer<T>, Scratch), chunk: usize| {
            let all = &mut **parts[chunk].lock();
            let items = plan.chunk(chunk);
            let Some(keeper) = &keeper else { return write_items(worker, items, all) };
            for todo in keeper.missing(items.clone()) {
                let place = (todo.start - items.start) * out_item;
                let part = &mut all[place..place + todo.len() * out_item];
                write_items(worker, todo.clone(), part)?;
                keeper.wrote(todo, &sync)?;
            }
            Ok(())
        };
        self.run(
            &job,
            |chunk| (plan.chunk(chunk).len() * in_item * size_of::<T>()) as u64,
            || (TileBuffer::new().below_ceiling(lets_go), Scratch::default()),
            work,
        );
        let ended = job.end(source);
        if let (Err(_), Some(keeper)) = (&ended, &keeper) {
            // The failure is what has to be known, not that less of the work was kept.
            let _ = keeper.save(&sync);
        }
        drop(parts);
        if keeper.is_some() {
            // Also when it cannot take its name: all of it is done then.
            staged.keep_unfinished();
        }
        ended?;
        let all = (plan.items() * out_item * size_of::<U>()) as u64;
        let whole = keeper.is_some().then(|| staged.file_identity(std::slice::from_ref(&(0..all))));
        if let Err(error) = staged.publish() {
            // All of it is durable and done, and only its name was taken meanwhile.
            let has_no_name = matches!(
                error,
                FileError::Exists { .. } | FileError::OtherKind { .. } | FileError::Taken { .. }
            );
            if let (Some(keeper), Some(Ok(whole)), true) = (&keeper, whole, has_no_name) {
                let _ = keeper.save(&|_| Ok(whole));
            }
            return Err(error.into());
        }
        keeper.map_or(Ok(()), MapKeeper::remove)?;
        job.succeed();
        Ok(())
    }
}

/// The options with all files of the job: nothing it writes replaces one of them, or a file that may not
/// be replaced.
pub(crate) fn planned<T: Element>(
    options: &CreateOptions,
    overwrite: bool,
    source: &dyn Source<T>,
    checkpoint: Option<&Checkpoint>,
    path: &Path,
) -> Result<CreateOptions> {
    let mut outputs = options.files().clone();
    outputs = outputs.clone().overwrite(overwrite || outputs.overwrites());
    outputs.read_source(Role::Input, source);
    if let Some(checkpoint) = checkpoint {
        checkpoint.plan(&mut outputs)?;
    }
    outputs.plan(Role::Output, options.kind(path), path)?;
    Ok(options.clone().outputs(outputs))
}

/// The output of a job with a checkpoint: the unfinished one that the checkpoint is of, else a new one.
/// There are `items` of them, of `out_item` elements each.
fn stage_kept<'a, T: Element, U: Element>(
    keep: Keep<'a>,
    source: &dyn Source<T>,
    path: &Path,
    options: &CreateOptions,
    (dims, items, out_item): (Vec<usize>, usize, usize),
) -> Result<(StagedArray<U>, MapKeeper<'a>)> {
    let Keep { checkpoint, what, fitted } = keep;
    let mut keeper = Keeper::open(checkpoint, what, source, options.files().clone())?;
    let mut done = Ranges::default();
    let mut goes_on = None;
    match keeper.take_found() {
        None => {}
        Some(State::Map { output, done: ranges, fitted: earlier }) => {
            if earlier != fitted {
                return Err(keeper.damaged("what was found in an earlier read differs"));
            }
            let kept = done_of(&ranges, items);
            let kept = kept.ok_or_else(|| keeper.damaged("its items do not fit the job"))?;
            // Without its output there is nothing to go on with: the job starts over.
            if let (Some(staged), Some(output)) =
                (options.stage_again::<U>(path, dims.clone())?, output)
                && staged.file_identity(&kept.in_bytes(out_item * size_of::<U>()))? == output
            {
                (done, goes_on) = (kept, Some(staged));
            }
        }
        Some(_) => return Err(keeper.damaged("it is not the checkpoint of a map")),
    }
    let staged = match goes_on {
        Some(staged) => staged,
        None => options.stage::<U>(path, dims)?,
    };
    Ok((staged, MapKeeper::new(keeper, fitted, done)))
}

/// An output in parts, one for each chunk, of which each is taken once. Items have so many elements.
pub(crate) fn parts_of<'a, U>(
    mut output: &'a mut [U],
    plan: &Plan,
    item_len: usize,
) -> Vec<Mutex<&'a mut [U]>> {
    let mut parts = Vec::with_capacity(plan.len());
    for chunk in 0..plan.len() {
        let (part, more) = output.split_at_mut(plan.chunk(chunk).len() * item_len);
        parts.push(Mutex::new(part));
        output = more;
    }
    parts
}

/// So many elements in whole rows, if that is one at least.
fn whole_rows(elements: usize, row_len: usize) -> usize {
    if row_len <= elements { elements / row_len.max(1) * row_len } else { elements }
}

/// Output that is computed in the cache at a time.
const STAGE: usize = 128 << 10;

/// Smaller chunks of a map are taken together, in bytes: each has a book-keeping of its own.
const SMALLEST_CHUNK: usize = 64 << 10;

/// What a range of a chunk counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Rows.
    Rows,
    /// Elements in C order.
    Elements,
}

/// Lends the items `range` to `f`, with the number of the first: at once if they are whole rows,
/// else row by row. Gives the last that `f` gave.
pub(crate) fn each_run<T: Element, R>(
    source: &dyn Source<T>,
    range: Range<usize>,
    unit: Unit,
    buffer: &mut TileBuffer<T>,
    mut f: impl FnMut(Chunk<'_, T>, usize) -> Result<R>,
) -> Result<Option<R>> {
    let row_len = source.shape().row_len();
    let rows = match unit {
        Unit::Rows => range.clone(),
        Unit::Elements
            if range.start.is_multiple_of(row_len) && range.end.is_multiple_of(row_len) =>
        {
            range.start / row_len..range.end / row_len
        }
        Unit::Elements => {
            let mut last = None;
            let mut at = range.start;
            while at < range.end {
                let row = at / row_len;
                let end = range.end.min((row + 1) * row_len);
                let first_col = at - row * row_len;
                let cols = first_col..first_col + (end - at);
                let tile = source.tile(row..row + 1, cols, buffer)?;
                let rows = row..row + 1;
                last = Some(f(Chunk { data: tile.row(0), rows, first_col, row_len }, at)?);
                at = end;
            }
            return Ok(last);
        }
    };
    let data = source.rows(rows.clone(), buffer)?;
    f(Chunk { data, rows, first_col: 0, row_len }, range.start).map(Some)
}

/// Lets go of the items `range` of the input: whole rows, or a part of one row or of a few.
fn release_items<T: Element>(source: &dyn Source<T>, range: Range<usize>, unit: Unit) {
    let row_len = source.shape().row_len();
    if unit == Unit::Rows {
        return source.release(range, 0..row_len);
    }
    let (first, last) = (range.start / row_len, range.end / row_len);
    let (from, to) = (range.start % row_len, range.end % row_len);
    if first == last {
        return source.release(first..first + 1, from..to);
    }
    source.release(first..first + 1, from..row_len);
    source.release(first + 1..last, 0..row_len);
    if to > 0 {
        source.release(last..last + 1, 0..to);
    }
}
