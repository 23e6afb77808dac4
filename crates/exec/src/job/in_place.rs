//! Jobs that change an array in place and lose no row in a crash.
//!
//! ```text
//!   window of rows --kernel--> buffer --> journal, synced --> array, synced --> next window
//! ```
//!
//! After a crash, the journalled rows are written to the array (again), and the job resumes behind
//! them. The kernel never sees a row twice.

use std::ops::Range;

use rowmill_core::{
    ArrayMut, Element, Journal, JournalError, JournalHead, JournalRecord, TileBuffer,
};

use crate::engine::Engine;
use crate::engine::input::Typed;
use crate::engine::plan::Plan;
use crate::engine::run::Job;
use crate::error::{Error, Result};
use crate::job::map::{Map, Unit, each_run, parts_of};

/// The outcome of changing an array in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// The array was changed, or an interrupted change was completed.
    Changed,
    /// The last change of the array was this same job: nothing was done.
    AlreadyDone,
}

/// A job that changes an array in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlaceJob<'a> {
    /// A description that differs between different jobs.
    pub(crate) what: &'a str,
    /// Whether the kernel works on parts of rows.
    pub(crate) cuts_rows: bool,
    /// Whether the job is skipped if the array is as the same job left it.
    pub(crate) once: bool,
}

/// The approximate number of bytes changed between two syncs, per worker.
const WINDOW: usize = 16 << 20;

