//! The framing of files that hold the state of a job: magic, version, length and checksum.
//!
//! ```text
//!  8 bytes    magic: the kind of file
//!  4 bytes    version of the payload, little-endian
//!  8 bytes    length of the payload in bytes, little-endian
//!  ...        payload
//!  8 bytes    XXH3 of everything before, little-endian
//! ```
//!
//! | file | magic | payload |
//! |---|---|---|
//! | checkpoint | `ROWMILLC` | job, input and state (`checkpoint/file.rs` of rowmill-exec) |
//! | journal of an in-place job | `ROWMILLJ` | array, job and size of records (`journal/head.rs`); records follow |
//! | journal of an append | `ROWMILLA` | length and identity of the file (`append_journal/`) |
//!
//! Partials are JSON, for people and for systems that relay JSON; their version and their XXH3 are
//! members of it.

use crate::format::Checksums;

/// Magic, version, length.
pub(crate) const HEAD: usize = 8 + 4 + 8;

/// The checksum.
const TAIL: usize = 8;

/// A kind of file, with the version that is written.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    magic: [u8; 8],
    version: u32,
    /// Whether the length includes the checksum.
    counts_tail: bool,
}

/// Bytes without valid framing of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// They have another magic, or are too short to have one.
    NotOne,
    /// They are of another version.
    Version {
        /// The version found.
        found: u32,
    },
    /// They were changed, or truncated.
    Damaged {
        /// The fault, after "it is damaged".
        what: &'static str,
    },
}

impl Framing {
    /// A kind of file by its magic, and the version of its payload.
    #[must_use]
    pub const fn new(magic: [u8; 8], version: u32) -> Self {
        Self { magic, version, counts_tail: false }
    }

    /// The same, for a length that includes the checksum.
    pub(crate) const fn counting_checksum(self) -> Self {
        Self { counts_tail: true, ..self }
    }

    /// The version that is written.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The length of a payload of `len` bytes with its framing.
    pub(crate) const fn framed_len(len: usize) -> usize {
        HEAD + len + TAIL
    }

    /// A payload with its framing.
    #[must_use]
    pub fn wrap(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::framed_len(payload.len()));
        let len = payload.len() + if self.counts_tail { TAIL } else { 0 };
        bytes.extend(self.magic);
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((len as u64).to_le_bytes());
        bytes.extend(payload);
        bytes.extend(Checksums::of(&bytes).to_le_bytes());
        bytes
    }

    /// The payload of a file that consists of one frame.
    ///
    /// # Errors
    /// [`FramingError`].
    pub fn unwrap<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], FramingError> {
        let len = self.len(bytes, bytes.len() as u64)?;
        if len != bytes.len() as u64 {
            return Err(FramingError::Damaged { what: "its length differs from that in its head" });
        }
        let (content, sum) = bytes.split_at(bytes.len() - TAIL);
        if Checksums::of(content).to_le_bytes() != *sum {
            return Err(FramingError::Damaged { what: "its checksum is wrong" });
        }
        Ok(&content[HEAD..])
    }

    /// The length of the frame at the start of a file of `file_len` bytes. `head` are the first
    /// bytes of the file, [`HEAD`] of which are read.
    ///
    /// # Errors
    /// [`FramingError`], also for a length beyond the end of the file.
    pub(crate) fn len(&self, head: &[u8], file_len: u64) -> Result<u64, FramingError> {
        let short = FramingError::Damaged { what: "it is too short for its head" };
        let (magic, rest) = head.split_first_chunk().ok_or(FramingError::NotOne)?;
        if *magic != self.magic {
            return Err(FramingError::NotOne);
        }
        let (version, rest) = rest.split_first_chunk().ok_or(short)?;
        let found = u32::from_le_bytes(*version);
        if found != self.version {
            return Err(FramingError::Version { found });
        }
        let (len, _) = rest.split_first_chunk().ok_or(short)?;
        let len = u64::from_le_bytes(*len);
        let tail = if self.counts_tail { 0 } else { TAIL as u64 };
        let whole = len.checked_add(HEAD as u64 + tail);
        let least = Self::framed_len(0) as u64;
        whole
            .filter(|whole| (least..=file_len).contains(whole))
            .ok_or(FramingError::Damaged { what: "its length differs from that in its head" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Framing = Framing::new(*b"ROWMILLT", 7);
    const COUNTING: Framing = KIND.counting_checksum();

    #[test]
    fn framing_round_trips() {
        for payload in [&b""[..], b"x", b"some state"] {
            for kind in [KIND, COUNTING] {
                let bytes = kind.wrap(payload);
                assert_eq!(bytes.len(), Framing::framed_len(payload.len()));
                assert_eq!(kind.unwrap(&bytes), Ok(payload));
            }
        }
        assert_eq!(&KIND.wrap(b"ab")[..HEAD], b"ROWMILLT\x07\0\0\0\x02\0\0\0\0\0\0\0");
    }

    #[test]
    fn every_byte_counts() {
        for kind in [KIND, COUNTING] {
            let bytes = kind.wrap(b"some state");
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                let error = kind.unwrap(&changed).expect_err("changed");
                let expected = match at {
                    0..8 => FramingError::NotOne,
                    8..12 => FramingError::Version { found: 7 ^ 1 << (at % 8 + 8 * (at - 8)) },
                    12..HEAD => {
                        FramingError::Damaged { what: "its length differs from that in its head" }
                    }
                    _ => FramingError::Damaged { what: "its checksum is wrong" },
                };
                assert_eq!(error, expected, "byte {at}");
                let error = kind.unwrap(&bytes[..at]).expect_err("cut off");
                assert_eq!(error == FramingError::NotOne, at < 8, "cut at {at}: {error:?}");
            }
            assert!(kind.unwrap(&[&bytes[..], b"\0"].concat()).is_err(), "longer");
        }
    }

    #[test]
    fn no_length_wraps() {
        for len in [u64::MAX, u64::MAX - 7, u64::MAX - HEAD as u64, 0, 7] {
            for kind in [KIND, COUNTING] {
                let mut bytes = kind.wrap(b"some state");
                bytes[12..HEAD].copy_from_slice(&len.to_le_bytes());
                assert!(kind.unwrap(&bytes).is_err(), "{len}");
            }
        }
    }
}
