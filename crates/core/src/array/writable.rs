//! Arrays open for writing as a source, and their journals.

use std::borrow::Cow;
use std::ops::Range;

use crate::array::ArrayMut;
use crate::durable::journal::{Journal, JournalHead, JournalRecord, Rows, mark_done, was_done};
use crate::element::Element;
use crate::error::Result;
use crate::fs::{SourceFile, number};
use crate::map::InMemory;
use crate::shape::Shape;
use crate::tile::{Tile, TileBuffer, tile_in};
use crate::view::{Source, check_ranges};

/// Reads everything written so far, durable or not.
impl<T: Element> Source<T> for ArrayMut<T> {
    fn shape(&self) -> &Shape {
        &self.meta().shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        let shape = &self.meta().shape;
        check_ranges(shape, &rows, &cols)?;
        if let Some(all) = self.lent() {
            return Ok(tile_in(all, shape, rows, cols));
        }
        let (n, width) = (rows.len(), cols.len());
        self.meta().decode(&InMemory(self.mapped()), rows, cols, buffer)?;
        Ok(Tile::new(buffer.loaded(), n, width, width))
    }

    fn check(&self) -> Result<()> {
        Self::check(self)
    }

    fn verify(&self) -> Result<()> {
        // Our own writes change its times; its length and its name must stay.
        self.verify_written()
    }

    fn files(&self) -> Vec<SourceFile> {
        let file = self.file().metadata().ok();
        vec![SourceFile::opened(self.path(), file.as_ref().and_then(number))]
    }

    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        self.meta().column_names()
    }

    fn rows_at_a_time(&self) -> usize {
        self.meta().rows_at_a_time()
    }
}

impl<T: Element> ArrayMut<T> {
    /// Starts the journal of a job that changes this array in place. From then on nobody else can
    /// open the array, until the journal is [removed](Journal::remove).
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if there is no space for it beside the array, or no
    /// permission: the array must not be changed in place then. As [`flush`](Self::flush), which
    /// comes first: the journal identifies the array by its rows.
    pub fn start_journal(&self, head: &JournalHead) -> Result<Journal> {
        self.flush()?;
        Journal::create(self.path(), self.file(), Rows::of(self.meta()), head)
    }

    /// Records beside the array that an in-place job is finished, for jobs that must not be
    /// repeated: a job that was killed after its last row cannot know that it was complete.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn mark_done(&self, job: &str) -> Result<()> {
        mark_done(self.path(), self.file(), job)
    }

    /// Whether this job was finished on this array, and the array was not written to since.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the array cannot be read.
    pub fn was_done(&self, job: &str) -> Result<bool> {
        was_done(self.path(), self.file(), job)
    }

    /// The journal that an interrupted in-place job on this array left, if there is one: the job,
    /// and the rows that may not be in the array yet, or only in part.
    ///
    /// # Errors
    /// [`Error::Journal`](crate::Error::Journal) if it is not a journal of this array,
    /// [`Error::Io`](crate::Error::Io).
    pub fn unfinished(&self) -> Result<Option<(Journal, JournalHead, Option<JournalRecord>)>> {
        Journal::open(self.path(), self.file())
    }
}
