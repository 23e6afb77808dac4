//! [`StagedArray`]: a new array before it is published.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::PathBuf;

use super::ArrayMut;
use super::array_mut::{elements_mut, not_addressable};
use crate::durable::publish::{Step, publish, validate};
use crate::durable::{AtomicFile, FlushPolicy};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::format::Meta;
use crate::identity::FileIdentity;
use crate::map::{FileState, WriteBack, WriteMap};

/// An array without its name: see [`CreateOptions::stage`](crate::CreateOptions::stage). If it is
/// dropped unpublished, nothing is left of it.
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

    /// Keeps the unfinished file when this is dropped, for
    /// [`CreateOptions::stage_again`](crate::CreateOptions::stage_again).
    pub fn keep_unfinished(&mut self) {
        self.file.keep_unfinished();
    }

    /// The identity of the file, which distinguishes it from others that get its name or its inode
    /// number: by its header and these byte ranges of its elements, counted from the first element,
    /// in rising order. Those bytes must be final, or a later identity will differ.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be read.
    pub fn file_identity(&self, done: &[Range<u64>]) -> Result<FileIdentity> {
        FileIdentity::of_output(&self.path, self.file.file(), self.meta.offset, done)
    }

    /// All elements, in C order; zero if not written yet.
    ///
    /// # Errors
    /// [`Error::NotAddressable`] for arrays created in Fortran order with more than one long axis,
    /// and for `bool`: fill the bytes that [`parts`](Self::parts) lends.
    pub fn as_mut_slice(&mut self) -> Result<&mut [T]> {
        let refused = not_addressable(&self.path, "its bools may be any byte", "parts()");
        T::view_mut(self.parts()?.0).ok_or(refused)
    }

    /// All elements as they are stored, in C order, and a handle that starts writing finished ones
    /// to disk. They are stored as themselves, except for `bool`: a byte each, 0 or 1. Bytes of a
    /// file that another process could write to are never lent as `bool`.
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

    /// Checks that everything written so far reached the file. Cheap; [`publish`](Self::publish)
    /// checks as well.
    ///
    /// # Errors
    /// [`Error::Fault`] if the disk is full or failed, or the file was truncated.
    pub fn check(&self) -> Result<()> {
        self.map.as_ref().map_or(Ok(()), |map| map.check(&self.path))
    }

    /// Makes everything durable and gives the file its name and its sidecar, replacing an old array
    /// if that was requested: after a crash at any moment the old array is there or the new one,
    /// complete.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Fault`], [`Error::Resized`] and [`Error::Removed`] if some writes
    /// did not reach the file; nothing is published then, and the old array is untouched.
    /// [`Error::NotAsWritten`] if the published file does not read back as written
    /// ([`CreateOptions::validate`](crate::CreateOptions::validate)). [`Error::Exists`] and the
    /// like if a file of that name was created meanwhile; it is left alone.
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
        // Nothing has been written through the opened array yet.
        ArrayMut::assemble(target, (file, self.seen), self.map, self.meta, self.flush)
    }
}
