//! Maps: chunks of rows in, chunks of rows out.

mod chunk;
mod fill;
mod kernels;
mod layout;
mod write;

use std::marker::PhantomData;
use std::path::Path;

use rowmill_core::{CreateOptions, Element, Source};

use crate::engine::Engine;
use crate::error::Result;
use crate::resume::checkpoint::Checkpoint;

pub use chunk::Chunk;
pub(crate) use chunk::{Unit, each_run, parts_of};
pub(crate) use fill::Mapped;
pub use kernels::{Elements, RowMap, map_elements, map_rows};
pub(crate) use write::planned;

/// A map: turns a chunk of rows into as many rows of output.
///
/// For the common cases there are [`map_elements`] and [`map_rows`].
pub trait Map<T: Element, U: Element>: Sync {
    /// The shape of an output row for input rows of this shape. Default: the same.
    fn row_dims(&self, row_dims: &[usize]) -> Vec<usize> {
        row_dims.to_vec()
    }

    /// Whether each element is mapped independently, so that a chunk may be part of a long row.
    /// Default: no, chunks are whole rows.
    fn within_rows(&self) -> bool {
        false
    }

    /// Writes the output rows for `input`.
    ///
    /// # Errors
    /// An error ends the job, and nothing is published. [`Error::kernel`](crate::Error::kernel)
    /// wraps errors of any other type.
    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()>;
}

/// A map whose output is not chosen yet. Made by [`Engine::map`].
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
    /// A description of the map's computation, if it has one.
    pub(crate) what: Option<String>,
    /// The result of an earlier read, on which the map depends.
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
    /// Saves progress in a checkpoint: a job that was killed at any point resumes from the output
    /// written so far when it is run again, with the same bytes as an uninterrupted run. The
    /// unfinished output then stays, also if the job fails. The checkpoint needs a
    /// [label](Checkpoint::label) that says what the kernel computes.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut};
    /// use rowmill_exec::{Checkpoint, Engine, map_elements};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let (path, twice) = (dir.path().join("x.npy"), dir.path().join("twice.npy"));
    /// # ArrayMut::<i32>::create(&path, [4, 2])?.close()?;
    /// let x = Array::<i32>::open(&path)?;
    /// let checkpoint = Checkpoint::at(dir.path().join("twice.checkpoint")).label("twice, v1");
    /// let map = map_elements(|v: i32| v * 2);
    /// Engine::new()?.map(&x, map).checkpoint(&checkpoint).write_npy(&twice)?;
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    pub fn checkpoint(mut self, checkpoint: &'a Checkpoint) -> Self {
        self.keep = Some(Keep { checkpoint, what: None, fitted: Vec::new() });
        self
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
    /// [`Error::File`] if reading or writing fails (no space, no permission, another writer), if
    /// the file [exists](rowmill_core::Error::Exists) or is an [input](rowmill_core::Error::Taken);
    /// [`Error::Cancelled`]; [`Error::KernelPanicked`]; errors of the kernel.
    ///
    /// [`Error::File`]: crate::Error::File
    /// [`Error::Cancelled`]: crate::Error::Cancelled
    /// [`Error::KernelPanicked`]: crate::Error::KernelPanicked
    pub fn write_npy(self, path: impl AsRef<Path>) -> Result<()> {
        self.write(path, &CreateOptions::new().format(rowmill_core::Format::Npy))
    }

    /// Runs the job and writes a new array file with these options.
    ///
    /// # Errors
    /// As [`write_npy`](Self::write_npy).
    pub fn write(self, path: impl AsRef<Path>, options: &CreateOptions) -> Result<()> {
        let Self { engine, source, kernel, keep, overwrite, .. } = self;
        let mapped = Mapped::new(source, &kernel);
        engine.write(&mapped, (keep, overwrite), path.as_ref(), options)
    }
}
