//! The identity and state of a file: a resumed job has to find the same again.

mod file;

use std::fmt;
use std::fs::File;
use std::hash::Hasher;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

pub use file::FileIdentity;
pub(crate) use file::Stable;
#[cfg(test)]
pub(crate) use file::tests::{WITHOUT_BIRTH_TIMES, until_given_out_again, with_the_number_of};

/// The identity of a file and its state: its inode number, its birth time if it is stored, length,
/// times of last change, and a hash of its first and last bytes. A file that was written to,
/// replaced or copied has another identity.
///
/// ```
/// use rowmill_core::{Array, ArrayMut, Source};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("x.npy");
/// ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
/// let opened_twice = [Array::<f32>::open(&path)?, Array::<f32>::open(&path)?];
/// let [one, two] = opened_twice.map(|x| x.identity());
/// assert!(one.is_some() && one == two);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    file: FileIdentity,
    /// The time of the last change of contents, in nanoseconds since 1970, as precisely as the
    /// filesystem stores it.
    modified: i64,
    /// The same for the last change of contents, name or permissions; 0 if there is no such time.
    changed: i64,
}

impl Identity {
    /// The identity of an open file of this length. `changed` is in seconds and nanoseconds.
    pub(crate) fn new(
        file: &File,
        len: u64,
        modified: Option<SystemTime>,
        changed: (i64, i64),
    ) -> Self {
        let modified = modified.map_or(0, nanoseconds);
        let changed = changed.0.saturating_mul(1_000_000_000).saturating_add(changed.1);
        // A job that reads it fails by itself, with the reason.
        let file = FileIdentity::of(file, &Stable::up_to(len))
            .unwrap_or_else(|_| FileIdentity::unreadable(len));
        Self { file, modified, changed }
    }

    /// The identity of a part of it; these bytes distinguish it from other parts.
    pub(crate) fn of_part(self, part: &[u8]) -> Self {
        let mut hasher = XxHash3_64::with_seed(self.file.number.unwrap_or(0));
        hasher.write(part);
        let number = Some(hasher.finish());
        Self { file: self.file.standing_for(number, self.file.len), ..self }
    }

    /// The identity of several files as one array: each of them counts. `None` for no files.
    pub(crate) fn of_many(files: &[Self]) -> Option<Self> {
        let [first, _, ..] = files else { return files.first().copied() };
        let mut hasher = XxHash3_64::default();
        for each in files {
            hasher.write(&each.file.to_bytes());
            for time in [each.modified, each.changed] {
                hasher.write(&time.to_le_bytes());
            }
        }
        let len = files.iter().fold(0_u64, |len, each| len.saturating_add(each.file.len));
        Some(Self {
            file: first.file.standing_for(Some(hasher.finish()), len),
            modified: files.iter().map(|each| each.modified).max()?,
            changed: files.iter().map(|each| each.changed).max()?,
        })
    }

    /// The identity as text, equal only for equal identities: for the description of a saved job.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut, Source};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
    /// let identity = Array::<f32>::open(&path)?.identity().expect("a file has one");
    /// assert!(identity.signature().starts_with("file "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn signature(&self) -> String {
        let bytes = self.file.to_bytes();
        let file: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("file {file}, modified {}, changed {}", self.modified, self.changed)
    }

    /// Whether this matches an earlier version's record: length, times and number.
    pub(crate) fn matches(&self, earlier: &Earlier) -> bool {
        let Earlier { len, modified, changed, number } = *earlier;
        (self.file.len, self.modified, self.changed, self.file.number.unwrap_or(0))
            == (len, modified, changed, number)
    }

    /// The difference from another file, or from a later state of this one; `None` if there is
    /// none.
    ///
    /// ```
    /// # use rowmill_core::{Array, ArrayMut, Source};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
    /// let before = Array::<f32>::open(&path)?.identity().expect("a file has one");
    /// assert_eq!(before.differs_from(&before), None);
    /// let longer = rowmill_core::CreateOptions::new().overwrite(true);
    /// longer.create::<f32>(&path, [5, 2])?.close()?;
    /// let after = Array::<f32>::open(&path)?.identity().expect("a file has one");
    /// assert_eq!(before.differs_from(&after), Some("its length"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> Option<&'static str> {
        if self.file.len != other.file.len {
            Some("its length")
        } else if !self.file.has_number_of(&other.file) {
            Some("the file itself: it was replaced or copied, or another part of it is asked for")
        } else if self.modified != other.modified {
            Some("the time of its last change: it was written to")
        } else if self.changed != other.changed {
            Some("the time of its last change of content, name or permissions")
        } else if self.file != other.file {
            Some("its first or last bytes")
        } else {
            None
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.modified.div_euclid(1_000_000_000);
        let FileIdentity { number, len, .. } = self.file;
        let number = number.unwrap_or(0);
        write!(f, "file {number}, {len} bytes, changed {seconds} s after 1970")
    }
}

/// The identity of a file in the form of earlier versions.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Earlier {
    len: u64,
    modified: i64,
    changed: i64,
    number: u64,
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()),
        Err(before) => i64::try_from(before.duration().as_nanos()).map(|n| -n),
    };
    since.unwrap_or(i64::MAX)
}
