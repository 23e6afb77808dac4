//! The checks that every output passes: no output replaces a file that a user would miss.
//!
//! ```text
//!   inputs, masks, partials ... --read--> +---------+
//!                                         | Outputs | --create--> staged file --publish--> its name
//!   outputs, checkpoints ...   --plan---> +---------+   checked      checked again
//! ```
//!
//! Each file of a call is registered by its [`Role`]. With an array come the files beside it: its
//! sidecars, its journals, its unfinished form. An output is refused if its path is one of these,
//! or if it exists, unless it may be replaced and is of the same [`Kind`].

mod beside;
mod claim;
mod kind;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use beside::{beside_array, beside_output, handmade, is_record};
pub(crate) use claim::{Claim, Rename};

use crate::durable::AtomicFile;
use crate::error::{Error, Result, Taken};
use crate::format::Sidecar;
use crate::format::detect::is_named_npy;
use crate::fs::{FileNumber, Kind, Place, Role, SourceFile};
use crate::identity::FileIdentity;
use crate::view::Source;

/// The files of one call, by role: its inputs and its outputs.
///
/// An output is refused
///
/// - if its path is an input, a mask, a sidecar or another output of the call ([`Error::Taken`]),
///   however it is spelled: through links, hard links and relative paths, or a path that does not
///   exist yet;
/// - if the file exists, unless [`overwrite`](Self::overwrite) allows replacing it
///   ([`Error::Exists`]);
/// - if the path exists and is of another kind than the output ([`Error::OtherKind`]).
///
/// All of it is checked when the output is [planned](Self::plan) and again when it is renamed.
///
/// ```
/// use rowmill_core::{ArrayMut, Error, Kind, Outputs, Role};
/// # let dir = tempfile::tempdir()?;
/// let (x, page) = (dir.path().join("x.npy"), dir.path().join("x.html"));
/// ArrayMut::<f32>::create(&x, [4, 2])?.close()?;
/// let mut outputs = Outputs::new();
/// outputs.read(Role::Input, &x);
/// let refused = outputs.plan(Role::Page, Kind::Page, &x);
/// assert!(matches!(refused, Err(Error::Taken { .. })));
/// outputs.save(Role::Page, Kind::Page, &page, b"<!doctype html> ...")?;
/// let refused = outputs.save(Role::Page, Kind::Page, &page, b"<!doctype html> ...");
/// assert!(refused.is_err()); // it exists
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    overwrite: bool,
    known: Vec<Known>,
    /// Files that an earlier run of the same job made.
    made: Vec<FileIdentity>,
}

/// A file of the call.
#[derive(Clone, Debug)]
struct Known {
    owner: Owner,
    /// Its role, which differs from its owner's for a file beside that.
    role: Role,
    path: PathBuf,
    /// Its resolved path at registration.
    name: PathBuf,
    /// Its inode when it was opened. It stays open, so no other file gets this number.
    opened: FileNumber,
}

/// The registration of a file.
#[derive(Clone, Debug)]
struct Owner {
    role: Role,
    path: PathBuf,
    name: PathBuf,
    is_output: bool,
}

impl Known {
    /// Whether it is this file now: published outputs have other inode numbers than before, and
    /// their old numbers may belong to other files.
    fn is(&self, place: &Place) -> bool {
        self.name == place.name || Place::opened(&self.path, self.opened).is(place)
    }

    fn taken(&self) -> Taken {
        let of = (self.path != self.owner.path).then(|| (self.owner.role, self.owner.path.clone()));
        Taken { role: self.role, path: self.path.clone(), of }
    }
}

impl Owner {
    /// Whether it is the same output, registered again.
    fn is(&self, other: &Self) -> bool {
        self.is_output && other.is_output && self.role == other.role && self.name == other.name
    }
}

impl Outputs {
    /// No files yet, and none may be replaced.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an existing file at the path of an output is replaced, if it is of the same kind.
    /// Default: `false`.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Whether files may be replaced.
    #[must_use]
    pub fn overwrites(&self) -> bool {
        self.overwrite
    }

    /// Registers an input, and for an array the files beside it.
    pub fn read(&mut self, role: Role, path: impl AsRef<Path>) {
        self.read_file(role, &SourceFile::new(path.as_ref()));
    }

    /// Registers all files of a source.
    pub fn read_source<T: crate::element::Element>(
        &mut self,
        role: Role,
        source: &(impl Source<T> + ?Sized),
    ) {
        for file in source.files() {
            self.read_file(role, &file);
        }
    }

    /// Registers an input as it was when it was opened.
    pub fn read_file(&mut self, role: Role, file: &SourceFile) {
        let path = file.path.clone();
        let name = Place::of(&path).name;
        let owner = Owner { role, path, name, is_output: false };
        let mut beside = Vec::new();
        if role.is_array() {
            beside.extend(beside_array(&owner.path));
            // Through a link the array is read with the sidecar beside the link; jobs on the target
            // use the files beside that.
            beside.extend(beside_array(&owner.name));
        }
        self.add(&owner, file.number, beside);
    }

    /// Registers the output of an earlier run of the same job, which may be replaced by the
    /// repeated one.
    pub fn made(&mut self, file: FileIdentity) {
        self.made.push(file);
    }

    /// Registers an output, and checks that it destroys nothing. Call it before a long job;
    /// [`create`](Self::create) checks again.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::Exists`], [`Error::OtherKind`].
    pub fn plan(&mut self, role: Role, kind: Kind, path: impl AsRef<Path>) -> Result<()> {
        self.reserve(role, kind, path.as_ref())?;
        self.check_standing(role, kind, path.as_ref())
    }

