//! The kind of file at a path, told from its first bytes.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess};

use crate::detect::{read_meta, read_small};
use crate::options::open_regular;
use crate::sidecar::MAX_SIDECAR_LEN;
use crate::{Format, Sidecar, npy};

/// The kind of a file: one that rowmill writes, or another that stands in its place.
///
/// A file is replaced only by one of its own kind, and only when that was asked for
/// ([`Outputs`](crate::Outputs)).
///
/// ```
/// use rowmill_core::{ArrayMut, Kind};
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("x.npy");
/// assert_eq!(Kind::of(&path), None);
/// ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
/// assert_eq!(Kind::of(&path), Some(Kind::Npy));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A `.npy` file.
    Npy,
    /// A raw array that a sidecar of rowmill describes.
    Raw,
    /// A sidecar of rowmill, also while its array is being replaced.
    Sidecar,
    /// A sidecar made by hand or by another program.
    Handmade,
    /// A partial.
    Partial,
    /// A fitted normalization.
    Fit,
    /// The result of `tune-chunks`.
    Profile,
    /// A checkpoint.
    Checkpoint,
    /// The journal of an in-place job.
    Journal,
    /// A page of rowmill: it has [`PAGE_MARK`](Self::PAGE_MARK).
    Page,
    /// Charts of rowmill: they have [`CHART_MARK`](Self::CHART_MARK).
    Chart,
    /// JSON of another program.
    Json,
    /// A page of another program.
    OtherPage,
    /// A picture of another program.
    OtherChart,
    /// A text.
    Text,
    /// A file without a byte.
    Empty,
    /// Any other file. To be written: bytes that carry no mark.
    Plain,
    /// A folder.
    Folder,
    /// A link to nothing.
    DeadLink,
    /// A pipe, a device, a socket, or what cannot be read.
    Special,
}

/// Marks stand within so many bytes of the beginning.
const HEAD: u64 = 4096;

/// The longest JSON that is looked through for its mark.
const MOST_JSON: u64 = 256 << 20;

impl Kind {
    /// The element that marks an HTML page as one of rowmill, to be among the first 4096 bytes.
    pub const PAGE_MARK: &str = "<meta name=\"generator\" content=\"rowmill\">";

    /// The element that marks an SVG file as one of rowmill, to be among the first 4096 bytes.
    pub const CHART_MARK: &str = "<metadata>generator: rowmill</metadata>";

    /// The kind of file at a path; `None` where there is nothing.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let entry = fs::symlink_metadata(path).ok()?;
        Some(match fs::metadata(path) {
            Err(_) if entry.is_symlink() => Self::DeadLink,
            Err(_) => Self::Special,
            Ok(found) if found.is_dir() => Self::Folder,
            Ok(found) if !found.is_file() => Self::Special,
            Ok(found) => Self::of_file(path, found.len()).unwrap_or(Self::Special),
        })
    }

    fn of_file(path: &Path, len: u64) -> std::io::Result<Self> {
        let mut head = Vec::new();
        File::open(path)?.take(HEAD).read_to_end(&mut head)?;
        if head.starts_with(npy::MAGIC) {
            return Ok(Self::Npy);
        }
        if head.starts_with(b"ROWMILLC") {
            return Ok(Self::Checkpoint);
        }
        if head.starts_with(b"ROWMILLJ") {
            return Ok(Self::Journal);
        }
        if is_raw_array(path, len) {
            return Ok(Self::Raw);
        }
        if head.is_empty() {
            return Ok(Self::Empty);
        }
        // A character may be cut at the end.
        let is_text = match std::str::from_utf8(&head) {
            Ok(_) => true,
            Err(e) => e.error_len().is_none() && head.len() as u64 == HEAD,
        };
        if !is_text || head.contains(&0) {
            return Ok(Self::Plain);
        }
        let text = String::from_utf8_lossy(&head);
        let start = text.trim_start();
        Ok(match start {
            _ if start.starts_with('{') => json(path, len)?,
            _ if begins(start, "<!doctype html") || begins(start, "<html") => {
                if text.contains(Self::PAGE_MARK) { Self::Page } else { Self::OtherPage }
            }
            _ if begins(start, "<svg") || (begins(start, "<?xml") && text.contains("<svg")) => {
                if text.contains(Self::CHART_MARK) {
                    Self::Chart
                } else {
                    Self::OtherChart
                }
            }
            _ => Self::Text,
        })
    }

    /// Whether a file of this kind may replace one of the other.
    pub(crate) fn replaces(self, found: Self) -> bool {
        match self {
            Self::Npy | Self::Raw => matches!(found, Self::Npy | Self::Raw),
            Self::Plain => matches!(
                found,
                Self::Plain
                    | Self::Empty
                    | Self::Text
                    | Self::Json
                    | Self::OtherPage
                    | Self::OtherChart
            ),
            _ => self == found,
        }
    }

    /// Whether its own kind is replaced without being asked, because it is kept up to date.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Sidecar)
    }

    pub(crate) const fn is_array(self) -> bool {
        matches!(self, Self::Npy | Self::Raw)
    }
}

fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Whether our own sidecar describes a raw file, and fits.
fn is_raw_array(path: &Path, len: u64) -> bool {
    let sidecar = Sidecar::path_for(path);
    if fs::symlink_metadata(&sidecar).is_err() || Sidecar::handmade_path_for(path).exists() {
        return false;
    }
    let meta = open_regular(path, fs::OpenOptions::new().read(true))
        .and_then(|mut file| read_meta(path, &mut file, len, None));
    meta.is_ok_and(|meta| meta.format == Format::Raw)
}

/// The kind of a JSON file, by the program that wrote it.
fn json(path: &Path, len: u64) -> std::io::Result<Kind> {
    if len <= MAX_SIDECAR_LEN
        && let Ok(Some(bytes)) = read_small(path)
        && Sidecar::is_own(&bytes)
    {
        return Ok(Kind::Sidecar);
    }
    let found = Cell::new(None);
    let reader = BufReader::new(File::open(path)?.take(MOST_JSON));
    let mut parser = serde_json::Deserializer::from_reader(reader);
    // It ends with an error as soon as a mark is found.
    let _ = Marks { found: &found, depth: 0 }.deserialize(&mut parser);
    Ok(found.get().unwrap_or(Kind::Json))
}

/// Looks for the marks of rowmill in JSON, and keeps nothing else of it.
#[derive(Clone, Copy)]
struct Marks<'a> {
    found: &'a Cell<Option<Kind>>,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Marks<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Marks<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let found = |kind| {
            self.found.set(Some(kind));
            Err(A::Error::custom("found"))
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "format" => match map.next_value::<serde_json::Value>()?.as_str() {
                    Some("rowmill partial") => return found(Kind::Partial),
                    Some("rowmill normalization") => return found(Kind::Fit),
                    _ => {}
                },
                "rowmill_profile" if self.depth == 0 => return found(Kind::Profile),
                // `rowmill partial` writes the partial within an object of its own.
                "partial" if self.depth == 0 => {
                    map.next_value_seed(Marks { depth: 1, ..self })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npy => "a numpy array",
            Self::Raw => "a raw array with a sidecar",
            Self::Sidecar => "a sidecar of rowmill",
            Self::Handmade => "a hand-made sidecar",
            Self::Partial => "a partial of rowmill",
            Self::Fit => "a fitted normalization of rowmill",
            Self::Profile => "a profile of tune-chunks",
            Self::Checkpoint => "a checkpoint of rowmill",
            Self::Journal => "a journal of rowmill",
            Self::Page => "a page of rowmill",
            Self::Chart => "a chart of rowmill",
            Self::Json => "a JSON file of another program",
            Self::OtherPage => "a web page of another program",
            Self::OtherChart => "an SVG picture of another program",
            Self::Text => "a text file",
            Self::Empty => "an empty file",
            Self::Plain => "a file without a known mark",
            Self::Folder => "a folder",
            Self::DeadLink => "a link to nothing",
            Self::Special => "a pipe, a device or a file that cannot be read",
        })
    }
}
