//! The write job of a map: compiled once per output element type, for all maps and sources.

use std::any::Any;
use std::ops::Range;
use std::path::Path;

use parking_lot::Mutex;
use rowmill_core::{
    CreateOptions, Element, Error as FileError, FileIdentity, Role, StagedArray, WriteBack,
};
use rowmill_lanes::arch::copy_past_cache;

use super::Keep;
use super::chunk::{Unit, parts_of};
use super::fill::Fill;
use super::layout::Layout;
use crate::engine::Engine;
use crate::engine::input::Input;
use crate::engine::plan::Plan;
use crate::engine::ranges::Ranges;
use crate::engine::run::Job;
use crate::engine::scratch::Scratch;
use crate::error::Result;
use crate::resume::checkpoint::{Checkpoint, Keeper, MapKeeper, State, done_of};

impl Engine {
    /// Writes an array that is filled chunk by chunk.
    pub(crate) fn write<U: Element>(
        &self,
        fill: &dyn Fill<U>,
        (keep, overwrite): (Option<Keep<'_>>, bool),
        path: &Path,
        options: &CreateOptions,
    ) -> Result<()> {
        let input = fill.input();
        let checkpoint = keep.as_ref().map(|keep| keep.checkpoint);
        let options = &planned(options, overwrite, input, checkpoint, path)?;
        let layout = Layout::new(fill);
        let (mut staged, keeper) = match keep {
            None => (options.stage::<U>(path, layout.dims.clone())?, None),
            Some(keep) => {
                let (staged, keeper) = stage_kept(keep, input, path, options, &layout)?;
                (staged, Some(keeper))
            }
        };
        let (out, write_back) = staged.parts()?;
        let input_len = input.shape().len();
        let plan = layout.plan(self, input_len, out.len());
        let job = Job::new(self, "map", plan.len(), (input_len * input.dtype().size()) as u64)
            .writing(layout.bytes(&(0..plan.items())).end)
            .within_ceiling();
        let writer = Writer {
            fill,
            layout: &layout,
            plan: &plan,
            parts: parts_of(out, &plan, layout.out_item),
            write_back: &write_back,
            keeper: keeper.as_ref(),
            in_cache: layout.in_cache(input),
            releases: job.releases(),
        };
        let ended = writer.run(self, &job);
        if keeper.is_some() {
            // Also if publishing fails: all of the work is done then.
            staged.keep_unfinished();
        }
        ended?;
        publish(staged, keeper, layout.bytes(&(0..plan.items())))?;
        job.succeed();
        Ok(())
    }
}

/// The chunks of an output that is being written.
struct Writer<'a, U: Element> {
    fill: &'a dyn Fill<U>,
    layout: &'a Layout,
    plan: &'a Plan,
    /// The output, in chunks.
    parts: Vec<Mutex<&'a mut [U::Stored]>>,
    write_back: &'a WriteBack<'a>,
    keeper: Option<&'a MapKeeper<'a>>,
    in_cache: usize,
    /// Whether finished chunks are released.
    releases: bool,
}

/// The memory of one worker: that of the fill, and an output buffer.
type Worker = (Box<dyn Any>, Scratch);

impl<U: Element> Writer<'_, U> {
    /// Processes all chunks.
    fn run(&self, engine: &Engine, job: &Job<'_>) -> Result<()> {
        engine.run(
            job,
            |chunk| (self.plan.chunk(chunk).len() * self.layout.in_bytes) as u64,
            || -> Worker { (self.fill.worker(self.releases), Scratch::default()) },
            |worker, chunk| self.chunk(worker, chunk),
        );
        let ended = job.end(self.fill.input());
        if let (Err(_), Some(keeper)) = (&ended, self.keeper) {
            // The job's failure matters more than a failure to save its progress.
            let _ = keeper.save(&|done| self.sync(done));
        }
        ended
    }

    /// Processes a chunk, or the missing parts of it.
    fn chunk(&self, worker: &mut Worker, chunk: usize) -> Result<()> {
        let all = &mut **self.parts[chunk].lock();
        let items = self.plan.chunk(chunk);
        let Some(keeper) = self.keeper else { return self.items(worker, items, all) };
        let out_item = self.layout.out_item;
        for todo in keeper.missing(items.clone()) {
            let place = (todo.start - items.start) * out_item;
            let part = &mut all[place..place + todo.len() * out_item];
            self.items(worker, todo.clone(), part)?;
            keeper.wrote(todo, &|done| self.sync(done))?;
        }
        Ok(())
    }

    /// Fills a part of the output with its items, and starts writing it to disk.
    fn items(
        &self,
        worker: &mut Worker,
        items: Range<usize>,
        part: &mut [U::Stored],
    ) -> Result<()> {
        let bytes = self.layout.bytes(&items);
        self.write_back.prepare(bytes.clone())?;
        match U::view_mut(part) {
            Some(part) if self.in_cache == 0 => {
                if self.keeper.is_some() {
                    // An earlier run may have written part of it.
                    part.fill(U::default());
                }
                self.fill.fill(&mut *worker.0, items.clone(), self.layout.unit, part)?;
            }
            _ => self.past_cache(worker, items.clone(), part)?,
        }
        self.write_back.check()?;
        self.write_back.start(bytes.clone());
        if self.releases {
            self.write_back.release(bytes);
            release_items(self.fill.input(), items, self.layout.unit);
        }
        Ok(())
    }

    /// Computes items in the cache, as many at a time as fit, and writes them past it.
    fn past_cache(
        &self,
        (worker, scratch): &mut Worker,
        items: Range<usize>,
        part: &mut [U::Stored],
    ) -> Result<()> {
        let out_item = self.layout.out_item;
        let mut next = items.start;
        while next < items.end {
            let some = next..items.end.min(next.saturating_add(self.in_cache.max(1)));
            next = some.end;
            let at = (some.start - items.start) * out_item;
            // Elements that a kernel does not write are zero, as in the file.
            let mut piece = scratch.take::<U::Stored>(some.len() * out_item);
            bytemuck::fill_zeroes(&mut piece);
            let to = bytemuck::cast_slice_mut(&mut part[at..at + piece.len()]);
            if let Some(out) = U::view_mut(&mut piece) {
                self.fill.fill(&mut **worker, some, self.layout.unit, out)?;
                copy_past_cache(bytemuck::cast_slice(&piece), to);
            } else {
                // Bools, which have no view of their bytes.
                let mut elements = vec![U::default(); piece.len()];
                self.fill.fill(&mut **worker, some, self.layout.unit, &mut elements)?;
                copy_past_cache(U::bytes(&elements), to);
            }
        }
        Ok(())
    }

    /// Makes the written data durable, and returns the identity of the file.
    fn sync(&self, done: &Ranges) -> Result<FileIdentity> {
        self.write_back.sync()?;
        let ranges = done.in_bytes(self.layout.out_item * self.layout.size);
        Ok(self.write_back.file_identity(&ranges)?)
    }
}

