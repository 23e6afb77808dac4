//! Checkpoints: the progress of a job in a file, so that it can resume after a kill.
//!
//! ```text
//!   chunk done --> recorded in memory --(now and then)--> output synced --> checkpoint replaced
//! ```
//!
//! A checkpoint only ever records durable work: the output is synced before the checkpoint that
//! names its rows is renamed into place. Work done after the last checkpoint is repeated.

mod file;

use crate::engine::ranges::Ranges;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rowmill_core::{FileIdentity, Identity, Kind, Outputs, Role};

use crate::error::CheckpointError;
pub(crate) use file::{Saved, SavedNode, State};
pub use file::{check_checkpoint, frame_checkpoint};

use crate::engine::input::Input;
use crate::engine::tree::Node;
use crate::error::{Error, Result};

/// Where a job saves its progress, and how often.
///
/// A job that was killed at any point and run again with the same checkpoint gives the same bytes
/// as an uninterrupted one. A completed job removes its checkpoint. A changed input, another job or
/// a damaged checkpoint is refused ([`CheckpointError`]), never mixed.
///
/// The number of workers, the chunk size and the instruction set may differ between runs: they
/// change no bit.
///
/// ```
/// use rowmill_core::{Array, ArrayMut};
/// use rowmill_exec::{Checkpoint, Engine, Mean};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("x.npy");
/// # ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
/// let x = Array::<f32>::open(&path)?;
/// let checkpoint = Checkpoint::at(dir.path().join("mean.checkpoint"));
/// let mean = Engine::new()?.on(&x).checkpoint(&checkpoint).reduce(Mean::all())?;
/// assert_eq!(mean, 0.0);
/// assert!(!checkpoint.path().exists()); // the job is done
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a checkpoint does nothing until a job gets it"]
pub struct Checkpoint {
    path: PathBuf,
    every: Duration,
    label: Option<String>,
}

