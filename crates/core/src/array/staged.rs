//! [`StagedArray`]: a new array on its way to its name.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::ArrayMut;
use super::array_mut::elements_mut;
use crate::durable::publish::{Step, publish, validate};
use crate::durable::{AtomicFile, FlushPolicy};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::format::Meta;
use crate::identity::FileIdentity;
use crate::map::{FileState, WriteBack, WriteMap};

/// An array that does not have its name yet: see [`CreateOptions::stage`](crate::CreateOptions::stage). Dropped unpublished,
/// nothing is left of it.
#[derive(Debug)]
pub struct StagedArray<T> {
    pub(crate) file: AtomicFile,
    /// The file as it was when its mapping was made.
    pub(super) seen: FileState,
    pub(crate) map: Option<WriteMap>,
    pub(crate) meta: Meta,
    pub(super) path: PathBuf,
    pub(super) flush: FlushPolicy,
    pub(super) validate: bool,
    pub(super) element: PhantomData<fn() -> T>,
}

impl<T: Element> StagedArray<T> {
    /// The metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Leaves the unfinished file where it is when this is dropped, for
    /// [`CreateOptions::stage_again`](crate::CreateOptions::stage_again).
    pub fn keep_unfinished(&mut self) {
        self.file.keep_unfinished();
    }

    /// Which file it is, to tell it from others that get its name or its number: by its header and
    /// by these bytes of its elements, counted from the first element, in rising order. They must
    /// be final, or it is another file to whoever asks later.
    ///
    /// # Errors
    /// [`Error::Io`] when they cannot be read.
    pub fn file_identity(&self, done: &[Range<u64>]) -> Result<FileIdentity> {
        FileIdentity::of_output(&self.path, self.file.file(), self.meta.offset, done)
    }

    /// All elements, in C order; zero where not written yet.
    ///
    /// # Errors
    /// [`Error::NotAddressable`] for arrays created in Fortran order with more than one long axis,
    /// and for `bool`: fill the bytes that [`parts`](Self::parts) lends.
    pub fn as_mut_slice(&mut self) -> Result<&mut [T]> {
        let refused = not_addressable(&self.path, "its bools may be any byte", "parts()");
        T::view_mut(self.parts()?.0).ok_or(refused)
    }

    /// All elements as they are stored, in C order, and what starts writing finished ones to disk.
    /// They are stored as themselves, but for `bool`: a byte each, 0 or 1. Bytes of a file that
    /// another process could write to are never lent as `bool`.
    ///
    /// # Errors
    /// [`Error::NotAddressable`] for arrays created in Fortran order with more than one long axis.
    pub fn parts(&mut self) -> Result<(&mut [T::Stored], WriteBack<'_>)> {
        if !self.meta.is_row_major() {
            return Err(not_addressable(
                &self.path,
                "it is in Fortran order",
                "an array in C order",
            ));
        }
        let (file, offset) = (self.file.file(), self.meta.offset);
        let (write_back, bytes) = WriteBack::split(file, &self.path, self.map.as_mut(), offset);
        let elements = bytes.get_mut(offset as usize..).unwrap_or_default();
        Ok((elements_mut::<T>(elements), write_back))
    }

    /// Checks that what was written so far went to the file. Cheap; [`publish`](Self::publish) does
    /// it as well.
    ///
    /// # Errors
    /// [`Error::Fault`] when the disk is full or failed, or someone cut the file short.
    pub fn check(&self) -> Result<()> {
        self.map.as_ref().map_or(Ok(()), |map| map.check(&self.path))
    }

    /// Makes everything durable and gives the file its name, and its sidecar, in the place of an
    /// array that was to be replaced: after a crash at any moment the old array is there or the new
    /// one, complete.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Fault`], [`Error::Resized`] and [`Error::Removed`] when not
    /// everything that was written went to the file; nothing is published then, and the old array
    /// is as it was. [`Error::NotAsWritten`] when the published file does not read back as what it
    /// is ([`CreateOptions::validate`](crate::CreateOptions::validate)). [`Error::Exists`] and its like when somebody made a file
    /// of that name meanwhile, which stays.
    pub fn publish(self) -> Result<()> {
        self.publish_watched(&mut |_| {})?;
        Ok(())
    }

    /// As [`publish`](Self::publish), and stays open. `after` is called after each step.
    pub(crate) fn publish_watched(self, after: &mut dyn FnMut(Step)) -> Result<ArrayMut<T>> {
        if let Some(map) = &self.map {
            map.flush().map_err(Error::io("flush", &self.path))?;
        }
        self.check()?;
        self.seen.verify_written(&self.path, self.file.file())?;
        let target = self.file.target().to_owned();
        let file = publish(self.file, &self.meta, after)?;
        if self.validate {
            validate(&target, &self.meta)?;
        }
        // Nothing has been written to it as an array that is open yet.
        ArrayMut::assemble(target, (file, self.seen), self.map, self.meta, self.flush)
    }
}

fn not_addressable(path: &Path, reason: &'static str, instead: &'static str) -> Error {
    Error::NotAddressable { path: path.to_owned(), reason, instead }
}