    /// As [`plan`](Self::plan), but an existing file at the path is checked only when the output is
    /// created: for files that may hold the same bytes already.
    ///
    /// # Errors
    /// [`Error::Taken`].
    pub fn reserve(&mut self, role: Role, kind: Kind, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref().to_owned();
        let name = Place::of(&path).name;
        let owner = Owner { role, path, name, is_output: true };
        let mut beside = beside_output(kind, &owner.name);
        self.check_free(&owner, &beside)?;
        beside.extend(handmade(kind, &owner.name));
        self.add(&owner, None, beside);
        Ok(())
    }

    /// Starts an output, which is renamed into place when it is [published](AtomicFile::publish).
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and [`AtomicFile::create`].
    pub fn create(&self, role: Role, kind: Kind, path: impl AsRef<Path>) -> Result<AtomicFile> {
        AtomicFile::claimed(self.claim(role, kind, path.as_ref())?, true)
    }

    /// As [`create`](Self::create), but resumes the unfinished file of an earlier writer.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub(crate) fn resume(&self, role: Role, kind: Kind, path: &Path) -> Result<AtomicFile> {
        AtomicFile::claimed(self.claim(role, kind, path)?, false)
    }

    /// Writes a small output as a whole.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`AtomicFile::publish`].
    pub fn save(&self, role: Role, kind: Kind, path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        self.create(role, kind, path)?.finish(bytes)
    }

    /// As [`save`](Self::save), but a file that already holds exactly these bytes is left alone.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_once(
        &self,
        role: Role,
        kind: Kind,
        path: impl AsRef<Path>,
        bytes: &[u8],
    ) -> Result<()> {
        let path = path.as_ref();
        let len = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
        if len == Some(bytes.len() as u64) && std::fs::read(path).is_ok_and(|found| found == bytes)
        {
            return self.clone().reserve(role, kind, path);
        }
        self.save(role, kind, path, bytes)
    }

    fn claim(&self, role: Role, kind: Kind, path: &Path) -> Result<Claim> {
        let mut outputs = self.clone();
        outputs.plan(role, kind, path)?;
        Ok(Claim { outputs, role, kind, path: path.to_owned() })
    }

    fn add(&mut self, owner: &Owner, opened: FileNumber, beside: Vec<(Role, PathBuf)>) {
        let itself = (owner.role, owner.path.clone(), opened);
        let beside = beside.into_iter().map(|(role, path)| (role, path, None));
        self.known.extend(std::iter::once(itself).chain(beside).map(|(role, path, opened)| {
            let name = Place::of(&path).name;
            Known { owner: owner.clone(), role, path, name, opened }
        }));
    }

    /// Checks an output, and the files beside it, against every other file of the call.
    fn check_free(&self, owner: &Owner, beside: &[(Role, PathBuf)]) -> Result<()> {
        let beside = beside.iter().map(|(role, path)| (*role, path));
        for (role, path) in std::iter::once((owner.role, &owner.path)).chain(beside) {
            let place = Place::of(path);
            let others = self.known.iter().filter(|known| !known.owner.is(owner));
            let mut taken = others.filter(|known| known.is(&place));
            // The profile of an input belongs to it, and is written for it.
            let Some(known) =
                taken.find(|known| !(role == Role::Profile && known.role == Role::Profile))
            else {
                continue;
            };
            return Err(Error::Taken {
                path: path.clone(),
                role,
                of: (*path != owner.path).then(|| owner.path.clone()),
                by: Box::new(known.taken()),
            });
        }
        Ok(())
    }

    /// Checks the existing file at the path of an output.
    fn check_standing(&self, role: Role, kind: Kind, path: &Path) -> Result<()> {
        let found = Kind::of(path);
        if let Some(found) = found {
            self.check_kind(role, kind, path, found)?;
        }
        if kind.is_array() {
            self.check_beside(&Place::of(path).name, found.is_some())?;
        }
        Ok(())
    }

    fn check_kind(&self, role: Role, kind: Kind, path: &Path, found: Kind) -> Result<()> {
        let path_of_it = || path.to_owned();
        if !kind.replaces(found) {
            return Err(Error::OtherKind { path: path_of_it(), role, expected: kind, found });
        }
        if self.overwrite || kind.is_kept() || self.was_made(path) {
            return Ok(());
        }
        Err(Error::Exists { path: path_of_it(), role, found })
    }

    /// Checks the sidecars that an array would replace or contradict.
    fn check_beside(&self, array: &Path, exists: bool) -> Result<()> {
        let sidecar = Sidecar::path_for(array);
        let (role, expected) = (Role::Sidecar, Kind::Sidecar);
        match Kind::of(&sidecar) {
            None => {}
            // A crash can leave a record without an array, which is unreadable.
            Some(Kind::Sidecar) if exists || self.overwrite || is_record(&sidecar) => {}
            Some(found @ Kind::Sidecar) => {
                return Err(Error::Exists { path: sidecar, role, found });
            }
            Some(found) => return Err(Error::OtherKind { path: sidecar, role, expected, found }),
        }
        let handmade = Sidecar::handmade_path_for(array);
        if !is_named_npy(array) && handmade.symlink_metadata().is_ok() {
            let found = Kind::Handmade;
            return Err(Error::OtherKind { path: handmade, role, expected, found });
        }
        Ok(())
    }

    /// Whether an earlier run of this job made the file.
    pub(crate) fn was_made(&self, path: &Path) -> bool {
        let metadata = std::fs::metadata(path);
        metadata.is_ok_and(|metadata| self.made.iter().any(|made| made.was_made_as(&metadata)))
    }
}