impl Checkpoint {
    /// Saved in the file `path`; an unfinished one may exist beside it for a moment. The job is
    /// refused if the path holds anything but a checkpoint, or is one of its inputs, masks or
    /// outputs.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), every: Duration::from_secs(5), label: None }
    }

    /// How much work, in time, a kill may cost. Each save syncs the written data first. Zero means
    /// after every chunk. Default: 5 seconds.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Describes what a closure computes, in your own words: the job resumes only if they are the
    /// same. Change them when the closure changes. Required for maps and streams, and for masks by
    /// [`Mask::value`](crate::Mask::value); kernels of this crate describe themselves. Default:
    /// none.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Registers the checkpoint as an output of a call. The call may then replace an output that an
    /// interrupted run of the job published.
    ///
    /// # Errors
    /// [`Error::File`]: [`Taken`](rowmill_core::Error::Taken) if the path belongs to another file
    /// of the call, [`OtherKind`](rowmill_core::Error::OtherKind) if it holds anything but a
    /// checkpoint.
    pub fn plan(&self, outputs: &mut Outputs) -> Result<()> {
        outputs.plan(Role::Checkpoint, Kind::Checkpoint, &self.path)?;
        // The job itself reports errors of the checkpoint.
        if let Ok(Some(saved)) = Saved::read(&self.path)
            && let State::Map { output: Some(file), .. } = saved.state
        {
            outputs.made(file);
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Saves the checkpoint of one job.
pub(crate) struct Keeper<'a> {
    checkpoint: &'a Checkpoint,
    job: String,
    input: Identity,
    /// The files of the job, which the checkpoint never replaces.
    outputs: Outputs,
    /// The state that an earlier run left.
    found: Option<State>,
    /// The time of the last save. Locked while saving.
    last: Mutex<Instant>,
}

impl<'a> Keeper<'a> {
    /// Looks for a checkpoint to resume from. `what` describes the computation, if it can be
    /// described. The files of the job are `outputs`.
    pub(crate) fn open(
        checkpoint: &'a Checkpoint,
        what: Option<String>,
        input: &dyn Input,
        mut outputs: Outputs,
    ) -> Result<Self> {
        input.register(&mut outputs);
        checkpoint.plan(&mut outputs)?;
        let error = |source| Error::Checkpoint { path: checkpoint.path.clone(), source };
        let identity = input.identity().ok_or_else(|| error(CheckpointError::InMemory))?;
        let what = match (what, &checkpoint.label) {
            (Some(what), None) => what,
            (Some(what), Some(label)) => format!("{label}: {what}"),
            (None, Some(label)) => label.clone(),
            (None, None) => return Err(error(CheckpointError::NoLabel)),
        };
        let job = format!("{what} of {} {}", input.dtype(), input.shape());
        let found = match Saved::read(&checkpoint.path)? {
            None => None,
            Some(saved) if saved.job != job => {
                let found = saved.job;
                return Err(error(CheckpointError::OtherJob { expected: job, found }));
            }
            Some(saved) => {
                if let Some(what) = saved.input.differs_from(&identity) {
                    return Err(error(CheckpointError::InputChanged { what }));
                }
                Some(saved.state)
            }
        };
        Ok(Self {
            checkpoint,
            job,
            input: identity,
            outputs,
            found,
            last: Mutex::new(Instant::now()),
        })
    }

    /// The state that an earlier run left.
    pub(crate) fn take_found(&mut self) -> Option<State> {
        self.found.take()
    }

    /// The error that this checkpoint cannot belong to this job after all.
    pub(crate) fn damaged(&self, what: &'static str) -> Error {
        let source = CheckpointError::Damaged { what };
        Error::Checkpoint { path: self.checkpoint.path.clone(), source }
    }

    /// Saves a checkpoint if it is due and no other thread is saving. `state` makes the recorded
    /// work durable first.
    pub(crate) fn save_when_due(&self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        let Some(mut last) = self.last.try_lock() else { return Ok(()) };
        if last.elapsed() < self.checkpoint.every {
            return Ok(());
        }
        self.write(state()?)?;
        *last = Instant::now();
        Ok(())
    }

    /// Saves a checkpoint.
    pub(crate) fn save(&self, state: &dyn Fn() -> Result<State>) -> Result<()> {
        let mut last = self.last.lock();
        self.write(state()?)?;
        *last = Instant::now();
        Ok(())
    }

    fn write(&self, state: State) -> Result<()> {
        let saved = Saved { job: self.job.clone(), input: self.input, state };
        let path = &self.checkpoint.path;
        Ok(self.outputs.save(Role::Checkpoint, Kind::Checkpoint, path, &saved.to_bytes()?)?)
    }

    /// Removes the checkpoint of a completed job.
    pub(crate) fn remove(self) -> Result<()> {
        // Another file may have taken the path meanwhile.
        if Kind::of(&self.checkpoint.path) != Some(Kind::Checkpoint) {
            return Ok(());
        }
        match std::fs::remove_file(&self.checkpoint.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &self.checkpoint.path)(e))
            }
            // If the removal does not survive a crash, the next run finds a finished job and
            // repeats the end of it, with the same result.
            _ => Ok(()),
        }
    }
}

/// The nodes of a merge tree, serialized.
pub(crate) fn encode<P>(
    nodes: &mut dyn Iterator<Item = ((u32, usize), &P)>,
    save: &dyn Fn(&P) -> Result<Vec<u8>>,
) -> Result<State> {
    let saved = nodes.map(|((level, i), partial)| Ok((level, i as u64, save(partial)?)));
    Ok(State::Reduce(saved.collect::<Result<_>>()?))
}

/// Deserializes a partial, given the blocks that it covers.
type LoadPartial<'a, P> = dyn Fn(&[u8], std::ops::Range<usize>) -> Option<P> + 'a;

/// The nodes of a merge tree over this many blocks; `None` if there cannot be such a tree.
pub(crate) fn decode<P>(
    nodes: Vec<SavedNode>,
    blocks: usize,
    load: &LoadPartial<'_, P>,
) -> Option<Vec<Node<P>>> {
    let mut seen = Ranges::default();
    let mut loaded = Vec::new();
    for (level, index, bytes) in nodes {
        let index = usize::try_from(index).ok()?;
        let width = 1_usize.checked_shl(level)?;
        let start = index.checked_mul(width)?;
        let end = start.checked_add(width).filter(|&end| end <= blocks)?;
        // No block twice.
        if !seen.missing(start..end).eq(std::iter::once(start..end)) {
            return None;
        }
        seen.insert(start..end);
        loaded.push(Node { level, index, partial: load(&bytes, start..end)? });
    }
    Some(loaded)
}