impl Engine {
    /// Maps an array to itself: the kernel replaces each chunk of rows by as many rows of the same
    /// shape and type.
    ///
    /// A journal beside the array ([`Journal::path_for`]) records each new row before it is
    /// written, so a crash at any point leaves each row either old or new. The array is then
    /// refused ([`rowmill_core::Error::Unfinished`]) until the same call is made again, which
    /// finishes the job with the same bytes as an uninterrupted run. `label` describes what the
    /// kernel computes; only a job with the same label can finish it. If there is no space for a
    /// journal, the job is refused.
    ///
    /// Calling it again after the job completed applies the kernel again. After a kill you cannot
    /// tell whether the job completed: inspect the rows or make the kernel idempotent.
    ///
    /// Open the array with [`ArrayMut::open_to_finish`] if a job may have been interrupted. The
    /// journal takes twice a few tens of megabytes, or two rows if those are larger.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut};
    /// use rowmill_exec::{Engine, map_elements};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("x.npy");
    /// # let mut x = ArrayMut::<i32>::create(&path, [2, 2])?;
    /// # x.write_rows(0, &[1, 2, 3, 4])?;
    /// # x.close()?;
    /// let mut x = ArrayMut::<i32>::open_to_finish(&path)?;
    /// Engine::new()?.map_in_place(&mut x, map_elements(|v: i32| v * 2), "twice")?;
    /// drop(x);
    /// assert_eq!(Array::<i32>::open(&path)?.as_slice(), Some(&[2, 4, 6, 8][..]));
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`] if reading or writing fails, or another job was begun on this array;
    /// [`Error::OutputRow`] if the kernel's rows differ in size; [`Error::Cancelled`];
    /// [`Error::KernelPanicked`]; errors of the kernel. The array is then refused until the job is
    /// finished.
    pub fn map_in_place<T: Element, K: Map<T, T>>(
        &self,
        array: &mut ArrayMut<T>,
        kernel: K,
        label: &str,
    ) -> Result<()> {
        let dims = kernel.row_dims(array.shape().row_dims());
        if dims != array.shape().row_dims() {
            let (expected, found) = (array.shape().row_len(), dims.iter().product());
            return Err(Error::OutputRow { expected, found });
        }
        let cuts_rows = kernel.within_rows();
        let job = InPlaceJob { what: label, cuts_rows, once: false };
        self.change_in_place(array, job, |_| Ok(Vec::new()), |_| Ok(kernel)).map(drop)
    }

    /// Changes an array in place. The result of `fit`, computed before the first row is changed, is
    /// saved for runs after a crash; `kernel` is made from it.
    pub(crate) fn change_in_place<T: Element, K: Map<T, T>>(
        &self,
        array: &mut ArrayMut<T>,
        InPlaceJob { what, cuts_rows, once }: InPlaceJob<'_>,
        fit: impl FnOnce(&ArrayMut<T>) -> Result<Vec<u8>>,
        kernel: impl FnOnce(&[u8]) -> Result<K>,
    ) -> Result<InPlace> {
        let job = format!("{what} of {} {}", T::DTYPE, array.shape());
        let (mut journal, fitted, mut next, windows) = match array.unfinished()? {
            Some((journal, head, record)) => {
                if head.job != job {
                    let source = JournalError::OtherJob { expected: job.clone(), found: head.job };
                    return Err(refuse(array, source));
                }
                let windows = Windows::new(array, head.record_len);
                if windows.unit == Unit::Elements && windows.items > 0 && !cuts_rows {
                    let what = "its records hold no whole row";
                    return Err(refuse(array, JournalError::Damaged { what }));
                }
                let done = match record {
                    None => 0,
                    Some(record) => windows.restore(array, &record)?,
                };
                (journal, head.fitted, done, windows)
            }
            None if once && array.was_done(&job)? => return Ok(InPlace::AlreadyDone),
            None => {
                let fitted = fit(array)?;
                let most = WINDOW.min(self.most_chunk_bytes()) * self.workers();
                let row = array.shape().row_len() * size_of::<T>();
                // Rows are cut only if they have to be and the kernel allows it.
                let whole = !cuts_rows || !array.is_addressable();
                let record_len = if whole { most.max(row) } else { most };
                let record_len = record_len.min(array.shape().len() * size_of::<T>()) as u64;
                let head = JournalHead { job: job.clone(), fitted, record_len };
                let windows = Windows::new(array, record_len);
                (array.start_journal(&head)?, head.fitted, 0, windows)
            }
        };
        let kernel = kernel(&fitted)?;
        let mut buffer: Vec<T> = Vec::new();
        while next < windows.items {
            let items = next..windows.items.min(next + windows.step);
            // Elements that a kernel does not write are zero, as in a new file.
            buffer.clear();
            buffer.resize(items.len() * windows.item_len, T::default());
            self.compute(array, &kernel, &windows, items.clone(), &mut buffer)?;
            journal.write(items.start as u64..items.end as u64, T::bytes(&buffer))?;
            windows.put(array, items.clone(), &buffer)?;
            next = items.end;
        }
        if once {
            array.mark_done(&job)?;
        }
        journal.remove()?;
        Ok(InPlace::Changed)
    }

    /// Computes the kernel's output for a window, on all workers.
    fn compute<T: Element, K: Map<T, T>>(
        &self,
        array: &ArrayMut<T>,
        kernel: &K,
        window: &Windows,
        items: Range<usize>,
        out: &mut [T],
    ) -> Result<()> {
        let item_len = window.item_len;
        let bytes = |n: usize| n * item_len * size_of::<T>();
        let plan = match window.unit {
            Unit::Rows => Plan::rows(items.len(), bytes(1), self.chunk, self.workers()),
            Unit::Elements => {
                let row_len = array.shape().row_len();
                Plan::elements(items.len(), size_of::<T>(), self.chunk, row_len, self.workers())
            }
        };
        let parts = parts_of(out, &plan, item_len);
        let job = Job::new(self, "map", plan.len(), bytes(items.len()) as u64)
            .writing(bytes(items.len()) as u64);
        self.run(
            &job,
            |chunk| bytes(plan.chunk(chunk).len()) as u64,
            TileBuffer::new,
            |buffer, chunk| {
                let out = &mut **parts[chunk].lock();
                let range = plan.chunk(chunk);
                let range = items.start + range.start..items.start + range.end;
                each_run(array, range.clone(), window.unit, buffer, |input, first| {
                    let at = (first - range.start) * item_len;
                    let len = input.as_slice().len();
                    kernel.map(&input, &mut out[at..at + len])
                })?;
                Ok(())
            },
        );
        job.end(&Typed(array))?;
        job.succeed();
        Ok(())
    }
}

/// How an array is changed: a number of rows at a time, or of elements if rows are longer than a
/// record.
#[derive(Clone, Copy, Debug)]
struct Windows {
    unit: Unit,
    /// The number of rows or elements.
    items: usize,
    /// Elements per item.
    item_len: usize,
    /// Items per window.
    step: usize,
}

impl Windows {
    /// The windows of an array whose records have at most `record_len` bytes.
    fn new<T: Element>(array: &ArrayMut<T>, record_len: u64) -> Self {
        let shape = array.shape();
        let most = usize::try_from(record_len).unwrap_or(usize::MAX);
        let row = shape.row_len() * size_of::<T>();
        if row == 0 {
            Self { unit: Unit::Rows, items: 0, item_len: 0, step: 1 }
        } else if row <= most {
            Self {
                unit: Unit::Rows,
                items: shape.rows(),
                item_len: shape.row_len(),
                step: most / row,
            }
        } else {
            let step = (most / size_of::<T>()).max(1);
            Self { unit: Unit::Elements, items: shape.len(), item_len: 1, step }
        }
    }

    /// Writes new rows that are in the journal, and makes them durable.
    fn put<T: Element>(
        &self,
        array: &mut ArrayMut<T>,
        items: Range<usize>,
        values: &[T],
    ) -> Result<()> {
        let rows = match self.unit {
            Unit::Rows => {
                array.write_rows(items.start, values)?;
                items
            }
            Unit::Elements => {
                let (rows, row_len) = (array.shape().rows(), array.shape().row_len());
                array.rows_mut(0..rows)?[items.clone()].copy_from_slice(values);
                items.start / row_len..items.end.div_ceil(row_len)
            }
        };
        array.flush_rows(rows)?;
        Ok(())
    }

    /// Writes the rows that an interrupted run left in the journal; returns the end of them.
    fn restore<T: Element>(
        &self,
        array: &mut ArrayMut<T>,
        record: &JournalRecord,
    ) -> Result<usize> {
        let JournalRecord { items, data } = record;
        let items = usize::try_from(items.start).ok().zip(usize::try_from(items.end).ok());
        let items = items.map(|(start, end)| start..end);
        // Only a whole window is valid: resuming elsewhere would change rows twice.
        let fits = |items: &Range<usize>| {
            items.start < self.items
                && items.start.is_multiple_of(self.step)
                && items.end == self.items.min(items.start.saturating_add(self.step))
                && items.len() * self.item_len * size_of::<T>() == data.len()
        };
        let Some(items) = items.filter(fits) else {
            let what = "its rows do not fit the array";
            return Err(refuse(array, JournalError::Damaged { what }));
        };
        let stored = data.chunks_exact(size_of::<T>());
        let values: Vec<T> = stored.map(|x| T::load(bytemuck::pod_read_unaligned(x))).collect();
        self.put(array, items.clone(), &values)?;
        Ok(items.end)
    }
}

fn refuse<T: Element>(array: &ArrayMut<T>, source: JournalError) -> Error {
    rowmill_core::Error::Journal { path: Journal::path_for(array.path()), source }.into()
}
