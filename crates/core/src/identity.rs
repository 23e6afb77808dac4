//! Which file, in which state: what a job that goes on later has to find again.

use std::fmt;
use std::fs::Metadata;
use std::hash::Hasher;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// Which file this is and in which state: its number on its filesystem, length, and times of last
/// change. A file that was written to, replaced or copied has another identity.
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
    /// Bytes.
    len: u64,
    /// Nanoseconds since 1970 of the last change of the content, as far as the filesystem keeps them.
    modified: i64,
    /// The same of the last change of content, name or permissions; 0 where there is no such time.
    changed: i64,
    /// The number of the file; 0 where files have none.
    number: u64,
}

impl Identity {
    /// `changed` is in seconds and nanoseconds.
    pub(crate) fn new(
        len: u64,
        modified: Option<SystemTime>,
        changed: (i64, i64),
        number: u64,
    ) -> Self {
        let modified = modified.map_or(0, nanoseconds);
        let changed = changed.0.saturating_mul(1_000_000_000).saturating_add(changed.1);
        Self { len, modified, changed, number }
    }

    /// The identity of a part of it, which these bytes tell from other parts.
    pub(crate) fn of_part(self, part: &[u8]) -> Self {
        let mut hasher = XxHash3_64::with_seed(self.number);
        hasher.write(part);
        Self { number: hasher.finish(), ..self }
    }

    /// The identity of files that are one array: that of each counts. `None` for no files.
    pub(crate) fn of_many(files: &[Self]) -> Option<Self> {
        if let [one] = files {
            return Some(*one);
        }
        let mut hasher = XxHash3_64::default();
        for file in files {
            for number in [file.len, file.number] {
                hasher.write(&number.to_le_bytes());
            }
            for time in [file.modified, file.changed] {
                hasher.write(&time.to_le_bytes());
            }
        }
        Some(Self {
            len: files.iter().fold(0, |len, file| len.saturating_add(file.len)),
            modified: files.iter().map(|file| file.modified).max()?,
            changed: files.iter().map(|file| file.changed).max()?,
            number: hasher.finish(),
        })
    }

    /// In which way another file, or a later state of this one, differs; `None` when it does not.
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
        if self.len != other.len {
            Some("its length")
        } else if self.number != other.number {
            Some("the file itself: it was replaced or copied, or another part of it is asked for")
        } else if self.modified != other.modified {
            Some("the time of its last change: it was written to")
        } else if self.changed != other.changed {
            Some("the time of its last change of content, name or permissions")
        } else {
            None
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.modified.div_euclid(1_000_000_000);
        write!(f, "file {}, {} bytes, changed {seconds} s after 1970", self.number, self.len)
    }
}

/// Which file this is, whatever was written to it since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Birth {
    /// Nanoseconds since 1970.
    created: i64,
    /// The number of the file. Numbers are used again, together with the time they are unique.
    number: u64,
}

impl Birth {
    /// The same for a file format.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.created.to_le_bytes());
        bytes[8..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    /// `None` where the filesystem does not keep when files were made.
    pub(crate) fn of(metadata: &Metadata) -> Option<Self> {
        let created = nanoseconds(metadata.created().ok()?);
        Some(Self { created, number: number(metadata) })
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()),
        Err(before) => i64::try_from(before.duration().as_nanos()).map(|n| -n),
    };
    since.unwrap_or(i64::MAX)
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> u64 {
    0
}