/// The finished items of a map, out of `items`; `None` for ranges that it cannot have written:
/// empty, out of order, or beyond the last item.
pub(crate) fn done_of(ranges: &[(u64, u64)], items: usize) -> Option<Ranges> {
    let (mut done, mut last) = (Ranges::default(), 0);
    for &(start, end) in ranges {
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        if start < last || start >= end || end > items {
            return None;
        }
        done.insert(start..end);
        last = end;
    }
    Some(done)
}

/// The progress of a map, and what it needs to resume.
pub(crate) struct MapKeeper<'a> {
    keeper: Keeper<'a>,
    fitted: Vec<u8>,
    done: Mutex<Ranges>,
    /// Set if a sync failed: the kernel has dropped the dirty pages, so nothing more is known to be
    /// durable.
    failed: AtomicBool,
}

/// Makes all written data durable, and returns the identity of the output for the finished items.
type MakeDurable<'a> = &'a dyn Fn(&Ranges) -> Result<FileIdentity>;

impl<'a> MapKeeper<'a> {
    /// Resumes from the items that are `done` in the output.
    pub(crate) fn new(keeper: Keeper<'a>, fitted: Vec<u8>, done: Ranges) -> Self {
        Self { keeper, fitted, done: Mutex::new(done), failed: AtomicBool::new(false) }
    }

    /// The unfinished parts of a range of items.
    pub(crate) fn missing(&self, items: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
        self.done.lock().missing(items).collect()
    }

    /// Records that these items were written. `sync` makes all written data durable, and returns
    /// the identity of the output for the finished items.
    pub(crate) fn wrote(&self, items: std::ops::Range<usize>, sync: MakeDurable<'_>) -> Result<()> {
        self.done.lock().insert(items);
        if self.failed.load(Ordering::SeqCst) {
            return Ok(()); // the call that failed has reported it
        }
        self.keeper.save_when_due(&|| self.state(sync))
    }

    /// Saves the progress, even if it is not due.
    pub(crate) fn save(&self, sync: MakeDurable<'_>) -> Result<()> {
        if self.failed.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.keeper.save(&|| self.state(sync))
    }

    fn state(&self, sync: MakeDurable<'_>) -> Result<State> {
        // Items finished during the sync may not be durable afterwards.
        let done = self.done.lock().clone();
        let output = sync(&done).inspect_err(|_| self.failed.store(true, Ordering::SeqCst))?;
        let done = done.iter().map(|r| (r.start as u64, r.end as u64)).collect();
        Ok(State::Map { fitted: self.fitted.clone(), output: Some(output), done })
    }

    /// Removes the checkpoint of a completed job.
    pub(crate) fn remove(self) -> Result<()> {
        self.keeper.remove()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_a_map_can_have_done() {
        let done = |ranges: &[(u64, u64)]| done_of(ranges, 10).map(|done| done.iter().collect());
        assert_eq!(done(&[]), Some(vec![]));
        assert_eq!(done(&[(0, 2), (5, 10)]), Some(vec![0..2, 5..10]));
        for bad in [
            &[(0, 11)][..],
            &[(3, 2)],
            &[(3, 3)],
            &[(4, 6), (0, 2)],
            &[(0, 4), (3, 6)],
            &[(0, u64::MAX)],
            &[(u64::MAX, 1)],
        ] {
            assert_eq!(done(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn nodes_of_a_tree_lie_inside_and_apart() {
        let decode = |nodes: &[(u32, u64)]| {
            let nodes = nodes.iter().map(|&(level, index)| (level, index, Vec::new())).collect();
            decode(nodes, 6, &|_, blocks| Some(blocks)).map(|nodes| nodes.len())
        };
        assert_eq!(decode(&[(2, 0), (1, 2)]), Some(2));
        assert_eq!(decode(&[(0, 5), (0, 0), (1, 1)]), Some(3));
        for bad in [
            &[(1, 3)][..],
            &[(0, 6)],
            &[(3, 0)],
            &[(64, 0)],
            &[(63, 1)],
            &[(63, u64::MAX)],
            &[(0, 1), (0, 1)],
            &[(2, 0), (0, 3)],
            &[(0, 3), (2, 0)],
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
