//! The door that every output passes: no output replaces what a user would miss.
//!
//! ```text
//!   inputs, masks, partials ... --read--> +---------+
//!                                         | Outputs | --create--> staged file --publish--> its name
//!   outputs, checkpoints ...   --plan---> +---------+   checked      checked again
//! ```
//!
//! Each file of a call is registered by its [`Role`]. With an array come the files beside it: its
//! sidecars, its journals, its unfinished form. An output is refused where any of these stands, and
//! where a file stands already, unless that is to be replaced and is of the same [`Kind`].

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

/// The files of one call, by role: what is read, and what is written.
///
/// An output is refused
///
/// - where an input, a mask, a sidecar or another output of the call stands ([`Error::Taken`]),
///   however it is spelled: through links, hard links and relative paths, or by a name that would
///   only be made;
/// - where a file stands already, unless [`overwrite`](Self::overwrite) allows to replace it
///   ([`Error::Exists`]);
/// - where anything stands that is not of the kind that is written ([`Error::OtherKind`]).
///
/// All of it is asked when the output is [planned](Self::plan) and again when it takes its name.
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
    /// Its role, which is not its owner's for a file that stands beside that.
    role: Role,
    path: PathBuf,
    /// Where it led when it was registered.
    name: PathBuf,
    /// Which file it was when it was opened. It stays open, so no other file gets this number.
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
    /// Whether it is this file by now: outputs that took their names have other numbers than
    /// before, and their old ones belong to other files.
    fn is(&self, place: &Place) -> bool {
        self.name == place.name || Place::opened(&self.path, self.opened).is(place)
    }

    fn taken(&self) -> Taken {
        let of = (self.path != self.owner.path).then(|| (self.owner.role, self.owner.path.clone()));
        Taken { role: self.role, path: self.path.clone(), of }
    }
}

impl Owner {
    /// Whether it is the output that is registered once more.
    fn is(&self, other: &Self) -> bool {
        self.is_output && other.is_output && self.role == other.role && self.name == other.name
    }
}

impl Outputs {
    /// No file yet, and none may be replaced.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a file that stands where an output goes is replaced, if it is of the same kind.
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

    /// Registers a file that is read, and with an array the files beside it.
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

    /// Registers a file that is read, as it was when it was opened.
    pub fn read_file(&mut self, role: Role, file: &SourceFile) {
        let path = file.path.clone();
        let name = Place::of(&path).name;
        let owner = Owner { role, path, name, is_output: false };
        let mut beside = Vec::new();
        if role.is_array() {
            beside.extend(beside_array(&owner.path));
            // Through a link the array is read with the sidecar beside the link; jobs on the file
            // itself use what is beside that.
            beside.extend(beside_array(&owner.name));
        }
        self.add(&owner, file.number, beside);
    }

    /// Registers what an earlier run of the same job made: it may be replaced by what is made
    /// again.
    pub fn made(&mut self, file: FileIdentity) {
        self.made.push(file);
    }

    /// Registers an output, and checks that nothing is lost by it. Call it before a long job;
    /// whoever [creates](Self::create) the output asks again.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::Exists`], [`Error::OtherKind`].
    pub fn plan(&mut self, role: Role, kind: Kind, path: impl AsRef<Path>) -> Result<()> {
        self.reserve(role, kind, path.as_ref())?;
        self.check_standing(role, kind, path.as_ref())
    }

    /// As [`plan`](Self::plan), but a file that stands there already is found when the output is
    /// created: for what is only known to be the same then.
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

    /// Starts an output, which takes its name when it is [published](AtomicFile::publish).
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and [`AtomicFile::create`].
    pub fn create(&self, role: Role, kind: Kind, path: impl AsRef<Path>) -> Result<AtomicFile> {
        AtomicFile::claimed(self.claim(role, kind, path.as_ref())?, true)
    }

    /// As [`create`](Self::create), but goes on with what an earlier writer left unfinished.
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

    /// As [`save`](Self::save), but a file that holds exactly these bytes already stays as it is.
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

    /// Checks an output, and what comes beside it, against every other file of the call.
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

    /// Checks what stands where the output goes.
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

    /// Checks the sidecars that an array would replace, or be contradicted by.
    fn check_beside(&self, array: &Path, exists: bool) -> Result<()> {
        let sidecar = Sidecar::path_for(array);
        let (role, expected) = (Role::Sidecar, Kind::Sidecar);
        match Kind::of(&sidecar) {
            None => {}
            // A crash leaves a record without an array, which nobody can read.
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
