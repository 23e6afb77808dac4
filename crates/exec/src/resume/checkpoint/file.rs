//! The contents of a checkpoint file, and their validation.
//!
//! The payload of its [framing](Framing) is in the format of the `postcard` crate.

use crate::error::{CHECKPOINT_VERSION, CheckpointError};
use std::path::Path;

use rowmill_core::{FileIdentity, Framing, FramingError, Identity};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const FRAMING: Framing = Framing::new(*b"ROWMILLC", CHECKPOINT_VERSION);

/// Everything that a job needs to resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// A description of the computation that differs between different jobs.
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
        /// The unfinished output, if there is one, identified by its header and the finished items.
        output: Option<FileIdentity>,
        done: Vec<(u64, u64)>,
    },
    /// The number of rows that were consumed.
    Stream(u64),
}

impl Saved {
    /// # Errors
    /// If a state cannot be serialized.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let state = postcard::to_stdvec(self);
        let state = state.map_err(|e| Error::Unsaved { what: e.to_string() })?;
        Ok(FRAMING.wrap(&state))
    }

    /// # Errors
    /// If the bytes are damaged or of another version. Never panics, and allocates no more than a
    /// small multiple of their length.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let damaged = |what| CheckpointError::Damaged { what };
        let payload = FRAMING.unwrap(bytes).map_err(|error| match error {
            FramingError::NotOne => CheckpointError::NotOne,
            FramingError::Version { found } => CheckpointError::Version { found },
            FramingError::Damaged { what } => damaged(what),
        })?;
        match postcard::take_from_bytes(payload) {
            Ok((saved, [])) => Ok(saved),
            Ok(_) => Err(damaged("it has extra data at its end")),
            Err(_) => Err(damaged("its state cannot be read")),
        }
    }

    /// Reads a checkpoint; `None` if there is none.
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

/// Parses the bytes of a checkpoint and drops the result: for tests with arbitrary bytes.
///
/// # Errors
/// If the bytes are not a valid checkpoint.
pub fn check_checkpoint(bytes: &[u8]) -> Result<(), CheckpointError> {
    Saved::parse(bytes).map(drop)
}

/// Adds a valid head and checksum to a state, so that tests reach the code behind those checks.
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
    fn written_checkpoints_read_back() {
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