/// Gives the output its name, and removes the checkpoint.
fn publish<U: Element>(
    staged: StagedArray<U>,
    keeper: Option<MapKeeper<'_>>,
    all: Range<u64>,
) -> Result<()> {
    let whole = keeper.is_some().then(|| staged.file_identity(std::slice::from_ref(&all)));
    if let Err(error) = staged.publish() {
        // The data is complete and durable, and only the name was taken meanwhile.
        let has_no_name = matches!(
            error,
            FileError::Exists { .. } | FileError::OtherKind { .. } | FileError::Taken { .. }
        );
        if let (Some(keeper), Some(Ok(whole)), true) = (&keeper, whole, has_no_name) {
            let _ = keeper.save(&|_| Ok(whole));
        }
        return Err(error.into());
    }
    keeper.map_or(Ok(()), MapKeeper::remove)
}

/// The options with all files of the job registered: no output replaces one of them, or a protected
/// file.
pub(crate) fn planned(
    options: &CreateOptions,
    overwrite: bool,
    input: &dyn Input,
    checkpoint: Option<&Checkpoint>,
    path: &Path,
) -> Result<CreateOptions> {
    let mut outputs = options.files().clone();
    outputs = outputs.clone().overwrite(overwrite || outputs.overwrites());
    input.register(&mut outputs);
    if let Some(checkpoint) = checkpoint {
        checkpoint.plan(&mut outputs)?;
    }
    outputs.plan(Role::Output, options.kind(path), path)?;
    Ok(options.clone().outputs(outputs))
}

/// The output of a job with a checkpoint: the unfinished one that the checkpoint belongs to, or a
/// new one.
fn stage_kept<'a, U: Element>(
    keep: Keep<'a>,
    input: &dyn Input,
    path: &Path,
    options: &CreateOptions,
    layout: &Layout,
) -> Result<(StagedArray<U>, MapKeeper<'a>)> {
    let Keep { checkpoint, what, fitted } = keep;
    let mut keeper = Keeper::open(checkpoint, what, input, options.files().clone())?;
    let dims = &layout.dims;
    let mut done = Ranges::default();
    let mut resumed = None;
    match keeper.take_found() {
        None => {}
        Some(State::Map { output, done: ranges, fitted: earlier }) => {
            if earlier != fitted {
                return Err(keeper.damaged("the result of an earlier read differs"));
            }
            let kept = done_of(&ranges, layout.items);
            let kept = kept.ok_or_else(|| keeper.damaged("its items do not fit the job"))?;
            let in_bytes = kept.in_bytes(layout.out_item * layout.size);
            // Without its output the checkpoint is of no use: the job starts over.
            if let (Some(staged), Some(output)) =
                (options.stage_again::<U>(path, dims.clone())?, output)
                && staged.file_identity(&in_bytes)? == output
            {
                (done, resumed) = (kept, Some(staged));
            }
        }
        Some(_) => return Err(keeper.damaged("it is not the checkpoint of a map")),
    }
    let staged = match resumed {
        Some(staged) => staged,
        None => options.stage::<U>(path, dims.clone())?,
    };
    Ok((staged, MapKeeper::new(keeper, fitted, done)))
}

/// Releases the items `range` of the input: whole rows, or parts of one row or several.
fn release_items(input: &dyn Input, range: Range<usize>, unit: Unit) {
    let row_len = input.shape().row_len();
    if unit == Unit::Rows {
        return input.release(range, 0..row_len);
    }
    let (first, last) = (range.start / row_len, range.end / row_len);
    let (from, to) = (range.start % row_len, range.end % row_len);
    if first == last {
        return input.release(first..first + 1, from..to);
    }
    input.release(first..first + 1, from..row_len);
    input.release(first + 1..last, 0..row_len);
    if to > 0 {
        input.release(last..last + 1, 0..to);
    }
}
