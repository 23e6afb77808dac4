//! The content of a checkpoint file, and what can be wrong with one.
//!
//! The payload of its [framing](Framing) is in the format of the `postcard` crate.

use std::path::Path;

use rowmill_core::{FileIdentity, Framing, FramingError, Identity};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The version that is written, and the only one that is read. It goes up with every change of what
/// partials mean, so that those of different releases are never merged.
pub(crate) const VERSION: u32 = 3;

const FRAMING: Framing = Framing::new(*b"ROWMILLC", VERSION);

/// Why a checkpoint cannot be used. The job did not start, and nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Something else under this name, which stays as it is.
    #[error("it is no checkpoint; name another file")]
    NotOne,
    /// A checkpoint that was changed, or the rest of one.
    #[error("it is damaged ({what}); remove it to start over")]
    Damaged {
        /// The damage.
        what: &'static str,
    },
    /// A checkpoint of another release.
    #[error(
        "it has version {found}, this release reads version {VERSION}; finish the job with the \
         release that began it, or remove the checkpoint to start over"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// The checkpoint of another job.
    #[error(
        "it belongs to another job; expected {expected:?}, found {found:?}; name another file \
         (without this one, that job starts over)"
    )]
    OtherJob {
        /// The job that was to go on.
        expected: String,
        /// The job that was begun.
        found: String,
    },
    /// The input is not what it was when the job began.
    #[error(
        "its input changed since the job began ({what}); remove the checkpoint to start over with \
         the input as it is now"
    )]
    InputChanged {
        /// The difference.
        what: &'static str,
    },
    /// An input that cannot be recognised later.
    #[error("an array in memory cannot be recognised later; only jobs on files have checkpoints")]
    InMemory,
    /// A job that cannot be recognised later.
    #[error("a job with a closure cannot be recognised later; give the checkpoint a label for it")]
    NoLabel,
}

/// Everything that a job needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The computation, in words that differ for different jobs.
    pub(crate) job: String,
    pub(crate) input: Identity,
    pub(crate) state: State,
}

/// A node of the merge tree: level, index, partial.
pub(crate) type SavedNode = (u32, u64, Vec<u8>);

/// The work that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Nodes of the merge tree.
    Reduce(Vec<SavedNode>),
    /// Ranges of items whose output is durable.
    Map {
        /// The result of an earlier read, for the map.
        fitted: Vec<u8>,
        /// The unfinished output, if it was begun, by its header and what is done.
        output: Option<FileIdentity>,
        done: Vec<(u64, u64)>,
    },
    /// The rows that were consumed.
    Stream(u64),
}

impl Saved {
    /// # Errors
    /// For a state that cannot be written.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let state = postcard::to_stdvec(self);
        let state = state.map_err(|e| Error::Unsaved { what: e.to_string() })?;
        Ok(FRAMING.wrap(&state))
    }

    /// # Errors
    /// Damage and other versions. Never panics, and allocates no more than a small multiple of what
    /// there is.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let damaged = |what| CheckpointError::Damaged { what };
        let payload = FRAMING.unwrap(bytes).map_err(|error| match error {
            FramingError::NotOne => CheckpointError::NotOne,
            FramingError::Version { found } => CheckpointError::Version { found },
            FramingError::Damaged { what } => damaged(what),
        })?;
        match postcard::take_from_bytes(payload) {
            Ok((saved, [])) => Ok(saved),
            Ok(_) => Err(damaged("there is more in it than belongs there")),
            Err(_) => Err(damaged("its state cannot be read")),
        }
    }

    /// Reads a checkpoint; `None` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if !metadata.is_file() => {
                return Err(rowmill_core::Error::NotRegular { path: path.to_owned() }.into());
            }
            _ => {}
        }
        let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
        let error = |source| Error::Checkpoint { path: path.to_owned(), source };
        Self::parse(&bytes).map(Some).map_err(error)
    }
}

/// Parses the bytes of a checkpoint, and drops what is in it: for tests that feed it anything.
///
/// # Errors
/// Whatever is wrong with it.
#[doc(hidden)]
pub fn check_checkpoint(bytes: &[u8]) -> Result<(), CheckpointError> {
    Saved::parse(bytes).map(drop)
}

/// Puts the right head and checksum around a state, so that tests reach what is behind them.
#[doc(hidden)]
#[must_use]
pub fn frame_checkpoint(state: &[u8]) -> Vec<u8> {
    FRAMING.wrap(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rowmill_core::{Array, ArrayMut, CreateOptions, Source};

    fn saved() -> Saved {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        ArrayMut::<u8>::create(&path, [3]).expect("room");
        let x = Array::<u8>::open(&path).expect("just made");
        let out = dir.path().join("y.npy");
        let staged = CreateOptions::new().stage::<u8>(&out, [3]).expect("room");
        let output = Some(staged.file_identity(&[]).expect("readable"));
        Saved {
            job: "sum".to_owned(),
            input: x.identity().expect("a file"),
            state: State::Map { fitted: vec![1, 2, 3], output, done: vec![(0, 7), (9, 11)] },
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let saved = saved();
        assert_eq!(Saved::parse(&saved.to_bytes().expect("plain")), Ok(saved));
    }

    #[test]
    fn every_bit_counts() {
        let bytes = saved().to_bytes().expect("plain");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(Saved::parse(&changed).is_err(), "byte {at}");
            assert!(Saved::parse(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(Saved::parse(&[&bytes[..], &[0]].concat()).is_err());
        let mut other = bytes;
        other[8] = 2;
        assert_eq!(Saved::parse(&other), Err(CheckpointError::Version { found: 2 }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(state in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Saved::parse(&state);
            let _ = Saved::parse(&frame_checkpoint(&state));
        }
    }
}
