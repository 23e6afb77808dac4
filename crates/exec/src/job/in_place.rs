//! Jobs that change an array in place, so that a crash at any point loses no row.
//!
//! ```text
//!   window of rows --kernel--> buffer --> journal, synced --> array, synced --> next window
//! ```
//!
//! After a crash, what is in the journal goes into the array (again), and the job goes on behind
//! it. The kernel never sees a row twice.

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
    /// It was changed, or what was begun was finished.
    Changed,
    /// The same job was the last to change it: there was nothing to do.
    AlreadyDone,
}

/// A job that changes an array in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlaceJob<'a> {
    /// In words that differ for jobs that differ.
    pub(crate) what: &'a str,
    /// Whether the kernel works on parts of rows.
    pub(crate) cuts_rows: bool,
    /// Whether it is not done again to an array that is as it left it.
    pub(crate) once: bool,
}

/// The bytes that are changed between two syncs, about, for each worker.
const WINDOW: usize = 16 << 20;

impl Engine {
    /// Maps an array to itself: each chunk of rows is replaced by what the kernel makes of it,
    /// which is as many rows of the same shape and type.
    ///
    /// A journal beside the array ([`Journal::path_for`]) has each row before it is changed, so
    /// that a crash at any point leaves either the old or the new of every row. The array is then
    /// refused ([`rowmill_core::Error::Unfinished`]) until the same call is made again, which
    /// finishes the job: the same bytes as if it had not been interrupted. `label` says in words
    /// what the kernel computes; a job is only finished by one with the same label. Where there is
    /// no room for a journal, the job is refused.
    ///
    /// A job that is finished is done again by the next call. Who was killed and does not know
    /// whether it was finished has to look at the rows, or make a kernel that does the same twice.
    ///
    /// Open the array with [`ArrayMut::open_to_finish`] when a job may have been interrupted. The
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
    /// [`Error::File`] when reading or writing fails, or another job was begun on this array,
    /// [`Error::OutputRow`] when the kernel gives rows of another size, [`Error::Cancelled`],
    /// [`Error::KernelPanicked`], and what the kernel gives. The array is then refused until the
    /// job is finished.
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

    /// Changes an array in place. What `fit` finds before the first row is changed is kept for the
    /// runs after a crash; `kernel` is made of it.
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
                    Some(record) => windows.put_again(array, &record)?,
                };
                (journal, head.fitted, done, windows)
            }
            None if once && array.was_done(&job)? => return Ok(InPlace::AlreadyDone),
            None => {
                let fitted = fit(array)?;
                let most = WINDOW.min(self.most_chunk_bytes()) * self.workers();
                let row = array.shape().row_len() * size_of::<T>();
                // Rows are only cut where they have to be and can be.
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
            // Elements that a kernel leaves out are zero, as in a new file.
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

/// How an array is changed: so many rows at a time, or of rows that are longer than a record so
/// many elements.
#[derive(Clone, Copy, Debug)]
struct Windows {
    unit: Unit,
    /// Rows or elements in all.
    items: usize,
    /// Elements of an item.
    item_len: usize,
    /// Items at a time.
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

    /// Writes new rows, which are in the journal, and makes them durable.
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

    /// Writes the rows that an interrupted run left in the journal; gives where they end.
    fn put_again<T: Element>(
        &self,
        array: &mut ArrayMut<T>,
        record: &JournalRecord,
    ) -> Result<usize> {
        let JournalRecord { items, data } = record;
        let items = usize::try_from(items.start).ok().zip(usize::try_from(items.end).ok());
        let items = items.map(|(start, end)| start..end);
        // One of the windows, as a whole: to go on elsewhere would change rows twice.
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
